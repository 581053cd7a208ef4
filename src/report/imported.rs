//! A result of another tool, for people.

use std::fmt::Write;
use tokgate_core::diagnostic::line as plain_line;
use tokgate_core::imported::Imported;
use tokgate_core::summary::Interval;

/// What a result says, one figure a line.
#[must_use]
pub fn text(test_id: &str, result: &Imported) -> String {
    let Imported { source, requests, .. } = result;
    let mut text = format!(
        "{test_id}\n  imported from {} ({}), measured by {}; nothing is judged by it\n",
        plain_line(&source.file),
        source.format,
        plain_line(&source.tool),
    );
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            writeln!(text, "  {name:<22} {}", plain_line(value)).ok();
        }
    };
    line("platform", &result.platform);
    line("engine", &result.engine);
    line("model", &result.model.name);
    line("requests", &format!("{} of {}", requests.succeeded, requests.attempted));
    line(
        "window",
        &result.window_s.map_or_else(String::new, |window_s| format!("{window_s:.3} s")),
    );
    for figure in result.told() {
        let unit = figure.metric.metric.unit;
        let shown = unit.show(figure.value);
        let sure = figure.interval.map_or_else(String::new, |Interval { low, high }| {
            format!(", 95 % within {} … {}", unit.show(low), unit.show(high))
        });
        line(&figure.metric.to_string(), &format!("{shown}  (n = {}{sure})", figure.n));
    }
    result.invalid.iter().for_each(|reason| line("INVALID", reason));
    line("notes", &result.notes);
    text.trim_end().to_owned()
}

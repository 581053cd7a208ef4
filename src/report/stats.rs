//! How often the judge was wrong where nothing differed, as text and as JSON.

use comfy_table::{CellAlignment, Table, presets};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use tokgate_baseline::canary::Words;
use tokgate_baseline::{FalseAlarms, Rate};

/// How sure the ends of a share are.
const CONFIDENCE: f64 = 0.95;

/// What is stored of comparisons.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Canary {
    /// Those of equal sides.
    pub alarms: FalseAlarms,
    /// Comparisons whose sides differ: what they said may be true, and counts for nothing here.
    pub different: usize,
}

/// For a terminal.
#[must_use]
pub fn text(found: &Canary) -> String {
    let Canary { alarms, different } = found;
    if alarms.comparisons + alarms.set_aside == 0 {
        return format!(
            "no comparison of equal sides is stored ({different} of different ones); measure one by \
             `tokgate ab SCENARIO --a X --b X`"
        );
    }
    let mut text = format!("comparisons of equal sides: {}", alarms.comparisons);
    if alarms.set_aside > 0 {
        write!(text, "; {} more could not be judged", alarms.set_aside).ok();
    }
    let promised = percent(FalseAlarms::promised());
    for (word, rate) in [("regressed", alarms.worse()), ("improved", alarms.better())] {
        let Rate { happened, .. } = rate;
        let [share, most] = [rate.share(), rate.upper(CONFIDENCE)].map(percent);
        write!(text, "\n  {word:<9} {happened:>4}  {share}, at most {most}; promised {promised}")
            .ok();
    }
    write!(text, "\n\n{}\n\n{}", by_metric(alarms), verdict(alarms)).ok();
    text
}

fn by_metric(alarms: &FalseAlarms) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty();
    table.set_header(["metric", "judged", "regressed", "improved", "open"]);
    for (metric, words) in &alarms.metrics {
        let Words { judged, regressed, improved, open } = *words;
        let counts = [judged, regressed, improved, open].map(|count| count.to_string());
        table.add_row(std::iter::once(metric.to_string()).chain(counts));
    }
    let numbers = table.column_iter_mut().skip(1);
    numbers.for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table.trim_fmt()
}

fn verdict(alarms: &FalseAlarms) -> String {
    let promised = percent(FalseAlarms::promised());
    match alarms.breaks_the_promise() {
        true => format!(
            "MORE FALSE ALARMS THAN PROMISED: more than twice {promised}, and by no chance; until that \
             is understood, believe no verdict of this machine"
        ),
        false => format!("no more than chance explains, where {promised} is promised"),
    }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}

/// One object; shares are of 1, and `at_most` holds with 95 % confidence.
#[must_use]
pub fn json(found: &Canary) -> Value {
    let Canary { alarms, different } = found;
    let metrics: Map<String, Value> =
        alarms.metrics.iter().map(|(metric, words)| (metric.to_string(), counts(words))).collect();
    json!({
        "comparisons": alarms.comparisons,
        "set_aside": alarms.set_aside,
        "different": different,
        "regressed": rate(alarms.worse()),
        "improved": rate(alarms.better()),
        "promised": FalseAlarms::promised(),
        "breaks_the_promise": alarms.breaks_the_promise(),
        "metrics": metrics,
    })
}

fn rate(rate: Rate) -> Value {
    json!({ "count": rate.happened, "share": rate.share(), "at_most": rate.upper(CONFIDENCE) })
}

fn counts(words: &Words) -> Value {
    let Words { judged, regressed, improved, open } = *words;
    json!({ "judged": judged, "regressed": regressed, "improved": improved, "open": open })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::metric::{MetricRef, Stat, TTFT};
    use tokgate_core::verdict::{Judged, Verdict};

    fn found(convicting: usize, quiet: usize) -> Canary {
        let mut alarms = FalseAlarms::default();
        let metric = MetricRef { metric: &TTFT, stat: Stat::P50 };
        let one = |verdict| [Judged { metric, comparison: None, verdict, why: String::new() }];
        (0..convicting).for_each(|_| alarms.add(&one(Verdict::Regressed)));
        (0..quiet).for_each(|_| alarms.add(&one(Verdict::Unchanged)));
        Canary { alarms, different: 2 }
    }

    #[test]
    fn what_is_promised_and_what_was_seen_stand_side_by_side() {
        let told = text(&found(1, 19));
        assert!(told.contains("comparisons of equal sides: 20"), "{told}");
        assert!(told.contains("regressed    1  5.0 %, at most 21.6 %; promised 1.0 %"), "{told}");
        assert!(told.contains("ttft.p50") && told.contains("no more than chance"), "{told}");
        assert!(text(&found(5, 15)).contains("MORE FALSE ALARMS"));
    }

    #[test]
    fn nothing_to_count_says_how_to_measure_it() {
        let told = text(&Canary { different: 2, ..Canary::default() });
        assert!(told.contains("2 of different") && told.contains("--a X --b X"), "{told}");
    }

    #[test]
    fn json_has_the_same_numbers() {
        let told = json(&found(1, 19));
        assert_eq!((&told["comparisons"], &told["different"]), (&json!(20), &json!(2)));
        assert_eq!(told["regressed"]["count"], json!(1));
        assert_eq!(told["metrics"]["ttft.p50"]["judged"], json!(20));
        assert_eq!(told["breaks_the_promise"], json!(false));
    }
}

//! What a step of a workflow on GitHub says to those that follow, and to its log.

use super::terminal::judged_cases;
use std::fmt::Write;
use tokgate_core::diagnostic::{escape, line};
use tokgate_core::report::Report;
use tokgate_core::verdict::{Conclusion, Exit};

/// Most bytes of one output: the environment of the next step has to hold it.
const LARGEST: usize = 60_000;

/// The outputs of a step: `conclusion`, `exit`, `regressed` (a line a metric) and `run`, in the form in
/// which a value may have several lines. `delimiter` ends each of them, so nobody who names a case may
/// foresee it.
#[must_use]
pub fn outputs(report: &Report, delimiter: &str) -> String {
    let run = (regressed(report), line(&report.run_id));
    values(report.conclusion, report.exit, run, delimiter)
}

/// The same of what could not be judged: `invalid`, how the judgement ended, and nothing of a run.
#[must_use]
pub fn unjudged(exit: Exit, delimiter: &str) -> String {
    values(Conclusion::Invalid, exit, (String::new(), String::new()), delimiter)
}

fn values(
    conclusion: Conclusion,
    exit: Exit,
    (regressed, run): (String, String),
    delimiter: &str,
) -> String {
    let values = [
        ("conclusion", word(conclusion).to_owned()),
        ("exit", exit.code().to_string()),
        ("regressed", regressed),
        ("run", run),
    ];
    let mut text = String::new();
    for (name, value) in values {
        writeln!(text, "{name}<<{delimiter}\n{value}\n{delimiter}").ok();
    }
    text
}

fn word(conclusion: Conclusion) -> &'static str {
    match conclusion {
        Conclusion::Held => "held",
        Conclusion::Regressed => "regressed",
        Conclusion::Inconclusive => "inconclusive",
        Conclusion::Invalid => "invalid",
    }
}

/// What fails the run, as whole lines.
fn regressed(report: &Report) -> String {
    let mut text = String::new();
    for (case, judged) in judged_cases(report) {
        for one in judged.iter().filter(|one| one.verdict.exit(false) == Exit::Regressed) {
            let told = format!("{} {}\n", line(case), one.metric);
            if text.len() + told.len() > LARGEST {
                return text.trim_end().to_owned();
            }
            text.push_str(&told);
        }
    }
    text.trim_end().to_owned()
}

/// A warning as a command of the log: it stands on the page of the run, and ends with its line.
#[must_use]
pub fn warning(text: &str) -> String {
    // The runner reads `%0A` back as a line end, so that a per cent must be one of ours.
    let data = escape(text).replace('%', "%25").replace('\n', "%0A");
    format!("::warning title=tokgate::{data}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_one_command_whatever_it_says() {
        let told = warning("a\r\n::error::b 5 %0A");
        assert_eq!(told, "::warning title=tokgate::a%0A::error::b 5 %250A");
    }
}

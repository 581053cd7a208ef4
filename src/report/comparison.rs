//! All tests side by side: `reports/COMPARISON.md`, and the same as JSON.

use super::markdown::code_within;
use serde_json::{Value, json};
use std::fmt::Write;
use tokgate_core::compared::{ComparedTest, ComparedTests};
use tokgate_core::day::Day;

/// Version of the object's shape.
const SCHEMA_VERSION: u32 = 1;
/// Longest name of a model or platform that is shown: that of every repository fits.
const LONGEST_NAME: usize = 120;
/// The columns that other tools know.
const HEADER: &str = "\
| Platform | Model | Requests | Success % | Throughput (tok/s) | Time (s) | Date |
|:---|:---|---:|---:|---:|---:|:---|
";
/// Below this, a whole number would say too little.
const WHOLE_FROM: f64 = 100.0;

/// As Markdown, in which nothing that others named is markup.
#[must_use]
pub fn markdown(compared: &ComparedTests) -> String {
    let mut text = "# Benchmark comparison\n\n".to_owned();
    match compared.tests.is_empty() {
        true => text.push_str("No model was measured yet that may be compared with others.\n"),
        false => {
            text.push_str(HEADER);
            compared.tests.iter().for_each(|test| text.push_str(&row(test)));
            text.push_str(
                "\nA row is one measured epoch, in the order in which they began. Throughput counts prompt \
                 and output tokens; dates are in UTC. What is imported was measured by another tool.\n",
            );
        }
    }
    if let Some(left_out) = left_out(compared) {
        writeln!(text, "\n{left_out}").ok();
    }
    text
}

/// What is kept and stands in no row; `None` where nothing is.
#[must_use]
pub fn left_out(compared: &ComparedTests) -> Option<String> {
    let (count, are) = match compared.left_out {
        0 => return None,
        1 => ("1 more epoch".to_owned(), "is"),
        n => (format!("{n} more epochs"), "are"),
    };
    Some(format!(
        "{count} {are} kept and not compared: INVALID, simulated, of retrieval, or imported without a time."
    ))
}

/// As one JSON object; keys are those of `metadata/*.json`.
#[must_use]
pub fn json(compared: &ComparedTests) -> Value {
    let tests: Vec<Value> = compared.tests.iter().map(object).collect();
    json!({
        "schema_version": SCHEMA_VERSION,
        "total": tests.len(),
        "left_out": compared.left_out,
        "tests": tests,
    })
}

fn object(test: &ComparedTest) -> Value {
    json!({
        "test_id": test.test_id,
        "run_id": test.run_id,
        "case": test.case_id,
        "machine": test.machine,
        "platform": test.platform,
        "model": test.model,
        "workers": test.workers,
        "num_requests": test.requests,
        "success_count": test.succeeded,
        "success_rate_percent": test.success_percent(),
        "throughput_tokens_per_sec": test.total_tok_s,
        "output_tokens_per_sec": test.tok_s,
        "total_time_seconds": test.time_s,
        "started_us": test.started_us,
        "date": date(test),
        "imported": test.imported,
    })
}

fn row(test: &ComparedTest) -> String {
    format!(
        "| {}{} | {} | {} | {} | {} | {:.1} | {} |\n",
        code_within(&test.platform, LONGEST_NAME),
        if test.imported { " (imported)" } else { "" },
        code_within(&test.model, LONGEST_NAME),
        test.requests,
        success(test),
        throughput(test.total_tok_s),
        test.time_s,
        date(test),
    )
}

/// To one decimal place; all of them are said to have succeeded only where all did.
fn success(test: &ComparedTest) -> String {
    let percent = test.success_percent();
    let told = if test.succeeded < test.requests { percent.min(99.9) } else { percent };
    format!("{told:.1}%")
}

fn throughput(tok_s: Option<f64>) -> String {
    match tok_s {
        None => "–".to_owned(),
        Some(tok_s) if tok_s < WHOLE_FROM => format!("{tok_s:.1}"),
        Some(tok_s) => format!("{tok_s:.0}"),
    }
}

fn date(test: &ComparedTest) -> String {
    Day::of_us(test.started_us).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(succeeded: u64, total_tok_s: Option<f64>) -> ComparedTest {
        ComparedTest {
            test_id: "t".to_owned(),
            run_id: "r".to_owned(),
            case_id: "quick/one".to_owned(),
            machine: "m".to_owned(),
            platform: "vllm-offline".to_owned(),
            model: "google/gemma-3-4b-it".to_owned(),
            workers: 1,
            requests: 5000,
            succeeded,
            total_tok_s,
            tok_s: None,
            time_s: 2400.0,
            started_us: 1_730_101_092_000_000,
            imported: false,
        }
    }

    fn row_of(succeeded: u64, total_tok_s: Option<f64>) -> String {
        row(&test(succeeded, total_tok_s))
    }

    #[test]
    fn a_row_has_the_columns_that_other_tools_know() {
        let expected = "| `vllm-offline` | `google/gemma-3-4b-it` | 5000 | 100.0% | 1809 | 2400.0 | \
                        2024-10-28 |\n";
        assert_eq!(row_of(5000, Some(1809.4)), expected);
    }

    #[test]
    fn one_failure_of_many_is_not_rounded_away_and_what_nobody_counted_is_no_zero() {
        assert!(row_of(4999, None).contains("| 99.9% | – |"), "{}", row_of(4999, None));
        assert!(row_of(0, Some(3.24)).contains("| 0.0% | 3.2 |"));
    }

    #[test]
    fn what_is_left_out_is_counted() {
        let none = markdown(&ComparedTests::default());
        assert!(none.contains("No model was measured yet") && !none.contains('|'), "{none}");
        let some = ComparedTests { tests: vec![test(5000, None)], left_out: 2 };
        assert!(markdown(&some).contains("\n2 more epochs are kept"), "{}", markdown(&some));
        assert_eq!(json(&some)["left_out"], 2);
    }
}

//! What answers are like, beside how fast they came, through the whole program.

use crate::faces::{command, text, with_scenario};
use crate::support::undisturbed;
use serde_json::Value;
use std::path::Path;

/// Two questions, each six times; what the small synthetic model says to them means nothing.
const ASKED_AGAIN: &str = r#"
schema = 1
[target]
driver = "embedded"
model = "synthetic-1.3m"
[run]
salt = false
[quality]
logprobs = true
[dataset]
kind = "prompts"
prompts = ["What is 2 + 2?", "What is 3 + 3?"]
expect = ["\\w", "no answer is like this"]
expect_as = "regex"
output_tokens = 12
[[case]]
name = "again"
kind = "generation"
workload = { requests = 12, warmup = 1 }
matrix = { temperature = [0.0, 1.5] }
"#;

fn report(folder: &Path, more: &[&str]) -> Value {
    let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "json"];
    let output =
        undisturbed(|| command(folder, &[&arguments[..], more].concat()).output().unwrap());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

fn metric(case: &Value, id: &str) -> f64 {
    let value = &case["metrics"][id]["value"]["value"];
    value.as_f64().unwrap_or_else(|| panic!("{id}: {}", case["metrics"]))
}

#[test]
fn greedy_answers_agree_and_are_likelier_and_checked_answers_are_counted() {
    let folder = with_scenario(ASKED_AGAIN);
    let report = report(folder.path(), &[]);
    let (greedy, hot) = (&report["cases"][0], &report["cases"][1]);
    assert_eq!(metric(greedy, "answer_agreement"), 1.0);
    assert!(metric(hot, "answer_agreement") < 1.0);
    assert_eq!(metric(greedy, "accuracy"), 0.5);
    let (sure, unsure) = (metric(greedy, "coherence"), metric(hot, "coherence"));
    assert!(0.0 < unsure && unsure < sure && sure <= 1.0, "{unsure} {sure}");
    assert_eq!(greedy["sample_responses"].as_array().unwrap().len(), 5);
}

#[test]
fn no_text_is_kept_where_none_is_wanted_and_none_costs_probabilities() {
    let folder = with_scenario(ASKED_AGAIN);
    let set = ["--set", "quality.sample_responses=0", "--set", "quality.logprobs=false"];
    let report = report(folder.path(), &set);
    let case = &report["cases"][0];
    assert_eq!(case["sample_responses"], Value::Array(Vec::new()));
    assert!(case["metrics"].get("coherence").is_none());
    assert!(metric(case, "distinct_1") > 0.0);
}

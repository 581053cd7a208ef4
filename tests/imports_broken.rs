//! Files of other tools that are torn, spoilt or changed: what is good in them is kept, the rest told.

use crate::imports::{SAMPLES, bytes, counts, read};
use serde_json::{Value, json};
use tokgate::imports::{self, BadEntry, Found};
use tokgate_core::imported::Imported;

/// About as many bytes of each file's cuts, and of its changes, are read: small files are cut at
/// every byte.
const BUDGET: usize = 2_000_000;

fn places(found: &Found) -> Vec<&str> {
    found.bad.iter().map(|bad| bad.place.as_str()).collect()
}

#[track_caller]
pub(crate) fn says(found: &Found, place: &str, words: &[&str]) {
    let BadEntry { why, .. } = found.bad.iter().find(|bad| bad.place == place).unwrap();
    assert!(words.iter().all(|word| why.contains(word)), "{why}");
}

#[test]
fn bad_entries_are_told_with_their_place_and_the_rest_is_kept() {
    let vllm = read("vllm-bench-serve/broken.json");
    assert_eq!(vllm.results.len(), 2);
    assert_eq!(places(&vllm), ["line 2", "line 3", "line 4", "line 5", "line 6"]);
    says(&vllm, "line 2", &["`completed`", "\"20\""]);
    says(&vllm, "line 4", &["`mean_e2el_ms` is NaN"]);
    says(&vllm, "line 5", &["`completed` is 30", "`num_prompts`", "20"]);
    says(&vllm, "line 6", &["`total_output_tokens` is -320"]);

    let guidellm = read("guidellm/broken.json");
    let expected = ["benchmarks[1]", "benchmarks[2]", "benchmarks[3]", "benchmarks[4]"];
    assert_eq!((guidellm.results.len(), &places(&guidellm)[..]), (2, &expected[..]));
    says(&guidellm, "benchmarks[2]", &["time_to_first_token_ms", "`mean`", "fast"]);
    says(&guidellm, "benchmarks[3]", &["`successful` is 21", "`total`"]);

    let tests = read("llama-bench/broken.json");
    assert_eq!((tests.results.len(), &places(&tests)[..]), (2, &["[1]", "[2]", "[3]", "[4]"][..]));
    says(&tests, "[2]", &["`n_gen` is -16"]);
    let lines = read("llama-bench/broken.jsonl");
    assert_eq!((lines.results.len(), &places(&lines)[..]), (2, &["line 2", "line 3"][..]));
    says(&lines, "line 3", &["`avg_ts` is inf"]);
    let rows = read("llama-bench/broken.sql");
    assert_eq!(
        (rows.results.len(), &places(&rows)[..]),
        (2, &["line 47", "line 48", "line 49"][..])
    );
    says(&rows, "line 49", &["`n_gen`", "none"]);

    let benches = read("criterion/broken.jsonl");
    assert_eq!((benches.results.len(), &places(&benches)[..]), (1, &["line 1", "line 2"][..]));
    says(&benches, "line 1", &["`mean`", "`estimate` is -1"]);
    for torn in ["aiperf/broken.json", "criterion/broken.json"] {
        let found = read(torn);
        assert_eq!((found.results.len(), &places(&found)[..]), (0, &["line 1"][..]));
        says(&found, "line 1", &["torn"]);
    }
}

#[test]
fn a_report_without_a_benchmark_is_told_to_have_none() {
    let empty = br#"{"metadata": {"guidellm_version": "0.8.1"}, "benchmarks": []}"#;
    let found = imports::read("empty.json", empty).unwrap();
    says(&found, "the file", &["no result"]);
    let other = imports::read("other.json", br#"{"benchmarks": [{"type_": "another"}]}"#);
    assert_eq!(other.map(|found| found.results.len()).unwrap_or_default(), 0);
}

#[test]
fn no_cut_of_any_sample_is_more_than_an_error() {
    for (path, _, results) in SAMPLES {
        let bytes = bytes(path);
        for end in (0..bytes.len()).step_by((bytes.len() * bytes.len() / 2).div_ceil(BUDGET)) {
            if let Some(found) = imports::read("cut", &bytes[..end]) {
                assert!(found.results.len() <= results, "{path} cut at {end}");
                found.results.iter().for_each(sound);
            }
        }
    }
}

#[test]
fn no_value_in_place_of_another_is_more_than_an_error() {
    let others = [json!(null), json!(-1), json!("x"), json!(1e308), json!([]), json!({ "a": 1 })];
    for (path, ..) in SAMPLES {
        let Ok(file) = serde_json::from_slice::<Value>(&bytes(path)) else { continue };
        let mut at = Vec::new();
        pointers(&file, String::new(), &mut at);
        let size = file.to_string().len();
        let step = (at.len() * size).div_ceil(BUDGET);
        for (index, pointer) in at.iter().step_by(step).enumerate() {
            let mut file = file.clone();
            *file.pointer_mut(pointer).unwrap() = others[index % others.len()].clone();
            if let Some(found) = imports::read("flipped", file.to_string().as_bytes()) {
                found.results.iter().for_each(sound);
            }
        }
    }
}

/// Where each value stands.
fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
    let inner: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.replace('~', "~0").replace('/', "~1"), value))
            .collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (name, value) in inner {
        pointers(value, format!("{at}/{name}"), all);
    }
    all.push(at);
}

/// Whatever is read can be: finite, of some samples, and no more successes than requests.
fn sound(result: &Imported) {
    let [attempted, succeeded, failed, incomplete] = counts(result);
    assert!(succeeded + failed + incomplete <= attempted);
    assert!(result.window_s.is_none_or(|window_s| window_s > 0.0 && window_s.is_finite()));
    for figure in &result.figures {
        assert!(figure.value.is_finite() && figure.value >= 0.0 && figure.n > 0, "{figure:?}");
    }
}

//! A file of answers, one request a line, as a result: what a batch wrote, and how long it took.
//!
//! Averages and rates are those of `docs/METRICS.md`: over what succeeded, and absent where one of the
//! answers does not say its tokens.

mod line;

pub use line::Form;

use crate::hex;
use crate::imports::digest::digest;
use line::{Answer, Line};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tokgate_core::imported::{Figure, Imported, ImportedHardware, ImportedModel, Source};
use tokgate_core::metric::{self, Kind, Metric, MetricRef, Stat};
use tokgate_core::run::Requests;

/// The kind of file, in what is kept.
const FORMAT: &str = "analyze";
/// As many answers are kept to look at.
const SAMPLES: usize = 3;
/// Failures that are kept with their line.
const KEPT_FAILURES: usize = 1000;
/// 2000-01-01: a stamp before it is no time at which a model answered.
const EARLIEST_US: i64 = 946_684_800_000_000;

/// What a file says.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answers {
    /// How many lines have which form.
    pub forms: BTreeMap<Form, u64>,
    /// Requests.
    pub requests: Requests,
    /// Those that failed: the number of their line, from 1, and why.
    pub failures: Vec<(u64, String)>,
    /// The first answers.
    pub samples: Vec<String>,
    /// When the first of them was made, microseconds since 1970; absent where none says.
    pub created_us: Option<i64>,
    /// The tokens of each success, in the order of the file: of its prompt, and its own.
    tokens: Vec<[Option<u64>; 2]>,
    prompt: Sum,
    completion: Sum,
}

/// A sum over successes, and how many of them say what is summed.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sum {
    tokens: u64,
    n: u64,
}

impl Sum {
    fn add(&mut self, tokens: Option<u64>) {
        if let Some(tokens) = tokens {
            self.tokens = self.tokens.saturating_add(tokens);
            self.n += 1;
        }
    }

    /// The sum, where all of `n` say it.
    fn of_all(self, n: u64) -> Option<f64> {
        (n > 0 && self.n == n).then_some(self.tokens as f64)
    }
}

/// Reads every line of a file; one that is empty is none.
#[must_use]
pub fn read(bytes: &[u8]) -> Answers {
    let mut answers = Answers::default();
    let mut piece: Option<(u64, String)> = None;
    for (number, line) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
        if line.trim_ascii().is_empty() {
            continue;
        }
        match line::read(line) {
            Line::Piece(text) => piece.get_or_insert((number, String::new())).1.push_str(&text),
            Line::Answer(form, mut answer) => {
                if form == Form::Ollama
                    && let Some((_, begun)) = piece.take()
                {
                    answer.text.insert_str(0, &begun);
                }
                answers.succeeded(form, answer);
            }
            Line::Failed(form, why) => answers.failed(form, number, why),
        }
    }
    if let Some((number, _)) = piece {
        answers.failed(
            Some(Form::Ollama),
            number,
            "an answer begins here and does not end".to_owned(),
        );
    }
    answers
}

impl Answers {
    fn succeeded(&mut self, form: Form, answer: Answer) {
        *self.forms.entry(form).or_default() += 1;
        self.requests.attempted += 1;
        self.requests.succeeded += 1;
        self.tokens.push([answer.prompt_tokens, answer.completion_tokens]);
        self.prompt.add(answer.prompt_tokens);
        self.completion.add(answer.completion_tokens);
        let created = answer.created_us.filter(|us| *us >= EARLIEST_US);
        self.created_us = match (self.created_us, created) {
            (Some(first), Some(us)) => Some(first.min(us)),
            (first, us) => first.or(us),
        };
        if self.samples.len() < SAMPLES && !answer.text.is_empty() {
            self.samples.push(answer.text);
        }
    }

    fn failed(&mut self, form: Option<Form>, number: u64, why: String) {
        if let Some(form) = form {
            *self.forms.entry(form).or_default() += 1;
        }
        self.requests.attempted += 1;
        self.requests.failed += 1;
        self.failures.push((number, why));
    }

    /// Answers that do not say the tokens of their prompt, or their own.
    #[must_use]
    pub fn without_tokens(&self) -> u64 {
        self.requests.succeeded - self.prompt.n.min(self.completion.n)
    }

    /// `completed` where every request was answered.
    #[must_use]
    pub fn status(&self) -> &'static str {
        if self.requests.failed == 0 { "completed" } else { "partial" }
    }
}

/// What a file of answers does not say itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Test<'a> {
    /// How the model was served.
    pub platform: &'a str,
    /// The model.
    pub model: &'a str,
    /// How it was configured.
    pub config: &'a Map<String, Value>,
    /// The file's name, without its folder.
    pub file: &'a str,
    /// What is in it.
    pub bytes: &'a [u8],
    /// The whole of the work, seconds.
    pub total_time_s: f64,
    /// Loading the model before it, seconds.
    pub model_load_s: Option<f64>,
    /// How many sent at the same time.
    pub workers: Option<u64>,
    /// When, microseconds since 1970, where the user says it.
    pub date_us: Option<i64>,
    /// The user's words.
    pub notes: &'a str,
}

impl Test<'_> {
    /// The answers as a result. The same file with the same options has the same digest.
    #[must_use]
    pub fn result(&self, answers: &Answers) -> Imported {
        let quantization = self.config.get("quantization").and_then(Value::as_str);
        let identity = json!({
            "platform": self.platform, "model": self.model, "config": self.config,
            "answers": checksum(self.bytes), "total_time_seconds": self.total_time_s,
            "model_load_time_seconds": self.model_load_s, "workers": self.workers,
            "date": self.date_us, "notes": self.notes,
        });
        Imported {
            source: Source {
                tool: "tokgate analyze".to_owned(),
                format: FORMAT.to_owned(),
                file: self.file.to_owned(),
                digest: digest(FORMAT, &identity),
            },
            measured_us: self.date_us.or(answers.created_us),
            platform: self.platform.to_owned(),
            engine: String::new(),
            endpoint: None,
            model: ImportedModel {
                name: self.model.to_owned(),
                quantization: quantization.map(str::to_owned),
                context_window: self.config.get("max_model_len").and_then(Value::as_u64),
                ..ImportedModel::default()
            },
            hardware: ImportedHardware::default(),
            kind: Kind::Generation,
            benchmark_type: "single".to_owned(),
            task_category: None,
            workers: self.workers,
            requests: answers.requests,
            window_s: Some(self.total_time_s),
            figures: self.figures(answers),
            invalid: Vec::new(),
            samples: answers.samples.clone(),
            notes: self.notes.to_owned(),
            entry: self.entry(answers),
        }
    }

    fn figures(&self, answers: &Answers) -> Vec<Figure> {
        let n = answers.requests.succeeded;
        let (prompt, completion) = (answers.prompt.of_all(n), answers.completion.of_all(n));
        let both = prompt.zip(completion).map(|(prompt, completion)| prompt + completion);
        let rate = |sum: Option<f64>| sum.map(|sum| sum / self.total_time_s);
        let mean = |sum: Option<f64>| sum.map(|sum| sum / n as f64);
        let requests = (n > 0).then_some(n as f64);
        let figure = |metric: &'static Metric, stat, value: Option<f64>| {
            let metric = MetricRef { metric, stat };
            value.map(|value| Figure { metric, value, n, interval: None })
        };
        [
            figure(&metric::TOK_S, Stat::Value, rate(completion)),
            figure(&metric::TOTAL_TOK_S, Stat::Value, rate(both)),
            figure(&metric::REQ_S, Stat::Value, rate(requests)),
            figure(&metric::PROMPT_TOKENS, Stat::Mean, mean(prompt)),
            figure(&metric::OUTPUT_TOKENS, Stat::Mean, mean(completion)),
            figure(&metric::MODEL_LOAD_S, Stat::Value, self.model_load_s.filter(|s| *s > 0.0)),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// What is kept of the file beside the numbers: the tokens of each answer, from which they can be
    /// computed again, and not its text.
    fn entry(&self, answers: &Answers) -> Value {
        let failures: Vec<Value> = answers
            .failures
            .iter()
            .take(KEPT_FAILURES)
            .map(|(line, why)| json!({ "line": line, "why": why }))
            .collect();
        json!({
            "config": self.config,
            "test": { "num_requests": answers.requests.attempted, "input_file": self.file },
            "input_sha256": checksum(self.bytes),
            "model_load_time_seconds": self.model_load_s,
            "status": answers.status(),
            "failures": failures,
            "prompt_and_completion_tokens": answers.tokens,
        })
    }
}

fn checksum(bytes: &[u8]) -> String {
    hex::digits(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLAT: &str =
        r#"{"choices": [{"text": "a"}], "usage": {"prompt_tokens": 30, "completion_tokens": 10}}"#;

    fn test<'a>(bytes: &'a [u8], config: &'a Map<String, Value>) -> Test<'a> {
        Test {
            platform: "vllm-offline",
            model: "m",
            config,
            file: "a.jsonl",
            bytes,
            total_time_s: 4.0,
            model_load_s: None,
            workers: None,
            date_us: None,
            notes: "",
        }
    }

    fn value(result: &Imported, name: &str) -> Option<f64> {
        let wanted: MetricRef = name.parse().unwrap();
        result.figures.iter().find(|figure| figure.metric == wanted).map(|figure| figure.value)
    }

    #[test]
    fn rates_are_those_of_what_succeeded() {
        let text = format!("{FLAT}\n\n{{\"error\": \"busy\"}}\nnonsense\n{FLAT}\n");
        let answers = read(text.as_bytes());
        assert_eq!(
            answers.requests,
            Requests { attempted: 4, succeeded: 2, failed: 2, incomplete: 0 }
        );
        let lines: Vec<u64> = answers.failures.iter().map(|(line, _)| *line).collect();
        assert_eq!((lines, answers.status()), (vec![3, 4], "partial"));
        let result = test(text.as_bytes(), &Map::new()).result(&answers);
        assert_eq!(result.entry["prompt_and_completion_tokens"], json!([[30, 10], [30, 10]]));
        let told = |name| value(&result, name);
        assert_eq!(
            (told("tok_s"), told("total_tok_s"), told("req_s")),
            (Some(5.0), Some(20.0), Some(0.5))
        );
        assert_eq!(
            (told("prompt_tokens.mean"), told("output_tokens.mean")),
            (Some(30.0), Some(10.0))
        );
    }

    #[test]
    fn a_sum_over_some_of_the_answers_is_none() {
        let text =
            format!("{FLAT}\n{}\n", r#"{"choices": [1], "usage": {"completion_tokens": 2}}"#);
        let answers = read(text.as_bytes());
        assert_eq!(answers.without_tokens(), 1);
        let result = test(text.as_bytes(), &Map::new()).result(&answers);
        assert_eq!((value(&result, "tok_s"), value(&result, "total_tok_s")), (Some(3.0), None));
    }

    #[test]
    fn pieces_are_one_answer_and_one_that_does_not_end_failed() {
        let piece = |text: &str| format!("{{\"response\": \"{text}\", \"done\": false}}\n");
        let end = "{\"response\": \"\", \"done\": true, \"eval_count\": 2}\n";
        let answers = read((piece("a") + &piece("b") + end + &piece("c")).as_bytes());
        assert_eq!(answers.samples, ["ab"]);
        assert_eq!((answers.requests.succeeded, answers.requests.failed), (1, 1));
        assert_eq!(answers.failures[0].0, 4);
    }

    #[test]
    fn the_same_file_and_options_are_the_same_result() {
        let (config, other) = (Map::new(), Map::from_iter([("a".to_owned(), 1.into())]));
        let digest = |test: &Test<'_>| test.result(&read(test.bytes)).source.digest;
        let one = test(FLAT.as_bytes(), &config);
        assert_eq!(digest(&one), digest(&one.clone()));
        for changed in [
            Test { total_time_s: 5.0, ..one.clone() },
            Test { config: &other, ..one.clone() },
            Test { bytes: b"{}", ..one.clone() },
        ] {
            assert_ne!(digest(&one), digest(&changed));
        }
    }

    #[test]
    fn no_cut_of_a_file_is_a_panic() {
        let text = format!("{FLAT}\n{{\"done\": true, \"eval_count\": 1}}\n");
        (0..text.len()).for_each(|end| drop(read(&text.as_bytes()[..end])));
    }
}

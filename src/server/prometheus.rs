//! What Prometheus reads: how much was measured, how long ago, and what each model did last.

use super::house::Tally;
use crate::choice::Measured;
use crate::live::{Snapshot, State};
use crate::store::pages::Counted;
use std::fmt::Write;

const SECOND_US: f64 = 1e6;

/// What is told.
pub(super) struct Told<'a> {
    pub(super) counted: &'a [Counted],
    /// The newest row of each model.
    pub(super) newest: &'a [&'a Measured],
    /// The runs that are told of.
    pub(super) live: &'a [Snapshot],
    pub(super) tally: &'a Tally,
    pub(super) now_us: i64,
}

/// A value with its labels.
struct Sample {
    labels: Vec<(&'static str, String)>,
    value: f64,
}

impl Told<'_> {
    /// In Prometheus' text format.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |name: &str, kind: &str, help: &str, samples: Vec<Sample>| {
            if !samples.is_empty() {
                text.push_str(&family(name, kind, help, &samples));
            }
        };
        add("tokgate_build_info", "gauge", "The program that answers.", vec![build()]);
        add("tokgate_runs", "gauge", "Runs of epochs of this sort.", self.of_sorts(|it| it.runs));
        add("tokgate_epochs", "gauge", "Epochs of this sort.", self.of_sorts(|it| it.epochs));
        let age = "Seconds since the newest epoch began.";
        add("tokgate_newest_epoch_age_seconds", "gauge", age, self.age().into_iter().collect());
        let speed = "Output tokens a second of the model's newest epoch.";
        add(
            "tokgate_model_output_tokens_per_second",
            "gauge",
            speed,
            self.of_models(|it| it.tok_s),
        );
        let rate = "Successful requests a second of the model's newest epoch.";
        add(
            "tokgate_model_requests_per_second",
            "gauge",
            rate,
            self.of_models(|it| Some(it.req_s)),
        );
        let first = "Median time to the first token of the model's newest epoch, seconds.";
        add("tokgate_model_ttft_p50_seconds", "gauge", first, self.of_models(|it| it.ttft_p50_s));
        self.live().into_iter().for_each(|(name, help, samples)| add(name, "gauge", help, samples));
        add("tokgate_http_responses_total", "counter", "Answers of this class.", self.answers());
        let refused = Sample { labels: Vec::new(), value: self.tally.refused() as f64 };
        let help = "Requests without the token.";
        add("tokgate_http_refused_tokens_total", "counter", help, vec![refused]);
        text
    }

    fn of_sorts(&self, of: impl Fn(&Counted) -> u64) -> Vec<Sample> {
        let sample = |it: &Counted| Sample {
            labels: vec![("provenance", it.provenance.clone()), ("validity", it.validity.clone())],
            value: of(it) as f64,
        };
        self.counted.iter().map(sample).collect()
    }

    fn of_models(&self, of: impl Fn(&Measured) -> Option<f64>) -> Vec<Sample> {
        let sample = |row: &&Measured| {
            let labels = vec![
                ("model", row.model.clone()),
                ("platform", row.platform.clone()),
                ("machine", row.machine.clone()),
            ];
            Some(Sample { labels, value: of(row)? })
        };
        self.newest.iter().filter_map(sample).collect()
    }

    /// What is measured now: nothing where nothing is.
    fn live(&self) -> [(&'static str, &'static str, Vec<Sample>); 5] {
        let of = |value: fn(&Snapshot) -> Option<f64>| {
            let running = self.live.iter().filter(|run| run.state == State::Running);
            let sample = |run: &Snapshot| {
                let now = run.now.as_ref()?;
                let labels = vec![
                    ("run", run.run_id.clone()),
                    ("case", now.case.clone()),
                    ("model", now.model.clone()),
                ];
                Some(Sample { labels, value: value(run)? })
            };
            running.filter_map(sample).collect()
        };
        [
            (
                "tokgate_live_requests_per_second",
                "Successful requests a second of what is measured now, over ten seconds.",
                of(|run| run.recent.req_s),
            ),
            (
                "tokgate_live_output_tokens_per_second",
                "Output tokens a second of what is measured now, over ten seconds.",
                of(|run| run.recent.tok_s),
            ),
            (
                "tokgate_live_ttft_p95_seconds",
                "Time to the first token of what is measured now, over ten seconds.",
                of(|run| run.recent.ttft_s.map(|seen| seen.p95)),
            ),
            (
                "tokgate_live_requests_in_flight",
                "Requests that are in flight.",
                of(|run| run.now.as_ref().map(|now| now.requests.in_flight as f64)),
            ),
            (
                "tokgate_live_failed_requests",
                "Requests of the epoch that is measured now that failed.",
                of(|run| run.now.as_ref().map(|now| now.requests.failed as f64)),
            ),
        ]
    }

    fn age(&self) -> Option<Sample> {
        let last_us = self.counted.iter().map(|it| it.last_us).max()?;
        let value = (self.now_us.saturating_sub(last_us)) as f64 / SECOND_US;
        Some(Sample { labels: Vec::new(), value })
    }

    fn answers(&self) -> Vec<Sample> {
        let sample = |(class, count): (&str, u64)| Sample {
            labels: vec![("class", class.to_owned())],
            value: count as f64,
        };
        self.tally.answers().map(sample).collect()
    }
}

fn build() -> Sample {
    Sample { labels: vec![("version", env!("CARGO_PKG_VERSION").to_owned())], value: 1.0 }
}

fn family(name: &str, kind: &str, help: &str, samples: &[Sample]) -> String {
    let mut text = format!("# HELP {name} {help}\n# TYPE {name} {kind}\n");
    for Sample { labels, value } in samples {
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        writeln!(text, "{name}{labels} {value}").expect("a String takes everything");
    }
    text
}

/// A label's value: backslashes, quotes and line breaks are escaped, as the format has it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_whose_name_has_quotes_and_breaks_stays_in_its_line() {
        let labels = vec![("model", "a\"} 1\nb\\".to_owned())];
        let text = family("x", "gauge", "X.", &[Sample { labels, value: 0.5 }]);
        assert_eq!(text, "# HELP x X.\n# TYPE x gauge\nx{model=\"a\\\"} 1\\nb\\\\\"} 0.5\n");
    }

    #[test]
    fn an_empty_store_says_nothing_of_models_or_ages() {
        let told =
            Told { counted: &[], newest: &[], live: &[], tally: &Tally::default(), now_us: 5 };
        let text = told.text();
        assert!(text.contains("tokgate_build_info{version="), "{text}");
        assert!(!text.contains("age") && !text.contains("model"), "{text}");
    }
}

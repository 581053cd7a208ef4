//! How long so many requests will take, and what they will cost.

use super::measured::{Measured, Provenance};
use crate::price::Price;
use crate::quantile::{mean, standard_deviation};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};
use std::collections::BTreeMap;

/// A time, seconds.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Span(pub f64);

impl Span {
    /// In seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0
    }

    /// In hours.
    #[must_use]
    pub fn hours(self) -> f64 {
        self.0 / 3600.0
    }

    /// In days.
    #[must_use]
    pub fn days(self) -> f64 {
        self.0 / 86_400.0
    }
}

/// How long so many requests to a model will take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Estimate {
    /// The model.
    pub model: String,
    /// So many requests, all of them answered.
    pub requests: u64,
    /// How long they take: requests / [`Estimate::req_s`].
    #[serde(rename = "time_s")]
    pub time: Span,
    /// Between which times it lies in 95 of 100 cases; absent where one epoch is all that there is.
    pub interval: Option<Interval>,
    /// What they cost; absent without a price.
    pub cost: Option<Cost>,
    /// Successful requests a second, as measured.
    pub req_s: f64,
    /// The measured window by its successful requests, seconds.
    pub time_per_request_s: f64,
    /// What it is based on: the newest epoch of the model, with its own workers.
    pub based_on: Basis,
}

/// The epoch on which an estimate is based.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Basis {
    /// Its file and row.
    pub test_id: String,
    /// The invocation.
    pub run_id: String,
    /// The model's parameters, as written.
    pub size_params: Option<String>,
    /// Longest prompt with its answer, tokens.
    pub context_window: Option<u64>,
    /// How it was served.
    pub platform: String,
    /// The machine's key.
    pub machine: String,
    /// Requests sent.
    pub requests: u64,
    /// How many sent at the same time.
    pub workers: u64,
    /// Share of them that succeeded, percent.
    pub success_percent: f64,
    /// Who measured.
    pub provenance: Provenance,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
}

/// Between which times a further measurement would lie in 95 of 100 cases.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// The shorter one.
    #[serde(rename = "low_s")]
    pub low: Span,
    /// The longer one.
    #[serde(rename = "high_s")]
    pub high: Span,
    /// Epochs that say so.
    pub epochs: u64,
    /// Runs that they are of. Epochs of one run resemble each other: with one run, the interval says
    /// nothing about another day.
    pub runs: u64,
}

/// What requests cost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cost {
    /// All of them, US dollars.
    pub usd: f64,
    /// An hour of it: what is paid by the hour, else what the requests of an hour cost; US dollars.
    pub usd_per_hour: Option<f64>,
    /// 1000 output tokens of it, US dollars; absent where nobody counted tokens.
    #[serde(rename = "cost_per_1k_usd")]
    pub per_1k: Option<f64>,
    /// What is paid for, and who says so.
    pub price: Price,
}

/// How long `requests` requests to `model` will take, by its newest row. `None` where no row of it
/// has a rate.
#[must_use]
pub fn estimate(rows: &[Measured], model: &str, requests: u64) -> Option<Estimate> {
    let newest = newest(rows.iter().filter(|row| row.model == model))?;
    Some(by(newest, rows, requests))
}

/// The newest row of each model that has a rate, by the model's name.
#[must_use]
pub fn newest_of_each(rows: &[Measured]) -> Vec<&Measured> {
    let mut models: BTreeMap<&str, Vec<&Measured>> = BTreeMap::new();
    rows.iter().for_each(|row| models.entry(&row.model).or_default().push(row));
    models.into_values().filter_map(newest).collect()
}

/// The same by a row.
pub(super) fn by(row: &Measured, rows: &[Measured], requests: u64) -> Estimate {
    let time = Span(requests as f64 / row.req_s);
    Estimate {
        model: row.model.clone(),
        requests,
        time,
        interval: interval(row, rows, requests),
        cost: cost(row, requests, time),
        req_s: row.req_s,
        time_per_request_s: row.time_per_request_s,
        based_on: Basis::of(row),
    }
}

fn newest<'a>(rows: impl IntoIterator<Item = &'a Measured>) -> Option<&'a Measured> {
    let rated = rows.into_iter().filter(|row| row.req_s > 0.0 && row.req_s.is_finite());
    rated.max_by_key(|row| (row.started_us, &row.test_id))
}

/// The time of requests by the hour, or their tokens by the token.
fn cost(row: &Measured, requests: u64, time: Span) -> Option<Cost> {
    let price = row.price.clone()?;
    let requests = requests as f64;
    let usd = match row.usd_per_hour() {
        Some(_) => price.rate.usd(time.seconds(), 0.0, 0.0),
        None => {
            let (prompt, output) = (row.prompt_tokens? as f64, row.output_tokens? as f64);
            price.rate.usd(0.0, prompt * requests, output * requests)
        }
    };
    let of_an_hour = || Some(usd / time.hours()).filter(|usd| usd.is_finite());
    let usd_per_hour = row.usd_per_hour().or_else(of_an_hour);
    Some(Cost { usd, usd_per_hour, per_1k: row.cost_per_1k(), price })
}

/// The interval in which one more epoch lies: of the logarithms `x` of the rates of all epochs that
/// measured the same, `mean ± t(0.975, n - 1) · s · sqrt(1 + 1/n)`, taken back from the logarithm.
fn interval(row: &Measured, rows: &[Measured], requests: u64) -> Option<Interval> {
    let alike: Vec<&Measured> = rows.iter().filter(|other| is_alike(row, other)).collect();
    let logs: Vec<f64> = alike.iter().map(|row| row.req_s.ln()).collect();
    let (center, spread, n) = (mean(&logs)?, standard_deviation(&logs)?, logs.len() as f64);
    let t = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.975);
    let reach = t * spread * (1.0 + 1.0 / n).sqrt();
    let at = |log: f64| Span(requests as f64 / log.exp());
    let mut runs: Vec<&str> = alike.iter().map(|row| row.run_id.as_str()).collect();
    runs.sort_unstable();
    runs.dedup();
    let (low, high) = (at(center + reach), at(center - reach));
    Some(Interval { low, high, epochs: alike.len() as u64, runs: runs.len() as u64 })
}

/// Whether both measured the same: one model, served in one way on one machine, at one load.
fn is_alike(row: &Measured, other: &Measured) -> bool {
    let what = |row: &Measured| (row.workers, row.task, row.provenance);
    other.req_s > 0.0
        && other.req_s.is_finite()
        && other.model == row.model
        && other.case_id == row.case_id
        && other.benchmark_type == row.benchmark_type
        && other.platform == row.platform
        && other.machine == row.machine
        && other.instance == row.instance
        && what(other) == what(row)
}

impl Basis {
    fn of(row: &Measured) -> Self {
        Self {
            test_id: row.test_id.clone(),
            run_id: row.run_id.clone(),
            size_params: row.size_params.clone(),
            context_window: row.context_window,
            platform: row.platform.clone(),
            machine: row.machine.clone(),
            requests: row.requests,
            workers: row.workers,
            success_percent: row.success_percent,
            provenance: row.provenance,
            started_us: row.started_us,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{by_the_hour, in_run, row};
    use crate::price::Rate;

    fn close(a: f64, b: f64, within: f64) {
        assert!((a - b).abs() < within, "{a} is not {b}");
    }

    #[test]
    fn fifty_thousand_requests_at_a_half_a_second_take_more_than_a_day() {
        // 50 000 / 0.52 = 96 153.85 s = 26.709 h = 1.1129 d.
        let found = estimate(&[row("gemma3:4b", 0.52)], "gemma3:4b", 50_000).unwrap();
        close(found.time.seconds(), 96_153.846, 1e-3);
        close(found.time.hours(), 26.7094, 1e-4);
        close(found.time.days(), 1.112_89, 1e-5);
        assert_eq!((found.req_s, found.based_on.requests, found.based_on.workers), (0.52, 100, 4));
        assert_eq!((found.interval, found.cost), (None, None));
    }

    #[test]
    fn the_newest_row_of_the_model_counts_with_its_own_workers() {
        let old = in_run("old", 3, Measured { workers: 8, ..row("m", 9.0) });
        let new = in_run("new", 1, Measured { workers: 2, ..row("m", 4.0) });
        let other = in_run("other", 0, row("n", 7.0));
        let found = estimate(&[new.clone(), old, other], "m", 8).unwrap();
        assert_eq!((found.time, found.based_on.workers), (Span(2.0), 2));
        assert_eq!(found.interval, None, "other workers are another load");
        assert_eq!(estimate(&[new], "nobody's", 8), None);
    }

    #[test]
    fn a_row_without_a_rate_says_nothing() {
        let none = Measured { req_s: 0.0, ..row("m", 1.0) };
        assert_eq!(estimate(std::slice::from_ref(&none), "m", 8), None);
        assert!(newest_of_each(&[none, Measured { req_s: f64::NAN, ..row("n", 1.0) }]).is_empty());
    }

    #[test]
    fn epochs_say_between_what_one_more_would_lie() {
        // ln 0.5, ln 0.5, ln 0.6: mean -0.632373, s 0.105263; t(0.975, 2) = 4.302653;
        // reach 4.302653 * 0.105263 * sqrt(4/3) = 0.522978; rates 0.896376 and 0.314947.
        let rows = [
            in_run("a", 3, row("m", 0.5)),
            in_run("a", 2, row("m", 0.5)),
            in_run("b", 1, row("m", 0.6)),
        ];
        let found = estimate(&rows, "m", 1000).unwrap();
        let interval = found.interval.unwrap();
        close(found.time.seconds(), 1000.0 / 0.6, 1e-9);
        close(interval.low.seconds(), 1115.604, 0.001);
        close(interval.high.seconds(), 3175.137, 0.001);
        assert_eq!((interval.epochs, interval.runs), (3, 2));
    }

    #[test]
    fn an_hour_is_paid_by_its_time_and_a_token_by_its_number() {
        let hourly = Measured { price: by_the_hour(2.0), ..row("m", 2.0) };
        // 7200 / 2 = 3600 s.
        let hourly = Measured { tok_s: Some(100.0), ..hourly };
        let cost = estimate(&[hourly], "m", 7200).unwrap().cost.unwrap();
        assert_eq!((cost.usd, cost.usd_per_hour), (2.0, Some(2.0)));
        // 2.00 / 3600 / 100 * 1000
        close(cost.per_1k.unwrap(), 0.005_555_6, 1e-7);
        let rate = Rate::Tokens { prompt_usd_per_million: 2.0, output_usd_per_million: 10.0 };
        let price = Some(Price { rate, source: "test".to_owned() });
        let hosted =
            Measured { price, prompt_tokens: Some(500), output_tokens: Some(100), ..row("m", 2.0) };
        // 1000 * (500 * 2 + 100 * 10) / 1e6
        let cost = |row: Measured| estimate(&[row], "m", 1000).unwrap().cost;
        let paid = cost(hosted.clone()).unwrap();
        close(paid.usd, 2.0, 1e-12);
        // 1000 / 2 = 500 s of which 7.2 are an hour; 1000 requests have 100 000 output tokens.
        close(paid.usd_per_hour.unwrap(), 14.4, 1e-9);
        close(paid.per_1k.unwrap(), 0.02, 1e-12);
        assert_eq!(cost(Measured { output_tokens: None, ..hosted }), None, "nobody counted them");
    }
}

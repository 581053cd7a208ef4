//! The last seconds of a load, and the whole of its epoch so far: counts and histograms alone, so that a
//! load of any rate takes the same memory.

use super::snapshot::{Percentiles, Recent, Spike};
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokgate_core::metric;
use tokgate_core::record::{Outcome, Record};
use tokgate_core::summary::{sample, spike_threshold};

/// Seconds that are looked back on.
const SECONDS: usize = 10;
/// Digits of a percentile that is looked at and not kept.
const DIGITS: u8 = 2;
/// Longest sample, microseconds: an hour. What is longer counts as that.
const LONGEST_US: u64 = 3_600_000_000;
/// Samples by which a spike is told from what is usual.
const USUAL: usize = 512;
/// Fewest of them before anything is called a spike.
const ENOUGH: usize = 30;
/// Spikes that are told.
const SPIKES: usize = 40;

/// A histogram of seconds.
#[derive(Debug, Clone)]
pub(super) struct Times(Histogram<u32>);

impl Times {
    /// An empty one.
    pub(super) fn new(digits: u8) -> Self {
        let histogram = Histogram::new_with_bounds(1, LONGEST_US, digits);
        Self(histogram.expect("the bounds are constants and well-formed"))
    }

    /// Counts a time.
    pub(super) fn add(&mut self, seconds: f64) {
        // A time is not negative and no NaN; beyond the end it counts as the longest.
        self.0.saturating_record((seconds * 1e6).round() as u64);
    }

    /// A quantile, seconds, with the number of samples; `None` without any.
    pub(super) fn quantile(&self, p: f64) -> Option<(f64, u64)> {
        (!self.0.is_empty()).then(|| (self.0.value_at_quantile(p) as f64 / 1e6, self.0.len()))
    }

    /// The mean, seconds, with the number of samples; `None` without any.
    pub(super) fn mean(&self) -> Option<(f64, u64)> {
        (!self.0.is_empty()).then(|| (self.0.mean() / 1e6, self.0.len()))
    }

    fn percentiles(&self) -> Option<Percentiles> {
        let ((p50, n), (p95, _)) = (self.quantile(0.5)?, self.quantile(0.95)?);
        Some(Percentiles { p50, p95, n })
    }
}

/// What ended in one second.
#[derive(Debug)]
struct Second {
    number: u64,
    succeeded: u64,
    failed: u64,
    tokens: Option<u64>,
    ttft: Times,
    itl: Times,
    e2e: Times,
}

impl Second {
    fn new(number: u64) -> Self {
        let times = || Times::new(DIGITS);
        Self {
            number,
            succeeded: 0,
            failed: 0,
            tokens: None,
            ttft: times(),
            itl: times(),
            e2e: times(),
        }
    }

    fn add(&mut self, record: &Record) {
        match record.outcome {
            Outcome::Failed(_) => self.failed += 1,
            Outcome::Incomplete => {}
            Outcome::Success => {
                self.succeeded += 1;
                if let Some(usage) = &record.usage {
                    *self.tokens.get_or_insert_default() += usage.completion_tokens;
                }
                sample(&metric::TTFT, record).into_iter().for_each(|time| self.ttft.add(time));
                whole(record).into_iter().for_each(|time| self.e2e.add(time));
                gaps(record).for_each(|time| self.itl.add(time));
            }
        }
    }
}

/// The whole request, whatever it is.
pub(super) fn whole(record: &Record) -> Option<f64> {
    sample(&metric::E2E, record).or_else(|| sample(&metric::QUERY, record))
}

/// The times between the events of an answer.
pub(super) fn gaps(record: &Record) -> impl Iterator<Item = f64> {
    let later = record.content().skip(1);
    record.content().zip(later).map(|(one, next)| next.at.seconds_since(one.at))
}

/// The last seconds of an epoch.
#[derive(Debug)]
pub(super) struct Window {
    began: Instant,
    /// When the newest of those counted ended.
    newest: Instant,
    seconds: VecDeque<Second>,
    spike_of: String,
    usual: VecDeque<f64>,
    line: Option<f64>,
    seen: usize,
    spikes: VecDeque<Spike>,
}

impl Window {
    /// A window that begins now; spikes are those of this metric.
    pub(super) fn new(now: Instant, spike_of: &str) -> Self {
        Self {
            began: now,
            newest: now,
            seconds: VecDeque::new(),
            spike_of: spike_of.to_owned(),
            usual: VecDeque::new(),
            line: None,
            seen: 0,
            spikes: VecDeque::new(),
        }
    }

    /// Begins again, where nothing was counted yet: the warm-up takes until now at least.
    pub(super) fn not_before(&mut self, now: Instant) {
        if self.seconds.is_empty() {
            (self.began, self.newest) = (now, now);
        }
    }

    /// Counts a request that has ended now.
    pub(super) fn add(&mut self, record: &Record, now: Instant, at_us: i64) {
        self.newest = now;
        let number = now.saturating_duration_since(self.began).as_secs();
        if self.seconds.back().is_none_or(|last| last.number < number) {
            self.seconds.push_back(Second::new(number));
        }
        self.forget(number);
        if let Some(last) = self.seconds.back_mut() {
            last.add(record);
        }
        if record.outcome.is_success() {
            self.look_for_a_spike(record, at_us);
        }
    }

    /// The longest of the request's times that a spike is one of.
    fn time_of(&self, record: &Record) -> Option<f64> {
        match self.spike_of.as_str() {
            "itl" => gaps(record).reduce(f64::max),
            of => metric::find(of).and_then(|metric| sample(metric, record)),
        }
    }

    fn look_for_a_spike(&mut self, record: &Record, at_us: i64) {
        let Some(value_s) = self.time_of(record) else { return };
        if let Some(above_s) = self.line.filter(|line| value_s > *line) {
            self.spikes.push_back(Spike { at_us, of: self.spike_of.clone(), value_s, above_s });
            let surplus = self.spikes.len().saturating_sub(SPIKES);
            self.spikes.drain(..surplus);
        }
        self.usual.push_back(value_s);
        let surplus = self.usual.len().saturating_sub(USUAL);
        self.usual.drain(..surplus);
        self.seen += 1;
        // The line moves slowly, and is dear: once in so many requests is enough.
        if self.usual.len() >= ENOUGH && self.seen.is_multiple_of(ENOUGH) {
            let samples: Vec<f64> = self.usual.iter().copied().collect();
            self.line = spike_threshold(&samples);
        }
    }

    fn forget(&mut self, number: u64) {
        while self.seconds.front().is_some_and(|first| first.number + (SECONDS as u64) <= number) {
            self.seconds.pop_front();
        }
    }

    /// The last seconds as they are now. Rates are of whole requests: as long as the window reaches back
    /// to the beginning, they go to the end of the newest, since what is in flight would be missing in them.
    pub(super) fn recent(&mut self, now: Instant) -> Recent {
        let since = now.saturating_duration_since(self.began);
        self.forget(since.as_secs());
        let seconds = match since.checked_sub(Duration::from_secs(SECONDS as u64)) {
            Some(_) => (SECONDS - 1) as f64 + f64::from(since.subsec_nanos()) / 1e9,
            None => self.newest.saturating_duration_since(self.began).as_secs_f64(),
        };
        let rate = |count: u64| (seconds > 0.0).then(|| count as f64 / seconds);
        let tokens: Vec<u64> = self.seconds.iter().filter_map(|one| one.tokens).collect();
        Recent {
            seconds,
            req_s: rate(self.seconds.iter().map(|one| one.succeeded).sum()),
            tok_s: rate(tokens.iter().sum()).filter(|_| !tokens.is_empty()),
            failed: self.seconds.iter().map(|one| one.failed).sum(),
            ttft_s: self.together(|one| &one.ttft),
            itl_s: self.together(|one| &one.itl),
            e2e_s: self.together(|one| &one.e2e),
        }
    }

    fn together(&self, of: fn(&Second) -> &Times) -> Option<Percentiles> {
        let mut all = Times::new(DIGITS);
        for second in &self.seconds {
            // They have the same bounds.
            all.0.add(&of(second).0).ok();
        }
        all.percentiles()
    }

    /// The spikes so far.
    pub(super) fn spikes(&self) -> Vec<Spike> {
        self.spikes.iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::record::{Event, EventKind, Phase};
    use tokgate_core::time::Offset;

    /// An answer whose first token took so long, and the second 10 ms more.
    fn answer(ttft_ms: u64) -> Record {
        let at = |ms: u64| Event {
            at: Offset(ms * 1_000_000),
            kind: EventKind::Content,
            tokens: Some(1),
        };
        Record {
            ordinal: 0,
            worker: 0,
            phase: Phase::Measured,
            trial: None,
            due: Offset(0),
            sent: Offset(0),
            head: None,
            done: Offset((ttft_ms + 10) * 1_000_000),
            events: vec![at(ttft_ms), at(ttft_ms + 10)],
            outcome: Outcome::Success,
            usage: None,
            recount: None,
            requested_tokens: None,
            finish_reason: None,
            sample: None,
            quality: None,
            neighbours: None,
            embedded: None,
            parts: None,
        }
    }

    fn at(began: Instant, ms: u64) -> Instant {
        began + Duration::from_millis(ms)
    }

    #[test]
    fn what_ended_longer_ago_is_forgotten_and_rates_are_of_the_last_seconds() {
        let began = Instant::now();
        let mut window = Window::new(began, "ttft");
        for tenth in 0..400 {
            window.add(&answer(if tenth < 200 { 500 } else { 100 }), at(began, tenth * 100), 0);
        }
        let recent = window.recent(at(began, 40_000));
        let ttft = recent.ttft_s.unwrap();
        assert!((ttft.p50 - 0.1).abs() < 0.002 && (ttft.p95 - 0.1).abs() < 0.002, "{ttft:?}");
        assert!((recent.req_s.unwrap() - 10.0).abs() < 0.2, "{recent:?}");
        assert!((9.0..10.0).contains(&recent.seconds), "{recent:?}");
        assert!((recent.itl_s.unwrap().p50 - 0.01).abs() < 2e-4, "{recent:?}");
        assert!(window.seconds.len() <= SECONDS);
        let silent = window.recent(at(began, 60_000));
        assert_eq!((silent.req_s, silent.ttft_s, silent.tok_s), (Some(0.0), None, None));
    }

    #[test]
    fn a_rate_is_neither_of_the_warm_up_nor_lower_for_what_is_in_flight() {
        let began = Instant::now();
        let mut window = Window::new(began, "ttft");
        window.not_before(at(began, 3000));
        assert_eq!(window.recent(at(began, 3500)).req_s, None, "nothing has ended");
        // Four at a time, half a second each.
        for turn in 1..=6 {
            (0..4).for_each(|_| window.add(&answer(490), at(began, 3000 + turn * 500), 0));
            for later in [0, 250, 499] {
                let recent = window.recent(at(began, 3000 + turn * 500 + later));
                assert!((recent.req_s.unwrap() - 8.0).abs() < 1e-9, "{turn} {later} {recent:?}");
            }
        }
        window.not_before(at(began, 6500));
        assert_eq!(window.recent(at(began, 6500)).seconds, 3.0, "what was counted stays");
    }

    #[test]
    fn one_request_that_takes_ten_times_as_long_is_a_spike_and_the_usual_ones_are_none() {
        let began = Instant::now();
        let mut window = Window::new(began, "ttft");
        for number in 0..200 {
            let ttft_ms = if number == 150 { 1000 } else { 100 + number % 3 };
            window.add(&answer(ttft_ms), at(began, number * 10), number as i64);
        }
        let spikes = window.spikes();
        assert_eq!(spikes.len(), 1, "{spikes:?}");
        assert_eq!((spikes[0].at_us, spikes[0].value_s, spikes[0].of.as_str()), (150, 1.0, "ttft"));
    }
}

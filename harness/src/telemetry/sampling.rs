//! The sampling thread: when samples are taken, and what is left of them when a sampler hangs.

use super::processes::Family;
use super::{Moment, Sampler};
use crate::clock::Clock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokgate_core::case::RunSettings;
use tokgate_core::run::TelemetrySample;
use tokgate_core::time::Offset;

/// Longest wait for the sampling thread's first and last sample; one that hangs is left behind.
const DEADLINE: Duration = Duration::from_secs(2);

/// How often the machine is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Time from one sample to the next.
    pub interval: Duration,
    /// The same for energy counters and what else is dear to read.
    pub energy: Duration,
}

impl Pace {
    /// As a case asks.
    #[must_use]
    pub fn of(settings: &RunSettings) -> Self {
        Self {
            interval: Duration::from_secs_f64(settings.telemetry_interval_s),
            energy: Duration::from_secs_f64(settings.energy_interval_s),
        }
    }
}

/// A running sampling thread.
pub struct Sampling {
    stop: Sender<()>,
    finished: Receiver<()>,
    taken: Arc<Mutex<Vec<TelemetrySample>>>,
}

impl Sampling {
    /// Takes a first sample, then one every interval. The load begins after the first, so that
    /// counters (energy) cover all of it.
    #[must_use]
    pub fn start(
        clock: Clock,
        pace: Pace,
        family: Family,
        samplers: Vec<Box<dyn Sampler>>,
    ) -> Self {
        let (stop, stopped) = channel();
        let (began, first) = channel();
        let (finish, finished) = channel();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&taken);
        std::thread::spawn(move || {
            let mut source = Source { clock, pace, family, samplers, energy_read: None };
            let mut take = |is_last| {
                let sample = source.sample(is_last);
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
            };
            let mut due = Instant::now();
            take(false);
            // Nobody may be waiting any more; then the samples are of no use.
            let _ = began.send(());
            loop {
                due = next(due, pace.interval, Instant::now());
                let wait = due.saturating_duration_since(Instant::now());
                match stopped.recv_timeout(wait) {
                    Err(RecvTimeoutError::Timeout) => take(false),
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => break,
                }
            }
            take(true);
            let _ = finish.send(());
        });
        // A sampler that hangs delays the load by the deadline, once, and has no samples.
        let _ = first.recv_timeout(DEADLINE);
        Self { stop, finished, taken }
    }

    /// Whether a GPU tells its power and its energy, so that the one can be taken off the other.
    #[must_use]
    pub fn sees_energy(&self) -> bool {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gpus = taken.iter().flat_map(|sample| &sample.gpus);
        gpus.any(|gpu| gpu.power_w.is_some() && gpu.energy_j.is_some())
    }

    /// Takes a last sample, stops, and gives what was sampled: when the thread hangs, what it had
    /// sampled before. `telemetry_dropped` counts what is missing.
    #[must_use]
    pub fn finish(self) -> Vec<TelemetrySample> {
        drop(self.stop);
        if self.finished.recv_timeout(DEADLINE).is_err() {
            tracing::warn!(
                "a source of telemetry hangs: samples of the machine are missing; `tokgate doctor` \
                 lists the sources"
            );
        }
        std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// When the next sample is due. What a slow sample has missed is not made up for.
fn next(last: Instant, interval: Duration, now: Instant) -> Instant {
    let missed = now.saturating_duration_since(last).as_nanos() / interval.as_nanos().max(1);
    last + interval * u32::try_from(missed + 1).unwrap_or(u32::MAX)
}

/// All samplers, and the clock that stamps their samples.
struct Source {
    clock: Clock,
    pace: Pace,
    family: Family,
    samplers: Vec<Box<dyn Sampler>>,
    energy_read: Option<Offset>,
}

impl Source {
    fn sample(&mut self, is_last: bool) -> TelemetrySample {
        let at = self.clock.now();
        let thorough = is_last || self.is_energy_due(at);
        if thorough {
            self.energy_read = Some(at);
        }
        let mut sample = TelemetrySample { at, ..TelemetrySample::default() };
        if !self.samplers.is_empty() {
            self.family.refresh(at);
        }
        let moment = Moment { thorough, family: &self.family };
        self.samplers.iter_mut().for_each(|sampler| sampler.sample(&moment, &mut sample));
        sample
    }

    /// At the first sample, and whenever the interval has passed, or will have by the middle of the
    /// way to the next.
    fn is_energy_due(&self, at: Offset) -> bool {
        let slack = self.pace.interval / 2;
        self.energy_read.is_none_or(|last| {
            let since = Duration::from_nanos(at.0.saturating_sub(last.0));
            since + slack >= self.pace.energy
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::processes::Place;
    use std::sync::mpsc::sync_channel;

    const HOUR: Duration = Duration::from_secs(3_600);

    struct Counting(u64);

    impl Sampler for Counting {
        fn sample(&mut self, moment: &Moment<'_>, into: &mut TelemetrySample) {
            self.0 += 1;
            into.rss_bytes = Some(self.0);
            into.cpu_energy_j = moment.thorough.then_some(self.0 as f64);
        }
    }

    fn start(interval: Duration, sampler: impl Sampler + 'static) -> Sampling {
        let pace = Pace { interval, energy: HOUR };
        let family = Family::new(Place::InProcess);
        Sampling::start(Clock::start(), pace, family, vec![Box::new(sampler)])
    }

    #[test]
    fn a_load_of_no_length_has_a_sample_before_and_one_after() {
        let taken = start(HOUR, Counting(0)).finish();
        let rss: Vec<_> = taken.iter().map(|sample| sample.rss_bytes).collect();
        assert_eq!(rss, [Some(1), Some(2)]);
        assert!(taken.iter().all(|sample| sample.cpu_energy_j.is_some()), "both read energy");
    }

    /// Counts, and hangs from its second sample on.
    struct Hanging(Counting, Option<Receiver<()>>);

    impl Sampler for Hanging {
        fn sample(&mut self, moment: &Moment<'_>, into: &mut TelemetrySample) {
            self.0.sample(moment, into);
            if let (2.., Some(never)) = (self.0.0, &self.1) {
                let _ = never.recv();
            }
        }
    }

    #[test]
    fn what_was_sampled_before_a_sampler_hung_is_kept() {
        let (hold, never) = sync_channel(0);
        let taken = start(HOUR, Hanging(Counting(0), Some(never))).finish();
        assert_eq!(taken.len(), 1);
        drop(hold);
    }

    fn source(energy_ms: u64) -> Source {
        let pace =
            Pace { interval: Duration::from_millis(100), energy: Duration::from_millis(energy_ms) };
        let family = Family::new(Place::InProcess);
        Source { clock: Clock::start(), pace, family, samplers: Vec::new(), energy_read: None }
    }

    #[test]
    fn energy_is_read_at_its_own_interval() {
        let mut source = source(1000);
        let due: Vec<u64> = (0..30)
            .filter(|tenth| {
                let at = Offset(tenth * 100_000_000);
                let due = source.is_energy_due(at);
                source.energy_read = if due { Some(at) } else { source.energy_read };
                due
            })
            .collect();
        assert_eq!(due, [0, 10, 20]);
    }

    #[test]
    fn a_slow_sample_leaves_out_those_that_it_missed() {
        let (start, ms) = (Instant::now(), Duration::from_millis);
        assert_eq!(next(start, ms(100), start + ms(3)), start + ms(100));
        assert_eq!(next(start, ms(100), start + ms(250)), start + ms(300));
    }
}

//! What the machine says while a case is measured. Absent hardware is absent, never 0.
//!
//! Sampling runs on a thread of its own: a sampler that hangs or is slow delays its own samples
//! and nothing else.

mod host;
mod nvml;
pub mod scrape;
mod serving;

pub use host::steal_since_boot;
pub use nvml::gpus;

use crate::clock::Clock;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;
use tokgate_core::run::TelemetrySample;

/// One source of telemetry.
pub trait Sampler: Send {
    /// Adds what can be read now; leaves alone what cannot.
    fn sample(&mut self, into: &mut TelemetrySample);
}

/// The samplers that work on this machine.
#[must_use]
pub fn samplers() -> Vec<Box<dyn Sampler>> {
    let mut samplers: Vec<Box<dyn Sampler>> = Vec::new();
    if let Some(host) = host::Host::new() {
        samplers.push(Box::new(host));
    }
    if let Some(nvml) = nvml::Gpus::new() {
        samplers.push(Box::new(nvml));
    }
    samplers
}

/// Longest wait for the sampling thread's first and last sample; one that hangs is left behind.
const DEADLINE: Duration = Duration::from_secs(2);

/// A running sampling thread.
pub struct Sampling {
    stop: Sender<()>,
    samples: Receiver<Vec<TelemetrySample>>,
}

impl Sampling {
    /// Takes a first sample, then one every `interval`. The load begins after the first, so that
    /// counters (energy) cover all of it.
    #[must_use]
    pub fn start(clock: Clock, interval: Duration, samplers: Vec<Box<dyn Sampler>>) -> Self {
        let (stop, stopped) = channel();
        let (began, first) = channel();
        let (finished, samples) = channel();
        std::thread::spawn(move || {
            let mut source = Source { clock, samplers };
            let mut taken = vec![source.sample()];
            // Nobody may be waiting any more; then the samples are of no use.
            let _ = began.send(());
            while stopped.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                taken.push(source.sample());
            }
            taken.push(source.sample());
            let _ = finished.send(taken);
        });
        // A sampler that hangs delays the load by the deadline, once, and has no samples.
        let _ = first.recv_timeout(DEADLINE);
        Self { stop, samples }
    }

    /// Takes a last sample, stops, and gives what was sampled; nothing when the thread hangs.
    #[must_use]
    pub fn finish(self) -> Vec<TelemetrySample> {
        drop(self.stop);
        self.samples.recv_timeout(DEADLINE).unwrap_or_default()
    }
}

/// All samplers, and the clock that stamps their samples.
struct Source {
    clock: Clock,
    samplers: Vec<Box<dyn Sampler>>,
}

impl Source {
    fn sample(&mut self) -> TelemetrySample {
        let mut sample = TelemetrySample { at: self.clock.now(), ..TelemetrySample::default() };
        self.samplers.iter_mut().for_each(|sampler| sampler.sample(&mut sample));
        sample
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u64);

    impl Sampler for Counting {
        fn sample(&mut self, into: &mut TelemetrySample) {
            self.0 += 1;
            into.rss_bytes = Some(self.0);
        }
    }

    #[test]
    fn a_load_of_no_length_has_a_sample_before_and_one_after() {
        let samplers: Vec<Box<dyn Sampler>> = vec![Box::new(Counting(0))];
        let sampling = Sampling::start(Clock::start(), Duration::from_secs(3_600), samplers);
        let taken: Vec<_> = sampling.finish().into_iter().map(|sample| sample.rss_bytes).collect();
        assert_eq!(taken, [Some(1), Some(2)]);
    }
}

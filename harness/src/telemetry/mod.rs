//! What the machine says while a case is measured. Absent hardware is absent, never 0.
//!
//! Sampling runs on a thread of its own: a sampler that hangs or is slow delays samples and nothing
//! else. The library of NVIDIA's GPUs, which is known to hang, has another (`apart`). Each source is one file here; `docs/TELEMETRY.md` lists them.

mod amd;
mod apart;
mod auxv;
#[cfg(target_os = "linux")]
mod clock;
#[cfg(test)]
#[cfg(unix)]
mod fake;
mod fellows;
mod gpus;
mod host;
mod nvml;
mod processes;
mod rapl;
mod replay;
mod sampling;
pub mod scrape;
mod serving;
mod sources;
mod stalled;
mod target;
mod traffic;

pub use fellows::IsFellow;
pub use host::steal_since_boot;
pub use processes::{Family, Place};
pub use replay::ReplayError;
pub use sampling::{Pace, Sampling};
pub use sources::{Source, check_replay, gpus, samplers, sources};

use tokgate_core::run::TelemetrySample;

/// One source of telemetry.
pub trait Sampler: Send {
    /// Adds what can be read now; leaves alone what cannot.
    fn sample(&mut self, moment: &Moment<'_>, into: &mut TelemetrySample);
}

/// What samplers are told of the sample that is due.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// Whether energy counters are due, and what else is dear to read: less often than the rest.
    pub thorough: bool,
    /// Which processes are ours and the target's.
    pub family: &'a Family,
}

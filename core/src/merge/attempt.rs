//! What a process that was to send a part of a load states of itself.

use crate::run::{ClientCost, Ending, Head, TargetAfter, TelemetrySample};
use crate::validity::Validity;

/// One process that was to send a part of a load.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    /// Which part, from 0.
    pub worker: u32,
    /// How many parts there are.
    pub of: u32,
    /// The process, by a name that no other has.
    pub name: String,
    /// The version of tokgate.
    pub tokgate: String,
    /// The number of the measurement protocol.
    pub protocol: u32,
    /// The digest of what was planned.
    pub plan: String,
    /// The host's name.
    pub host: String,
    /// How its clock is set; absent where that was not looked at.
    pub clock: Option<Skew>,
    /// What it measured; absent where it began and left no end.
    pub parts: Option<Vec<Part>>,
}

/// How far a clock is from the one that all workers ask.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Skew {
    /// By how much it is fast, seconds; negative where it is slow.
    pub skew_s: f64,
    /// How wrong that may be, seconds.
    pub uncertainty_s: f64,
}

/// What one process measured of one epoch of a case, without its records.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// Who the epoch is, as the process saw it.
    pub head: Head,
    /// How it ended.
    pub ending: Ending,
    /// What it said of its own part.
    pub validity: Validity,
    /// The target afterwards.
    pub after: Option<TargetAfter>,
    /// What the part cost its thread.
    pub client: Option<ClientCost>,
    /// Its machine while measuring.
    pub telemetry: Vec<TelemetrySample>,
    /// By how much it began late, seconds; absent where there was nothing to be late for.
    pub late_s: Option<f64>,
    /// The beginning that all parts share, by its own clock, nanoseconds.
    pub origin_ns: u64,
}

impl Attempt {
    /// The parts, none where it left no end.
    #[must_use]
    pub fn measured(&self) -> &[Part] {
        self.parts.as_deref().unwrap_or_default()
    }
}

impl Skew {
    /// The slowest that the clock may be.
    pub(super) fn low(self) -> f64 {
        self.skew_s - self.uncertainty_s
    }

    /// The fastest that it may be.
    pub(super) fn high(self) -> f64 {
        self.skew_s + self.uncertainty_s
    }
}

//! Time inside a run: nanoseconds from the run's start on one monotonic clock.
//!
//! Where the nanoseconds come from is the harness's business; nothing here reads a clock.

use serde::{Deserialize, Serialize};

/// Nanoseconds since the start of the run.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Offset(pub u64);

impl Offset {
    /// The run's start.
    pub const ZERO: Self = Self(0);

    /// Seconds from `earlier` to `self`; negative when `self` comes first.
    #[must_use]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        (self.0 as f64 - earlier.0 as f64) / 1e9
    }

    /// Seconds since the run's start.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

//! The stretch of an epoch over which throughput and the machine are looked at.

use crate::run::TelemetrySample;
use crate::time::Offset;

/// From the first measured request to the end of the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// When the first measured request was sent.
    pub start: Offset,
    /// When the last one ended.
    pub end: Offset,
}

impl Window {
    /// The window that holds a request as well; one that says that it ended before it was sent took no time.
    #[must_use]
    pub fn with(window: Option<Self>, sent: Offset, done: Offset) -> Self {
        let done = done.max(sent);
        let Self { start, end } = window.unwrap_or(Self { start: sent, end: done });
        Self { start: start.min(sent), end: end.max(done) }
    }

    /// Its length in seconds, T in the formulas.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.end.seconds_since(self.start)
    }

    /// What the machine said while the measured requests ran: from the last sample before the window to the
    /// first after it, since a sample looks back, and a window that is shorter than the interval has no other.
    /// Warm-up and what was before are left out.
    #[must_use]
    pub fn watched(self, telemetry: &[TelemetrySample]) -> &[TelemetrySample] {
        let first = telemetry.partition_point(|sample| sample.at < self.start);
        let after = telemetry.partition_point(|sample| sample.at < self.end);
        &telemetry[first.saturating_sub(1)..(after + 1).min(telemetry.len())]
    }
}

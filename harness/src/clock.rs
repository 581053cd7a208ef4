//! The one clock of a run.

use std::time::Duration;
use tokgate_core::time::Offset;
use tokio::time::Instant;

/// A monotonic clock that counts from the run's start.
///
/// It is tokio's `Instant`: the operating system's monotonic clock in every real run, and the
/// paused clock of a test that runs the simulated driver without waiting.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts counting now.
    #[must_use]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// The moment at an offset.
    #[must_use]
    pub fn instant(&self, at: Offset) -> Instant {
        self.origin + Duration::from_nanos(at.0)
    }

    /// Nanoseconds since the start.
    #[must_use]
    pub fn now(&self) -> Offset {
        self.at(Instant::now().into_std())
    }

    /// The offset of a moment; what was before the start is at the start.
    #[must_use]
    pub fn at(&self, moment: std::time::Instant) -> Offset {
        let since = moment.saturating_duration_since(self.origin.into_std());
        Offset(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}

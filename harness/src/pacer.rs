//! Waiting for the moment at which a request is due.

use crate::alarm::Alarm;
use crate::clock::Clock;
use std::io;
use tokgate_core::time::Offset;

/// What a load waits with.
pub(crate) enum Pacer {
    /// A timer of the operating system, to some hundredths of a millisecond.
    Precise(Alarm),
    /// The runtime's own, a millisecond at best: tests have its clock stand still.
    Runtime,
}

impl Pacer {
    /// The most precise one of this machine, for the running runtime.
    ///
    /// # Errors
    /// When the operating system has no timer left.
    pub(crate) fn precise() -> io::Result<Self> {
        Alarm::new().map(Self::Precise)
    }

    /// Waits until `due`; not at all when that has passed.
    pub(crate) async fn until(&self, clock: Clock, due: Offset) {
        while clock.now() < due {
            let rung = match self {
                Self::Precise(alarm) => match alarm.set(clock.instant(due).into_std()) {
                    Ok(()) => alarm.ring().await,
                    Err(error) => Err(error),
                },
                Self::Runtime => Err(io::ErrorKind::Unsupported.into()),
            };
            if rung.is_err() {
                tokio::time::sleep_until(clock.instant(due)).await;
            }
        }
    }
}

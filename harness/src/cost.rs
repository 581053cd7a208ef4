//! What the load costs the thread that sends and reads: how near we are to being the limit.

use crate::clock::Clock;
use std::time::Duration;
use tokgate_core::run::ClientCost;
use tokgate_core::time::Offset;

/// The beginning of a stretch whose cost is wanted. It is of the thread that calls.
pub(crate) struct Cost {
    began: Offset,
    cpu: Option<Duration>,
}

impl Cost {
    /// Begins now.
    pub(crate) fn begin(clock: Clock) -> Self {
        Self { began: clock.now(), cpu: thread_cpu() }
    }

    /// The cost since the beginning, asked on the same thread; `None` where the platform does not
    /// say.
    pub(crate) fn end(self, clock: Clock) -> Option<ClientCost> {
        let cpu_s = thread_cpu()?.saturating_sub(self.cpu?).as_secs_f64();
        Some(ClientCost { cpu_s, wall_s: clock.now().seconds_since(self.began) })
    }
}

/// CPU time of the calling thread.
#[cfg(target_os = "linux")]
pub(crate) fn thread_cpu() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).ok()
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
pub(crate) fn thread_cpu() -> Option<Duration> {
    None
}

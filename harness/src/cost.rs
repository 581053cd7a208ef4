//! What the load costs the thread that sends and reads: how near we are to being the limit.

use crate::clock::Clock;
use tokgate_core::run::ClientCost;
use tokgate_core::time::Offset;

/// The beginning of a stretch whose cost is wanted. It is of the thread that calls.
pub(crate) struct Cost {
    began: Offset,
    cpu_s: Option<f64>,
}

impl Cost {
    /// Begins now.
    pub(crate) fn begin(clock: Clock) -> Self {
        Self { began: clock.now(), cpu_s: thread_cpu_s() }
    }

    /// The cost since the beginning, asked on the same thread; `None` where the platform does not
    /// say.
    pub(crate) fn end(self, clock: Clock) -> Option<ClientCost> {
        let cpu_s = thread_cpu_s()? - self.cpu_s?;
        Some(ClientCost { cpu_s, wall_s: clock.now().seconds_since(self.began) })
    }
}

/// CPU time of the calling thread, seconds.
#[cfg(target_os = "linux")]
fn thread_cpu_s() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
fn thread_cpu_s() -> Option<f64> {
    None
}

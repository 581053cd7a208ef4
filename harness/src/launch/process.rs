//! A process that we started, with everything it started itself.

use super::held::Held;
use super::log::Log;
use super::watchdog::Watchdog;
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokgate_core::case::{Launch, StopSignal};

/// How often a process that was asked to end is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// What is killed is gone at once, unless it hangs in the kernel.
const AFTER_KILL: Duration = Duration::from_secs(5);

/// The process, in a group of its own, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    log: Log,
    signal: StopSignal,
    patience: Duration,
    started: Instant,
    _watchdog: Watchdog,
}

impl Process {
    /// Starts `command`; what it writes goes to a new file in `logs`, named after `name`.
    pub(crate) fn start(
        command: &Command,
        launch: &Launch,
        logs: &Path,
        name: &str,
    ) -> io::Result<Self> {
        let (log, file) = Log::create(logs, &format!("{name}-{}.log", now_ms()))?;
        let held = Held::spawn(command, file)?;
        let watchdog = Watchdog::over(held.group(), launch.stop_timeout_s);
        let started = Instant::now();
        Ok(Self {
            child: held.release()?,
            log,
            signal: launch.stop_signal,
            patience: Duration::try_from_secs_f64(launch.stop_timeout_s).unwrap_or(Duration::MAX),
            started,
            _watchdog: watchdog,
        })
    }

    /// How it ended; `None` while it runs.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Its number, which is that of its group, too.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it writes.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Seconds since it was started.
    pub(crate) fn age_s(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Asks the group to end, and kills what does not.
    fn end(&mut self) {
        self.signal(self.signal);
        if !self.is_gone_within(self.patience) {
            self.signal(StopSignal::Kill);
            self.is_gone_within(AFTER_KILL);
        }
    }

    fn is_gone_within(&mut self, patience: Duration) -> bool {
        let asked = Instant::now();
        while !self.is_gone() {
            if asked.elapsed() > patience {
                return false;
            }
            std::thread::sleep(LOOK);
        }
        true
    }

    /// Whether nobody of the group is left. The first process is reaped by asking.
    #[cfg(unix)]
    fn is_gone(&mut self) -> bool {
        let reaped = self.ended().is_some();
        reaped && rustix::process::test_kill_process_group(self.group()).is_err()
    }

    #[cfg(not(unix))]
    fn is_gone(&mut self) -> bool {
        self.ended().is_some()
    }

    #[cfg(unix)]
    fn signal(&mut self, signal: StopSignal) {
        let signal = match signal {
            StopSignal::Term => rustix::process::Signal::TERM,
            StopSignal::Int => rustix::process::Signal::INT,
            StopSignal::Kill => rustix::process::Signal::KILL,
        };
        // A group that is gone cannot be signalled, which is what we want.
        let _ = rustix::process::kill_process_group(self.group(), signal);
    }

    #[cfg(not(unix))]
    fn signal(&mut self, _: StopSignal) {
        let _ = self.child.kill();
    }

    /// The group's number is that of its first process.
    #[cfg(unix)]
    fn group(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

fn now_ms() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis())
}

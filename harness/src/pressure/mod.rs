//! Memory and CPU pressure on this host while something is measured.
//!
//! It is held by a process of its own, which is this program started again, told by an environment
//! variable what to be, so that the kernel can end it without ending us. It ends when its standard
//! input does, which is when [`Held`] is dropped, and also when we are killed without a chance to
//! drop anything.

mod child;
mod order;

pub use child::play_if_asked;

use order::Order;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use sysinfo::{MemoryRefreshKind, System};
use tokgate_core::pressure::{Burden, Pressure, Room, TooMuch};

/// The environment variable that makes a process hold pressure, and nothing else.
const MARKER: &str = "TOKGATE_PRESSURE";

/// What the child says once it holds everything.
const READY: &str = "ready";

/// The child's exit code when its lifetime was over.
const OUTLIVED: u8 = 3;

/// How long a child may take to start and be ready, besides taking its memory.
const TO_START: Duration = Duration::from_secs(10);
/// The slowest that memory is taken, bytes a second: a loaded host still clears pages faster.
const SLOWEST: u64 = 256 << 20;
/// How long a child may take to end once its input did; its memory has to be given back.
const TO_END: Duration = Duration::from_secs(10);
/// How often a child that should end is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Why there is no pressure.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// More than this host should be made to bear.
    #[error(transparent)]
    TooMuch(#[from] TooMuch),
    /// A program that does not know the marker was started as the child, and would start another.
    #[error("this process was started to hold pressure: it starts no other")]
    Nested,
    /// The operating system starts no process.
    #[error("cannot start a process that holds pressure: {0}")]
    Spawn(#[from] io::Error),
    /// It ended, or hangs.
    #[error("the process that should hold pressure {0}")]
    NotReady(String),
}

/// Pressure that is held; dropping it ends it.
#[derive(Debug)]
pub struct Held {
    child: Child,
    /// The child reads its other end: closing this is what ends it.
    input: Option<ChildStdin>,
    burden: Burden,
}

/// Puts this host under pressure, and waits until all of it is there. It ends by itself after
/// `longest`.
///
/// # Errors
/// When it is too much for this host, or its process does not come up.
pub fn start(pressure: &Pressure, longest: Duration) -> Result<Held, StartError> {
    start_as(&std::env::current_exe()?, pressure, longest)
}

/// The same with another program than this one, which must call [`play_if_asked`] first of all.
///
/// # Errors
/// As [`start`].
pub fn start_as(
    program: &Path,
    pressure: &Pressure,
    longest: Duration,
) -> Result<Held, StartError> {
    if std::env::var_os(MARKER).is_some() {
        return Err(StartError::Nested);
    }
    let burden = pressure.on(room())?;
    let order = Order { burden, lifetime: longest };
    let mut child = command(program, order.to_string().as_ref()).spawn()?;
    let input = child.stdin.take();
    let mut held = Held { child, input, burden };
    held.wait_until_ready()?;
    Ok(held)
}

fn command(program: &Path, order: &OsStr) -> Command {
    let mut command = Command::new(program);
    command.env(MARKER, order).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // In a group of its own, so that Ctrl-C on the terminal does not end it before the measurement.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// What this host, or the control group that we are confined to, has to give.
fn room() -> Room {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Room { available_bytes: available(), cores: u32::try_from(cores).unwrap_or(u32::MAX) }
}

/// Nothing where the platform does not tell: then only CPU pressure is possible.
fn available() -> u64 {
    let Ok(mut system) = System::new() else { return 0 };
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let host = system.available_memory();
    // What is cached counts as used in a group, but is given back when it is wanted.
    let group = system.cgroup_limits().map(|limits| limits.total_memory.saturating_sub(limits.rss));
    group.map_or(host, |group| host.min(group))
}

impl Held {
    /// What is held.
    #[must_use]
    pub fn burden(&self) -> Burden {
        self.burden
    }

    /// The number of the process that holds it.
    #[must_use]
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Why the pressure is gone already, if it is: what was measured since was measured without.
    pub fn ended_early(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok()??;
        Some(format!("the pressure on this host ended early: its process {}", told(status)))
    }

    fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let output = self.child.stdout.take();
        let (said, line) = channel();
        // A thread of its own, since a read cannot be given up; it ends with the child.
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = output.map(|output| BufReader::new(output).read_line(&mut line));
            drop(said.send(read.is_some().then_some(line)));
        });
        let patience = TO_START + Duration::from_secs(self.burden.memory_bytes / SLOWEST);
        match line.recv_timeout(patience) {
            Ok(Some(line)) if line.trim_end() == READY => Ok(()),
            Ok(_) => Err(StartError::NotReady(self.how_it_ended())),
            Err(_) => Err(StartError::NotReady(format!("is not ready after {patience:?}"))),
        }
    }

    /// Its output has ended, so it has, or is about to.
    fn how_it_ended(&mut self) -> String {
        self.input = None;
        match self.wait_within(TO_END) {
            Some(status) => told(status),
            None => "said something else than that it is ready".to_owned(),
        }
    }

    fn wait_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let asked = Instant::now();
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if asked.elapsed() < patience => std::thread::sleep(LOOK),
                Ok(None) | Err(_) => return None,
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.input = None;
        if self.wait_within(TO_END).is_none() {
            // It may have ended in between, which is what is wanted.
            let _ = self.child.kill();
            self.wait_within(TO_END);
        }
    }
}

/// How the child ended, in words.
fn told(status: ExitStatus) -> String {
    if status.code() == Some(i32::from(OUTLIVED)) {
        return "had lived for as long as it may".to_owned();
    }
    let killed = |signal: i32| match signal {
        9 => "was killed, probably for its memory".to_owned(),
        _ => format!("was ended by signal {signal}"),
    };
    signal(status).map_or_else(|| format!("ended with {status}"), killed)
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

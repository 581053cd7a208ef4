//! A command that makes what is measured, such as a build: run to its end, with a deadline.

use super::process::Process;
use crate::driver::OpenError;
use crate::stop::Stop;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use tokgate_core::case::{Launch, StopSignal};

/// How often a running build is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// How long it may take to end once it is asked to, seconds.
const STOP_TIMEOUT_S: f64 = 5.0;
/// What the shell does: it goes to the folder and becomes the command.
const SCRIPT: &str = "cd \"$1\" && exec /bin/sh -c \"$2\"";

/// Runs `command`, a line of the shell, in `folder`; what it writes goes to a new file in `logs`.
/// One that takes longer than `patience`, or is still at it when a stop is asked for, is ended with
/// all that it started.
///
/// # Errors
/// When it cannot be started, fails or is ended; the message has its last words and its log.
pub fn build(
    command: &str,
    folder: &Path,
    logs: &Path,
    patience: Duration,
    stop: &Stop,
) -> Result<(), OpenError> {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "tokgate-build"]).arg(folder).arg(command);
    let unavailable = |what: String| OpenError::Unavailable(format!("`{command}` {what}"));
    let mut process = Process::start(&shell, &endable(), logs, "build")
        .map_err(|error| unavailable(format!("cannot be started: {error}")))?;
    loop {
        let why = match process.ended() {
            Some(status) if status.success() => return Ok(()),
            Some(status) => format!("ended with {status}"),
            None if stop.is_requested() => "was stopped".to_owned(),
            None if process.age_s() > patience.as_secs_f64() => {
                format!("took longer than {} s", patience.as_secs_f64())
            }
            None => {
                std::thread::sleep(LOOK);
                continue;
            }
        };
        let (words, path) = (process.log().last_words(), process.log().path().display());
        return Err(unavailable(format!("{why} in {}: {words} ({path})", folder.display())));
    }
}

/// A launch that says how a process is ended; nothing else of it is asked.
fn endable() -> Launch {
    Launch {
        command: Vec::new(),
        env: BTreeMap::new(),
        ready: None,
        timeout_s: 0.0,
        stop_signal: StopSignal::Term,
        stop_timeout_s: STOP_TIMEOUT_S,
        reuse: false,
        folder: None,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn run(command: &str, patience: Duration) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let logs = folder.path().join("logs");
        build(command, folder.path(), &logs, patience, &Stop::default())
            .map(|()| std::fs::read_to_string(folder.path().join("made")).unwrap_or_default())
            .map_err(|error| error.to_string())
    }

    const LONG: Duration = Duration::from_secs(120);

    #[test]
    fn a_build_runs_in_its_folder() {
        assert_eq!(run("echo it > made", LONG).unwrap(), "it\n");
    }

    #[test]
    fn a_build_that_fails_is_told_with_its_last_words() {
        let error = run("echo 'error: no such file'; exit 3", LONG).unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no such file"), "{error}");
    }

    #[test]
    fn a_build_that_hangs_is_ended() {
        let error = run("sleep 1000", Duration::from_millis(10)).unwrap_err();
        assert!(error.contains("took longer than 0.01 s"), "{error}");
    }
}

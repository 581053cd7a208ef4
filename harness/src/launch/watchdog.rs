//! Ends a process group when we are gone, however we went.
//!
//! A shell waits at the other end of a pipe that only we hold. When we end, even by `kill -9`,
//! the system closes the pipe, and the shell ends the group.

use std::process::{Child, Command, Stdio};

/// Waits for the end of its input, asks the group to end, and kills what is left of it.
const SCRIPT: &str = "read -r _; kill -s TERM -- \"-$1\"; sleep \"$2\"; kill -s KILL -- \"-$1\"";

/// The watchdog of one process group.
#[derive(Debug)]
pub(super) struct Watchdog(Option<Child>);

impl Watchdog {
    /// Watches over `group`. Without a shell there is none, and only an orderly end of ours ends
    /// the group.
    pub(super) fn over(group: u32, patience_s: f64) -> Self {
        let mut shell = Command::new("/bin/sh");
        shell
            .args(["-c", SCRIPT, "tokgate-watchdog", &group.to_string()])
            .arg(format!("{:.0}", patience_s.ceil()))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // In a group of its own, so that Ctrl-C on the terminal does not end it with us.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut shell, 0);
        Self(shell.spawn().ok())
    }
}

impl Drop for Watchdog {
    /// The group has ended: nothing is left to watch, and its number may soon be another's.
    fn drop(&mut self) {
        if let Some(shell) = &mut self.0 {
            let _ = shell.kill();
            let _ = shell.wait();
        }
    }
}

//! A process that is held back until somebody watches over it: were we killed between its start
//! and its watchdog's, nobody would end it.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Waits for a line, then becomes the command. When we are gone before that line, it ends.
#[cfg(unix)]
const SCRIPT: &str = "read -r _ || exit 1; exec \"$@\" </dev/null";

/// A command that waits to be released.
pub(super) struct Held(Child);

impl Held {
    /// Starts `command` in a process group of its own, held back; what it writes goes to `output`.
    pub(super) fn spawn(command: &Command, output: File) -> io::Result<Self> {
        find(command)?;
        let mut held = held_back(command);
        held.stdin(Stdio::piped()).stdout(output.try_clone()?).stderr(output);
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut held, 0);
        held.spawn().map(Self)
    }

    /// The number of the group.
    pub(super) fn group(&self) -> u32 {
        self.0.id()
    }

    /// Lets the command run.
    pub(super) fn release(mut self) -> io::Result<Child> {
        if let Some(mut line) = self.0.stdin.take() {
            line.write_all(b"\n")?;
        }
        Ok(self.0)
    }
}

/// The same program, arguments and environment, behind a shell that waits.
#[cfg(unix)]
fn held_back(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", SCRIPT, "tokgate-launch"]).arg(command.get_program());
    with_environment(shell.args(command.get_args()), command);
    shell
}

/// The same program at once: there is no watchdog here to wait for.
#[cfg(not(unix))]
fn held_back(command: &Command) -> Command {
    let mut same = Command::new(command.get_program());
    with_environment(same.args(command.get_args()), command);
    same
}

fn with_environment(to: &mut Command, from: &Command) {
    for (name, value) in from.get_envs() {
        match value {
            Some(value) => to.env(name, value),
            None => to.env_remove(name),
        };
    }
}

/// Whether there is such a program: the shell would say so only once it is released.
fn find(command: &Command) -> io::Result<()> {
    let program = Path::new(command.get_program());
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = match program.components().count() {
        1 => std::env::split_paths(&path).any(|folder| {
            let file = folder.join(program);
            file.is_file() || file.with_extension("exe").is_file()
        }),
        _ => program.is_file(),
    };
    match is_there {
        true => Ok(()),
        false => Err(io::Error::new(ErrorKind::NotFound, "no such program")),
    }
}

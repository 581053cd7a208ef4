//! The program in a pseudo-terminal, and somebody who types.

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

/// How long a test waits for a word at all; a program that is alive takes a fraction.
const PATIENCE: Duration = Duration::from_secs(60);

/// A terminal in which a program runs; the program ends with it.
pub(crate) struct Terminal {
    child: Child,
    master: File,
    chunks: Receiver<Vec<u8>>,
    seen: Vec<u8>,
}

impl Terminal {
    /// Starts a program in a terminal of so many columns, as a person would who sits at it.
    pub(crate) fn start(mut command: Command, columns: u16) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).unwrap();
        let slave = || -> OwnedFd { ioctl_tiocgptpeer(&master, flags).unwrap() };
        command.stdin(slave()).stdout(slave()).stderr(slave());
        let child = command.spawn().unwrap();
        // Its copies of the terminal go with it, so that its end is the end of what can be read.
        drop(command);
        let master = File::from(master);
        let chunks = chunks(master.try_clone().unwrap());
        Self { child, master, chunks, seen: Vec::new() }
    }

    /// Types.
    pub(crate) fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until these words stand there.
    pub(crate) fn waits_for(&mut self, words: &str) {
        while !plain(&self.seen).contains(words) {
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(why) => panic!("no `{words}` ({why}) in:\n{}", plain(&self.seen)),
            }
        }
    }

    /// Reads to the end of the program; its code and all that stood there.
    pub(crate) fn ended(self) -> (Option<i32>, String) {
        let (code, seen) = self.read_to_the_end();
        (code, plain(&seen))
    }

    fn read_to_the_end(mut self) -> (Option<i32>, Vec<u8>) {
        loop {
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => self.seen.extend(chunk),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("no end of:\n{}", plain(&self.seen)),
            }
        }
        let code = self.child.wait().unwrap().code();
        (code, std::mem::take(&mut self.seen))
    }

    /// The same, with what moves the cursor and colours.
    pub(crate) fn ended_raw(self) -> (Option<i32>, String) {
        let (code, seen) = self.read_to_the_end();
        (code, String::from_utf8_lossy(&seen).into_owned())
    }

    /// Reads to the end; its code, all that stood there, and whether the terminal reads lines again.
    pub(crate) fn left(self) -> (Option<i32>, String, bool) {
        let master = self.master.try_clone().unwrap();
        let (code, told) = self.ended();
        (code, told, tcgetattr(&master).unwrap().local_modes.contains(LocalModes::ICANON))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What can be read of a terminal, as it comes; disconnected where nobody writes any more.
fn chunks(mut master: File) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A terminal that nobody has open is an error and no end of a file.
        while let Ok(read @ 1..) = master.read(&mut buffer) {
            if sender.send(buffer[..read].to_vec()).is_err() {
                break;
            }
        }
    });
    receiver
}

/// The text without what moves the cursor and colours.
pub(crate) fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut told = String::new();
    let mut rest = text.chars().filter(|c| *c != '\r').peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' if rest.next_if_eq(&'[').is_some() => {
                rest.by_ref().find(|c| ('@'..='~').contains(c));
            }
            c => told.push(c),
        }
    }
    told
}

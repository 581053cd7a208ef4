//! `tokgate serve` as it runs, and a client that sends exactly what it is told to.

use crate::faces::command;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

/// How long a test waits for bytes at all; a server that is alive takes a fraction.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server; it ends when it is dropped.
pub(crate) struct Served {
    child: Child,
    address: SocketAddr,
    // Kept open: a server whose stderr is closed could not say what is wrong.
    _stderr: BufReader<ChildStderr>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: u16,
    /// In lower case.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Served {
    /// Serves the results `r` of a folder, on any port.
    pub(crate) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let all = [&["serve", "--port", "0", "--results-dir", "r"], arguments].concat();
        let mut child = command(folder, &all).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next());
        let address = address.unwrap_or_else(|| panic!("{line}")).parse().unwrap();
        Self { child, address, _stderr: stderr }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    pub(crate) fn ended(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    pub(crate) fn connect(&self) -> TcpStream {
        let port = self.address.port();
        let socket = TcpStream::connect(("127.0.0.1", port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket
    }

    /// Asks with these lines after the first two.
    pub(crate) fn ask(&self, method: &str, path: &str, lines: &[&str]) -> Answer {
        let host = format!("host: {}", self.address);
        let lines = [&[host.as_str(), "connection: close"], lines].concat();
        self.send(&format!("{method} {path} HTTP/1.1\r\n{}\r\n\r\n", lines.join("\r\n")))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[])
    }

    /// The object at a path, which is there.
    pub(crate) fn object(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.code, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Sends these bytes and reads to the end of the connection.
    pub(crate) fn send(&self, request: &str) -> Answer {
        let mut socket = self.connect();
        // A server may refuse before it has read everything.
        let _ = socket.write_all(request.as_bytes());
        let mut bytes = Vec::new();
        // What it sent before it closed on unread bytes counts.
        let _ = socket.read_to_end(&mut bytes);
        Answer::of(&bytes)
    }
}

impl Answer {
    fn of(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Self { code, head: head.to_lowercase(), body: body.to_owned() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{self:?}"))
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

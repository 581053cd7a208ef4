//! A client that keeps every byte of a reply, breaks and all.

use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use tokgate::mock::Server;

/// How long a test waits for bytes at all; a server that is alive takes a fraction.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long it takes to believe that a hanging server says nothing more.
const BRIEFLY: Duration = Duration::from_millis(300);

/// A reply that is being read.
pub(crate) struct Raw {
    socket: TcpStream,
    raw: Vec<u8>,
}

/// What was sent, as far as it came.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Everything.
    pub(crate) raw: Vec<u8>,
    /// The head as text, in lower case.
    pub(crate) head: String,
    /// The body without its framing.
    pub(crate) body: Vec<u8>,
    /// Whether the connection ended with a reset.
    pub(crate) was_reset: bool,
    /// Whether the connection did not end.
    pub(crate) is_open: bool,
}

impl Raw {
    /// Sends a request and reads the reply to the end of the connection.
    pub(crate) fn request(server: &Server, method: &str, path: &str, body: &[u8]) -> Sent {
        Self::send(server, &[request(method, path, body, "close")]).finish()
    }

    pub(crate) fn get(server: &Server, path: &str) -> Sent {
        Self::request(server, "GET", path, b"")
    }

    pub(crate) fn post(server: &Server, path: &str, body: &Value) -> Sent {
        Self::request(server, "POST", path, body.to_string().as_bytes())
    }

    /// The same, for a reply that does not end.
    pub(crate) fn waiting_briefly(server: &Server, path: &str, body: &Value) -> Sent {
        let reply = Self::begin(server, path, body);
        reply.socket.set_read_timeout(Some(BRIEFLY)).unwrap();
        reply.finish()
    }

    /// Sends a request and reads nothing yet.
    pub(crate) fn begin(server: &Server, path: &str, body: &Value) -> Self {
        Self::send(server, &[request("POST", path, body.to_string().as_bytes(), "close")])
    }

    /// All bytes of the replies to two requests that are sent at once on one connection.
    pub(crate) fn twice(server: &Server, path: &str, body: &Value) -> Vec<u8> {
        let body = body.to_string();
        let request = |then| request("POST", path, body.as_bytes(), then);
        Self::send(server, &[request("keep-alive"), request("close")]).finish().raw
    }

    fn send(server: &Server, requests: &[Vec<u8>]) -> Self {
        let mut socket = TcpStream::connect(server.address()).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(&requests.concat()).unwrap();
        Self { socket, raw: Vec::new() }
    }

    /// Reads until something came.
    pub(crate) fn read_some(&mut self) {
        let mut some = [0; 4096];
        let read = self.socket.read(&mut some).unwrap();
        self.raw.extend_from_slice(&some[..read]);
    }

    /// Reads to the end.
    pub(crate) fn finish(mut self) -> Sent {
        let end = self.socket.read_to_end(&mut self.raw).map_err(|error| error.kind()).err();
        let head_end = self.raw.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = self.raw.split_at(head_end.map_or(self.raw.len(), |end| end + 4));
        let head = String::from_utf8_lossy(head).to_lowercase();
        let body = match head.contains("transfer-encoding: chunked") {
            true => unchunked(body),
            false => body.to_vec(),
        };
        Sent {
            head,
            body,
            was_reset: end == Some(ErrorKind::ConnectionReset),
            is_open: matches!(end, Some(ErrorKind::WouldBlock | ErrorKind::TimedOut)),
            raw: self.raw,
        }
    }
}

fn request(method: &str, path: &str, body: &[u8], connection: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: mock\r\nconnection: {connection}\r\n\
         content-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The chunks as far as they are whole and well-formed.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).unwrap_or(0);
        let chunk = rest.get(end + 2..end + 2 + size).filter(|chunk| !chunk.is_empty());
        let Some(chunk) = chunk else { break };
        body.extend_from_slice(chunk);
        rest = rest.get(end + 4 + size..).unwrap_or_default();
    }
    body
}

impl Sent {
    pub(crate) fn code(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("{}", self.text()))
    }

    /// The events of a stream, but for the one that ends it.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data = text.split("\n\n").filter_map(|event| event.strip_prefix("data: "));
        data.filter(|data| *data != "[DONE]").map(|it| serde_json::from_str(it).unwrap()).collect()
    }

    /// The lines of a stream.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

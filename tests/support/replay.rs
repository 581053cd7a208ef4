//! A server that plays recorded replies, piece by piece, over a real socket on 127.0.0.1.
//!
//! It knows as much HTTP as that takes. What it is asked it keeps, so that a test can look.
//! Every connection ends after [`LIFETIME`], whatever a test forgets.
#![allow(dead_code)] // each package that includes this file uses a part of it

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(60);

/// One step of a reply.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// These bytes in one write.
    Send(Vec<u8>),
    /// A pause; for benchmarks, never for tests.
    Wait(Duration),
    /// Keep the socket open and say nothing more.
    Hold,
    /// Close the socket in order.
    Close,
    /// Close the socket with a reset.
    Reset,
}

/// A whole reply.
#[derive(Debug, Clone)]
pub(crate) struct Script(pub(crate) Vec<Step>);

/// One request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    /// The header lines, in lower case.
    pub(crate) head: String,
    /// The body.
    pub(crate) body: String,
}

/// What the server has seen.
#[derive(Debug, Default)]
struct Seen {
    connections: usize,
    asked: Vec<Asked>,
}

/// The server; it ends with the runtime that it was started on.
#[derive(Debug, Clone)]
pub(crate) struct Replay {
    address: SocketAddr,
    routes: Arc<HashMap<String, Script>>,
    seen: Arc<Mutex<Seen>>,
}

/// A recorded reply by its file name.
pub(crate) fn recorded(name: &str) -> Vec<u8> {
    let mut folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let file = folders
        .find_map(|folder| Some(folder.join("tests/recorded").join(name)).filter(|it| it.exists()))
        .unwrap_or_else(|| panic!("no recorded reply is called {name}"));
    std::fs::read(file).unwrap()
}

impl Script {
    /// A reply with a status, a content type and a body of known length.
    pub(crate) fn plain(status: &str, content_type: &str, body: &[u8]) -> Self {
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        Self(vec![Step::Send([head.as_bytes(), body].concat())])
    }

    /// A JSON reply.
    pub(crate) fn json(body: &[u8]) -> Self {
        Self::plain("200 OK", "application/json", body)
    }

    /// A stream of events, each of `pieces` in an HTTP chunk and a write of its own, and whole.
    pub(crate) fn stream<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::begun(pieces).then(Step::Send(b"0\r\n\r\n".to_vec()))
    }

    /// Lines of JSON, each of `pieces` in an HTTP chunk and a write of its own, and whole.
    pub(crate) fn lines<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::chunks("application/x-ndjson", pieces).then(Step::Send(b"0\r\n\r\n".to_vec()))
    }

    /// The same without its last, empty chunk: what comes [`Script::then`] ends it.
    pub(crate) fn begun<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self::chunks("text/event-stream; charset=utf-8", pieces)
    }

    fn chunks<'a>(content_type: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\n\
             transfer-encoding: chunked\r\n\r\n"
        );
        let chunk = |piece: &[u8]| {
            let size = format!("{:x}\r\n", piece.len());
            Step::Send([size.as_bytes(), piece, b"\r\n"].concat())
        };
        let head = Step::Send(head.into_bytes());
        Self(std::iter::once(head).chain(pieces.into_iter().map(chunk)).collect())
    }

    /// These bytes as they are, head included, and the end of the connection.
    pub(crate) fn raw(bytes: &[u8]) -> Self {
        Self(vec![Step::Send(bytes.to_vec()), Step::Close])
    }

    /// One more step.
    pub(crate) fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    /// The same with a pause before each write but the first.
    pub(crate) fn paced(self, gap: Duration) -> Self {
        let paced = |(i, step)| if i == 0 { vec![step] } else { vec![Step::Wait(gap), step] };
        Self(self.0.into_iter().enumerate().flat_map(paced).collect())
    }
}

/// A recorded stream cut after each event.
pub(crate) fn events(stream: &[u8]) -> Vec<&[u8]> {
    let mut events = Vec::new();
    let mut rest = stream;
    while let Some(end) = rest.windows(2).position(|two| two == b"\n\n") {
        let (event, after) = rest.split_at(end + 2);
        events.push(event);
        rest = after;
    }
    events
}

impl Replay {
    /// Starts a server that plays the script of each path; any other path is a 404.
    pub(crate) async fn start(routes: impl IntoIterator<Item = (&str, Script)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            routes: Arc::new(routes.into_iter().map(|(path, it)| (path.to_owned(), it)).collect()),
            seen: Arc::default(),
        };
        tokio::spawn(server.clone().listen(listener));
        server
    }

    /// The base URL of its API.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Everything it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.seen.lock().unwrap().asked.clone()
    }

    /// How many connections were made so far.
    pub(crate) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    async fn listen(self, listener: TcpListener) {
        while let Ok((socket, _)) = listener.accept().await {
            self.seen.lock().unwrap().connections += 1;
            tokio::spawn(tokio::time::timeout(LIFETIME, self.clone().serve(socket)));
        }
    }

    async fn serve(self, mut socket: TcpStream) {
        socket.set_nodelay(true).unwrap();
        while let Some(asked) = ask(&mut socket).await {
            let path = asked.line.split(' ').nth(1).unwrap_or_default().to_owned();
            self.seen.lock().unwrap().asked.push(asked);
            let not_found = || Script::plain("404 Not Found", "application/json", b"{}");
            let script = self.routes.get(&path).cloned().unwrap_or_else(not_found);
            if play(script, &mut socket).await.is_none() {
                return;
            }
        }
    }
}

/// Reads one request; `None` at the end of the connection.
async fn ask(socket: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if bytes.first() == Some(&0x16) {
            // A TLS greeting: real servers answer it in plain HTTP, too.
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            return None;
        }
        (socket.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let (line, head) = head.split_once("\r\n").unwrap();
    let head = head.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    while bytes.len() < head_end + length {
        (socket.read_buf(&mut bytes).await.ok()? > 0).then_some(())?;
    }
    let body = String::from_utf8_lossy(&bytes[head_end..]).into_owned();
    Some(Asked { line: line.to_owned(), head, body })
}

/// Plays a reply; `None` where it ended the connection.
async fn play(script: Script, socket: &mut TcpStream) -> Option<()> {
    for step in script.0 {
        match step {
            Step::Send(bytes) => socket.write_all(&bytes).await.ok()?,
            Step::Wait(gap) => tokio::time::sleep(gap).await,
            Step::Hold => std::future::pending().await,
            Step::Close => return None,
            Step::Reset => {
                socket.set_zero_linger().unwrap();
                return None;
            }
        }
    }
    Some(())
}

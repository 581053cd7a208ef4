//! A server that does nothing: every question has the same answer, made beforehand. It is as fast
//! as a socket, so that what is slow is the client.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// Events of one answer with text of one token each.
const TOKENS: u64 = 256;
/// Events of one answer: its role, its tokens, its end and its usage.
#[cfg(test)]
pub(super) const EVENTS: u64 = TOKENS + 3;
/// Longest head and body of a question; ours have some hundred bytes.
const LONGEST: usize = 1 << 16;
/// A server that is asked nothing for this long has been forgotten.
const LIFETIME: Duration = Duration::from_secs(60);

const MODELS: &[u8] =
    br#"{"object":"list","data":[{"id":"null","object":"model","owned_by":"tokgate"}]}"#;

/// How the events of an answer are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// All in one write: a read brings many, and each costs little but its parsing.
    AtOnce,
    /// Each in a write of its own, the answers taking turns, as a model's steps do.
    OneByOne,
}

/// A server on a thread of its own, which ends when this is dropped.
#[derive(Debug)]
pub(super) struct NullServer {
    address: SocketAddr,
    _end: oneshot::Sender<()>,
}

impl NullServer {
    pub(super) fn start(delivery: Delivery) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (_end, ended) = oneshot::channel();
        let (began, outcome) = channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            match runtime {
                Ok(runtime) => {
                    drop(began.send(Ok(())));
                    runtime.block_on(serve(listener, delivery, ended));
                }
                Err(error) => drop(began.send(Err(error))),
            }
        });
        let died = || io::Error::other("its thread ended before it began");
        outcome.recv().map_err(|_| died())??;
        Ok(Self { address, _end })
    }

    /// Where its API is.
    pub(super) fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Answers until nobody holds the server any more.
async fn serve(
    listener: std::net::TcpListener,
    delivery: Delivery,
    mut ended: oneshot::Receiver<()>,
) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let chunks: Arc<[Vec<u8>]> = match delivery {
        Delivery::AtOnce => [answer().concat()].into(),
        Delivery::OneByOne => answer().into(),
    };
    loop {
        let accepted = tokio::select! {
            _ = &mut ended => return,
            accepted = listener.accept() => accepted,
        };
        if let Ok((socket, _)) = accepted {
            tokio::spawn(tokio::time::timeout(LIFETIME, converse(socket, Arc::clone(&chunks))));
        }
    }
}

/// Answers the questions of one connection; any error of the socket is the end of it.
async fn converse(mut socket: TcpStream, chunks: Arc<[Vec<u8>]>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    let mut bytes = Vec::new();
    while let Some(question) = ask(&mut socket, &mut bytes).await? {
        match question {
            Question::Chat => {
                for chunk in &*chunks {
                    socket.write_all(chunk).await?;
                    // Everybody else's turn.
                    tokio::task::yield_now().await;
                }
            }
            Question::Models => socket.write_all(&plain("200 OK", MODELS)).await?,
            Question::Other => socket.write_all(&plain("404 Not Found", b"{}")).await?,
        }
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
enum Question {
    Chat,
    Models,
    Other,
}

/// Reads one question; `None` at the end of the connection, or where it is none of ours.
async fn ask(socket: &mut TcpStream, bytes: &mut Vec<u8>) -> io::Result<Option<Question>> {
    loop {
        if let Some((question, length)) = whole(bytes) {
            bytes.drain(..length);
            return Ok(Some(question));
        }
        if bytes.len() > LONGEST || socket.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

/// The question at the beginning of `bytes`, and its length with its body, once all of it is there.
fn whole(bytes: &[u8]) -> Option<(Question, usize)> {
    let end = memchr::memmem::find(bytes, b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&bytes[..end]).unwrap_or_default();
    let field = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    };
    let body: usize = head.lines().find_map(field).unwrap_or(0);
    let question = match head.lines().next().unwrap_or_default() {
        line if line.starts_with("POST /v1/chat/completions ") => Question::Chat,
        line if line.starts_with("GET /v1/models ") => Question::Models,
        _ => Question::Other,
    };
    let length = end.checked_add(body)?;
    (bytes.len() >= length).then_some((question, length))
}

fn plain(status: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The answer, an event a piece; the head is with the first, the end with the last.
fn answer() -> Vec<Vec<u8>> {
    let role = r#"{"index":0,"delta":{"role":"assistant"},"finish_reason":null}"#;
    let token = r#"{"index":0,"delta":{"content":" word"},"finish_reason":null}"#;
    let end = r#"{"index":0,"delta":{},"finish_reason":"length"}"#;
    let mut events = vec![event(role, "null")];
    events.extend((0..TOKENS).map(|_| event(token, "null")));
    events.push(event(end, "null"));
    let usage = format!(
        r#"{{"prompt_tokens":8,"completion_tokens":{TOKENS},"total_tokens":{}}}"#,
        TOKENS + 8
    );
    events.push(event("", &usage));
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                 transfer-encoding: chunked\r\n\r\n";
    events[0].splice(0..0, head.iter().copied());
    let last = events.last_mut().expect("there are events");
    last.extend(chunk("data: [DONE]\n\n"));
    last.extend(b"0\r\n\r\n");
    events
}

/// A chunk of HTTP with one event as vLLM writes it.
fn event(choice: &str, usage: &str) -> Vec<u8> {
    chunk(&format!(
        "data: {{\"id\":\"chatcmpl-null\",\"object\":\"chat.completion.chunk\",\"created\":1,\
         \"model\":\"null\",\"choices\":[{choice}],\"usage\":{usage}}}\n\n"
    ))
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_whole_when_its_body_is() {
        let question = b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}GET";
        assert_eq!(whole(question), Some((Question::Chat, question.len() - 3)));
        assert_eq!(whole(&question[..question.len() - 4]), None);
        assert_eq!(whole(b"GET /v1/models HTTP/1.1\r\n\r\n"), Some((Question::Models, 27)));
        assert_eq!(whole(b"GET /metrics HTTP/1.1\r\n\r\n").unwrap().0, Question::Other);
        assert_eq!(whole(b"GET /v1/models HTTP/1.1\r\n"), None);
    }

    #[test]
    fn an_answer_has_as_many_events_as_are_counted() {
        let pieces = answer();
        assert_eq!(pieces.len() as u64, EVENTS);
        let text = String::from_utf8(pieces.concat()).unwrap();
        assert_eq!(text.matches("data: {").count() as u64, EVENTS);
        assert!(text.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n"));
    }
}

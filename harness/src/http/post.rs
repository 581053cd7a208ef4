//! Messages to somebody who is no target: a webhook that gets a document, a server that keeps results.
//!
//! A secret goes in the clear to this machine alone. No redirect is followed, and nothing is sent twice.

use super::address::is_loopback;
use super::client::{question_client, read_start, tls};
use super::failure::failure_of_question;
use super::secret::Secret;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Body, Client, Method, Request, Url};
use std::fmt;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Bytes of an answer that are read: a status, or why not.
const ANSWER: usize = 64 << 10;

/// Who gets messages.
pub struct Messenger {
    // Gone after each message has its answer, and never where it would wait for a name that is looked up.
    runtime: Option<Runtime>,
    client: Client,
    address: Url,
    token: Option<Secret>,
    deadline: Duration,
}

/// What is done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// It is one thing more.
    Post,
    /// It stands where it is put, however often that is done.
    Put,
}

/// A message.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// What is done with it.
    pub verb: Verb,
    /// Behind the address: a path with its query; may be empty.
    pub below: &'a str,
    /// Its media type.
    pub media: &'static str,
    /// Its text.
    pub body: Vec<u8>,
}

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The beginning of the text.
    pub body: Vec<u8>,
}

impl Messenger {
    /// Who is at `address`, and is shown the `token`, where there is one. Nothing is sent yet; each message
    /// will have `deadline` to be taken and answered.
    ///
    /// # Errors
    /// In words that do not hold the address, when it is none, or a secret would go in the clear.
    pub fn new(address: &str, token: Option<&str>, deadline: Duration) -> Result<Self, String> {
        let address: Url = address.trim().parse().map_err(|_| "it is no address".to_owned())?;
        match address.scheme() {
            "https" => {}
            "http" if is_loopback(&address) => {}
            "http" => {
                return Err("http:// would send its secret in the clear; use https://".to_owned());
            }
            _ => return Err("its address is neither http:// nor https://".to_owned()),
        }
        let unsendable = || "the token has characters that no token has; copy it again".to_owned();
        let secret = |token| Secret::new(token).ok_or_else(unsendable);
        let token = token.map(secret).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| error.to_string())?;
        let tls = tls(&address).map_err(|failure| failure.to_string())?;
        let client = question_client(tls, deadline, None).map_err(|failure| failure.to_string())?;
        Ok(Self { runtime: Some(runtime), client, address, token, deadline })
    }

    /// Sends a message and waits for its answer, `deadline` at most.
    ///
    /// # Errors
    /// In words without address and token, when there is no answer.
    pub fn send(&self, message: Message<'_>) -> Result<Answer, String> {
        let runtime = self.runtime.as_ref().expect("it is taken only when this goes");
        let request = self.request(message)?;
        let sending =
            async { tokio::time::timeout(self.deadline, exchange(&self.client, request)).await };
        let answer = runtime.block_on(sending);
        let answer = answer.unwrap_or_else(|_| {
            Err(format!("no answer within {} s", self.deadline.as_secs_f64()))
        })?;
        Ok(Answer { body: self.scrubbed(answer.body), ..answer })
    }

    fn request(&self, message: Message<'_>) -> Result<Request, String> {
        let Message { verb, below, media, body } = message;
        let method = match verb {
            Verb::Post => Method::POST,
            Verb::Put => Method::PUT,
        };
        let address = match below {
            "" => self.address.clone(),
            below => below_base(&self.address, below)?,
        };
        let mut request = Request::new(method, address);
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, media.parse().map_err(|_| "no media type".to_owned())?);
        if let Some(token) = &self.token {
            headers.insert(AUTHORIZATION, token.header());
        }
        *request.body_mut() = Some(Body::from(body));
        Ok(request)
    }

    /// What was answered without our token, which whoever answers may quote.
    fn scrubbed(&self, body: Vec<u8>) -> Vec<u8> {
        match &self.token {
            Some(token) => token.scrub(String::from_utf8_lossy(&body).into_owned()).into_bytes(),
            None => body,
        }
    }
}

/// An address below another, which may have a path of its own.
fn below_base(base: &Url, below: &str) -> Result<Url, String> {
    let joined = format!("{}{below}", base.as_str().trim_end_matches('/'));
    joined.parse().map_err(|_| "it is no address".to_owned())
}

impl Drop for Messenger {
    fn drop(&mut self) {
        // A name that is still looked up must not hold us up.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Messenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Messenger")
    }
}

async fn exchange(client: &Client, request: Request) -> Result<Answer, String> {
    let told = |error| failure_of_question(error).to_string();
    let answer = client.execute(request).await.map_err(told)?;
    let status = answer.status().as_u16();
    let mut body = reqwest::Body::from(answer);
    let body = read_start(&mut body, ANSWER).await.map_err(|failure| failure.to_string())?;
    Ok(Answer { status, body })
}

/// Posts a JSON document to `address` and waits for its status, `deadline` at most.
///
/// # Errors
/// In words that do not hold the address, when it is none, or does not take the document.
pub fn post_json(address: &str, document: String, deadline: Duration) -> Result<(), String> {
    let body = document.into_bytes();
    let message = Message { verb: Verb::Post, below: "", media: "application/json", body };
    match Messenger::new(address, None, deadline)?.send(message)?.status {
        200..300 => Ok(()),
        status => Err(format!("status {status}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::mpsc::{Receiver, channel};

    /// Long enough for a loaded machine.
    const LONG: Duration = Duration::from_secs(120);

    /// Answers every request with `answer` and passes on its first line and its body.
    fn server(answer: &'static str) -> (String, Receiver<(String, String)>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/hook?token=secret", listener.local_addr().unwrap());
        let (asked, heard) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let head: Vec<String> = reader
                    .by_ref()
                    .lines()
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty())
                    .collect();
                let length = head.iter().find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok()
                });
                let mut body = vec![0; length.unwrap_or(0)];
                reader.read_exact(&mut body).unwrap();
                asked.send((head[0].clone(), String::from_utf8(body).unwrap())).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        (address, heard)
    }

    #[test]
    fn a_document_is_posted_once() {
        let answer = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
        let (address, heard) = server(answer);
        assert_eq!(post_json(&address, "{\"a\":1}".to_owned(), LONG), Ok(()));
        let (line, body) = heard.recv().unwrap();
        assert_eq!(line, "POST /hook?token=secret HTTP/1.1");
        assert_eq!(body, "{\"a\":1}");
        assert!(heard.try_recv().is_err(), "posted twice");
    }

    #[test]
    fn what_does_not_take_it_is_told_without_its_address_and_asked_no_second_time() {
        for (answer, says) in [
            ("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "status 500"),
            (
                "HTTP/1.1 307 There\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                "status 307",
            ),
        ] {
            let (address, heard) = server(answer);
            let error = post_json(&address, "{}".to_owned(), LONG).unwrap_err();
            assert!(error.contains(says) && !error.contains("secret"), "{error}");
            heard.recv().unwrap();
            assert!(heard.try_recv().is_err(), "posted twice");
        }
    }

    #[test]
    fn a_server_that_does_not_answer_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/secret", listener.local_addr().unwrap());
        let error = post_json(&address, "{}".to_owned(), Duration::from_millis(200)).unwrap_err();
        assert!(error.contains("no answer within 0.2 s"), "{error}");
    }

    #[test]
    fn a_secret_address_is_not_sent_in_the_clear() {
        for (address, says) in [
            ("http://hooks.example.com/secret", "https://"),
            ("secret", "no address"),
            ("ftp://127.0.0.1/secret", "neither"),
        ] {
            let error = post_json(address, String::new(), LONG).unwrap_err();
            assert!(error.contains(says) && !error.contains("secret/"), "{error}");
        }
    }
}

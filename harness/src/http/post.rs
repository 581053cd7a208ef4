//! One message to somebody who is no target: a JSON document, posted once.

use super::address::is_loopback;
use super::client::{question_client, tls};
use super::failure::failure_of_question;
use reqwest::Url;
use reqwest::header::CONTENT_TYPE;
use std::time::Duration;

/// Posts a JSON document to `address` and waits for its status, `deadline` at most. No redirect is
/// followed and nothing is sent twice. Plain http goes to this machine alone: an address that takes
/// messages is a secret.
///
/// # Errors
/// In words that do not hold the address, when it is none, or does not take the document.
pub fn post_json(address: &str, document: String, deadline: Duration) -> Result<(), String> {
    let url: Url = address.trim().parse().map_err(|_| "it is no address".to_owned())?;
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => return Err("http:// would send its secret in the clear; use https://".to_owned()),
        _ => return Err("its address is neither http:// nor https://".to_owned()),
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let posting = async { tokio::time::timeout(deadline, post(url, document, deadline)).await };
    let answer = runtime.block_on(posting);
    // A name that is still looked up must not hold us up.
    runtime.shutdown_background();
    answer.unwrap_or_else(|_| Err(format!("no answer within {} s", deadline.as_secs_f64())))
}

async fn post(url: Url, document: String, deadline: Duration) -> Result<(), String> {
    let tls = tls(&url).map_err(|failure| failure.to_string())?;
    let client = question_client(tls, deadline, None).map_err(|failure| failure.to_string())?;
    let request = client.post(url).header(CONTENT_TYPE, "application/json").body(document);
    let answer = request.send().await.map_err(|error| failure_of_question(error).to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(()),
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

//! Questions that are asked before anything is measured, and advice where they are not answered.

use super::address::Address;
use super::client;
use super::deadlines::within;
use super::failure::failure_of_question;
use super::patience;
use super::refusal::refused;
use crate::driver::OpenError;
use crate::wire::piece::Dialect;
use reqwest::header::SERVER;
use reqwest::{RequestBuilder, Response, StatusCode};
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};

/// How long a server may take to say who it is.
const WAIT: Duration = Duration::from_secs(10);
/// Longest answer: hosted services list hundreds of models in some hundred kilobytes.
const ANSWER_BYTES: usize = 8 << 20;

/// How many models an error names before it only counts.
const NAMED: usize = 12;

/// An answer to a question.
pub(crate) struct Fetched {
    /// The `Server` header.
    pub(crate) server: String,
    /// The HTTP version that was spoken, and over which IP: `HTTP/1.1 over IPv4`.
    pub(crate) transport: String,
    /// The body.
    pub(crate) body: String,
}

/// Why a question was not answered.
pub(crate) struct Unanswered {
    /// What happened.
    pub(crate) failure: Failure,
    /// The status, where there was one.
    pub(crate) status: Option<StatusCode>,
}

impl From<Failure> for Unanswered {
    fn from(failure: Failure) -> Self {
        Self { failure, status: None }
    }
}

/// Asks and reads the whole answer.
pub(crate) async fn fetch(
    question: RequestBuilder,
    address: &Address,
) -> Result<Fetched, Unanswered> {
    let response = ask(question).await?;
    let transport = transport(&response);
    let mut response = hyper::Response::from(response);
    let status = response.status();
    if status != StatusCode::OK {
        let failure = tokio::time::timeout(WAIT, refused(&mut response, address)).await;
        let failure =
            failure.unwrap_or_else(|_| Failure::new(FailureClass::Status, status.to_string()));
        return Err(Unanswered { failure, status: Some(status) });
    }
    let read = client::read_start(response.body_mut(), ANSWER_BYTES);
    let body = within(WAIT, FailureClass::TimeoutGap, read).await?;
    if body.len() > ANSWER_BYTES {
        let message = format!("the answer is longer than {ANSWER_BYTES} bytes");
        return Err(Failure::new(FailureClass::TooLarge, message).into());
    }
    let server = response.headers().get(SERVER).map(|it| it.as_bytes()).unwrap_or_default();
    Ok(Fetched {
        server: String::from_utf8_lossy(server).into_owned(),
        transport,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn transport(response: &Response) -> String {
    let version = response.version();
    match response.remote_addr() {
        Some(address) if address.is_ipv6() => format!("{version:?} over IPv6"),
        Some(_) => format!("{version:?} over IPv4"),
        None => format!("{version:?}"),
    }
}

/// Asks; once more where a busy server says how long to wait. Nothing is measured here yet.
async fn ask(question: RequestBuilder) -> Result<Response, Failure> {
    let again = question.try_clone();
    let response = send(question).await?;
    match (patience::asked_for(&response), again) {
        (Some(wait), Some(again)) => {
            tracing::warn!("the server is busy: asking again in {} s", wait.as_secs());
            tokio::time::sleep(wait).await;
            send(again).await
        }
        (Some(_), None) | (None, _) => Ok(response),
    }
}

async fn send(question: RequestBuilder) -> Result<Response, Failure> {
    let send = async { question.send().await.map_err(failure_of_question) };
    within(WAIT, FailureClass::TimeoutHead, send).await
}

impl Unanswered {
    /// The error for someone who wants to measure `address`, with one line of advice.
    pub(crate) fn advise(self, address: &Address) -> OpenError {
        let advice = match self.status {
            Some(status) => advice_on_status(status, address),
            None => advice_on_class(self.failure.class, address),
        };
        OpenError::Unreachable { failure: self.failure, advice }
    }
}

/// The error for a model that the server at `address` does not list.
pub(crate) fn not_listed<'a>(
    name: &str,
    listed: impl ExactSizeIterator<Item = &'a str>,
    address: &Address,
) -> OpenError {
    let more = match listed.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names: Vec<String> = listed.take(NAMED).map(|name| address.quote(name)).collect();
    let base = address.base();
    OpenError::Invalid(match address.dialect {
        Dialect::OpenAi => {
            format!("{base} has no model `{name}`; it has {}{more}", names.join(", "))
        }
        Dialect::Ollama => format!(
            "{base} has no model `{name}`; `ollama pull {name}` fetches it; it has {}{more}",
            names.join(", ")
        ),
    })
}

fn advice_on_status(status: StatusCode, address: &Address) -> String {
    let base = address.base();
    match status.as_u16() {
        401 | 403 => "name the environment variable that holds the key: `api_key_env`".to_owned(),
        404 if address.dialect == Dialect::Ollama => format!("is {base} an Ollama server?"),
        404 => format!("is `/v1` missing from the base URL {base}? without a list, name `--model`"),
        429 | 503 => {
            "the server is busy or still loading its model; wait, then try again".to_owned()
        }
        300..=399 => "give the address that it redirects to as the base URL".to_owned(),
        _ => format!("see the log of the server at {base}"),
    }
}

fn advice_on_class(class: FailureClass, address: &Address) -> String {
    let base = address.base();
    let port = base.port_or_known_default().unwrap_or_default();
    match class {
        FailureClass::Dns => format!("check the host name in {base}"),
        FailureClass::Connect => {
            let how = match address.dialect {
                Dialect::OpenAi => "such as `vllm serve MODEL`",
                Dialect::Ollama => "`ollama serve`",
            };
            format!("is the server started ({how}), and is {port} its port?")
        }
        FailureClass::Tls => format!(
            "does port {port} speak TLS (else use http://), and does this machine trust its certificate?"
        ),
        FailureClass::TimeoutConnect => {
            format!("does the host in {base} exist, and does a firewall let port {port} through?")
        }
        FailureClass::TimeoutHead | FailureClass::TimeoutGap => {
            "the server accepts connections and does not answer; is it still loading its model?"
                .to_owned()
        }
        FailureClass::Malformed | FailureClass::ContentType | FailureClass::TooLarge => {
            let what = match address.dialect {
                Dialect::OpenAi => "an OpenAI-compatible server, its base URL ending in /v1",
                Dialect::Ollama => "an Ollama server, its base URL without a path",
            };
            format!("is this {what}, and http or https right in {base}?")
        }
        FailureClass::ClientLimit => "raise `ulimit -n`, or close other connections".to_owned(),
        FailureClass::TimeoutFirstToken
        | FailureClass::TimeoutTotal
        | FailureClass::Status
        | FailureClass::StreamError
        | FailureClass::Truncated
        | FailureClass::TargetOom
        | FailureClass::Engine => class.advice().unwrap_or("see the server's log").to_owned(),
    }
}

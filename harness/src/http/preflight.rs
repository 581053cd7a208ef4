//! Questions that are asked before anything is measured, and advice where they are not answered.

use super::address::Address;
use super::client;
use super::deadlines::within;
use super::refusal::refused;
use crate::driver::OpenError;
use reqwest::header::SERVER;
use reqwest::{RequestBuilder, StatusCode, Version};
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};

/// How long a server may take to say who it is.
const WAIT: Duration = Duration::from_secs(10);
/// Longest answer: hosted services list hundreds of models in some hundred kilobytes.
const ANSWER_BYTES: usize = 8 << 20;

/// An answer to a question.
pub(crate) struct Fetched {
    /// The `Server` header.
    pub(crate) server: String,
    /// The HTTP version that was spoken.
    pub(crate) version: Version,
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
    let send = async { question.send().await.map_err(client::failure) };
    let mut response = within(WAIT, FailureClass::TimeoutHead, send).await?;
    let status = response.status();
    if status != StatusCode::OK {
        let failure = tokio::time::timeout(WAIT, refused(response, address)).await;
        let failure =
            failure.unwrap_or_else(|_| Failure::new(FailureClass::Status, status.to_string()));
        return Err(Unanswered { failure, status: Some(status) });
    }
    let read = client::read_start(&mut response, ANSWER_BYTES);
    let body = within(WAIT, FailureClass::TimeoutGap, read).await?;
    if body.len() > ANSWER_BYTES {
        let message = format!("the answer is longer than {ANSWER_BYTES} bytes");
        return Err(Failure::new(FailureClass::TooLarge, message).into());
    }
    let server = response.headers().get(SERVER).map(|it| it.as_bytes()).unwrap_or_default();
    Ok(Fetched {
        server: String::from_utf8_lossy(server).into_owned(),
        version: response.version(),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
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

fn advice_on_status(status: StatusCode, address: &Address) -> String {
    let base = address.base();
    match status.as_u16() {
        401 | 403 => "name the environment variable that holds the key: `api_key_env`".to_owned(),
        404 => format!("is `/v1` missing from the base URL {base}? without a list, name `--model`"),
        429 | 503 => {
            "the server is busy or still loading its model; wait, then try again".to_owned()
        }
        300..=399 => "give the address that it redirects to as the base URL".to_owned(),
        _ => format!("see the server's log; {base}/models should list its models"),
    }
}

fn advice_on_class(class: FailureClass, address: &Address) -> String {
    let base = address.base();
    let port = base.port_or_known_default().unwrap_or_default();
    match class {
        FailureClass::Dns => format!("check the host name in {base}"),
        FailureClass::Connect => format!("is the server started, and is {port} its port?"),
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
        FailureClass::Malformed | FailureClass::ContentType | FailureClass::TooLarge => format!(
            "is this an OpenAI-compatible server, its base URL ending in /v1, and http or https right in {base}?"
        ),
        FailureClass::ClientLimit => "raise `ulimit -n`, or close other connections".to_owned(),
        FailureClass::TimeoutFirstToken
        | FailureClass::TimeoutTotal
        | FailureClass::Status
        | FailureClass::StreamError
        | FailureClass::Truncated
        | FailureClass::TargetOom
        | FailureClass::Engine => "see the server's log".to_owned(),
    }
}

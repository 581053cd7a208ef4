//! Replies that are not the stream that was asked for, turned into failures that say why.

use super::address::Address;
use super::client;
use super::exchange::Framing;
use crate::wire::openai::error_message;
use bytes::Bytes;
use hyper::body::Body;
use hyper::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderName, LOCATION};
use hyper::{Response, StatusCode};
use std::error::Error;
use tokgate_core::failure::{Failure, FailureClass};

/// How much of a refused reply is read; what is quoted from it is much shorter.
const READ_BYTES: usize = 64 << 10;
/// How much of a reply that is no stream is quoted.
const QUOTED_CHARS: usize = 200;

/// Whether a response is framed as was asked.
///
/// # Errors
/// When it is not; the failure quotes what came instead.
pub(super) async fn accept<B>(
    response: &mut Response<B>,
    framing: Framing,
    address: &Address,
) -> Result<(), Failure>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    if response.status() != StatusCode::OK {
        return Err(refused(response, address).await);
    }
    let content_type = header(response, CONTENT_TYPE).unwrap_or_else(|| "none".to_owned());
    let encoding = header(response, CONTENT_ENCODING).filter(|it| it != "identity");
    if let Some(encoding) = encoding {
        let message = format!("the reply is encoded ({}), unasked", address.quote(&encoding));
        return Err(Failure::new(FailureClass::ContentType, message));
    }
    let said = content_type.trim_start().to_ascii_lowercase();
    if framing.content_types().iter().any(|it| said.starts_with(it)) {
        return Ok(());
    }
    let body = client::read_start(response.body_mut(), READ_BYTES).await?;
    let body: String =
        address.quote(&String::from_utf8_lossy(&body)).chars().take(QUOTED_CHARS).collect();
    let message = format!(
        "content type `{}` instead of {}: {body}",
        address.quote(&content_type),
        framing.content_types()[0]
    );
    Err(Failure::new(FailureClass::ContentType, message))
}

/// The failure in a response whose status is not 200.
pub(super) async fn refused<B>(response: &mut Response<B>, address: &Address) -> Failure
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let status = response.status();
    if let Some(target) = redirect_target(response, address) {
        let message = format!("{status}: redirects are not followed, here to {target}");
        return Failure::new(FailureClass::Status, address.quote(&message));
    }
    match client::read_start(response.body_mut(), READ_BYTES).await {
        Ok(body) => said(
            FailureClass::Status,
            &format!("{status}: {}", error_message(&String::from_utf8_lossy(&body))),
            address,
        ),
        Err(failure) => failure,
    }
}

/// A failure in the server's own words: of the class given, unless the words are those of a
/// target without memory.
pub(crate) fn said(class: FailureClass, words: &str, address: &Address) -> Failure {
    let lower = words.to_ascii_lowercase();
    let oom = lower.contains("out of memory") || lower.contains("outofmemory");
    let class = if oom { FailureClass::TargetOom } else { class };
    Failure::new(class, address.quote(words))
}

/// The host that a redirect names.
fn redirect_target<B>(response: &Response<B>, address: &Address) -> Option<String> {
    let location = response.status().is_redirection().then(|| header(response, LOCATION))??;
    let url = address.base().join(&location).ok()?;
    Some(url.host_str().unwrap_or("nowhere").to_owned())
}

fn header<B>(response: &Response<B>, name: HeaderName) -> Option<String> {
    response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

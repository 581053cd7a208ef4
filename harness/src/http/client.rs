//! What all clients towards targets have in common, and the one for questions before a measurement.
//!
//! Nothing between us and the target: no proxy unasked, no redirect, no retry, no compression, since each
//! of them would be measured too. What does not live here, on purpose: the connections of measured
//! requests (`connector`), what is asked and what an answer means (the drivers).

use super::failure::{Stage, failure_at, failure_of_question};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Body;
use reqwest::{Client, Proxy, Url, redirect, retry};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};

/// What we call ourselves.
pub(super) const USER_AGENT: &str = concat!("tokgate/", env!("CARGO_PKG_VERSION"));

/// The TLS settings for `url`: what this machine trusts. Over plain http no certificate is ever
/// looked at, a bare container has none, and loading them costs time.
///
/// # Errors
/// When the machine's certificates cannot be loaded.
pub(crate) fn tls(url: &Url) -> Result<ClientConfig, Failure> {
    let failed = |error: rustls::Error| Failure::new(FailureClass::Tls, error.to_string());
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(failed)?;
    Ok(match url.scheme() {
        "http" => config.with_root_certificates(RootCertStore::empty()).with_no_client_auth(),
        _ => config.with_platform_verifier().map_err(failed)?.with_no_client_auth(),
    })
}

/// A client for questions, which speaks HTTP/1.1 as measured requests do.
///
/// There is a `proxy` between only where one is asked for: those of the environment are ignored.
///
/// # Errors
/// When the settings do not fit together.
pub(crate) fn question_client(
    tls: ClientConfig,
    connect: Duration,
    proxy: Option<Proxy>,
) -> Result<Client, Failure> {
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .tls_backend_preconfigured(tls)
        .http1_only()
        .connect_timeout(connect)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .tcp_nodelay(true);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    builder.build().map_err(failure_of_question)
}

/// The first `limit` bytes of a body, or somewhat more: what one read brought is kept whole.
///
/// # Errors
/// When the connection fails before.
pub(super) async fn read_start<B>(body: &mut B, limit: usize) -> Result<Vec<u8>, Failure>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    let failed = |error: B::Error| failure_at(Stage::Body, &error);
    let mut start = Vec::new();
    while start.len() < limit
        && let Some(frame) = body.frame().await.transpose().map_err(failed)?
    {
        start.extend_from_slice(frame.data_ref().map_or(&[][..], Bytes::as_ref));
    }
    Ok(start)
}

/// Text from outside, fit to be shown: control characters and those that reorder a line are
/// escaped.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() || reorders(c) {
            true => shown.extend(c.escape_default()),
            false => shown.push(c),
        }
    }
    shown
}

fn reorders(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_from_outside_cannot_move_the_cursor() {
        assert_eq!(escape("a\u{1b}[2Jb\u{202E}c\n日"), "a\\u{1b}[2Jb\\u{202e}c\\n日");
    }
}

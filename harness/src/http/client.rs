//! The one place that builds HTTP clients, and the names of what can go wrong on a connection.
//!
//! Nothing between us and the target: no proxy unasked, no redirect, no retry, no compression, since each
//! of them would be measured too. What does not live here, on purpose: what is asked and what an
//! answer means (the drivers).

use reqwest::{Client, Proxy, Response, Url, redirect, retry};
use std::error::Error;
use std::io;
use std::sync::Once;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};

/// Installs the TLS provider of this process, once.
fn init_tls() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        // An error means that the program has chosen a provider before us, which is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client for `url` whose connections are kept and reused, one for each request in flight.
///
/// There is a `proxy` between only where one is asked for: those of the environment are ignored.
///
/// # Errors
/// When the machine's certificates cannot be loaded.
pub fn http_client(url: &Url, connect: Duration, proxy: Option<Proxy>) -> Result<Client, Failure> {
    init_tls();
    let builder = Client::builder()
        .user_agent(concat!("tokgate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(connect)
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .tcp_nodelay(true)
        .pool_max_idle_per_host(usize::MAX);
    let builder = match proxy {
        Some(proxy) => builder.proxy(proxy),
        None => builder,
    };
    // Over plain http no certificate is ever looked at, and a bare container has none to load.
    let builder = match url.scheme() {
        "http" => builder.tls_certs_only([]),
        _ => builder,
    };
    builder.build().map_err(|error| Failure::new(FailureClass::Tls, chain(&error)))
}

/// What an error of the client means for the request.
#[must_use]
pub fn failure(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    Failure::new(class(&error), chain(&error))
}

/// Whether the server hung up on a connection before it had answered: mostly one that was kept
/// from an earlier request, since a new one is refused or not made at all.
pub(crate) fn is_hang_up(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_connect() && class(error) == FailureClass::Connect
}

fn class(error: &reqwest::Error) -> FailureClass {
    let io = || causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    if io().any(is_client_limit) {
        FailureClass::ClientLimit
    } else if causes(error).any(|cause| cause.is::<rustls::Error>()) {
        FailureClass::Tls
    } else if error.is_connect() && error.is_timeout() {
        FailureClass::TimeoutConnect
    } else if error.is_dns() {
        FailureClass::Dns
    } else if error.is_connect() {
        FailureClass::Connect
    } else if error.is_request() {
        class_before_the_head(error)
    } else if io().any(is_bad_framing) {
        FailureClass::Malformed
    } else {
        FailureClass::Truncated
    }
}

/// hyper tells its parse errors apart by their text alone.
fn class_before_the_head(error: &reqwest::Error) -> FailureClass {
    let texts: Vec<String> = causes(error).map(|cause| cause.to_string()).collect();
    let says = |words: &str| texts.iter().any(|text| text.contains(words));
    if says("head is too large") {
        FailureClass::TooLarge
    } else if says("invalid ") || says("unexpected ") {
        FailureClass::Malformed
    } else {
        FailureClass::Connect
    }
}

/// No descriptor or no port left on our side.
fn is_client_limit(error: &io::Error) -> bool {
    const EMFILE: i32 = 24;
    const ENFILE: i32 = 23;
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE))
        || error.kind() == io::ErrorKind::AddrNotAvailable
}

/// Chunk sizes that are no numbers, and the like.
fn is_bad_framing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData)
}

/// The error and all that caused it. An `io::Error` hides what it wraps from `source`.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source())
    })
}

/// The causes in words, each once, from what was tried to why it failed.
fn chain(error: &reqwest::Error) -> String {
    let mut words: Vec<String> = Vec::new();
    for text in causes(error).skip(1).map(|cause| cause.to_string()) {
        let known = words.last().is_some_and(|last| last.contains(&text));
        if !known && !text.starts_with("client error (") {
            words.push(text);
        }
    }
    match words.is_empty() {
        true => error.to_string(),
        false => words.join(": "),
    }
}

/// The first `limit` bytes of a body, or somewhat more: what one read brought is kept whole.
///
/// # Errors
/// When the connection fails before.
pub async fn read_start(response: &mut Response, limit: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while body.len() < limit
        && let Some(chunk) = response.chunk().await.map_err(failure)?
    {
        body.extend_from_slice(&chunk);
    }
    Ok(body)
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

    #[test]
    fn our_own_limits_are_not_the_targets_failures() {
        for errno in [23, 24, 99] {
            let ours = is_client_limit(&io::Error::from_raw_os_error(errno));
            assert_eq!(ours, errno != 99 || cfg!(target_os = "linux"), "{errno}");
        }
        assert!(!is_client_limit(&io::ErrorKind::ConnectionRefused.into()));
    }
}

//! The names of what can go wrong on a connection, whoever tells of it.

use std::error::Error;
use std::io;
use tokgate_core::failure::{Failure, FailureClass};

/// How far a request had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Name lookup, TCP, proxy and TLS.
    Connecting,
    /// From the connection to the response head.
    Head,
    /// After it.
    Body,
}

/// What an error at a stage means for the request.
pub(super) fn failure_at(stage: Stage, error: &(dyn Error + 'static)) -> Failure {
    Failure::new(class(stage, error), chain(error))
}

/// What an error of a question before a measurement means.
pub(super) fn failure_of_question(error: reqwest::Error) -> Failure {
    let error = error.without_url();
    let stage = match (error.is_connect(), error.is_request()) {
        (true, _) => Stage::Connecting,
        (false, true) => Stage::Head,
        (false, false) => Stage::Body,
    };
    match error.is_connect() && error.is_timeout() {
        true => Failure::new(FailureClass::TimeoutConnect, chain(&error)),
        false => failure_at(stage, &error),
    }
}

fn class(stage: Stage, error: &(dyn Error + 'static)) -> FailureClass {
    let io = || causes(error).filter_map(|cause| cause.downcast_ref::<io::Error>());
    if io().any(is_client_limit) {
        return FailureClass::ClientLimit;
    }
    if causes(error).any(|cause| cause.is::<rustls::Error>()) {
        return FailureClass::Tls;
    }
    match stage {
        Stage::Connecting if io().any(|it| it.kind() == io::ErrorKind::TimedOut) => {
            FailureClass::TimeoutConnect
        }
        // hyper tells its connect errors and its parse errors apart by their text alone.
        Stage::Connecting if says(error, "dns error") => FailureClass::Dns,
        Stage::Connecting => FailureClass::Connect,
        Stage::Head if says(error, "head is too large") => FailureClass::TooLarge,
        Stage::Head if says(error, "invalid ") || says(error, "unexpected ") => {
            FailureClass::Malformed
        }
        Stage::Head => FailureClass::Connect,
        Stage::Body if io().any(is_bad_framing) => FailureClass::Malformed,
        Stage::Body => FailureClass::Truncated,
    }
}

fn says(error: &(dyn Error + 'static), words: &str) -> bool {
    causes(error).any(|cause| cause.to_string().contains(words))
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
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    // reqwest says no more than that there was an error.
    let telling = causes(error).filter(|cause| !cause.is::<reqwest::Error>());
    for text in telling.map(|cause| cause.to_string()) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_limits_are_not_the_targets_failures() {
        for errno in [23, 24, 99] {
            let ours = is_client_limit(&io::Error::from_raw_os_error(errno));
            assert_eq!(ours, errno != 99 || cfg!(target_os = "linux"), "{errno}");
        }
        assert!(!is_client_limit(&io::ErrorKind::ConnectionRefused.into()));
    }
}

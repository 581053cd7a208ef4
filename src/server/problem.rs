//! What is answered where there is no answer: `application/problem+json` (RFC 9457).
//!
//! It says what was asked wrongly, and never what is inside: paths and what SQLite said go to the log, under
//! the number that the answer has, too.

use super::reply::Reply;
use crate::store::{ReadingError, StoreError, ids};
use axum::http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::fmt::Display;

/// The media type.
pub(super) const MEDIA: &str = "application/problem+json";
/// When to ask again, seconds.
const SOON: &str = "1";

/// Why a request is not answered.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    detail: String,
    header: Option<(header::HeaderName, &'static str)>,
    /// What this one is called, in the log and in the answer.
    number: String,
}

impl Problem {
    fn of(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            header: None,
            number: format!("{:016x}", ids::tail()),
        }
    }

    /// Asked wrongly.
    pub(super) fn bad(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::BAD_REQUEST, detail)
    }

    /// Asked for something that is not there.
    pub(super) fn absent(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::NOT_FOUND, detail)
    }

    /// With a method that changes something.
    pub(super) fn method() -> Self {
        let allow = Some((header::ALLOW, "GET, HEAD"));
        Self {
            header: allow,
            ..Self::of(StatusCode::METHOD_NOT_ALLOWED, "everything is only read: use GET")
        }
    }

    /// Where nothing is kept.
    pub(super) fn closed() -> Self {
        let detail =
            "nothing is pushed here: `tokgate serve --write-token-file FILE` keeps what is";
        Self {
            header: Some((header::ALLOW, "GET, HEAD")),
            ..Self::of(StatusCode::METHOD_NOT_ALLOWED, detail)
        }
    }

    /// Otherwise than this route is asked.
    pub(super) fn other_method() -> Self {
        Self::of(
            StatusCode::METHOD_NOT_ALLOWED,
            "it is asked with another method: /docs tells which",
        )
    }

    /// Something else of that name is here.
    pub(super) fn conflict(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::CONFLICT, detail)
    }

    /// What was sent is not what it should be.
    pub(super) fn unreadable(detail: impl Into<String>) -> Self {
        Self::of(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// There is no room, which is logged.
    pub(super) fn full(why: &dyn Display) -> Self {
        let detail = "there is no room for it: make some on the server's disk, and send it again";
        let problem = Self::of(StatusCode::INSUFFICIENT_STORAGE, detail);
        tracing::error!("problem {}: {why}", problem.number);
        problem
    }

    /// By a name that is not the server's.
    pub(super) fn misdirected() -> Self {
        let detail =
            "this server is not called by that name; `tokgate serve --allow-host NAME` allows one";
        Self::of(StatusCode::MISDIRECTED_REQUEST, detail)
    }

    /// By a page of another place.
    pub(super) fn cross_site() -> Self {
        Self::of(StatusCode::FORBIDDEN, "pages of other places may not ask this server")
    }

    /// Without the token.
    pub(super) fn unknown_caller(pushes: bool) -> Self {
        let challenge = Some((header::WWW_AUTHENTICATE, "Bearer realm=\"tokgate\""));
        let detail = match pushes {
            true => "show the write token of this server: `Authorization: Bearer TOKEN`",
            false => "show the token of this server: `Authorization: Bearer TOKEN`",
        };
        Self { header: challenge, ..Self::of(StatusCode::UNAUTHORIZED, detail) }
    }

    /// With a body.
    pub(super) fn body() -> Self {
        Self::of(StatusCode::PAYLOAD_TOO_LARGE, "no request has a body here")
    }

    /// With too long a body.
    pub(super) fn part(most: usize) -> Self {
        let detail = format!("a part has {most} bytes at most");
        Self::of(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// With too long an address.
    pub(super) fn long(most: usize) -> Self {
        let detail = format!("the address is longer than {most} bytes");
        Self::of(StatusCode::URI_TOO_LONG, detail)
    }

    /// Not now.
    pub(super) fn busy(detail: &str) -> Self {
        let soon = Some((header::RETRY_AFTER, SOON));
        Self { header: soon, ..Self::of(StatusCode::SERVICE_UNAVAILABLE, detail) }
    }

    /// Through a fault of ours, which is logged.
    pub(super) fn fault(why: &dyn Display) -> Self {
        let detail = "the server's log says more, under the number of this problem";
        let problem = Self::of(StatusCode::INTERNAL_SERVER_ERROR, detail);
        tracing::error!("problem {}: {why}", problem.number);
        problem
    }

    pub(super) fn reply(self) -> Reply {
        let body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("Error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": format!("urn:tokgate:problem:{}", self.number),
        });
        let headers = self.header.map(|(name, value)| (name, HeaderValue::from_static(value)));
        Reply {
            status: self.status,
            media: MEDIA,
            body: body.to_string(),
            headers: headers.into_iter().collect(),
        }
    }
}

impl From<ReadingError> for Problem {
    fn from(error: ReadingError) -> Self {
        match error {
            ReadingError::TooSlow => {
                Self::busy("the answer takes longer than it may: ask for less, or again later")
            }
            ReadingError::Store(StoreError::InUse { .. }) => {
                Self::busy("the results are being put in order: ask again later")
            }
            ReadingError::Store(StoreError::Team(_)) => {
                Self::busy("the team's store does not answer as it should: ask again later")
            }
            ReadingError::Store(error) => Self::fault(&error),
        }
    }
}

//! An answer on its way out: its tag, and the headers that every answer has.

use crate::hex;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use sha2::{Digest, Sha256};

/// Nothing may be loaded, run or framed.
const NOTHING: &str =
    "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Bytes of the hash that stand in a tag.
const TAG: usize = 16;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) media: &'static str,
    pub(super) body: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// An answer of this media type.
    pub(super) fn of(media: &'static str, body: String) -> Self {
        Self { status: StatusCode::OK, media, body, headers: Vec::new() }
    }

    /// The response; without its body to who has the same one already.
    pub(super) fn response(self, asked: &HeaderMap) -> Response {
        let tag = (self.status == StatusCode::OK).then(|| tag(&self.body));
        let is_known = tag.as_deref().is_some_and(|tag| is_known(tag, asked));
        let mut response = Response::new(match is_known {
            true => Body::empty(),
            false => Body::from(self.body),
        });
        *response.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { self.status };
        let headers = response.headers_mut();
        if !is_known {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media));
        }
        if let Some(tag) = tag.and_then(|tag| HeaderValue::try_from(tag).ok()) {
            headers.insert(header::ETAG, tag);
        }
        headers.extend(self.headers);
        response
    }
}

/// The strong tag of a body: the beginning of its SHA-256.
fn tag(body: &str) -> String {
    format!("\"{}\"", hex::digits(&Sha256::digest(body.as_bytes())[..TAG]))
}

/// Whether one of the tags that somebody has is this one.
fn is_known(tag: &str, asked: &HeaderMap) -> bool {
    let lists = asked.get_all(header::IF_NONE_MATCH).iter().filter_map(|it| it.to_str().ok());
    let mut tags = lists.flat_map(|list| list.split(',')).map(str::trim);
    tags.any(|it| it == "*" || it.trim_start_matches("W/") == tag)
}

/// Adds what every answer says to browsers.
pub(super) fn guard(headers: &mut HeaderMap) {
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(NOTHING));
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_known_alone_in_a_list_weakly_or_as_anything() {
        let tag = tag("body");
        assert_eq!(tag.len(), 2 * TAG + 2);
        let known = |text: &str| {
            let mut asked = HeaderMap::new();
            asked.insert(header::IF_NONE_MATCH, HeaderValue::try_from(text).unwrap());
            is_known(&tag, &asked)
        };
        for text in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            assert!(known(&text), "{text}");
        }
        assert!(!known("\"x\"") && !known("") && !is_known(&tag, &HeaderMap::new()));
    }
}

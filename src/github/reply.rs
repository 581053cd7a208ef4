//! What a reply of GitHub's means: done, later, never, or nobody knows.

use super::forge::Trouble;
use super::patience::Hint;
use jiff::fmt::rfc2822;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokgate_core::diagnostic::line;

/// Most characters of what somebody else says that are told.
const TOLD: usize = 300;

/// A reply as it came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// Its status.
    pub(super) status: u16,
    /// The headers that count, where they are there and are text.
    pub(super) headers: Headers,
    /// Its body.
    pub(super) body: Vec<u8>,
}

/// The headers that we read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Headers {
    /// `retry-after`
    pub(super) retry_after: Option<String>,
    /// `x-ratelimit-remaining`
    pub(super) remaining: Option<String>,
    /// `x-ratelimit-reset`
    pub(super) reset: Option<String>,
    /// `link`
    pub(super) link: Option<String>,
}

impl Headers {
    /// When GitHub says that it can be asked again.
    fn hint(&self) -> Hint {
        let after = self.retry_after.as_deref().map(str::trim);
        let is_out = self.remaining.as_deref().map(str::trim) == Some("0");
        let reset = self.reset.as_deref().filter(|_| is_out);
        Hint {
            after_s: after.and_then(|after| after.parse().ok()),
            at_s: after.and_then(date).or_else(|| reset?.trim().parse().ok()),
        }
    }

    /// Whether the list goes on; `None` where nothing is said.
    pub(super) fn goes_on(&self) -> Option<bool> {
        self.link.as_deref().map(|link| link.contains("rel=\"next\""))
    }
}

/// `Wed, 21 Oct 2015 07:28:00 GMT`, in seconds since 1970.
fn date(text: &str) -> Option<i64> {
    Some(rfc2822::parse(text).ok()?.timestamp().as_second())
}

impl Reply {
    /// What the body says, where GitHub did what it was asked.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Trouble> {
        let body = self.done()?;
        // It was done all the same: what, can be looked up.
        serde_json::from_slice(body).map_err(|error| {
            Trouble::Lost(format!("its answer cannot be read ({})", brief(&error.to_string())))
        })
    }

    /// The body, where GitHub did what it was asked.
    pub(super) fn done(&self) -> Result<&[u8], Trouble> {
        if (200..=299).contains(&self.status) {
            return Ok(&self.body);
        }
        let (hint, why) = (self.headers.hint(), self.why());
        let is_limit = hint != Hint::default() || why.to_lowercase().contains("rate limit");
        match self.status {
            429 => Err(Trouble::Limited { hint, why }),
            403 if is_limit => Err(Trouble::Limited { hint, why }),
            status @ (408 | 500..) => Err(Trouble::Lost(format!("{status}: {why}"))),
            status => Err(Trouble::Refused { status, why }),
        }
    }

    /// What it says of itself, in a line.
    fn why(&self) -> String {
        #[derive(Deserialize)]
        struct Said {
            message: String,
        }
        let said = serde_json::from_slice(&self.body).map(|said: Said| said.message);
        brief(said.as_deref().unwrap_or("it does not say why"))
    }
}

/// What somebody else says, on a line of bounded length and without hidden characters.
pub(super) fn brief(text: &str) -> String {
    line(text).chars().take(TOLD).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, headers: Headers, message: &str) -> Reply {
        let body = serde_json::json!({ "message": message }).to_string().into_bytes();
        Reply { status, headers, body }
    }

    fn after(text: &str) -> Headers {
        Headers { retry_after: Some(text.to_owned()), ..Headers::default() }
    }

    fn hint(reply: &Reply) -> Option<Hint> {
        match reply.done() {
            Err(Trouble::Limited { hint, .. }) => Some(hint),
            _ => None,
        }
    }

    #[test]
    fn a_limit_is_told_from_a_refusal() {
        let seconds = hint(&reply(429, after("7"), "slow down")).unwrap();
        assert_eq!((seconds.after_s, seconds.at_s), (Some(7), None));
        let moment = hint(&reply(403, after("Wed, 21 Oct 2015 07:28:00 GMT"), "x")).unwrap();
        assert_eq!((moment.after_s, moment.at_s), (None, Some(1_445_412_480)));
        let out = Headers {
            remaining: Some("0".to_owned()),
            reset: Some("12".to_owned()),
            ..Headers::default()
        };
        assert_eq!(hint(&reply(403, out.clone(), "x")).unwrap().at_s, Some(12));
        let some = Headers { remaining: Some("1".to_owned()), ..out };
        assert_eq!(hint(&reply(403, some, "Resource not accessible by integration")), None);
        let secondary = "You have exceeded a secondary rate limit.";
        assert_eq!(hint(&reply(403, Headers::default(), secondary)), Some(Hint::default()));
        assert_eq!(hint(&reply(429, after("soon"), "x")), Some(Hint::default()));
    }

    #[test]
    fn what_may_have_been_done_is_lost_and_what_was_not_is_refused() {
        let of = |status| reply(status, Headers::default(), "a\n\u{1b}[31mb").done().err();
        assert!(matches!(of(502), Some(Trouble::Lost(_))));
        let why = "a \\u{1b}[31mb".to_owned();
        assert_eq!(of(422), Some(Trouble::Refused { status: 422, why }));
        assert_eq!(of(201), None);
        let torn = Reply { status: 201, body: b"{\"id\": 1".to_vec(), ..Reply::default() };
        assert!(matches!(torn.read::<serde_json::Value>(), Err(Trouble::Lost(_))));
    }
}

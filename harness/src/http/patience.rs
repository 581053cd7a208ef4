//! How long a busy server asks us to wait before we ask it again (RFC 9110, 10.2.3). Only for
//! questions before a measurement: inside of one, 429 and 503 are results.

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::RETRY_AFTER;
use reqwest::{Response, StatusCode};
use std::time::Duration;

/// Whoever is asked to wait longer is told so instead.
const LONGEST: Duration = Duration::from_secs(30);

/// The wait that a busy server asks for, at most [`LONGEST`]; `None` where it asks for none, for
/// more, or for nonsense.
pub(super) fn asked_for(response: &Response) -> Option<Duration> {
    let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
    busy.contains(&response.status()).then_some(())?;
    let written = response.headers().get(RETRY_AFTER)?.to_str().ok()?;
    wait(written.trim(), Timestamp::now())
}

/// Seconds, or a date.
fn wait(written: &str, now: Timestamp) -> Option<Duration> {
    let wait = match written.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = DateTimeParser::new().parse_timestamp(written).ok()?;
            Duration::try_from(until.duration_since(now)).unwrap_or_default()
        }
    };
    (wait <= LONGEST).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read_and_neither_may_hold_us_up() {
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        let seconds = |written: &str| wait(written, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("7"), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0), "already over");
        for nonsense in ["-1", "1000000000000", "soon", "", "99999999999999999999999"] {
            assert_eq!(seconds(nonsense), None, "{nonsense}");
        }
        assert_eq!(seconds("Sun, 06 Nov 2094 08:49:37 GMT"), None);
    }
}

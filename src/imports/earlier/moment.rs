//! When something was measured, as files write it.

use jiff::{Timestamp, civil};
use serde_json::Value;

/// A moment, and whether it was said in which zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    /// Microseconds since 1970, UTC.
    pub(super) us: i64,
    /// A time without a zone is taken as UTC.
    pub(super) zoned: bool,
}

/// What is noted of a time without a zone.
pub(super) const NO_ZONE: &str = "its time is written without a zone, and is taken as UTC";

/// Seconds since 1970 as a number, or a time or day as a text.
///
/// # Errors
/// When it is neither.
pub(super) fn moment(value: &Value) -> Result<Moment, String> {
    let found = match value {
        Value::Number(seconds) => seconds.as_f64().and_then(since_1970),
        Value::String(text) => written(text.trim()),
        _ => None,
    };
    found.ok_or_else(|| {
        format!("{value} is no time: expected seconds since 1970, or 2026-11-22T10:11:12Z")
    })
}

fn since_1970(seconds: f64) -> Option<Moment> {
    let us = (seconds * 1e6).round();
    // What jiff's calendar knows.
    Timestamp::from_microsecond(us as i64).ok()?;
    (us.abs() < 9e17).then_some(Moment { us: us as i64, zoned: true })
}

fn written(text: &str) -> Option<Moment> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(Moment { us: at.as_microsecond(), zoned: true });
    }
    if let Ok(seconds) = text.parse::<f64>() {
        return since_1970(seconds);
    }
    let day = || text.parse::<civil::Date>().ok().map(|day| day.at(0, 0, 0, 0));
    let civil = text.parse::<civil::DateTime>().ok().or_else(day)?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Moment { us: at.as_microsecond(), zoned: false })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_time_is_seconds_or_a_text_with_or_without_its_zone() {
        let us = |value: Value| moment(&value).map(|moment| (moment.us, moment.zoned));
        assert_eq!(us(json!("2024-10-28T07:38:12Z")), Ok((1_730_101_092_000_000, true)));
        assert_eq!(us(json!("2024-10-28T08:38:12+01:00")), Ok((1_730_101_092_000_000, true)));
        assert_eq!(us(json!("2024-10-28T07:38:12.5")), Ok((1_730_101_092_500_000, false)));
        assert_eq!(us(json!("2024-10-28")), Ok((1_730_073_600_000_000, false)));
        assert_eq!(us(json!(1_761_594_486)), Ok((1_761_594_486_000_000, true)));
        assert_eq!(us(json!(1_704_067_200.25)), Ok((1_704_067_200_250_000, true)));
        assert_eq!(us(json!("1761594486")), Ok((1_761_594_486_000_000, true)));
        for wrong in
            [json!("soon"), json!(null), json!(1e300), json!(-1e30), json!("2024-13-01"), json!([])]
        {
            assert!(us(wrong.clone()).is_err(), "{wrong}");
        }
    }
}

//! A time as traces write it.

use crate::day::days;
use std::str::FromStr;

/// Seconds since some beginning; only differences mean something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Moment(pub(super) f64);

const DAY_S: f64 = 86_400.0;

impl FromStr for Moment {
    type Err = String;

    /// Milliseconds, or `2023-11-16 18:15:46.6805900`, possibly with `T`, `Z` or `+00:00`.
    fn from_str(text: &str) -> Result<Self, String> {
        let milliseconds = text.parse::<f64>().ok().filter(|number| number.is_finite());
        let read = milliseconds.map(|number| number / 1e3).or_else(|| date_and_time(text));
        read.map(Self).ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            format!("`{text}` is no time in milliseconds, and none as 2023-11-16 18:15:46.68")
        })
    }
}

fn date_and_time(text: &str) -> Option<f64> {
    let text = text.trim_end_matches('Z').trim_end_matches("+00:00");
    let (date, time) = text.split_once([' ', 'T'])?;
    let date: Vec<i64> = whole(date, '-')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let clock: Vec<i64> = whole(clock, ':')?;
    let (&[year, month, day], &[hour, minute, second]) = (&*date, &*clock) else { return None };
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    let fraction: f64 = format!("0.{fraction}").parse().ok()?;
    let seconds = (hour * 3600 + minute * 60 + second) as f64 + fraction;
    in_range.then(|| days(year, month, day) as f64 * DAY_S + seconds)
}

fn whole(text: &str, separator: char) -> Option<Vec<i64>> {
    let is_short = |part: &&str| (1..=4).contains(&part.len());
    text.split(separator).map(|part| Some(part).filter(is_short)?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_and_dates_are_read() {
        let read = |text: &str| text.parse::<Moment>().map(|moment| moment.0);
        assert_eq!(read("1500"), Ok(1.5));
        assert_eq!(read("1970-01-02 00:00:01.5"), Ok(DAY_S + 1.5));
        assert_eq!(read("2024-03-01T00:00:00Z"), Ok(19_783.0 * DAY_S));
        for bad in ["", "soon", "2024-13-01 00:00:00", "2024-01-01", "nan", "1-1-1 1:1:1.x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

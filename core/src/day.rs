//! A day of the Gregorian calendar, without a time zone.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::fmt;
use std::str::FromStr;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// A day, as the number of days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// The day on which a moment lies in UTC, by its microseconds since 1970.
    #[must_use]
    pub fn of_us(microseconds: i64) -> Self {
        Self(microseconds.div_euclid(DAY_US))
    }

    /// Its beginning in UTC, microseconds since 1970.
    #[must_use]
    pub fn begin_us(self) -> i64 {
        self.0.saturating_mul(DAY_US)
    }

    /// The day so many days later.
    #[must_use]
    pub fn after(self, days: i64) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Year, month and day of the month (Hinnant, `civil_from_days`).
    fn civil(self) -> (i64, i64, i64) {
        let days = self.0 + 719_468;
        let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
    }
}

/// Days since 1970-01-01 in the Gregorian calendar (Hinnant, `days_from_civil`).
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Why a text is no day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no day as 2027-01-31")]
pub struct NoDay(String);

impl FromStr for Day {
    type Err = NoDay;

    /// `2027-01-31`, and nothing else; days that no month has are refused.
    fn from_str(text: &str) -> Result<Self, NoDay> {
        let refuse = || NoDay(text.chars().take(40).collect());
        let parts: Vec<&str> = text.split('-').collect();
        let &[year, month, day] = parts.as_slice() else { return Err(refuse()) };
        let number = |part: &str, digits: usize| {
            let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| part.parse::<i64>().ok()).flatten()
        };
        let read = number(year, 4).zip(number(month, 2)).zip(number(day, 2));
        let ((year, month), day) = read.ok_or_else(refuse)?;
        let found = Self(days(year, month, day));
        // A day that is spelt otherwise does not exist: 2026-02-30, 2026-13-01.
        (found.civil() == (year, month, day)).then_some(found).ok_or_else(refuse)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_what_was_written() {
        for (text, number) in [("1970-01-01", 0), ("2024-02-29", 19_782), ("2027-01-31", 20_849)] {
            let day: Day = text.parse().unwrap();
            assert_eq!((day.0, day.to_string().as_str()), (number, text));
            let json = serde_json::to_string(&day).unwrap();
            assert_eq!(serde_json::from_str::<Day>(&json).unwrap(), day);
        }
        let every = (0..200_000).map(|number| Day(number - 50_000));
        assert!(every.clone().all(|day| day.to_string().parse() == Ok(day)));
    }

    #[test]
    fn what_no_calendar_has_is_no_day() {
        for text in ["", "2026-02-30", "2026-13-01", "2026-00-10", "26-01-01", "2026-1-1", "soon"] {
            assert!(text.parse::<Day>().is_err(), "{text}");
        }
        assert!("2026-01-01T00:00".parse::<Day>().is_err());
        assert!("-026-01-01".parse::<Day>().is_err());
    }

    #[test]
    fn a_moment_lies_on_its_day() {
        let noon = Day::of_us(1_763_806_272_345_678);
        assert_eq!(noon.to_string(), "2025-11-22");
        assert_eq!(Day::of_us(noon.begin_us()), noon);
        assert_eq!(Day::of_us(noon.begin_us() - 1), noon.after(-1));
    }
}

//! A share of a data set's rows, in the steps that rows can be told apart by.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// More than none and at most all of the rows, in ten-thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Share(u16);

/// Parts of the whole. Finer ones would match no row of a hundred thousand.
pub const PARTS: u16 = 10_000;
/// How far a number in binary may be from a whole part: far more than it is off, far less than a
/// part.
const ROUNDED: f64 = 1e-6;

impl Share {
    /// A share as a number above 0, at most 1; `None` for any other, and between two steps.
    #[must_use]
    pub fn of(share: f64) -> Option<Self> {
        let parts = share * f64::from(PARTS);
        let whole = parts.round();
        let is_one = (1.0..=f64::from(PARTS)).contains(&whole) && (parts - whole).abs() < ROUNDED;
        is_one.then_some(Self(whole as u16))
    }

    /// How many parts of [`PARTS`] it is.
    #[must_use]
    pub fn parts(self) -> u16 {
        self.0
    }

    /// It as a number.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(PARTS)
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.value())
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = f64::deserialize(deserializer)?;
        let strange = || D::Error::custom(format!("{value} is no share in steps of 0.0001"));
        Self::of(value).ok_or_else(strange)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_the_number_that_was_written() {
        for (written, parts) in [(1.0, 10_000), (0.1, 1000), (0.01, 100), (0.0007, 7)] {
            let share = Share::of(written).unwrap();
            assert_eq!((share.parts(), share.value()), (parts, written));
            let json = serde_json::to_string(&share).unwrap();
            assert_eq!(serde_json::from_str::<Share>(&json).unwrap(), share);
        }
    }

    #[test]
    fn what_is_no_share_of_the_rows_is_none() {
        for other in [0.0, -0.1, 1.0001, 0.00001, 0.00015, f64::NAN, f64::INFINITY] {
            assert_eq!(Share::of(other), None, "{other}");
        }
        assert!(serde_json::from_str::<Share>("0.00015").is_err());
    }
}

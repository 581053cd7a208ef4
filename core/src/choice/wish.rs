//! What somebody wants who asks for a recommendation.

use crate::dataset::tasks::Category;
use serde::Serialize;
use std::str::FromStr;

/// What somebody wants who asks for a recommendation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// What the model is mostly asked for; absent for a mix of everything.
    pub task: Option<Category>,
    /// What an hour may cost.
    pub budget: Budget,
    /// Which models are preferred by their size.
    pub preference: Preference,
    /// Room that prompt and answer need, tokens.
    pub context: Option<u64>,
}

/// What an hour may cost, in bands: what costs less than a band is in another one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Less than 1 US dollar.
    UnderOne,
    /// From 1 to 3, both included.
    OneToThree,
    /// More than 3.
    OverThree,
    /// Anything, also what has no price.
    #[default]
    Any,
}

/// Which models are preferred by their size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// Small ones: fast and cheap.
    Smallest,
    /// Those in the middle.
    #[default]
    Balanced,
    /// Large ones.
    Largest,
}

/// A word that is no budget.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no budget; it can be under-1, 1-3, over-3 (US dollars an hour) or any")]
pub struct NoBudget(String);

/// A word that is no preference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no preference; it can be smallest, balanced or largest")]
pub struct NoPreference(String);

impl Budget {
    const ALL: [Self; 4] = [Self::UnderOne, Self::OneToThree, Self::OverThree, Self::Any];

    /// Its word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnderOne => "under-1",
            Self::OneToThree => "1-3",
            Self::OverThree => "over-3",
            Self::Any => "any",
        }
    }

    /// The band of a price, US dollars an hour.
    #[must_use]
    pub fn of(usd_per_hour: f64) -> Self {
        match usd_per_hour {
            usd if usd < 1.0 => Self::UnderOne,
            usd if usd <= 3.0 => Self::OneToThree,
            _ => Self::OverThree,
        }
    }

    /// What it holds, from and to, US dollars an hour.
    pub(super) fn bounds(self) -> (f64, f64) {
        match self {
            Self::UnderOne => (0.0, 1.0),
            Self::OneToThree => (1.0, 3.0),
            Self::OverThree => (3.0, f64::INFINITY),
            Self::Any => (0.0, f64::INFINITY),
        }
    }
}

impl FromStr for Budget {
    type Err = NoBudget;

    fn from_str(text: &str) -> Result<Self, NoBudget> {
        let found = Self::ALL.into_iter().find(|budget| budget.as_str() == text);
        found.ok_or_else(|| NoBudget(text.chars().take(40).collect()))
    }
}

impl Preference {
    const ALL: [Self; 3] = [Self::Smallest, Self::Balanced, Self::Largest];

    /// Its word on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Smallest => "smallest",
            Self::Balanced => "balanced",
            Self::Largest => "largest",
        }
    }

    /// How well a model's place among all fits, 0 to 1: 0 is the smallest one's place, 1 the
    /// largest one's. Where nobody knows its size it does not fit at all.
    pub(super) fn share(self, place: Option<f64>) -> f64 {
        match (place, self) {
            (None, _) => 0.0,
            (Some(place), Self::Smallest) => 1.0 - place,
            (Some(place), Self::Balanced) => 1.0 - (2.0 * place - 1.0).abs(),
            (Some(place), Self::Largest) => place,
        }
    }
}

impl FromStr for Preference {
    type Err = NoPreference;

    fn from_str(text: &str) -> Result<Self, NoPreference> {
        let found = Self::ALL.into_iter().find(|preference| preference.as_str() == text);
        found.ok_or_else(|| NoPreference(text.chars().take(40).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_price_is_in_one_band() {
        let bands = [0.0, 0.99, 1.0, 3.0, 3.01].map(|usd| Budget::of(usd).as_str());
        assert_eq!(bands, ["under-1", "under-1", "1-3", "1-3", "over-3"]);
    }

    #[test]
    fn words_are_read_and_others_are_told_what_could_be() {
        assert_eq!("under-1".parse(), Ok(Budget::UnderOne));
        assert_eq!("largest".parse(), Ok(Preference::Largest));
        assert!("cheap".parse::<Budget>().unwrap_err().to_string().contains("under-1"));
        assert!("huge".parse::<Preference>().unwrap_err().to_string().contains("largest"));
    }

    #[test]
    fn a_place_fits_a_preference_more_or_less() {
        let shares =
            |preference: Preference| [0.0, 0.5, 1.0].map(|place| preference.share(Some(place)));
        assert_eq!(shares(Preference::Smallest), [1.0, 0.5, 0.0]);
        assert_eq!(shares(Preference::Balanced), [0.0, 1.0, 0.0]);
        assert_eq!(shares(Preference::Largest), [0.0, 0.5, 1.0]);
        assert_eq!(Preference::Smallest.share(None), 0.0);
    }
}

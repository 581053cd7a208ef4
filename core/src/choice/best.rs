//! The best rows by one quantity.

use super::measured::Measured;
use crate::metric::Better;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// What rows and configurations are ranked by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Output tokens a second.
    TokS,
    /// What 1000 output tokens cost.
    CostPer1k,
    /// Output tokens a second for each US dollar an hour.
    CostEfficiency,
    /// Median time to the first token.
    Ttft,
    /// Successful requests a second.
    ReqS,
    /// What an hour costs.
    UsdPerHour,
}

/// A word that names no quantity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is nothing to rank by; it can be {names}", names = names())]
pub struct NoQuantity(String);

impl Quantity {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::TokS,
        Self::CostPer1k,
        Self::CostEfficiency,
        Self::Ttft,
        Self::ReqS,
        Self::UsdPerHour,
    ];

    /// Its name on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TokS => "tokens_per_sec",
            Self::CostPer1k => "cost_per_1k_tokens",
            Self::CostEfficiency => "cost_efficiency",
            Self::Ttft => "ttft",
            Self::ReqS => "requests_per_sec",
            Self::UsdPerHour => "hourly_cost",
        }
    }

    /// Which direction is good.
    #[must_use]
    pub fn better(self) -> Better {
        match self {
            Self::TokS | Self::CostEfficiency | Self::ReqS => Better::Higher,
            Self::CostPer1k | Self::Ttft | Self::UsdPerHour => Better::Lower,
        }
    }

    /// What a row says of it.
    #[must_use]
    pub fn of(self, row: &Measured) -> Option<f64> {
        match self {
            Self::TokS => row.tok_s,
            Self::CostPer1k => row.cost_per_1k(),
            Self::CostEfficiency => row.efficiency(),
            Self::Ttft => row.ttft_p50_s,
            Self::ReqS => Some(row.req_s).filter(|req_s| *req_s > 0.0),
            Self::UsdPerHour => row.usd_per_hour(),
        }
    }

    /// The better one first, and one that nobody measured last.
    pub(super) fn order(self, a: Option<f64>, b: Option<f64>) -> Ordering {
        match (a, b, self.better()) {
            (Some(a), Some(b), Better::Lower) => a.total_cmp(&b),
            (Some(a), Some(b), Better::Higher | Better::Neither) => b.total_cmp(&a),
            (a, b, _) => b.is_some().cmp(&a.is_some()),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Quantity {
    type Err = NoQuantity;

    fn from_str(text: &str) -> Result<Self, NoQuantity> {
        let found = Self::ALL.into_iter().find(|quantity| quantity.as_str() == text);
        found.ok_or_else(|| NoQuantity(text.chars().take(40).collect()))
    }
}

fn names() -> String {
    Quantity::ALL.map(Quantity::as_str).join(", ")
}

/// The `limit` best rows by a quantity, the best first; those without it are left out.
#[must_use]
pub fn best_by(mut rows: Vec<Measured>, quantity: Quantity, limit: usize) -> Vec<Measured> {
    rows.retain(|row| quantity.of(row).is_some_and(f64::is_finite));
    rows.sort_by(|a, b| {
        let newer = || b.started_us.cmp(&a.started_us).then_with(|| a.test_id.cmp(&b.test_id));
        quantity.order(quantity.of(a), quantity.of(b)).then_with(newer)
    });
    rows.truncate(limit);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{by_the_hour, row};

    #[test]
    fn the_best_are_first_and_the_unmeasured_are_not_among_them() {
        let at = |tok_s, usd| Measured { tok_s, price: by_the_hour(usd), ..row("m", 1.0) };
        let rows = vec![at(Some(45.3), 3.0), at(None, 0.1), at(Some(38.1), 1.04)];
        let best = |quantity, limit| -> Vec<Option<f64>> {
            best_by(rows.clone(), quantity, limit).iter().map(|row| row.tok_s).collect()
        };
        assert_eq!(best(Quantity::TokS, 5), [Some(45.3), Some(38.1)]);
        assert_eq!(best(Quantity::CostEfficiency, 5), [Some(38.1), Some(45.3)]);
        assert_eq!(best(Quantity::CostPer1k, 1), [Some(38.1)]);
        assert_eq!(best(Quantity::UsdPerHour, 1), [None]);
        assert_eq!(best(Quantity::Ttft, 5), []);
    }

    #[test]
    fn a_word_that_is_no_quantity_is_told_what_could_be() {
        assert_eq!("cost_efficiency".parse(), Ok(Quantity::CostEfficiency));
        let error = "speed".parse::<Quantity>().unwrap_err().to_string();
        assert!(error.contains("`speed`") && error.contains("tokens_per_sec"), "{error}");
    }
}

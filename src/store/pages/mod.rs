//! What the index lists page by page, for whoever cannot take all of it at once: runs, cases, the past of a
//! metric, alerts.
//!
//! A page goes on after a row, not after a number of rows: what is measured meanwhile moves nothing, and the
//! last page costs what the first one does. Conditions are constants of ours; values are bound.

mod alerts;
mod cases;
mod points;
mod runs;
mod totals;

pub use alerts::{Alerts, ListedAlert};
pub use cases::{CaseOfRun, Judgement, ListedCase, ListedMetric};
pub use points::{Point, Points};
pub use runs::Runs;
pub use totals::{Counted, ListedMachine};

pub(super) use alerts::alerts;
pub(super) use cases::{case, cases, cases_of_run};
pub(super) use points::points;
pub(super) use runs::{epochs_of_run, run, runs};
pub(super) use totals::{counted, machines};

use rusqlite::types::Value;
use std::fmt;
use std::str::FromStr;

/// A row after which a page goes on: when it began, microseconds since 1970, and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct After {
    /// When it began.
    pub at_us: i64,
    /// What tells it from others of that moment.
    pub name: String,
}

/// A text that is no row to go on after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no place to go on from: take what the page before it said")]
pub struct NoAfter;

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at_us, self.name)
    }
}

impl FromStr for After {
    type Err = NoAfter;

    fn from_str(text: &str) -> Result<Self, NoAfter> {
        let (at_us, name) = text.split_once('.').ok_or(NoAfter)?;
        Ok(Self { at_us: at_us.parse().map_err(|_| NoAfter)?, name: name.to_owned() })
    }
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// The row that it goes on after; the first page without.
    pub after: Option<After>,
    /// Most rows.
    pub limit: u32,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Its rows.
    pub rows: Vec<T>,
    /// The row that the next page goes on after; the last page has none.
    pub next: Option<After>,
}

impl Slice {
    /// One row more than asked for says whether there is another page.
    fn rows(&self) -> Value {
        Value::Integer(i64::from(self.limit) + 1)
    }

    fn page<T>(&self, mut rows: Vec<T>, after: impl Fn(&T) -> After) -> Page<T> {
        let is_last = rows.len() <= self.limit as usize;
        rows.truncate(self.limit as usize);
        let next = if is_last { None } else { rows.last().map(after) };
        Page { rows, next }
    }
}

/// Conditions and what is bound in them, in the order in which they stand.
#[derive(Default)]
struct Conditions {
    sql: String,
    bound: Vec<Value>,
}

impl Conditions {
    /// Adds ` AND condition` where there is a value for its one `?`.
    fn and(&mut self, condition: &str, value: Option<Value>) -> &mut Self {
        if let Some(value) = value {
            self.sql.push_str(" AND ");
            self.sql.push_str(condition);
            self.bound.push(value);
        }
        self
    }

    /// The same for a text.
    fn is(&mut self, condition: &str, text: Option<&String>) -> &mut Self {
        self.and(condition, text.map(|text| Value::Text(text.clone())))
    }

    /// Adds that a row stands behind another one, with two columns that lists are ordered by, downwards.
    fn behind(&mut self, columns: &str, after: Option<&After>) -> &mut Self {
        if let Some(After { at_us, name }) = after {
            self.sql.push_str(&format!(" AND ({columns}) < (?, ?)"));
            self.bound.extend([Value::Integer(*at_us), Value::Text(name.clone())]);
        }
        self
    }

    fn bind(&mut self, value: Value) {
        self.bound.push(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_go_on_from_is_read_as_it_was_written() {
        let after = After { at_us: -5, name: "2026-11-22T101112.345Z-aaaaaa".to_owned() };
        assert_eq!(after.to_string().parse(), Ok(after));
        for wrong in ["", "5", "x.y", ".y", "1e9.y"] {
            assert_eq!(wrong.parse::<After>(), Err(NoAfter), "{wrong}");
        }
    }

    #[test]
    fn one_row_too_many_says_that_there_is_another_page() {
        let slice = Slice { after: None, limit: 2 };
        let after = |row: &i64| After { at_us: *row, name: String::new() };
        let next = |rows: Vec<i64>| slice.page(rows, after).next.map(|after| after.at_us);
        assert_eq!((next(vec![3, 2, 1]), next(vec![3, 2]), next(vec![])), (Some(2), None, None));
        assert_eq!(slice.page(vec![3, 2, 1], after).rows, [3, 2]);
    }
}

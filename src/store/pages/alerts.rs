//! What was worth an alert, newest first.

use super::{After, Conditions, Page, Slice};
use crate::store::sql::{Row, Sql};
use rusqlite::types::Value;
use serde::Serialize;

/// What tells an alert from others of its moment; six digits keep their order as text.
const NAME: &str = "a.run_id || ' ' || a.case_id || ' ' || a.arm || ' ' || substr(CAST(1000000 + a.number AS TEXT), 2)";

/// The model of an alert's epoch.
const MODEL: &str = "(SELECT b.model_name FROM benchmark_results b WHERE b.test_id = a.test_id)";

/// Which alerts; what is absent excludes nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alerts {
    /// The invocation.
    pub run: Option<String>,
    /// `yellow` or `red`.
    pub level: Option<String>,
    /// `performance`, `resource` or `stability`.
    pub category: Option<String>,
    /// The model, by its whole name.
    pub model: Option<String>,
    /// Raised then or later, microseconds since 1970.
    pub since_us: Option<i64>,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ListedAlert {
    /// The invocation.
    pub run_id: String,
    /// The case.
    pub case_id: String,
    /// `head`, or `base`.
    pub arm: String,
    /// Within the case, in the order in which they were raised.
    pub number: u64,
    /// The epoch.
    pub test_id: String,
    /// `ttft`, `memory`, `error_rate`, …
    pub rule: String,
    /// `performance`, `resource` or `stability`.
    pub category: String,
    /// `yellow` or `red`.
    pub level: String,
    /// What it is about: `ttft.p50`, `gpu 0`, `host`, …
    pub about: String,
    /// What was seen.
    pub value: Option<f64>,
    /// The line that it crossed.
    pub bound: Option<f64>,
    /// What happened, in words.
    pub message: String,
    /// What may help.
    pub advice: String,
    /// When in the epoch, seconds; absent where it is about the whole of it.
    pub at_s: Option<f64>,
    /// When, microseconds since 1970.
    pub raised_us: i64,
    /// The model that was measured.
    pub model: Option<String>,
}

/// The alerts, newest first.
pub(in crate::store) fn alerts(
    database: &Sql<'_>,
    which: &Alerts,
    slice: &Slice,
) -> rusqlite::Result<Page<ListedAlert>> {
    let mut conditions = Conditions::default();
    conditions
        .is("a.run_id = ?", which.run.as_ref())
        .is("a.level = ?", which.level.as_ref())
        .is("a.category = ?", which.category.as_ref())
        .is(&format!("{MODEL} = ?"), which.model.as_ref())
        .and("a.raised_us >= ?", which.since_us.map(Value::Integer))
        .behind(&format!("a.raised_us, {NAME}"), slice.after.as_ref())
        .bind(slice.rows());
    let asked = format!(
        "SELECT a.run_id, a.case_id, a.arm, a.number, a.test_id, a.rule, a.category, a.level, a.about,
                a.value, a.bound, a.message, a.advice, a.at_s, a.raised_us, {MODEL}
         FROM alerts a WHERE true{} ORDER BY a.raised_us DESC, {NAME} DESC LIMIT ?",
        conditions.sql
    );
    let rows = database.all(&asked, &conditions.bound, alert)?;
    Ok(slice.page(rows, |alert| After {
        at_us: alert.raised_us,
        name: format!("{} {} {} {:06}", alert.run_id, alert.case_id, alert.arm, alert.number),
    }))
}

fn alert(row: &Row<'_>) -> rusqlite::Result<ListedAlert> {
    Ok(ListedAlert {
        run_id: row.get(0)?,
        case_id: row.get(1)?,
        arm: row.get(2)?,
        number: row.whole(3)?,
        test_id: row.get(4)?,
        rule: row.get(5)?,
        category: row.get(6)?,
        level: row.get(7)?,
        about: row.get(8)?,
        value: row.get(9)?,
        bound: row.get(10)?,
        message: row.get(11)?,
        advice: row.get(12)?,
        at_s: row.get(13)?,
        raised_us: row.get(14)?,
        model: row.get(15)?,
    })
}

//! The alerts of a case as rows of `alerts`.

use crate::store::CaseEnd;
use crate::store::cell::{arm, real};
use crate::store::verdict::StoredVerdict;
use rusqlite::{Connection, params};
use tokgate_core::alert::alerts;
use tokgate_core::run::Head;
use tokgate_core::verdict::Judged;

/// Replaces the alerts of the case, which follow from its epochs and from what was said of them.
pub(super) fn put(
    database: &Connection,
    case: CaseEnd<'_>,
    verdicts: &[StoredVerdict],
    head: &Head,
) -> rusqlite::Result<()> {
    let judged: Vec<Judged> = verdicts.iter().map(Judged::from).collect();
    let key = params![head.run_id, head.case.id.0, arm(head.arm)];
    database.execute("DELETE FROM alerts WHERE run_id = ?1 AND case_id = ?2 AND arm = ?3", key)?;
    let mut insert = database.prepare_cached(
        "INSERT INTO alerts
             (run_id, case_id, arm, number, test_id, rule, category, level, about, value, bound,
              message, advice, at_s, raised_us)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
    )?;
    for (number, alert) in (0i64..).zip(alerts(case.epochs, case.validity, &judged)) {
        insert.execute(params![
            head.run_id,
            head.case.id.0,
            arm(head.arm),
            number,
            alert.test_id,
            alert.rule.as_str(),
            alert.category.as_str(),
            alert.level.as_str(),
            alert.of,
            real(alert.value),
            real(alert.bound),
            alert.message,
            alert.advice,
            real(alert.at_s),
            alert.raised_us,
        ])?;
    }
    Ok(())
}

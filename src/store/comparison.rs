//! The tests that may be compared with each other, from the index.

use crate::store::atomic::{self, FileError};
use crate::store::layout::Layout;
use crate::store::sql::{Row, Sql};
use rusqlite::Connection;
use tokgate_core::compared::{ComparedTest, ComparedTests};

/// What is said of all tests together as text; whoever renders hands it in.
pub type Rendered<'a> = &'a dyn Fn(&ComparedTests) -> String;

/// The tests that say something about a model, in the order in which they began. An epoch that may
/// not be judged, one of a target that is played (also under another platform's name), one that
/// searched vectors and one without times say nothing about one.
pub(super) fn find(database: &Sql<'_>) -> rusqlite::Result<ComparedTests> {
    let asked =
        "SELECT test_id, run_id, case_id, machine, platform, model_name, num_workers, num_requests,
                successful_requests,
                coalesce(total_tok_s, (SELECT e.value FROM epoch_metrics e
                                     WHERE e.result_id = b.id AND e.metric = 'prompt_tok_s'
                                       AND e.stat = 'value')),
                tok_s, total_time_seconds, started_us, provenance = 'imported'
         FROM benchmark_results b
         WHERE validity = 'VALID' AND kind <> 'retrieval' AND driver <> 'simulated'
           AND platform <> 'simulated' AND total_time_seconds > 0
         ORDER BY started_us, test_id";
    let tests = database.all(asked, &[], test)?;
    let all = "SELECT count(*) FROM benchmark_results";
    let all = database.number(all, &[])?;
    let left_out = all.saturating_sub(tests.len() as u64);
    Ok(ComparedTests { tests, left_out })
}

fn test(row: &Row<'_>) -> rusqlite::Result<ComparedTest> {
    Ok(ComparedTest {
        test_id: row.get(0)?,
        run_id: row.get(1)?,
        case_id: row.get(2)?,
        machine: row.get(3)?,
        platform: row.get(4)?,
        model: row.get(5)?,
        workers: row.whole(6)?,
        requests: row.whole(7)?,
        succeeded: row.whole(8)?,
        total_tok_s: row.get(9)?,
        tok_s: row.get(10)?,
        time_s: row.get(11)?,
        started_us: row.get(12)?,
        imported: row.get(13)?,
    })
}

/// Writes the document. Whoever calls holds the write lock, so that of two runs that end
/// together the later one writes last, with both in it.
pub(super) fn write(
    database: &Connection,
    layout: &Layout,
    rendered: Rendered<'_>,
) -> rusqlite::Result<Result<(), FileError>> {
    let text = rendered(&find(&Sql::from(database))?);
    Ok(atomic::write(&layout.comparison_file(), text.as_bytes()))
}

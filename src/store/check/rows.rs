//! The rows of two indexes, side by side in the order of what names them.

use crate::store::check::row::{Cell, cells};
use crate::store::check::{Checked, Fault, Finding, RESTORE};
use crate::store::ids::is_plain;
use crate::store::layout::Layout;
use crate::store::stored;
use rusqlite::{Connection, Rows};
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// What a table's rows are compared by.
pub(super) struct Table {
    name: &'static str,
    /// The columns that name a row.
    key: &'static [&'static str],
    /// Where its rows come from.
    rows: &'static str,
    /// What may differ: the number of an epoch's row, which is that of its commit in the one index and
    /// that of its start in the other.
    number: &'static str,
}

/// All tables, those first on which others rest.
pub(super) const TABLES: &[Table] = &[
    Table { name: "runs", key: &["run_id"], rows: "runs", number: "" },
    Table { name: RESULTS, key: &["test_id"], rows: RESULTS, number: "id" },
    Table { name: "cases", key: &["run_id", "case_id", "arm"], rows: "cases", number: "" },
    Table {
        name: "epoch_metrics",
        key: &["test_id", "metric", "stat"],
        rows: "(SELECT b.test_id, e.* FROM epoch_metrics e
                LEFT JOIN benchmark_results b ON b.id = e.result_id)",
        number: "result_id",
    },
    Table {
        name: "metrics",
        key: &["run_id", "case_id", "arm", "metric", "stat"],
        rows: "metrics",
        number: "",
    },
    Table {
        name: "histograms",
        key: &["run_id", "case_id", "arm", "metric"],
        rows: "histograms",
        number: "",
    },
    Table {
        name: "verdicts",
        key: &["run_id", "case_id", "arm", "metric"],
        rows: "verdicts",
        number: "",
    },
    Table {
        name: "alerts",
        key: &["run_id", "case_id", "arm", "number"],
        rows: "alerts",
        number: "",
    },
    Table { name: "machines", key: &["machine"], rows: "machines", number: "" },
];

/// The table whose rows are epochs.
const RESULTS: &str = "benchmark_results";

/// What tables are compared by beside their rows.
pub(super) struct Beside<'a> {
    pub(super) layout: &'a Layout,
    /// The runs that are not complete, and their epochs, by name.
    pub(super) open: BTreeSet<String>,
}

impl<'a> Beside<'a> {
    /// What there is of the runs that are not complete, by the index that was just made.
    pub(super) fn of(
        layout: &'a Layout,
        unended: Vec<String>,
        expected: &Connection,
    ) -> rusqlite::Result<Self> {
        let mut open: BTreeSet<String> = BTreeSet::new();
        // A machine, too, has its row with its first epoch.
        let mut epochs = expected.prepare(
            "SELECT test_id FROM benchmark_results WHERE run_id = ?1
             UNION SELECT machine FROM benchmark_results WHERE run_id = ?1",
        )?;
        for run in unended {
            open.extend(
                epochs.query_map([&run], |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?,
            );
            open.insert(run);
        }
        Ok(Self { layout, open })
    }
}

/// The columns of a table: first those that name a row.
struct Columns {
    names: Vec<String>,
    key: usize,
}

impl Table {
    /// Compares the table in `index` with what it is `expected` to be.
    pub(super) fn compare(
        &self,
        index: &Connection,
        expected: &Connection,
        beside: &Beside<'_>,
        checked: &mut Checked,
    ) -> rusqlite::Result<()> {
        let columns = self.columns(expected)?;
        let sql = self.query(&columns);
        let (mut found, mut expected) = (index.prepare(&sql)?, expected.prepare(&sql)?);
        let (mut found, mut expected) = (found.query([])?, expected.query([])?);
        let width = columns.names.len();
        let (mut left, mut right) = (next(&mut found, width)?, next(&mut expected, width)?);
        loop {
            match order(left.as_deref(), right.as_deref(), columns.key) {
                None => return Ok(()),
                Some(Ordering::Less) => {
                    if !self.is_open(left.as_deref(), beside) || self.is_of_epochs() {
                        self.without_lines(&columns, left.as_deref(), beside.layout, checked);
                    }
                    left = next(&mut found, width)?;
                }
                Some(Ordering::Greater) => {
                    if !self.is_open(right.as_deref(), beside) {
                        let what = "is not there, although raw lines give it".to_owned();
                        self.wrong(&columns, right.as_deref(), what, checked);
                    }
                    right = next(&mut expected, width)?;
                }
                Some(Ordering::Equal) => {
                    if !self.is_open(left.as_deref(), beside) || self.is_of_epochs() {
                        self.differing(&columns, left.as_deref(), right.as_deref(), checked);
                    }
                    (left, right) = (next(&mut found, width)?, next(&mut expected, width)?);
                }
            }
        }
    }

    /// Whether a row is of a run that is not complete: of its last epoch there may be lines and no row
    /// yet, and what is said of its cases may be older than their last epoch.
    fn is_open(&self, row: Option<&[Cell]>, beside: &Beside<'_>) -> bool {
        let Some(Cell::Text(id)) = row.and_then(<[Cell]>::first) else { return false };
        beside.open.contains(&String::from_utf8_lossy(id).into_owned())
    }

    /// Whether its rows are each of one epoch, whose lines do not change any more once it has a row.
    fn is_of_epochs(&self) -> bool {
        self.key.first() == Some(&"test_id")
    }

    fn columns(&self, expected: &Connection) -> rusqlite::Result<Columns> {
        let probe = expected.prepare(&format!("SELECT * FROM {}", self.rows))?;
        let others = probe.column_names().into_iter();
        let others = others.filter(|name| !self.key.contains(name) && *name != self.number);
        let names = self.key.iter().copied().chain(others).map(str::to_owned).collect();
        Ok(Columns { names, key: self.key.len() })
    }

    fn query(&self, columns: &Columns) -> String {
        let (names, key) = (columns.names.join(", "), self.key.join(", "));
        format!("SELECT {names} FROM {} ORDER BY {key}", self.rows)
    }

    /// Each cell that is another one than the raw lines give.
    fn differing(
        &self,
        columns: &Columns,
        found: Option<&[Cell]>,
        expected: Option<&[Cell]>,
        checked: &mut Checked,
    ) {
        let cells = found.into_iter().flatten().zip(expected.into_iter().flatten());
        for (name, (is, should)) in columns.names.iter().zip(cells) {
            if is != should {
                let what = format!("`{name}` is {is}, and {should} by the raw lines");
                self.wrong(columns, found, what, checked);
            }
        }
    }

    /// A row that no raw lines give.
    fn without_lines(
        &self,
        columns: &Columns,
        row: Option<&[Cell]>,
        layout: &Layout,
        checked: &mut Checked,
    ) {
        let test_id = match row.and_then(<[Cell]>::first) {
            Some(Cell::Text(id)) if self.name == RESULTS => String::from_utf8_lossy(id),
            _ => "".into(),
        };
        let file = layout.raw_file(&test_id);
        if is_plain(&test_id) && stored::read_first(&file).is_err() {
            checked.found(Finding {
                fault: Fault::Row,
                file,
                table: Some(self.name.to_owned()),
                row: row.map(|row| named(columns, row)),
                what: "the raw lines of this row are missing".to_owned(),
                advice: RESTORE,
            });
        } else {
            let what = "is there, although no raw lines give it".to_owned();
            self.wrong(columns, row, what, checked);
        }
    }

    fn wrong(&self, columns: &Columns, row: Option<&[Cell]>, what: String, checked: &mut Checked) {
        let row = row.map(|row| named(columns, row));
        checked.wrong(Fault::Row, Some(self.name), row, what);
    }
}

/// What comes first of two rows; `None` where both have ended.
fn order(left: Option<&[Cell]>, right: Option<&[Cell]>, key: usize) -> Option<Ordering> {
    match (left, right) {
        (None, None) => None,
        (Some(_), None) => Some(Ordering::Less),
        (None, Some(_)) => Some(Ordering::Greater),
        (Some(left), Some(right)) => Some(left[..key].cmp(&right[..key])),
    }
}

fn next(rows: &mut Rows<'_>, width: usize) -> rusqlite::Result<Option<Vec<Cell>>> {
    rows.next()?.map(|row| cells(row, width)).transpose()
}

/// A row by the columns that name it: `run_id "a", metric "ttft"`.
fn named(columns: &Columns, row: &[Cell]) -> String {
    let told = columns.names.iter().zip(row).take(columns.key);
    told.map(|(name, cell)| format!("{name} {cell}")).collect::<Vec<_>>().join(", ")
}

//! All rows of a case, of one run and side: read from one index and put into another.

use crate::store::case::Key;
use crate::store::cell::text;
use crate::store::digest::ROWS;
use crate::store::machine;
use crate::store::sql::{Sql, Table};
use rusqlite::types::Value;
use std::borrow::Cow;

/// Cells that one statement puts down at most; both servers take more.
const CELLS: usize = 6000;
/// The number of an epoch, which is another one in each index.
const NUMBER: &str = "id";
/// Tables whose rows are replaced, in the order in which they may be taken out: an alert names an epoch.
const REPLACED: [&str; 5] = ["alerts", "verdicts", "histograms", "metrics", "cases"];
/// The order in which they are put in.
const ORDER: [&str; 7] =
    ["benchmark_results", "epoch_metrics", "cases", "metrics", "histograms", "verdicts", "alerts"];

/// What names a case, by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CaseName {
    pub(super) run_id: String,
    pub(super) case_id: String,
    pub(super) arm: String,
}

impl CaseName {
    pub(super) fn key(&self) -> Key<'_> {
        Key { run_id: &self.run_id, case_id: &self.case_id, arm: &self.arm }
    }

    /// As people read it.
    pub(super) fn told(&self) -> String {
        format!("{}, {}, {}", self.run_id, self.case_id, self.arm)
    }
}

/// Every case of a run that has a row, also one whose epochs are all that there is of it.
pub(super) fn cases(sql: &Sql<'_>, run_id: &str) -> rusqlite::Result<Vec<CaseName>> {
    let asked = "SELECT run_id, case_id, arm FROM benchmark_results WHERE run_id = ?1
                 UNION SELECT run_id, case_id, arm FROM cases WHERE run_id = ?1
                 ORDER BY 1, 2, 3";
    sql.all(asked, &[text(run_id)], |row| {
        Ok(CaseName { run_id: row.get(0)?, case_id: row.get(1)?, arm: row.get(2)? })
    })
}

/// Every run, the oldest first.
pub(super) fn runs(sql: &Sql<'_>) -> rusqlite::Result<Vec<String>> {
    sql.all("SELECT run_id FROM runs ORDER BY started_us, run_id", &[], |row| row.get(0))
}

/// All that an index says of one case.
#[derive(Debug)]
pub(super) struct Rows {
    run: Table,
    tables: Vec<(&'static str, Table)>,
    /// The number of each epoch.
    numbers: Vec<Value>,
}

/// Which numbers epochs get, by which lists of them are ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Numbers {
    /// Those that they had.
    Kept,
    /// The next ones.
    Next,
}

impl Rows {
    /// Reads them. Epochs are without their number.
    pub(super) fn read(sql: &Sql<'_>, name: &CaseName) -> rusqlite::Result<Self> {
        let run = sql.table("SELECT * FROM runs WHERE run_id = ?", &[text(&name.run_id)])?;
        let (mut tables, mut numbers) = (Vec::new(), Vec::new());
        for rows in ROWS {
            let mut table = sql.table(rows.sql, &name.key().bound())?;
            numbers.extend(take_out(&mut table, NUMBER));
            tables.push((rows.table, table));
        }
        Ok(Self { run, tables, numbers })
    }

    /// Puts them down, instead of what was there of this case. Epochs that are there keep their number.
    pub(super) fn put(
        &self,
        sql: &Sql<'_>,
        name: &CaseName,
        numbers: Numbers,
    ) -> rusqlite::Result<()> {
        upsert(sql, "runs", &self.run, "run_id")?;
        for table in REPLACED {
            let gone = format!("DELETE FROM {table} WHERE run_id = ? AND case_id = ? AND arm = ?");
            sql.execute(&gone, &name.key().bound())?;
        }
        sql.execute(
            "DELETE FROM epoch_metrics WHERE result_id IN
                 (SELECT id FROM benchmark_results WHERE run_id = ? AND case_id = ? AND arm = ?)",
            &name.key().bound(),
        )?;
        for (at, table) in ORDER.into_iter().map(|name| (name, self.of(name))) {
            match at {
                "benchmark_results" => upsert(sql, at, &self.numbered(table, numbers), "test_id")?,
                _ => insert(sql, at, table, "")?,
            }
        }
        self.machines().iter().try_for_each(|one| machine::refresh(sql, one))
    }

    fn numbered<'a>(&self, table: &'a Table, numbers: Numbers) -> Cow<'a, Table> {
        match numbers {
            Numbers::Next => Cow::Borrowed(table),
            Numbers::Kept => {
                let columns = table.columns.iter().cloned().chain([NUMBER.to_owned()]).collect();
                let rows = table.rows.iter().zip(&self.numbers);
                let with = |(row, number): (&Vec<Value>, &Value)| {
                    row.iter().cloned().chain([number.clone()]).collect()
                };
                Cow::Owned(Table { columns, rows: rows.map(with).collect() })
            }
        }
    }

    /// Every cell that is otherwise in `other`, in words; at most one a table.
    pub(super) fn differing(&self, other: &Self) -> Vec<String> {
        let mine = self.tables.iter().map(|(name, table)| (*name, table));
        let theirs = other.tables.iter().map(|(_, table)| table);
        let mine = [("runs", &self.run)].into_iter().chain(mine);
        mine.zip([&other.run].into_iter().chain(theirs))
            .filter_map(|((name, mine), theirs)| Some(format!("{name}: {}", differ(mine, theirs)?)))
            .collect()
    }

    /// How many rows there are, without that of the run.
    pub(super) fn count(&self) -> usize {
        self.tables.iter().map(|(_, table)| table.rows.len()).sum()
    }

    /// The epochs, by name.
    pub(super) fn tests(&self) -> Vec<String> {
        let mut tests: Vec<String> = self.texts("test_id").collect();
        tests.sort();
        tests
    }

    fn machines(&self) -> Vec<String> {
        let mut machines: Vec<String> = self.texts("machine").collect();
        machines.sort();
        machines.dedup();
        machines
    }

    /// A column of the epochs.
    fn texts(&self, column: &str) -> impl Iterator<Item = String> {
        let table = self.of("benchmark_results");
        let at = table.columns.iter().position(|name| name == column);
        table.rows.iter().filter_map(move |row| match row.get(at?)? {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    }

    fn of(&self, name: &str) -> &Table {
        static NONE: Table = Table { columns: Vec::new(), rows: Vec::new() };
        self.tables.iter().find(|(table, _)| *table == name).map_or(&NONE, |(_, table)| table)
    }
}

/// Takes a column out of a table, where it has one of that name.
fn take_out(table: &mut Table, column: &str) -> Vec<Value> {
    let Some(at) = table.columns.iter().position(|name| name == column) else { return Vec::new() };
    table.columns.remove(at);
    table.rows.iter_mut().map(|row| row.remove(at)).collect()
}

/// The first thing that is otherwise.
fn differ(mine: &Table, theirs: &Table) -> Option<String> {
    if mine.columns != theirs.columns {
        return Some("other columns".to_owned());
    }
    if mine.rows.len() != theirs.rows.len() {
        return Some(format!("{} rows instead of {}", theirs.rows.len(), mine.rows.len()));
    }
    let pairs = mine.rows.iter().zip(&theirs.rows).enumerate();
    let found = pairs.flat_map(|(row, (mine, theirs))| {
        let cells = mine.iter().zip(theirs).enumerate();
        cells.filter(|(_, (a, b))| !same(a, b)).map(move |(at, _)| (row, at))
    });
    let mut found = found.map(|(row, at)| format!("`{}` of row {}", mine.columns[at], row + 1));
    found.next()
}

/// Bit by bit: two zeros of other signs are other numbers.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

fn upsert(sql: &Sql<'_>, name: &str, table: &Table, key: &str) -> rusqlite::Result<()> {
    let set: Vec<String> = table
        .columns
        .iter()
        .filter(|column| *column != key && *column != NUMBER)
        .map(|column| format!("{column} = excluded.{column}"))
        .collect();
    let or_else = format!(" ON CONFLICT ({key}) DO UPDATE SET {}", set.join(", "));
    insert(sql, name, table, &or_else)
}

/// Puts rows down, many with each statement. Where an epoch is told by its name, its number is looked up.
fn insert(sql: &Sql<'_>, name: &str, table: &Table, or_else: &str) -> rusqlite::Result<()> {
    let by_name = name == "epoch_metrics";
    let looked_up = "(SELECT id FROM benchmark_results WHERE test_id = ?)";
    let (columns, places): (Vec<&str>, Vec<&str>) = table
        .columns
        .iter()
        .map(|column| match (by_name, column.as_str()) {
            (true, "test_id") => ("result_id", looked_up),
            (_, column) => (column, "?"),
        })
        .unzip();
    let row = format!("({})", places.join(", "));
    let many = (CELLS / columns.len().max(1)).max(1);
    for rows in table.rows.chunks(many) {
        let all = vec![row.as_str(); rows.len()].join(", ");
        let put = format!("INSERT INTO {name} ({}) VALUES {all}{or_else}", columns.join(", "));
        let bound: Vec<Value> = rows.iter().flatten().cloned().collect();
        sql.execute(&put, &bound)?;
    }
    Ok(())
}

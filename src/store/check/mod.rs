//! Whether the index is sound: its pages, its tables, and every number in it by the raw lines.
//!
//! What is compared with is an index made anew from the raw lines, as `rebuild` makes it. Nothing is
//! mended here, and nothing changed.

mod row;
mod rows;

use crate::store::database::{DatabaseError, at};
use crate::store::file_store::{Lock, StoreError, lock_file, try_lock};
use crate::store::layout::Layout;
use crate::store::rebuild::{self, Fresh, Skipped};
use crate::store::{begun, digest, reader, schema};
use rows::Beside;
use rusqlite::{Connection, OpenFlags, Row};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Most findings that are told; a file of which everything is wrong is no clearer by more.
const MOST: usize = 100;
/// What mends an index of whose raw lines nothing is missing.
const REBUILD: &str = "run `tokgate rebuild`, which makes it anew from the raw lines";
/// What is to be done about raw lines that nobody can read.
const RESTORE: &str = "put the file back from a copy, or go on without it: `tokgate rebuild` leaves out \
                       what it cannot read, and keeps the old index";

/// How far to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Pages, indexes, references, the tables' shape and the digest of each case; also while others
    /// write.
    Structure,
    /// Every row by the raw lines, too; alone.
    RawLines,
}

/// What is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The file's pages and indexes.
    Pages,
    /// Rows refer to some that are not there.
    Reference,
    /// A table or an index is not as our tables are.
    Schema,
    /// A row says something else than the raw lines, or is there without them, or is not there.
    Row,
    /// Raw lines that cannot be read.
    RawLines,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub fault: Fault,
    /// The file that it was found in.
    pub file: PathBuf,
    /// The table, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The row, by the columns that name it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
    /// What is wrong, in a fragment.
    pub what: String,
    /// What to do next.
    pub advice: &'static str,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// The index.
    pub database: PathBuf,
    /// Whether its rows were compared with the raw lines.
    pub compared: bool,
    /// Raw epochs that its rows were compared with.
    pub epochs: usize,
    /// Results of other tools that they were compared with.
    pub imported: usize,
    /// What is wrong, at most a hundred.
    pub findings: Vec<Finding>,
    /// How much more is wrong.
    pub more: usize,
    /// What is odd, but wrong in nothing.
    pub notes: Vec<String>,
}

impl Checked {
    fn of(database: PathBuf) -> Self {
        let (findings, notes) = (Vec::new(), Vec::new());
        Self { database, compared: false, epochs: 0, imported: 0, findings, more: 0, notes }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether nothing that is read of it can be believed.
    fn is_torn(&self) -> bool {
        let mut faults = self.findings.iter().map(|finding| finding.fault);
        faults.any(|fault| matches!(fault, Fault::Pages | Fault::Schema))
    }

    fn found(&mut self, finding: Finding) {
        match self.findings.len() < MOST {
            true => self.findings.push(finding),
            false => self.more += 1,
        }
    }

    /// Something that is wrong with the index.
    fn wrong(&mut self, fault: Fault, table: Option<&str>, row: Option<String>, what: String) {
        let (file, table) = (self.database.clone(), table.map(str::to_owned));
        self.found(Finding { fault, file, table, row, what, advice: REBUILD });
    }

    fn unreadable(&mut self, skipped: Skipped) {
        let Skipped { path: file, why: what } = skipped;
        let (fault, table, row) = (Fault::RawLines, None, None);
        self.found(Finding { fault, file, table, row, what, advice: RESTORE });
    }
}

/// Looks at the index of `layout`.
///
/// # Errors
/// When there is none, when it is another program's or a newer version's, when a file cannot be read,
/// and where raw lines are to be compared, while another tokgate has the store open.
pub fn check(layout: &Layout, depth: Depth) -> Result<Checked, StoreError> {
    let mut checked = Checked::of(layout.database());
    match look(layout, depth, &mut checked) {
        Err(StoreError::Database(DatabaseError::Damaged { why, .. })) => {
            checked.wrong(Fault::Pages, None, None, inert(&why));
            Ok(checked)
        }
        result => result.map(|()| checked),
    }
}

fn look(layout: &Layout, depth: Depth, checked: &mut Checked) -> Result<(), StoreError> {
    let index = reader::open(layout)?;
    let _alone = (depth == Depth::RawLines).then(|| alone(layout)).transpose()?;
    structure(&index, checked).map_err(at(&layout.database()))?;
    let age = schema::age(&index).map_err(at(&layout.database()))?;
    match depth {
        Depth::Structure if checked.is_torn() => {}
        Depth::Structure => digests(&index, checked).map_err(at(&layout.database()))?,
        Depth::RawLines if checked.is_torn() => checked.notes.push(
            "its rows were not compared with the raw lines: it cannot be read with trust".to_owned(),
        ),
        Depth::RawLines if age.found < age.latest => checked.notes.push(format!(
            "its rows were not compared with the raw lines: it has schema {}, which any other command \
             brings up to {}; check it again after one",
            age.found, age.latest
        )),
        Depth::RawLines => compare(&index, layout, checked)?,
    }
    Ok(())
}

/// The store for us alone: what is being measured has lines and no row yet.
fn alone(layout: &Layout) -> Result<Lock, StoreError> {
    let alone = lock_file(layout)?;
    let by = "by another tokgate (`--quick` looks at the index alone, also beside others)";
    try_lock(alone.try_lock(), layout, by)?;
    Ok(alone)
}

/// Pages, indexes, references, and the tables' shape.
fn structure(index: &Connection, checked: &mut Checked) -> rusqlite::Result<()> {
    for name in schema::differing(index)? {
        let what = "is not as tokgate makes it".to_owned();
        checked.wrong(Fault::Schema, Some(&inert(&name)), None, what);
    }
    let mut pages = index.prepare(&format!("PRAGMA integrity_check({MOST})"))?;
    let told = pages.query_map([], |row| Ok(inert(&bytes(row, 0)?)))?;
    for what in told.filter(|told| told.as_deref() != Ok("ok")) {
        checked.wrong(Fault::Pages, None, None, what?);
    }
    for (Dangling { table, parent }, rows) in dangling(index)? {
        let what = format!("{rows} rows refer to rows of `{parent}` that are not there");
        checked.wrong(Fault::Reference, Some(&table), None, what);
    }
    Ok(())
}

/// Every case by the digest of its rows.
fn digests(index: &Connection, checked: &mut Checked) -> rusqlite::Result<()> {
    for digest::Changed { row, said } in digest::changed(index)? {
        let what = format!("has other rows than those of its digest {}", inert(&said));
        checked.wrong(Fault::Row, Some("cases"), Some(inert(&row)), what);
    }
    Ok(())
}

/// Rows of a table that refer to some of another one, which are not there.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Dangling {
    table: String,
    parent: String,
}

/// How many there are of each kind.
fn dangling(index: &Connection) -> rusqlite::Result<BTreeMap<Dangling, usize>> {
    let mut counted = BTreeMap::new();
    let mut query = index.prepare("PRAGMA foreign_key_check")?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent) = (inert(&bytes(row, 0)?), inert(&bytes(row, 2)?));
        *counted.entry(Dangling { table, parent }).or_default() += 1;
    }
    Ok(counted)
}

/// A text of the file, of which a flipped byte may have made none.
fn bytes(row: &Row<'_>, at: usize) -> rusqlite::Result<String> {
    let text = row.get_ref(at)?.as_bytes().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).into_owned())
}

/// A text in which nothing moves a terminal.
fn inert(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] })
        .collect()
}

/// Every row by those that the raw lines give.
fn compare(index: &Connection, layout: &Layout, checked: &mut Checked) -> Result<(), StoreError> {
    let Fresh { scratch: _scratch, path, report } = rebuild::fresh(layout)?;
    checked.compared = true;
    checked.epochs = report.epochs;
    checked.imported = report.imported;
    checked.notes.extend(report.notes);
    report.skipped.into_iter().for_each(|skipped| checked.unreadable(skipped));
    let expected = made(&path)?;
    let unended = begun::unended(layout)?;
    checked.notes.extend(unended.iter().map(|run| {
        format!(
            "run {run} is not complete, and its cases were not compared: `tokgate run --resume {run}`"
        )
    }));
    let beside = Beside::of(layout, unended, &expected).map_err(at(&path))?;
    for table in rows::TABLES {
        table.compare(index, &expected, &beside, checked).map_err(at(&layout.database()))?;
    }
    Ok(())
}

/// The index that was just made.
fn made(path: &Path) -> Result<Connection, DatabaseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(path, flags).map_err(at(path))
}

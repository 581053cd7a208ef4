//! A whole history from one store to another: a results folder to a team's store, and back. Nothing is
//! written where the other has other rows of the same cases, and what was written is read back cell by cell.

use crate::store::database::{DatabaseError, at};
use crate::store::file_store::{FileStore, StoreError};
use crate::store::ids::is_plain;
use crate::store::layout::Layout;
use crate::store::sql::Sql;
use crate::store::team::deliver::IN_TURN;
use crate::store::team::rows::{CaseName, Numbers, Rows, cases, runs};
use crate::store::team::{For, Link, Team, TeamError, raw};
use crate::store::{digest, reader};
use rusqlite::Connection;
use rusqlite::types::Value;
use std::collections::BTreeSet;

/// One of the two.
#[derive(Debug, Clone)]
pub enum End {
    /// A results folder.
    Folder(Layout),
    /// A team's store.
    Team(Team),
}

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Runs that were looked at.
    pub runs: usize,
    /// Cases that were copied.
    pub cases: usize,
    /// Cases that were there already, the same in every cell.
    pub there: usize,
    /// Rows that were copied, of all tables.
    pub rows: usize,
    /// Files of raw lines that were copied.
    pub files: usize,
    /// Epochs of which there are no raw lines to copy.
    pub without_lines: usize,
}

/// An end that is open to be read.
#[cfg_attr(
    not(feature = "postgres"),
    expect(clippy::large_enum_variant, reason = "a link is empty where this build has none")
)]
enum From {
    Folder(Connection, Layout),
    Team(Link),
}

/// An end that is open to be written.
enum To {
    Folder(Box<FileStore>),
    Team(Link),
}

/// Copies everything from one end to the other, and reads back what it has written.
///
/// # Errors
/// When an end cannot be opened, the other one has other rows of the same cases (then nothing is written), or
/// what is read back is not what was written.
pub fn copy(from: &End, to: &End) -> Result<Copied, StoreError> {
    let mut copied = Copied::default();
    let from = From::open(from)?;
    let mut to = To::open(to)?;
    let mut names = Vec::new();
    for run in from.read(runs)? {
        names.extend(from.read(|sql| cases(sql, &run))?);
        copied.runs += 1;
    }
    let wanted: BTreeSet<&CaseName> = wanted(&from, &to, &names)?.into_iter().collect();
    copied.there = names.len() - wanted.len();
    let numbers = numbers(&from, &mut to)?;
    for name in &names {
        let rows = from.read(|sql| Rows::read(sql, name))?;
        // Raw lines first, as when they were measured: a row is never without them.
        for test_id in rows.tests() {
            lines(&from, &to, &test_id, &mut copied)?;
        }
        if wanted.contains(name) {
            to.write(|sql| rows.put(sql, name, numbers))?;
            copied.cases += 1;
            copied.rows += rows.count();
        }
    }
    names.iter().try_for_each(|name| verify(&from, &to, name))?;
    Ok(copied)
}

/// Into an empty store epochs go with their numbers, so that lists have the same order; whoever delivers
/// meanwhile gets those behind them.
fn numbers(from: &From, to: &mut To) -> Result<Numbers, StoreError> {
    if to.read(|sql| sql.number("SELECT count(*) FROM benchmark_results", &[]))? > 0 {
        return Ok(Numbers::Next);
    }
    let last = "SELECT coalesce(max(id), 0) FROM benchmark_results";
    let last = from.read(|sql| sql.number(last, &[]))?;
    if let (To::Team(link), Ok(last @ 1..)) = (to, i64::try_from(last)) {
        let behind = "SELECT setval(pg_get_serial_sequence('benchmark_results', 'id'), ?)";
        link.table(behind, &[Value::Integer(last)]).map_err(|error| link.told(error))?;
    }
    Ok(Numbers::Kept)
}

/// The cases that are not there yet.
fn wanted<'a>(
    from: &From,
    to: &To,
    names: &'a [CaseName],
) -> Result<Vec<&'a CaseName>, StoreError> {
    let (mut wanted, mut others) = (Vec::new(), Vec::new());
    for name in names {
        let there = to.read(|sql| Rows::read(sql, name))?;
        if there.count() == 0 {
            wanted.push(name);
            continue;
        }
        let differing = from.read(|sql| Rows::read(sql, name))?.differing(&there);
        if !differing.is_empty() {
            others.push(format!("{} ({})", name.told(), differing.join("; ")));
        }
    }
    match others.as_slice() {
        [] => Ok(wanted),
        [first, more @ ..] => Err(TeamError::Differs {
            place: to.place(),
            from: from.place(),
            case: first.clone(),
            more: more.len(),
        }
        .into()),
    }
}

/// Copies the raw lines of an epoch, where they are not there.
fn lines(from: &From, to: &To, test_id: &str, copied: &mut Copied) -> Result<(), StoreError> {
    // An index may have come from elsewhere: no path is made of what is no plain name.
    let done = match (from, to) {
        _ if !is_plain(test_id) => None,
        (From::Folder(_, layout), To::Team(link)) => {
            let path = layout.raw_file(test_id);
            if path.exists() { Some(raw::send(link, test_id, &path)?) } else { None }
        }
        (From::Team(link), To::Folder(store)) => {
            let path = store.layout().raw_file(test_id);
            match path.exists() {
                true => Some(false),
                false => raw::fetch(link, test_id, &path)?.then_some(true),
            }
        }
        (From::Folder(..), To::Folder(_)) | (From::Team(_), To::Team(_)) => None,
    };
    copied.files += usize::from(done == Some(true));
    copied.without_lines += usize::from(done.is_none());
    Ok(())
}

/// Reads a case at both ends, cell by cell, and holds the digest that stands beside it to its rows.
fn verify(from: &From, to: &To, name: &CaseName) -> Result<(), StoreError> {
    let here = from.read(|sql| Rows::read(sql, name))?;
    let there = to.read(|sql| Rows::read(sql, name))?;
    let mut differing = here.differing(&there);
    let of = |sql: &Sql<'_>| digest::of(sql, name.key());
    if from.read(of)? != to.read(of)? {
        differing.push("digest: another one".to_owned());
    }
    match differing.is_empty() {
        true => Ok(()),
        false => {
            let what = format!("{}: {}", name.told(), differing.join("; "));
            Err(TeamError::NotTheSame { place: to.place(), what }.into())
        }
    }
}

impl From {
    fn open(end: &End) -> Result<Self, StoreError> {
        match end {
            End::Folder(layout) => Ok(Self::Folder(up_to_date(layout)?, layout.clone())),
            End::Team(team) => Ok(Self::Team(team.connect(For::Reading)?)),
        }
    }

    fn read<T>(&self, work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        match self {
            Self::Folder(connection, layout) => {
                Ok(work(&Sql::from(connection)).map_err(at(&layout.database()))?)
            }
            Self::Team(link) => of_team(link, work),
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Folder(_, layout) => layout.root().display().to_string(),
            Self::Team(link) => link.place().to_owned(),
        }
    }
}

/// The index of a folder, in today's tables.
fn up_to_date(layout: &Layout) -> Result<Connection, StoreError> {
    if !layout.database().exists() {
        return Err(DatabaseError::Absent(layout.database()).into());
    }
    drop(FileStore::open(layout.clone())?);
    Ok(reader::open(layout)?)
}

impl To {
    fn open(end: &End) -> Result<Self, StoreError> {
        match end {
            End::Folder(layout) => {
                Ok(Self::Folder(Box::new(FileStore::open_to_write(layout.clone())?)))
            }
            End::Team(team) => Ok(Self::Team(team.connect(For::Writing)?)),
        }
    }

    fn read<T>(&self, work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        match self {
            Self::Folder(store) => store.index().read(work),
            Self::Team(link) => of_team(link, work),
        }
    }

    /// Does all of `work` or none of it.
    fn write(
        &mut self,
        work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        match self {
            Self::Folder(store) => Ok(store.write(|connection| work(&Sql::from(connection)))?),
            Self::Team(link) => {
                let done = link.transact("BEGIN", || {
                    link.batch(IN_TURN)?;
                    work(&Sql::Team(link))
                });
                Ok(done.map_err(|error| link.told(error))?)
            }
        }
    }

    fn place(&self) -> String {
        match self {
            Self::Folder(store) => store.layout().root().display().to_string(),
            Self::Team(link) => link.place().to_owned(),
        }
    }
}

fn of_team<T>(
    link: &Link,
    work: impl FnOnce(&Sql<'_>) -> rusqlite::Result<T>,
) -> Result<T, StoreError> {
    Ok(work(&Sql::Team(link)).map_err(|error| link.told(error))?)
}

//! The tables of a team's store: made, recognised, and brought up to date, by the same steps as a folder's.
//!
//! Which steps were done stands in the table `steps`. They are done by the owner of the schema, by
//! `tokgate store migrate`, and by nobody on the way: whoever only delivers or reads needs no right to make
//! tables.

use crate::store::cell::text;
use crate::store::schema::{Step, TEXTS};
use crate::store::sql::Sql;
use crate::store::team::link::Link;
use crate::store::team::{Team, TeamError, dialect};
use jiff::Timestamp;
use rusqlite::types::Value;

/// What a folder has as files.
const RAW: Step = Step { name: "raw", sql: include_str!("raw.sql") };
/// Who migrates at the same time waits for the first; `tokgate` in ASCII.
const ALONE: &str = "SELECT pg_advisory_xact_lock(32777612016743525)";
/// Where everything lies, and which steps made it.
const HOME: &str = "CREATE SCHEMA IF NOT EXISTS tokgate;
    CREATE TABLE IF NOT EXISTS tokgate.steps (
        name TEXT PRIMARY KEY,
        done_us BIGINT NOT NULL,
        tokgate TEXT NOT NULL
    )";

/// Every step, in order. Steps are added, never changed.
fn steps() -> impl Iterator<Item = Step> {
    TEXTS.into_iter().chain([RAW])
}

/// Makes the tables, or what is missing of them, in one transaction; gives back the steps that were done.
///
/// # Errors
/// When the store cannot be reached, a newer tokgate made it, or we may not.
pub fn migrate(team: &Team) -> Result<Vec<&'static str>, TeamError> {
    let link = team.connect_to_make()?;
    let done = link.transact("BEGIN", || {
        link.batch(ALONE)?;
        link.batch(HOME)?;
        let done = done(&link)?;
        refuse_newer(&link, &done).map_err(TeamError::inside)?;
        let missing: Vec<Step> =
            steps().filter(|step| !done.iter().any(|name| name == step.name)).collect();
        missing.iter().try_for_each(|step| take(&link, *step))?;
        Ok(missing.iter().map(|step| step.name).collect())
    });
    done.map_err(|error| link.told(error))
}

fn take(link: &Link, step: Step) -> rusqlite::Result<()> {
    link.batch(&dialect::tables(step.sql))?;
    let now = Value::Integer(Timestamp::now().as_microsecond());
    let kept = "INSERT INTO steps (name, done_us, tokgate) VALUES (?, ?, ?)";
    link.execute(kept, &[text(step.name), now, text(env!("CARGO_PKG_VERSION"))]).map(drop)
}

/// Whether the tables are those of this version.
pub(super) fn recognise(link: &Link) -> Result<(), TeamError> {
    let there = "SELECT to_regclass('tokgate.steps') IS NOT NULL";
    let is_there = Sql::Team(link).one(there, &[], |row| row.get::<bool>(0));
    let done = match is_there.map_err(|error| link.told(error))? {
        Some(true) => done(link).map_err(|error| link.told(error))?,
        Some(false) | None => Vec::new(),
    };
    refuse_newer(link, &done)?;
    let missing: Vec<&str> = steps()
        .map(|step| step.name)
        .filter(|name| !done.iter().any(|done| done == name))
        .collect();
    match missing.is_empty() {
        true => Ok(()),
        false => {
            Err(TeamError::Older { place: link.place().to_owned(), missing: missing.join(", ") })
        }
    }
}

/// The same of tables that were of this version before.
pub(super) fn is_todays(link: &Link) -> bool {
    done(link).is_ok_and(|done| steps().map(|step| step.name).eq(done))
}

fn done(link: &Link) -> rusqlite::Result<Vec<String>> {
    Sql::Team(link).all("SELECT name FROM steps ORDER BY done_us, name", &[], |row| row.get(0))
}

fn refuse_newer(link: &Link, done: &[String]) -> Result<(), TeamError> {
    match done.iter().find(|name| !steps().any(|step| step.name == name.as_str())) {
        Some(step) => Err(TeamError::Newer { place: link.place().to_owned(), step: step.clone() }),
        None => Ok(()),
    }
}

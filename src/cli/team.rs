//! Which store is meant: `--store`, else TOKGATE_STORE, else `store` of `tokgate.toml`, else the results folder
//! alone.

use crate::cli::face::Face;
use crate::config;
use crate::project::Project;
use crate::store::outbox::{Receipt, Told};
use crate::store::team::{Address, Delivering, Team};
use crate::store::{FileStore, Layout, Store};
use anyhow::{Result, bail};
use std::path::Path;
use std::sync::OnceLock;
use tokgate_core::diagnostic::line;

/// The word for the results folder alone, where a file or the environment names a team's store.
const LOCAL: &str = "local";
/// The variable that names one.
const VARIABLE: &str = "TOKGATE_STORE";
/// What the command line says, which is said once for all commands.
static NAMED: OnceLock<String> = OnceLock::new();

/// Remembers what the command line says.
pub(super) fn name(store: Option<&str>) {
    if let Some(store) = store {
        // There is one command line.
        let _ = NAMED.set(store.to_owned());
    }
}

/// The team's store that is meant; nothing is connected yet.
///
/// # Errors
/// When a file of the configuration is wrong, or what is named is no address.
pub(super) fn meant(project: &Project) -> Result<Option<Team>> {
    let said = match NAMED.get() {
        Some(named) => Some(named.clone()),
        // A bench target has no command line of ours.
        None => std::env::var(VARIABLE).ok(),
    };
    let said = match said.filter(|said| !said.is_empty()) {
        Some(said) => Some(said),
        None => of_file(project)?,
    };
    match said.filter(|said| said != LOCAL) {
        Some(said) => Ok(Some(team(&said)?)),
        None => Ok(None),
    }
}

/// What a file names, in which no password is to stand.
fn of_file(project: &Project) -> Result<Option<String>> {
    let named = config::store(project)?;
    match named.as_deref().is_some_and(Address::holds_password) {
        true => bail!(
            "the `store` of tokgate.toml holds a password: take it out, and give it by the variable PGPASSWORD"
        ),
        false => Ok(named),
    }
}

/// The store at an address.
///
/// # Errors
/// When it is none, or this build cannot speak to it.
pub(super) fn team(address: &str) -> Result<Team> {
    let team = Team::at(Address::parse(address)?);
    Team::is_built_in()?;
    Ok(team)
}

/// Where questions are asked: a team's store, or the results folder that was named or is the project's.
///
/// # Errors
/// As [`meant`], or when the named folder is not there.
pub(super) fn layout(project: &Project, results_dir: Option<&Path>) -> Result<Layout> {
    Ok(match meant(project)? {
        Some(team) => {
            let root = results_dir.map_or_else(|| project.results(), |dir| Ok(dir.to_owned()))?;
            Layout::new(root).of_team(team)
        }
        None => Layout::new(project.stored(results_dir)?),
    })
}

/// Where a run was delivered to; that it was not is told at once.
pub(super) fn told(receipt: &Receipt, face: &Face) -> Option<String> {
    match receipt.told()? {
        Told::Delivered(place) => Some(place),
        Told::Waits(why) => {
            face.tell(&line(&why));
            None
        }
    }
}

/// The store that a run is kept in, with who delivers from it where a team's is meant; and what will have
/// become of that.
///
/// # Errors
/// When results cannot be kept.
pub(super) fn keeping(
    layout: &Layout,
    project: &Project,
    is_temporary: bool,
) -> Result<(Box<dyn Store + Send>, Receipt)> {
    let store = FileStore::open_to_write(layout.clone())?;
    Ok(match meant(project)?.filter(|_| !is_temporary) {
        Some(team) => {
            let (store, receipt) = Delivering::start(store, team)?;
            (Box::new(store), receipt)
        }
        None => (Box::new(store), Receipt::default()),
    })
}

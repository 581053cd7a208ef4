//! `tokgate store copy`: a whole history from one store to another.

use crate::cli::face::Face;
use crate::cli::team;
use crate::project::Project;
use crate::store::Layout;
use crate::store::team::{Copied, End, copy};
use anyhow::{Result, bail};
use std::path::Path;
use tokgate_core::verdict::Exit;

/// Copy everything from FROM to TO, and read every cell back. One is a results folder, the other the address of
/// a team's store. What is there already stays; where TO has other rows of the same cases, nothing is copied.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A results folder, or postgres://USER@HOST/DATABASE
    #[arg(value_name = "FROM")]
    from: String,
    /// The other one
    #[arg(value_name = "TO")]
    to: String,
}

/// Copies, and says what.
///
/// # Errors
/// When one of them cannot be opened, they disagree, or what was copied is not what is read back.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let project = Project::find(&std::env::current_dir()?);
    let [from, to] = [end(&args.from)?, end(&args.to)?];
    match (&from, &to) {
        (End::Folder(_), End::Folder(_)) | (End::Team(_), End::Team(_)) => {
            bail!("one of them is a results folder, and the other the address of a team's store")
        }
        (End::Folder(layout), End::Team(_)) => {
            project.stored(Some(layout.root()))?;
        }
        (End::Team(_), End::Folder(_)) => {}
    }
    let Copied { runs, cases, there, rows, files, without_lines } = copy(&from, &to)?;
    face.say(&format!(
        "{runs} runs: copied {cases} cases ({rows} rows) and {files} files of raw lines; {there} cases were \
         there; every cell was read back and is the same"
    ));
    if without_lines > 0 {
        face.tell(&format!(
            "{without_lines} epochs came without raw lines, which are elsewhere: `tokgate rebuild` could not \
             make their rows again"
        ));
    }
    Ok(Exit::Held)
}

fn end(named: &str) -> Result<End> {
    Ok(match named.contains("://") {
        true => End::Team(team::team(named)?),
        false => End::Folder(Layout::new(Path::new(named))),
    })
}

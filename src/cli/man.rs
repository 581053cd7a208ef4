//! `tokgate man`: manual pages, one a command.

use crate::cli::Cli;
use crate::cli::face::Face;
use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::path::{Path, PathBuf};
use tokgate_core::verdict::Exit;

/// Print the manual page (`tokgate man | man -l -`), or write those of all commands into a folder.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Write tokgate.1, tokgate-run.1 and so on here
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Prints one page, or writes all of them.
///
/// # Errors
/// When the folder cannot be written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let mut command = Cli::command().disable_help_subcommand(true);
    command.build();
    match &args.folder {
        None => face.say(page(Man::new(command))?.trim_end()),
        Some(folder) => {
            let folder = std::path::absolute(folder)
                .with_context(|| format!("cannot write to {}", folder.display()))?;
            std::fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
            let pages = write(command, &folder)?;
            face.tell(&format!("wrote {pages} pages to {}", folder.display()));
        }
    }
    Ok(Exit::Held)
}

/// Writes the pages of a command and of those beneath it; how many.
fn write(command: Command, folder: &Path) -> Result<usize> {
    let beneath = command.get_subcommands().filter(|it| !it.is_hide_set()).cloned();
    let pages: usize = beneath.map(|it| write(it, folder)).sum::<Result<usize>>()?;
    let man = Man::new(command);
    let file = folder.join(man.get_filename());
    std::fs::write(&file, page(man)?)
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(pages + 1)
}

fn page(man: Man) -> Result<String> {
    let mut text = Vec::new();
    man.render(&mut text).context("cannot write a page")?;
    String::from_utf8(text).context("the page is no text")
}

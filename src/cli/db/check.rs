//! `tokgate db check`: whether the index is sound; nothing in it is changed.

use super::layout;
use crate::cli::face::Face;
use crate::store::{self, Checked, Depth, Finding};
use anyhow::Result;
use serde_json::json;
use std::path::PathBuf;
use tokgate_core::verdict::Exit;

/// Version of the JSON's shape.
const SCHEMA_VERSION: u32 = 1;

/// Whether the database is whole, and says what its raw lines say.
///
/// 0 where it is, 5 where something is found, 2 where it is another program's or a newer version's.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
    /// Look at the database alone, not at the raw lines; also while something is measured
    #[arg(long)]
    quick: bool,
    /// One JSON object instead of lines
    #[arg(long)]
    json: bool,
}

/// Checks and tells each finding.
///
/// # Errors
/// When there is no database of ours, or the raw lines are being written.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let depth = if args.quick { Depth::Structure } else { Depth::RawLines };
    let checked = store::check(&layout(args.results_dir.as_deref())?, depth)?;
    match args.json {
        true => face.say(&object(&checked).to_string()),
        false => tell(&checked, face),
    }
    Ok(if checked.is_sound() { Exit::Held } else { Exit::Storage })
}

fn object(checked: &Checked) -> serde_json::Value {
    let Checked { database, compared, epochs, imported, findings, more, notes } = checked;
    json!({
        "schema_version": SCHEMA_VERSION,
        "sound": checked.is_sound(),
        "database": database,
        "compared_with_raw_lines": compared,
        "epochs": epochs,
        "imported": imported,
        "findings": findings,
        "further_findings": more,
        "notes": notes,
    })
}

fn tell(checked: &Checked, face: &Face) {
    checked.findings.iter().for_each(|finding| face.say(&line(finding)));
    if checked.more > 0 {
        face.say(&format!("and {} findings more", checked.more));
    }
    checked.notes.iter().for_each(|note| face.tell(note));
    if checked.is_sound() {
        let database = checked.database.display();
        let epochs = checked.epochs;
        face.say(&match checked.compared {
            true => {
                let imported = match checked.imported {
                    0 => String::new(),
                    n => format!(" and {n} imported results"),
                };
                format!(
                    "{database} is sound: all rows are what the lines of {epochs} epochs{imported} say"
                )
            }
            false => format!("{database} is sound; its rows were not compared with the raw lines"),
        });
    }
}

/// `FILE: table `runs`, row run_id "a": WHAT: ADVICE`.
fn line(finding: &Finding) -> String {
    let Finding { fault: _, file, table, row, what, advice } = finding;
    let table = table.as_ref().map(|table| format!("table `{table}`"));
    let row = row.as_ref().map(|row| format!("row {row}"));
    let place: Vec<String> = table.into_iter().chain(row).collect();
    let place = if place.is_empty() { String::new() } else { place.join(", ") + ": " };
    format!("{}: {place}{what}: {advice}", file.display())
}

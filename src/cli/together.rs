//! `tokgate report comparison` and `tokgate report summary`: what is told of all runs together.

use crate::cli::face::Face;
use crate::report::comparison;
use crate::store::FileStore;
use anyhow::{Result, bail};

/// How it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// One JSON object.
    Json,
    /// Markdown.
    Markdown,
    /// As a file where results are.
    File,
}

/// Tells every test beside the others.
///
/// # Errors
/// When the index cannot be read, or the file cannot be written.
pub(super) fn comparison(store: &mut FileStore, form: Form, face: &Face) -> Result<()> {
    let compared = store.compared()?;
    match form {
        Form::Json => face.say(&comparison::json(&compared).to_string()),
        Form::Markdown => face.say(comparison::markdown(&compared).trim_end()),
        Form::File => {
            store.write_comparison(&comparison::markdown)?;
            let (path, count) = (store.layout().comparison_file(), compared.tests.len());
            let noun = if count == 1 { "epoch" } else { "epochs" };
            face.say(&format!("wrote {}: {count} {noun} side by side", path.display()));
            if let Some(left_out) = comparison::left_out(&compared) {
                face.tell(&left_out);
            }
        }
    }
    Ok(())
}

/// Tells every row of the index.
///
/// # Errors
/// When it cannot be read, or another form than JSON is asked for.
pub(super) fn summary(store: &FileStore, form: Form, face: &Face) -> Result<()> {
    match form {
        Form::Json | Form::File => face.say(&format!("{:#}", store.analysis()?)),
        Form::Markdown => bail!(
            "the summary is told as JSON alone; `tokgate report comparison --markdown` is a table"
        ),
    }
    Ok(())
}

//! From the `[rag]` table to the noun of the line, with the checks that need more than one of its
//! values.

use super::cells::Cell;
use super::file::{self, Tables};
use super::fit::Choice;
use super::resolve::Refuse;
use super::roots::{self, Roots};
use crate::case::{DriverKind, Embedder, Passages, Rag};
use crate::diagnostic::Diagnostic;
use crate::metric::Kind;

const TABLE: &str = "rag";

/// What questions are answered from.
pub(super) fn rag(written: &file::Rag) -> Rag {
    let (most, words) = (written.passages, written.passage_words);
    Rag {
        engine: written.engine.driver(),
        passages: match written.passage_file.clone() {
            Some(path) => Passages::File { path, most, contents: None },
            None => Passages::Seeded { count: most, words },
        },
        embedder: Embedder {
            base_url: written.embedding_url.clone(),
            model: written.embedding_model.clone(),
            api_key_env: written.embedding_key_env.clone(),
        },
    }
}

/// What searches: the driver, or in a rag case the engine over its passages.
pub(super) fn searched_by(choice: Choice, tables: &Tables) -> DriverKind {
    match choice.kind {
        Kind::Rag => tables.rag.engine.driver(),
        Kind::Generation | Kind::Retrieval | Kind::Embedding => choice.driver,
    }
}

/// What is wrong with the passages of a cell.
pub(super) fn checks(
    cell: &Cell<'_>,
    written: &file::Rag,
    roots: &Roots,
    refuse: &Refuse<'_>,
) -> Vec<Diagnostic> {
    [
        out_of_bounds(cell, written, roots, refuse),
        words_of_a_file(cell, written, refuse),
        key_of_nowhere(written, refuse),
        told_to_another_engine(cell, written, refuse),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A path on the command line is the user's own; one in a scenario stays inside.
fn out_of_bounds(
    cell: &Cell<'_>,
    written: &file::Rag,
    roots: &Roots,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let own = cell.is_override(TABLE, "passage_file");
    let message = roots.refuses(written.passage_file.as_deref()?).filter(|_| !own)?;
    Some(refuse(&[(TABLE, "passage_file")], message).help(roots::HELP))
}

fn words_of_a_file(
    cell: &Cell<'_>,
    written: &file::Rag,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    written.passage_file.as_ref()?;
    cell.place(TABLE, "passage_words")?;
    let message = "`passage_words` is about passages that are made, and these are a file's";
    let keys = [(TABLE, "passage_words"), (TABLE, "passage_file")];
    Some(refuse(&keys, message.to_owned()).help("write only one of the two"))
}

/// A key goes to the server that it was given for, and to no other.
fn key_of_nowhere(written: &file::Rag, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let alone = written.embedding_key_env.is_some() && written.embedding_url.is_none();
    alone.then(|| {
        let message = "`embedding_key_env` is the key of `embedding_url`, which is not written";
        refuse(&[(TABLE, "embedding_key_env")], message.to_owned())
            .help("the target's own server has `api_key_env` in [target]")
    })
}

/// A knob of one engine is nothing to another.
fn told_to_another_engine(
    cell: &Cell<'_>,
    written: &file::Rag,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let engine = written.engine.driver();
    let strange = [("rescore", engine.rescores()), ("nprobe", engine == DriverKind::IvfSq8)]
        .into_iter()
        .find(|(key, fits)| !fits && cell.place("retrieval", key).is_some());
    let (knob, _) = strange?;
    let message = format!("`{knob}` is nothing to engine `{}`", engine.as_str());
    Some(refuse(&[("retrieval", knob), (TABLE, "engine")], message))
}

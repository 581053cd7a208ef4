//! The `[rag]` table of a scenario file, with its ranges and defaults; what it means, and the checks
//! that need more than one of its values.

use super::cells::Cell;
use super::file::{ADDRESS, Tables, VARIABLE};
use super::fit::Choice;
use super::resolve::Refuse;
use super::roots::{self, Roots};
use crate::case::{self, DriverKind, Embedder, Passages};
use crate::diagnostic::Diagnostic;
use crate::metric::Kind;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const TABLE: &str = "rag";

/// What questions are answered from, in a rag case.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Rag {
    /// The index in process that the passages' vectors are searched in.
    pub(super) engine: Engine,
    /// How many passages there are; of a file, the most that are taken.
    #[schemars(range(min = 100, max = 100000))]
    pub(super) passages: u32,
    /// Words of each passage, where they are made from the seed.
    #[schemars(range(min = 1, max = 2000))]
    pub(super) passage_words: u32,
    /// A text file within the project with a passage a line; passages are made from the seed where absent.
    #[schemars(length(min = 1, max = 4096), extend("examples" = ["data/passages.txt"]))]
    pub(super) passage_file: Option<String>,
    /// Address of the server with the embedding model, its `/v1` included; the target's own where absent.
    #[schemars(regex(pattern = ADDRESS), extend("examples" = ["http://127.0.0.1:8001/v1"]))]
    pub(super) embedding_url: Option<String>,
    /// The embedding model's name on its server; the first that is listed where absent.
    #[schemars(length(min = 1, max = 512), extend("examples" = ["nomic-embed-text"]))]
    pub(super) embedding_model: Option<String>,
    /// Name of the environment variable that holds the key of `embedding_url`. Never the key itself.
    #[schemars(regex(pattern = VARIABLE), extend("examples" = ["EMBEDDING_API_KEY"]))]
    pub(super) embedding_key_env: Option<String>,
}

impl Default for Rag {
    /// Enough passages that a search is one, and few enough that embedding them takes seconds.
    fn default() -> Self {
        Self {
            engine: Engine::FlatQ4,
            passages: 2000,
            passage_words: 48,
            passage_file: None,
            embedding_url: None,
            embedding_model: None,
            embedding_key_env: None,
        }
    }
}

/// An index in process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Engine {
    /// Exact f32 search.
    Flat,
    /// 4-bit scan with f32 rescoring.
    FlatQ4,
    /// An inverted file of 8-bit codes with f32 rescoring.
    IvfSq8,
}

impl Engine {
    /// The driver that the engine is by itself.
    pub(super) fn driver(self) -> DriverKind {
        match self {
            Self::Flat => DriverKind::Flat,
            Self::FlatQ4 => DriverKind::FlatQ4,
            Self::IvfSq8 => DriverKind::IvfSq8,
        }
    }
}

/// What questions are answered from.
pub(super) fn rag(written: &Rag) -> case::Rag {
    let (most, words) = (written.passages, written.passage_words);
    case::Rag {
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
    written: &Rag,
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
    written: &Rag,
    roots: &Roots,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let own = cell.is_override(TABLE, "passage_file");
    let message = roots.refuses(written.passage_file.as_deref()?).filter(|_| !own)?;
    Some(refuse(&[(TABLE, "passage_file")], message).help(roots::HELP))
}

fn words_of_a_file(cell: &Cell<'_>, written: &Rag, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    written.passage_file.as_ref()?;
    cell.place(TABLE, "passage_words")?;
    let message = "`passage_words` is about passages that are made, and these are a file's";
    let keys = [(TABLE, "passage_words"), (TABLE, "passage_file")];
    Some(refuse(&keys, message.to_owned()).help("write only one of the two"))
}

/// A key goes to the server that it was given for, and to no other.
fn key_of_nowhere(written: &Rag, refuse: &Refuse<'_>) -> Option<Diagnostic> {
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
    written: &Rag,
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

//! From the `[dataset]` table to the noun of the line, with the checks that need more than one of
//! its values.

use super::cells::Cell;
use super::data::{self, DatasetKind, Distribution};
use super::file::Tables;
use super::resolve::{GIB, Refuse};
use super::roots::{self, Roots};
use crate::case::{
    DataFile, Dataset, OutputTokens, PromptSet, PromptSource, QuerySource, VectorFile, VectorKind,
    VectorSet,
};
use crate::dataset::class::PromptClass;
use crate::dataset::length::Spread;
use crate::dataset::synthetic::{SALT_WORDS, SharedPrefix, Synthetic};
use crate::diagnostic::Diagnostic;
use crate::quality::{Check, Expect};

const TABLE: &str = "dataset";
/// Rows that are taken from a file at most, where the scenario does not say.
const MOST_ENTRIES: u32 = 100_000_000;

/// What a cell sends.
pub(super) fn dataset(cell: &Cell<'_>, tables: &Tables, free_memory: Option<u64>) -> Dataset {
    let written = &tables.dataset;
    let prompts = |source| Dataset::Prompts(prompt_set(cell, written, source));
    let vectors = |kind| {
        let asked = VectorSet::new(kind, written.entries, written.dimensions);
        Dataset::Vectors(match shorter(cell, written, free_memory) {
            Some(dimensions) => {
                VectorSet { dimensions, instead_of: Some(asked.dimensions), ..asked }
            }
            None => asked,
        })
    };
    match cell.choice.data {
        DatasetKind::Synthetic => prompts(PromptSource::Synthetic(synthetic(written))),
        DatasetKind::Text => prompts(PromptSource::Text { text_length: written.text_length }),
        DatasetKind::Prompts => prompts(PromptSource::Prompts { prompts: written.prompts.clone() }),
        DatasetKind::Tasks => prompts(PromptSource::Tasks { category: written.category }),
        DatasetKind::File => prompts(PromptSource::File(DataFile {
            path: written.path.clone().unwrap_or_default(),
            format: written.format,
            contents: None,
        })),
        DatasetKind::Mixture => vectors(VectorKind::Mixture),
        DatasetKind::Iid => vectors(VectorKind::Iid),
        DatasetKind::Vectors => Dataset::Vectors(vectors_of_file(cell, written)),
    }
}

/// The dimensions that fit a host with little free memory, where the scenario has them. What the
/// user asks for is tried.
fn shorter(cell: &Cell<'_>, written: &data::Dataset, free_memory: Option<u64>) -> Option<u32> {
    let fewer = written.low_memory_dimensions.filter(|fewer| *fewer < written.dimensions)?;
    let is_short = free_memory? < (written.low_memory_gb * GIB) as u64;
    (is_short && !cell.is_override(TABLE, "dimensions")).then_some(fewer)
}

/// How many rows there are, and how long they are, is the file's to say.
fn vectors_of_file(cell: &Cell<'_>, written: &data::Dataset) -> VectorSet {
    let file = VectorFile {
        path: written.path.clone().unwrap_or_default(),
        queries: match &written.queries {
            Some(path) => QuerySource::Queries(path.clone()),
            None => QuerySource::HeldOut(written.held_out),
        },
        metric: written.metric,
        column: written.column.clone(),
        contents: None,
    };
    let entries = cell.place(TABLE, "entries").map_or(MOST_ENTRIES, |_| written.entries);
    VectorSet::new(VectorKind::File(file), entries, 0)
}

fn prompt_set(cell: &Cell<'_>, written: &data::Dataset, source: PromptSource) -> PromptSet {
    let own = match &source {
        PromptSource::Tasks { .. } | PromptSource::File(_) => {
            cell.place(TABLE, "output_tokens").is_none()
        }
        PromptSource::Synthetic(_) | PromptSource::Text { .. } | PromptSource::Prompts { .. } => {
            false
        }
    };
    PromptSet {
        source,
        output_tokens: written.output_tokens,
        output: if own { OutputTokens::Own } else { OutputTokens::Asked },
        temperature: written.temperature,
        expect: expect(cell.choice.data, written),
        tokenizer: written.tokenizer.clone(),
    }
}

/// What is expected of answers: whether a file says so shows when it is read.
fn expect(kind: DatasetKind, written: &data::Dataset) -> Option<Expect> {
    let (answers, how) = (written.expect.clone(), written.expect_as);
    let may = !answers.is_empty() || kind == DatasetKind::File;
    may.then_some(Expect { answers, how })
}

fn synthetic(written: &data::Dataset) -> Synthetic {
    let (tokens, prefixes) = (written.shared_prefix_tokens, written.prefixes);
    Synthetic {
        prompt_tokens: prompt_tokens(written),
        prompt_spread: spread(written.prompt_distribution, written.prompt_spread),
        output_spread: spread(written.output_distribution, written.output_spread),
        shared: (tokens > 0).then_some(SharedPrefix { tokens, prefixes }),
    }
}

/// The class is there only where it is stronger than a number.
fn prompt_tokens(written: &data::Dataset) -> u32 {
    written.prompt_class.map_or(written.prompt_tokens, PromptClass::tokens)
}

fn spread(distribution: Distribution, spread: f64) -> Spread {
    match distribution {
        Distribution::Fixed => Spread::Fixed,
        Distribution::Uniform => Spread::Uniform(spread),
        Distribution::Normal => Spread::Normal(spread),
        Distribution::LogNormal => Spread::LogNormal(spread),
    }
}

/// What is wrong with the vectors of a cell.
pub(super) fn vector_checks(
    cell: &Cell<'_>,
    written: &data::Dataset,
    roots: &Roots,
    refuse: &Refuse<'_>,
) -> Vec<Diagnostic> {
    [
        nothing_to_send(cell.choice.data, written, refuse),
        out_of_bounds(cell, roots, ("path", written.path.as_deref()), refuse),
        out_of_bounds(cell, roots, ("queries", written.queries.as_deref()), refuse),
        held_out_beside_queries(cell, refuse),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn held_out_beside_queries(cell: &Cell<'_>, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let is_written = |key| cell.place(TABLE, key).is_some();
    (is_written("held_out") && is_written("queries")).then(|| {
        let message = "`held_out` takes queries from the rows, and `queries` names their file";
        let keys = [(TABLE, "held_out"), (TABLE, "queries")];
        refuse(&keys, message.to_owned()).help("write only one of the two")
    })
}

/// What is wrong with the prompts of a cell.
pub(super) fn checks(
    cell: &Cell<'_>,
    written: &data::Dataset,
    roots: &Roots,
    refuse: &Refuse<'_>,
) -> Vec<Diagnostic> {
    let prompt = (written.prompt_distribution, written.prompt_spread);
    let output = (written.output_distribution, written.output_spread);
    [
        nothing_to_send(cell.choice.data, written, refuse),
        bad_expectation(written, refuse),
        out_of_bounds(cell, roots, ("path", written.path.as_deref()), refuse),
        out_of_bounds(cell, roots, ("tokenizer", written.tokenizer.as_deref()), refuse),
        bad_spread(cell, ["prompt_spread", "prompt_distribution"], prompt, refuse),
        bad_spread(cell, ["output_spread", "output_distribution"], output, refuse),
        bad_sharing(cell, written, refuse),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn nothing_to_send(
    kind: DatasetKind,
    written: &data::Dataset,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let (message, help) = if kind == DatasetKind::Prompts && written.prompts.is_empty() {
        ("data of kind `prompts` has no prompts", "write `prompts = [\"...\"]` beside it")
    } else if kind == DatasetKind::File && written.path.is_none() {
        ("data of kind `file` has no path", "write `path = \"data/batch.jsonl\"` beside it")
    } else if kind == DatasetKind::Vectors && written.path.is_none() {
        ("data of kind `vectors` has no path", "write `path = \"data/vectors.npy\"` beside it")
    } else {
        return None;
    };
    Some(refuse(&[(TABLE, "kind")], message.to_owned()).help(help))
}

fn bad_expectation(written: &data::Dataset, refuse: &Refuse<'_>) -> Option<Diagnostic> {
    let (answers, prompts) = (written.expect.len(), written.prompts.len());
    if answers > 0 && answers != prompts {
        let message = format!("{answers} answers are expected of {prompts} prompts");
        let fault = refuse(&[(TABLE, "expect"), (TABLE, "prompts")], message);
        return Some(fault.help("write one expected answer for each prompt, in their order"));
    }
    let checked =
        written.expect.iter().map(|answer| (answer, Check::new(written.expect_as, answer)));
    let (answer, why) =
        checked.filter_map(|(answer, check)| Some((answer, check.err()?))).next()?;
    let message = format!("\"{answer}\" is no regular expression: {why}");
    Some(refuse(&[(TABLE, "expect"), (TABLE, "expect_as")], message))
}

/// A path on the command line is the user's own; one in a scenario stays inside.
fn out_of_bounds(
    cell: &Cell<'_>,
    roots: &Roots,
    (key, path): (&'static str, Option<&str>),
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let own = cell.is_override(TABLE, key);
    let message = roots.refuses(path?).filter(|_| !own)?;
    Some(refuse(&[(TABLE, key)], message).help(roots::HELP))
}

fn bad_spread(
    cell: &Cell<'_>,
    [key, decides]: [&'static str; 2],
    (distribution, spread): (Distribution, f64),
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let keys = [(TABLE, key), (TABLE, decides)];
    // Fixed lengths may be one value of an axis, whose others need the spread.
    let is_alone = cell.place(TABLE, key).is_some() && cell.place(TABLE, decides).is_none();
    match distribution {
        Distribution::Fixed if is_alone => {
            let message = format!("`{key}` says how far lengths spread, and they are fixed");
            let help = format!("write `{decides} = \"log_normal\"` beside it");
            Some(refuse(&keys, message).help(help))
        }
        Distribution::Uniform if spread > 1.0 => {
            let message = format!("a uniform spread of {spread} would reach below nothing");
            Some(refuse(&keys, message).help("write at most 1: from nothing to twice the mean"))
        }
        Distribution::Fixed
        | Distribution::Uniform
        | Distribution::Normal
        | Distribution::LogNormal => None,
    }
}

fn bad_sharing(
    cell: &Cell<'_>,
    written: &data::Dataset,
    refuse: &Refuse<'_>,
) -> Option<Diagnostic> {
    let (shared, prompt) = (written.shared_prefix_tokens, prompt_tokens(written));
    if shared == 0 && written.prefixes > 1 {
        let message = "`prefixes` says how many beginnings are shared, and none is".to_owned();
        let help = "write `shared_prefix_tokens = 64` beside it";
        return Some(refuse(&[(TABLE, "prefixes")], message).help(help));
    }
    // The salt stands before what is shared, and something must be the request's own.
    let least = u64::from(shared) + SALT_WORDS as u64 + 1;
    (shared > 0 && least > u64::from(prompt) && cell.choice.data == DatasetKind::Synthetic)
        .then(|| {
            let message = format!(
                "{shared} shared tokens and {SALT_WORDS} of salt leave nothing of {prompt} to a request"
            );
            let keys = [
                (TABLE, "shared_prefix_tokens"),
                (TABLE, "prompt_tokens"),
                (TABLE, "prompt_class"),
            ];
            refuse(&keys, message).help(format!("make prompts at least {least} tokens long"))
        })
}

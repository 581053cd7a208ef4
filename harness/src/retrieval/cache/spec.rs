//! What exactly is kept, in words: two things of one spec are the same thing, and the name of a file
//! is the checksum of its spec.

use super::super::corpus::Wanted;
use super::super::vectors::Vectors;
use crate::checksum::{Sha256, sha256};
use serde::Serialize;
use tokgate_core::case::{QuerySource, VectorContents, VectorFile, VectorKind};

/// Version of what specs say. Another number makes another key of everything.
const FORMAT: u32 = 1;
/// Rows whose bits stand in a spec for those of all: a generator or a reader that gives other rows
/// gives others among so many.
const SAMPLED: usize = 1024;
/// Bytes of a file beside its payload: head and checksum, generous.
const BESIDES: u64 = 1 << 16;

/// Which kind of thing is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in super::super) enum What {
    /// An index.
    Index,
    /// Exact neighbours.
    Truth,
}

impl What {
    /// The beginning of the names of its files.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Truth => "truth",
        }
    }

    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Index => "the index",
            Self::Truth => "the list of exact neighbours",
        }
    }
}

/// What exactly is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Spec {
    what: What,
    text: String,
    most_bytes: u64,
}

#[derive(Serialize)]
struct Text<T> {
    format: u32,
    what: What,
    #[serde(flatten)]
    of: T,
    cpu: String,
}

impl Spec {
    /// Something made of `of` on this machine's kind of processor; its payload has at most
    /// `most_payload` bytes.
    pub(in super::super) fn new(what: What, of: impl Serialize, most_payload: u64) -> Self {
        let text = Text { format: FORMAT, what, of, cpu: cpu() };
        let text = serde_json::to_string(&text).expect("plain fields are JSON");
        Self { what, text, most_bytes: most_payload + BESIDES }
    }

    pub(super) fn what(&self) -> What {
        self.what
    }

    /// It in words.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The longest file that can be it, bytes.
    pub(super) fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// The name of its file, without an ending.
    pub(super) fn name(&self) -> String {
        let key = sha256(self.text.as_bytes()).expect("reading memory does not fail");
        format!("{}-{key}", self.what.as_str())
    }
}

/// The rows that something is made of.
#[derive(Debug, Serialize)]
pub(in super::super) struct Data {
    kind: &'static str,
    metric: &'static str,
    entries: u32,
    dimensions: u32,
    /// Components of a row in memory.
    width: usize,
    seed: Option<u64>,
    held_out: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<String>,
    sha256: Option<String>,
    queries_sha256: Option<String>,
    sample: String,
}

impl Data {
    /// The rows of a data set. What is a file's does not depend on where the file lies.
    pub(in super::super) fn of(wanted: &Wanted, rows: &Vectors) -> Self {
        let seeded = |kind| Self {
            kind,
            metric: wanted.metric().as_str(),
            entries: wanted.set.entries,
            dimensions: wanted.set.dimensions,
            width: rows.dimensions(),
            seed: Some(wanted.seed),
            held_out: None,
            column: None,
            sha256: None,
            queries_sha256: None,
            sample: sample(rows),
        };
        match &wanted.set.kind {
            VectorKind::Mixture => seeded("mixture"),
            VectorKind::Iid => seeded("iid"),
            VectorKind::File(file) => Self { seed: None, ..from_file(file, seeded("file")) },
        }
    }
}

fn from_file(file: &VectorFile, data: Data) -> Data {
    let sums =
        |contents: &VectorContents| (contents.sha256.clone(), contents.queries_sha256.clone());
    let (rows, queries) = file.contents.as_ref().map(sums).unzip();
    let held_out = match file.queries {
        QuerySource::HeldOut(rows) => Some(rows),
        QuerySource::Queries(_) => None,
    };
    let column = file.column.clone();
    Data { held_out, column, sha256: rows, queries_sha256: queries.flatten(), ..data }
}

/// The checksum of rows evenly taken from all of them.
fn sample(rows: &Vectors) -> String {
    let count = rows.len().min(SAMPLED);
    fingerprint((0..count).flat_map(|place| rows.row(place * rows.len() / count)))
}

/// The checksum of numbers, bit by bit.
pub(in super::super) fn fingerprint<'a>(values: impl Iterator<Item = &'a f32>) -> String {
    let bytes: Vec<u8> = values.flat_map(|value| value.to_le_bytes()).collect();
    let mut hash = Sha256::start();
    hash.update(&bytes);
    hash.finish()
}

/// The processor's features that matrix products and the engines choose their code by: other code
/// adds in another order.
#[cfg(target_arch = "x86_64")]
fn cpu() -> String {
    let features = [
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512vbmi", is_x86_feature_detected!("avx512vbmi")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
    ];
    let found = features.into_iter().filter_map(|(name, is_there)| is_there.then_some(name));
    std::iter::once("x86_64").chain(found).collect::<Vec<_>>().join(" ")
}

/// The processor's features that matrix products and the engines choose their code by: other code
/// adds in another order.
#[cfg(target_arch = "aarch64")]
fn cpu() -> String {
    match std::arch::is_aarch64_feature_detected!("dotprod") {
        true => "aarch64 dotprod".to_owned(),
        false => "aarch64".to_owned(),
    }
}

/// Nothing is chosen here.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn cpu() -> String {
    std::env::consts::ARCH.to_owned()
}

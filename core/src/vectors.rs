//! The vectors that a retrieval case searches: seeded ones, or those of a file. Reading the file does
//! not live here.

use serde::{Deserialize, Serialize};

/// Where the vectors come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum VectorKind {
    /// A Zipf-weighted mixture of low-rank clusters with a common mean: hard like real embeddings.
    Mixture,
    /// Independent Gaussian components: no neighbourhood structure, a stress only.
    Iid,
    /// The rows of a file.
    #[serde(rename = "vectors")]
    File(VectorFile),
}

/// What makes one row of a file nearer to a query than another. Seeded vectors are unit vectors,
/// for which all of these are the same order.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Similarity {
    /// The angle between them, whatever their lengths.
    #[default]
    Cosine,
    /// The inner product: a longer row is nearer.
    Dot,
    /// The Euclidean distance.
    L2,
}

impl Similarity {
    /// The name as scenario files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::L2 => "l2",
        }
    }
}

/// A file of vectors. Its rows are not kept with the case, only what identifies them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorFile {
    /// Where the rows lie, as they were opened.
    pub path: String,
    /// What is asked.
    #[serde(flatten)]
    pub queries: QuerySource,
    /// What is near.
    pub metric: Similarity,
    /// The column of a Parquet file that the vectors are; its only one of lists where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What was found in it; absent until it is read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<VectorContents>,
}

/// Where the queries of a file of vectors come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuerySource {
    /// Another file, by its path.
    Queries(String),
    /// So many rows at the end of the file, which are then not in the index.
    HeldOut(u32),
}

/// What was found in a file of vectors, and in that of its queries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VectorContents {
    /// SHA-256 of the bytes of the file of rows, in hexadecimal digits.
    pub sha256: String,
    /// Its rows, those that are held out included.
    pub rows: u64,
    /// The same of the file of queries, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries_sha256: Option<String>,
    /// Queries that there are.
    pub queries: u64,
}

/// The vectors that are searched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VectorSet {
    /// Where they come from.
    #[serde(flatten)]
    pub kind: VectorKind,
    /// Rows of the index; before a file is read, the most that are taken from it.
    pub entries: u32,
    /// Components of a vector, a multiple of 8 where they are generated; 0 before a file is read.
    pub dimensions: u32,
    /// Components that were asked for, where memory was too short for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<u32>,
}

impl VectorSet {
    /// As it was asked for.
    #[must_use]
    pub fn new(kind: VectorKind, entries: u32, dimensions: u32) -> Self {
        Self { kind, entries, dimensions, instead_of: None }
    }
}

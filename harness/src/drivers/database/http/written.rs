//! What may stand in a preset's file. Unknown keys are errors.

use super::batch::Limits;
use super::preset::{Metrics, Most};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

/// A preset as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) product: String,
    pub(super) needs: String,
    pub(super) example: String,
    pub(super) start: String,
    pub(super) precision: String,
    #[serde(default)]
    pub(super) capital: bool,
    pub(super) key: Option<Key>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Spanned<String>>,
    pub(super) metrics: Metrics,
    #[serde(default)]
    pub(super) limits: Most,
    #[serde(default)]
    pub(super) batch: Limits,
    /// What every reply has to say.
    pub(super) always: Option<Spanned<BTreeMap<String, toml::Value>>>,
    pub(super) identify: Written,
    pub(super) list: Written,
    pub(super) remove: Written,
    pub(super) size: Option<Written>,
    pub(super) create: Option<Written>,
    pub(super) ingest: Option<Written>,
    #[serde(default)]
    pub(super) build: Vec<Written>,
    pub(super) search: Option<Written>,
    pub(super) hnsw: Option<Spanned<WrittenIndex>>,
    pub(super) exact: Option<Spanned<WrittenIndex>>,
}

/// The header that carries the key.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Key {
    pub(super) header: Spanned<String>,
    pub(super) value: Spanned<String>,
}

/// What one kind of index is asked otherwise.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenIndex {
    pub(super) create: Option<Written>,
    pub(super) ingest: Option<Written>,
    pub(super) build: Option<Vec<Written>>,
    pub(super) search: Option<Written>,
    pub(super) fixed: Most,
    /// What is asked otherwise where queries have a filter.
    pub(super) filtered: Option<WrittenFiltered>,
}

/// What an index with a filter is asked otherwise; at least how it is searched.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenFiltered {
    pub(super) create: Option<Written>,
    pub(super) ingest: Written,
    pub(super) build: Option<Vec<Written>>,
    pub(super) search: Written,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Verb {
    Get,
    Put,
    Post,
    Patch,
    Delete,
}

/// A request as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    pub(super) method: Verb,
    pub(super) path: Spanned<String>,
    /// Whether the reply is without what every other one has to say.
    #[serde(default)]
    pub(super) bare: bool,
    pub(super) body: Option<Spanned<toml::Value>>,
    pub(super) row: Option<Spanned<toml::Value>>,
    pub(super) row_lines: Option<Spanned<Vec<toml::Value>>>,
    pub(super) expect: Option<Spanned<BTreeMap<String, toml::Value>>>,
    pub(super) never: Option<Spanned<BTreeMap<String, toml::Value>>>,
    pub(super) until: Option<Spanned<BTreeMap<String, toml::Value>>>,
    #[serde(default)]
    pub(super) absent: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) keep: BTreeMap<String, Spanned<String>>,
    pub(super) ids: Option<Spanned<String>>,
    pub(super) names: Option<Spanned<String>>,
    pub(super) version: Option<Spanned<String>>,
    pub(super) bytes: Option<Spanned<String>>,
}

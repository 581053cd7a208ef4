//! Whose API a database has, compiled: what is asked, in which order, and what the replies say.
//!
//! How a file of one is read, and what is wrong with it, is `reading`'s.

use super::batch::Limits;
use super::reading;
use super::step::Step;
use super::template::Template;
use crate::checksum::sha256;
use crate::driver::OpenError;
use std::io::Read;
use tokgate_core::case::{Hnsw, Similarity};
use tokgate_core::diagnostic::nearest;
use tokgate_core::scenario::{MAX_BYTES, decode};

/// The presets that come with tokgate.
pub(super) const BUILT_IN: [(&str, &str); 6] = [
    ("qdrant", include_str!("../../../../presets/qdrant.toml")),
    ("milvus", include_str!("../../../../presets/milvus.toml")),
    ("weaviate", include_str!("../../../../presets/weaviate.toml")),
    ("chroma", include_str!("../../../../presets/chroma.toml")),
    ("elasticsearch", include_str!("../../../../presets/elasticsearch.toml")),
    ("opensearch", include_str!("../../../../presets/opensearch.toml")),
];
/// How a preset that is a file ends.
const FILE: &str = ".toml";
/// Digits of a checksum that stand beside a file's path.
const DIGITS: usize = 12;

/// A database's API.
#[derive(Debug, Clone)]
pub(super) struct Preset {
    /// The preset's name, or its file and the beginning of the checksum.
    pub(super) name: String,
    /// The database's name.
    pub(super) product: String,
    pub(super) needs: String,
    pub(super) example: String,
    pub(super) start: String,
    pub(super) precision: String,
    /// Whether names of collections begin with a capital letter.
    pub(super) capital: bool,
    /// The header that carries the key, and how.
    pub(super) key: Option<(String, Template)>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) metrics: Metrics,
    pub(super) most: Most,
    pub(super) batch: Limits,
    pub(super) identify: Step,
    pub(super) list: Step,
    pub(super) remove: Step,
    pub(super) size: Option<Step>,
    pub(super) hnsw: Option<Index>,
    pub(super) exact: Option<Index>,
}

/// What is asked for one kind of index.
#[derive(Debug, Clone)]
pub(super) struct Index {
    pub(super) create: Step,
    pub(super) ingest: Step,
    pub(super) build: Vec<Step>,
    pub(super) search: Step,
    /// Knobs that the database has no place for, and the value that it takes instead.
    pub(super) fixed: Most,
    /// The same with a filter, where the preset says how.
    pub(super) filtered: Option<Box<Index>>,
}

/// What the database calls the metrics.
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Metrics {
    cosine: Option<String>,
    dot: Option<String>,
    l2: Option<String>,
}

/// Numbers by the names that a scenario gives them.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Most {
    pub(super) dimensions: Option<u32>,
    pub(super) m: Option<u32>,
    pub(super) ef_construction: Option<u32>,
    pub(super) ef_search: Option<u32>,
}

impl Preset {
    /// The preset with this name, or of this file.
    ///
    /// # Errors
    /// When there is none, or it is not as it should be.
    pub(super) fn named(name: &str) -> Result<Self, OpenError> {
        if name.ends_with(FILE) {
            return of_file(name);
        }
        let found = BUILT_IN.iter().find(|(known, _)| *known == name);
        let (_, text) = found.ok_or_else(|| OpenError::Invalid(unknown(name)))?;
        read(&format!("{name}{FILE}"), text).map(|preset| Self { name: name.to_owned(), ..preset })
    }

    /// What the database calls a metric.
    ///
    /// # Errors
    /// When it is not said.
    pub(super) fn metric(&self, metric: Similarity) -> Result<&str, OpenError> {
        let found = match metric {
            Similarity::Cosine => &self.metrics.cosine,
            Similarity::Dot => &self.metrics.dot,
            Similarity::L2 => &self.metrics.l2,
        };
        let word = metric.as_str();
        found.as_deref().ok_or_else(|| {
            OpenError::Invalid(format!(
                "metric = \"{word}\"; preset {} does not say what {} calls it: write \
                 `metrics = {{ {word} = \"..\" }}` in it, or take another metric",
                self.name, self.product
            ))
        })
    }

    /// What is asked for the index of a case; its numbers are checked.
    ///
    /// # Errors
    /// When the preset has no such index, or a number does not fit.
    pub(super) fn index(&self, hnsw: Option<Hnsw>, dimensions: u32) -> Result<&Index, OpenError> {
        let (found, word) = match hnsw {
            Some(_) => (&self.hnsw, "hnsw"),
            None => (&self.exact, "exact"),
        };
        let index = found.as_ref().ok_or_else(|| {
            OpenError::Invalid(format!(
                "index = \"{word}\"; preset {} has no [{word}]: {} is not known to search so",
                self.name, self.product
            ))
        })?;
        self.fits("dimensions", Some(dimensions), self.most.dimensions)?;
        for (knob, value, most, fixed) in [
            ("m", hnsw.map(|it| it.m), self.most.m, index.fixed.m),
            (
                "ef_construction",
                hnsw.map(|it| it.ef_construction),
                self.most.ef_construction,
                index.fixed.ef_construction,
            ),
            ("ef_search", hnsw.map(|it| it.ef_search), self.most.ef_search, index.fixed.ef_search),
        ] {
            self.fits(knob, value, most)?;
            self.is_fixed(knob, value, fixed)?;
        }
        Ok(index)
    }

    /// What is asked for the same index where queries have a filter.
    ///
    /// # Errors
    /// When the preset does not say how.
    pub(super) fn filtered<'a>(&self, index: &'a Index) -> Result<&'a Index, OpenError> {
        index.filtered.as_deref().ok_or_else(|| {
            OpenError::Invalid(format!(
                "`filter_share`; preset {} does not say how {} filters: write \
                 `[hnsw.filtered.search]` in it, or leave `filter_share` out",
                self.name, self.product
            ))
        })
    }

    fn fits(&self, knob: &str, value: Option<u32>, most: Option<u32>) -> Result<(), OpenError> {
        match (value, most) {
            (Some(value), Some(most)) if value > most => Err(OpenError::Invalid(format!(
                "{knob} = {value}; {} takes up to {most}",
                self.product
            ))),
            _ => Ok(()),
        }
    }

    fn is_fixed(&self, knob: &str, value: Option<u32>, only: Option<u32>) -> Result<(), OpenError> {
        match (value, only) {
            (Some(value), Some(only)) if value != only => Err(OpenError::Invalid(format!(
                "{knob} = {value}; preset {} has no place for it, and {} takes {only}: write \
                 `{knob} = {only}` in [retrieval]",
                self.name, self.product
            ))),
            _ => Ok(()),
        }
    }
}

fn of_file(path: &str) -> Result<Preset, OpenError> {
    let refuse = |error: std::io::Error| {
        OpenError::Invalid(format!("preset {path} cannot be read: {error}"))
    };
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(refuse)?;
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(refuse)?;
    let text = decode(path, &bytes).map_err(|faults| OpenError::Invalid(faults.to_string()))?;
    let sum = sha256(bytes.as_slice()).map_err(refuse)?;
    let preset = read(path, &text)?;
    Ok(Preset { name: format!("{path}-{}", sum.get(..DIGITS).unwrap_or(&sum)), ..preset })
}

fn read(file: &str, text: &str) -> Result<Preset, OpenError> {
    reading::read(file, text).map_err(|faults| OpenError::Invalid(faults.to_string()))
}

fn unknown(name: &str) -> String {
    let known = || BUILT_IN.iter().map(|(name, _)| *name);
    match nearest(name, known()) {
        Some(near) => format!("no preset is called `{name}`; did you mean `{near}`?"),
        None => format!(
            "no preset is called `{name}`; there are {}, and files of your own that end in {FILE}",
            known().collect::<Vec<_>>().join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal<T>(result: Result<T, OpenError>) -> String {
        result.err().map_or_else(String::new, |error| error.to_string())
    }

    const GRAPH: Hnsw = Hnsw { m: 16, ef_construction: 64, ef_search: 100 };

    #[test]
    fn every_preset_that_comes_with_us_can_be_read_and_knows_every_metric() {
        for (name, _) in BUILT_IN {
            let preset = Preset::named(name).unwrap();
            assert!(preset.index(Some(GRAPH), 128).is_ok(), "{name}");
            for metric in [Similarity::Cosine, Similarity::Dot, Similarity::L2] {
                assert!(preset.metric(metric).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn what_a_database_cannot_do_is_refused_before_a_row_is_sent() {
        let chroma = Preset::named("chroma").unwrap();
        assert!(refusal(chroma.index(None, 128)).contains("preset chroma has no [exact]"));
        let elastic = Preset::named("elasticsearch").unwrap();
        let wide = Hnsw { ef_search: 10_001, ..GRAPH };
        let said = refusal(elastic.index(Some(wide), 128));
        assert!(said.contains("ef_search = 10001; Elasticsearch takes up to 10000"), "{said}");
        assert!(refusal(elastic.index(Some(GRAPH), 5000)).contains("dimensions = 5000"));
    }

    #[test]
    fn a_filter_is_refused_where_the_preset_has_none() {
        let qdrant = Preset::named("qdrant").unwrap();
        for hnsw in [Some(GRAPH), None] {
            let index = qdrant.index(hnsw, 128).unwrap();
            assert!(qdrant.filtered(index).is_ok());
        }
        let milvus = Preset::named("milvus").unwrap();
        let said = refusal(milvus.filtered(milvus.index(None, 128).unwrap()));
        assert!(said.contains("preset milvus does not say how Milvus filters"), "{said}");
    }

    #[test]
    fn an_unknown_preset_is_answered_with_the_known_ones() {
        assert!(refusal(Preset::named("qdrnt")).contains("did you mean `qdrant`?"));
        assert!(refusal(Preset::named("xyzzy")).contains("elasticsearch"));
        assert!(refusal(Preset::named("no/such.toml")).contains("preset no/such.toml cannot"));
    }
}

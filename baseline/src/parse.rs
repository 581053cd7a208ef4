//! Strict reading of a baseline file: what JSON forgives is an error here, told with its place.

use crate::file::BaselineError;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use tokgate_core::case::Tolerance;

/// What git leaves at the start of a line where two versions met.
const CONFLICT_MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// Refuses what is no baseline at all: an empty file, and one that git could not merge.
pub(crate) fn refuse_wreckage(text: &str) -> Result<(), BaselineError> {
    if text.trim().is_empty() {
        return Err(BaselineError::Empty);
    }
    let conflict = |line: &str| CONFLICT_MARKERS.iter().any(|marker| line.starts_with(marker));
    match text.lines().position(conflict) {
        Some(at) => Err(BaselineError::Conflict { line: at + 1 }),
        None => Ok(()),
    }
}

/// What is wrong with the JSON, and where.
pub(crate) fn explain(error: &serde_json::Error) -> BaselineError {
    let (line, column) = (error.line(), error.column());
    if error.is_eof() {
        return BaselineError::Torn { line, column };
    }
    let place = format!(" at line {line} column {column}");
    let message = error.to_string().trim_end_matches(&place).to_owned();
    BaselineError::Malformed { line, column, message }
}

/// A map in which no key comes twice.
pub(crate) fn unique<'de, D, K, V>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    deserializer.deserialize_map(Unique(PhantomData))
}

struct Unique<K, V>(PhantomData<(K, V)>);

impl<'de, K, V> Visitor<'de> for Unique<K, V>
where
    K: Deserialize<'de> + Ord + fmt::Display,
    V: Deserialize<'de>,
{
    type Value = BTreeMap<K, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key::<K>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("`{key}` is there twice")));
            }
            map.insert(key, entries.next_value()?);
        }
        Ok(map)
    }
}

/// A finite number that is not negative, as every metric that may be gated is.
pub(crate) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = f64::deserialize(deserializer)?;
    match value.is_finite() && value >= 0.0 {
        true => Ok(value),
        false => Err(D::Error::custom(format!("{value} is not a finite number of 0 or more"))),
    }
}

/// The same, or `null` where nothing is known.
pub(crate) fn amount_or_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<f64>, D::Error> {
    #[derive(serde::Deserialize)]
    struct Amount(#[serde(deserialize_with = "amount")] f64);
    Option::<Amount>::deserialize(deserializer).map(|amount| amount.map(|amount| amount.0))
}

/// How far something may move: a finite number that is not negative, as scenarios have it.
pub(crate) fn tolerance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tolerance, D::Error> {
    let tolerance = Tolerance::deserialize(deserializer)?;
    let (Tolerance::Relative(allowed) | Tolerance::Absolute(allowed)) = tolerance;
    match allowed.is_finite() && allowed >= 0.0 {
        true => Ok(tolerance),
        false => Err(D::Error::custom(format!("a tolerance of {allowed} is none"))),
    }
}

/// A list with something in it.
pub(crate) fn nonempty<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list = Vec::deserialize(deserializer)?;
    match list.is_empty() {
        true => Err(D::Error::custom("the list of epochs is empty")),
        false => Ok(list),
    }
}

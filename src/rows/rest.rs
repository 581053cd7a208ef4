//! What of a request no column has, as JSON: everything that few queries ask for, so that a record is had back
//! from its rows as it was.

use super::cells::since;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokgate_core::quality::Quality;
use tokgate_core::record::{Embedded, Neighbours, Parts, Record, TokenCount, Usage};
use tokgate_core::time::Offset;

/// What a row has beside its columns.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rest {
    /// The server's own usage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) raw: Option<Value>,
    /// All counts, where one of them is too large for its column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<Usage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recount: Option<TokenCount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) quality: Option<Quality>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) neighbours: Option<Neighbours>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) embedded: Option<Embedded>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) parts: Option<PartsNs>,
}

/// The parts of a question, nanoseconds since the load's common beginning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PartsNs {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    embedded_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    searching_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    found_ns: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    asked_ns: Option<i64>,
}

/// Whether all counts fit a column.
pub(super) fn fits(counts: &[u64]) -> bool {
    counts.iter().all(|count| i64::try_from(*count).is_ok())
}

/// Whether a target's counts have their columns.
pub(super) fn has_columns(usage: &Usage) -> bool {
    fits(&[usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens.unwrap_or_default()])
}

/// Whether our counts have their columns.
pub(super) fn has_own_columns(count: &TokenCount) -> bool {
    fits(&[count.prompt_tokens, count.completion_tokens])
}

impl Rest {
    /// What of a record no column has; `None` where that is nothing.
    pub(super) fn of(record: &Record, origin_ns: u64) -> Result<Option<Self>, String> {
        let usage = record.usage.as_ref();
        let parts = record.parts.map(|parts| PartsNs::of(parts, origin_ns)).transpose()?;
        let rest = Self {
            raw: usage.filter(|usage| has_columns(usage)).and_then(|usage| usage.raw.clone()),
            usage: usage.filter(|usage| !has_columns(usage)).cloned(),
            recount: record.recount.filter(|count| !has_own_columns(count)),
            quality: record.quality.clone(),
            neighbours: record.neighbours.clone(),
            embedded: record.embedded.clone(),
            parts,
        };
        Ok((rest != Self::default()).then_some(rest))
    }
}

impl PartsNs {
    fn of(parts: Parts, origin_ns: u64) -> Result<Self, String> {
        let at = |moment: Option<Offset>| moment.map(|at| since(at, origin_ns)).transpose();
        Ok(Self {
            embedded_ns: at(parts.embedded)?,
            searching_ns: at(parts.searching)?,
            found_ns: at(parts.found)?,
            asked_ns: at(parts.asked)?,
        })
    }

    /// On a clock on which the common beginning is at `shift_ns`.
    pub(super) fn on(self, shift_ns: u64) -> Option<Parts> {
        let at = |moment: Option<i64>| match moment {
            Some(ns) => shift_ns.checked_add_signed(ns).map(|at| Some(Offset(at))),
            None => Some(None),
        };
        Some(Parts {
            embedded: at(self.embedded_ns)?,
            searching: at(self.searching_ns)?,
            found: at(self.found_ns)?,
            asked: at(self.asked_ns)?,
        })
    }
}

//! One line of a journal: its kind, where it belongs, and what it says.

use serde::{Deserialize, Serialize};
use tokgate_core::run::{Arm, ClientCost, Ending, Head, TargetAfter};
use tokgate_core::summary::PROTOCOL;
use tokgate_core::validity::Validity;

/// Version of the lines. A change of their shape counts up and keeps the old one readable.
pub(super) const VERSION: u32 = 1;

/// Longest line, bytes. An answer of a million tokens, an event each, still fits; what is longer
/// is refused when written, so that whatever was written can be read.
pub(super) const LONGEST: usize = 64 << 20;

/// What a line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// Who the epoch is; the first line.
    Case,
    /// One request.
    Request,
    /// The machine at one moment.
    Telemetry,
    /// What the judge said of one metric; after the end.
    Verdict,
    /// How the epoch ended.
    End,
    /// A result of another tool; the only line of its file.
    Imported,
}

/// By which protocol an epoch was measured; the first one where its line does not say.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Protocol {
    #[serde(default = "first_protocol")]
    pub(super) protocol: u32,
}

fn first_protocol() -> u32 {
    1
}

/// What every line carries first.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Tag {
    pub(super) v: u32,
    pub(super) kind: Kind,
}

/// Where a line belongs, so that lines of many files can be read together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Place {
    epoch: u32,
    booking: String,
    arm: Arm,
}

impl Place {
    /// The place that `head` names.
    pub(super) fn of(head: &Head) -> Self {
        Self { epoch: head.epoch, booking: head.booking_id.clone(), arm: head.arm }
    }
}

/// How an epoch ended, and how many lines must stand before it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) requests: u64,
    pub(super) telemetry: u64,
    pub(super) ending: Ending,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<TargetAfter>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) client: Option<ClientCost>,
    #[serde(flatten)]
    pub(super) validity: Validity,
}

#[derive(Serialize)]
struct Line<'a, T: Serialize> {
    v: u32,
    kind: Kind,
    // Absent on the first line, whose head has the same fields.
    #[serde(flatten)]
    place: Option<&'a Place>,
    #[serde(flatten)]
    body: &'a T,
}

/// A head, with its booking also under the name that the further lines give it, and the protocol by
/// which it is measured.
#[derive(Serialize)]
struct First<'a> {
    booking: &'a str,
    protocol: u32,
    #[serde(flatten)]
    head: &'a Head,
}

/// The first line, its end of line included.
pub(super) fn first(head: &Head) -> serde_json::Result<Vec<u8>> {
    let body = First { booking: &head.booking_id, protocol: PROTOCOL, head };
    ended(&Line { v: VERSION, kind: Kind::Case, place: None, body: &body })
}

/// The one line of a result of another tool, its end of line included.
pub(super) fn imported<T: Serialize>(result: &T) -> serde_json::Result<Vec<u8>> {
    ended(&Line { v: VERSION, kind: Kind::Imported, place: None, body: result })
}

/// Any further line, its end of line included.
pub(super) fn further<T: Serialize>(
    kind: Kind,
    place: &Place,
    body: &T,
) -> serde_json::Result<Vec<u8>> {
    ended(&Line { v: VERSION, kind, place: Some(place), body })
}

fn ended<T: Serialize>(line: &Line<'_, T>) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    bytes.push(b'\n');
    Ok(bytes)
}

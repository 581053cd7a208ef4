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

/// What stands between a line and the checksum of it.
const BEFORE_CHECKSUM: &[u8] = b",\"crc32\":";
/// Digits of the largest one.
const CHECKSUM_DIGITS: usize = 10;

/// The line with its CRC-32 (that of zip and gzip) as its last field: of the line as it is without it.
fn ended<T: Serialize>(line: &Line<'_, T>) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec(line)?;
    let checksum = crc32fast::hash(&bytes);
    // An object ends in a brace.
    bytes.pop();
    bytes.extend_from_slice(BEFORE_CHECKSUM);
    bytes.extend_from_slice(checksum.to_string().as_bytes());
    bytes.extend_from_slice(b"}\n");
    Ok(bytes)
}

/// Whether a line is as it was written, by its checksum. One without, of an earlier version or written by
/// hand, is taken as it is.
pub(super) fn is_as_written(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    let from = line.len().saturating_sub(BEFORE_CHECKSUM.len() + CHECKSUM_DIGITS + 1);
    let mut places = line[from..].windows(BEFORE_CHECKSUM.len());
    let Some(at) = places.position(|place| place == BEFORE_CHECKSUM).map(|at| from + at) else {
        return true;
    };
    let said = line[at + BEFORE_CHECKSUM.len()..].strip_suffix(b"}");
    let said = said.and_then(|digits| str::from_utf8(digits).ok()?.parse().ok());
    let mut hash = crc32fast::Hasher::new();
    hash.update(&line[..at]);
    hash.update(b"}");
    said == Some(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_changed_byte_is_seen_wherever_it_stands() {
        let body = json!({"text": "an answer with ,\"crc32\":1 in it", "n": 12.5});
        let place = Place { epoch: 0, booking: "b".to_owned(), arm: Arm::Head };
        let line = further(Kind::Request, &place, &body).unwrap();
        assert!(is_as_written(&line));
        let said: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert!(said["crc32"].is_u64());
        let checksum = line.len() - 13;
        for at in 0..checksum - BEFORE_CHECKSUM.len() {
            let mut flipped = line.clone();
            flipped[at] ^= 1;
            assert!(!is_as_written(&flipped), "{at}");
        }
    }

    #[test]
    fn a_line_without_a_checksum_is_taken_as_it_is() {
        assert!(is_as_written(b"{\"v\":1}\n") && is_as_written(b"") && is_as_written(b"}"));
    }
}

//! What names an entry, from what it says.

use crate::hex;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// SHA-256 of the entry as JSON with its names in order, in hexadecimal digits; `format` keeps entries
/// of different tools apart.
pub(crate) fn digest(format: &str, entry: &Value) -> String {
    let mut entry = entry.clone();
    entry.sort_all_objects();
    let hash = Sha256::new().chain_update(format).chain_update([0]);
    hex::digits(&hash.chain_update(entry.to_string()).finalize())
}

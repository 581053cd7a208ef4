//! What our collections are called: so that nobody else's is ever taken for ours.

use std::hash::{BuildHasher, RandomState};

/// What every name of ours begins with; sixteen hexadecimal digits follow.
const PREFIX: &str = "tokgate_vectors_";
const DIGITS: usize = 16;
/// What finds them among other names, and few others.
pub(super) const PATTERN: &str = "tokgate_vectors_*";

/// A name that nobody else has.
pub(super) fn fresh() -> String {
    // Seeded by the operating system, apart from every seed of a measurement.
    format!("{PREFIX}{:016x}", RandomState::new().hash_one(std::process::id()))
}

/// Whether a name is one that [`fresh`] could have given.
pub(super) fn is_ours(name: &str) -> bool {
    name.strip_prefix(PREFIX).is_some_and(|tail| {
        let is_digit = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        tail.len() == DIGITS && tail.bytes().all(is_digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_new_and_known_as_ours() {
        let (one, other) = (fresh(), fresh());
        assert!(is_ours(&one) && is_ours(&other) && one != other);
    }

    #[test]
    fn the_names_of_others_are_not_ours() {
        for name in [
            "tokgate_vectors_",
            "tokgate_vectors_backup_of_2026",
            "tokgate_vectors_0123456789ABCDEF",
            "tokgate_vectors_0123456789abcdef0",
            "tokgate_results",
            "documents",
        ] {
            assert!(!is_ours(name), "{name}");
        }
    }
}

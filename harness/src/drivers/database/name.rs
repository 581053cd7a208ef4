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

/// A name that nobody else has and that says when it was given, in seconds since 1970.
pub(super) fn dated(now_s: u64) -> String {
    let date = u32::try_from(now_s).unwrap_or(u32::MAX);
    let own = RandomState::new().hash_one(std::process::id()) as u32;
    format!("{PREFIX}{date:08x}{own:08x}")
}

/// When a name was given by [`dated`], in seconds since 1970.
pub(super) fn date(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX).filter(|_| is_ours(name))?;
    u64::from_str_radix(digits.get(..DIGITS / 2)?, 16).ok()
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
    fn a_dated_name_is_ours_and_says_when() {
        let name = dated(1_800_000_000);
        assert!(is_ours(&name) && name != dated(1_800_000_000));
        assert_eq!(date(&name), Some(1_800_000_000));
        assert_eq!(date("documents"), None);
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

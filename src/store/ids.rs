//! The names of epochs and runs.
//!
//! Time and tail are handed in to the names themselves; [`tail`] is the one place with luck in
//! it, and a name that is taken all the same is refused when its journal is created.

use jiff::Timestamp;
use std::hash::{BuildHasher, RandomState};

/// A model's part of a name: long enough for every repository name seen, short enough that the
/// whole stays far below the 255 bytes that file systems allow.
const LONGEST_MODEL: usize = 100;
/// A platform's part of a name.
const LONGEST_PLATFORM: usize = 40;
/// Characters of the tail: 30 bits, on top of a millisecond.
const TAIL: usize = 6;
/// RFC 4648 base32 in lower case, so that a file system that folds case keeps names apart.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What an epoch is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochName<'a> {
    /// `embedded`, `vllm-serve`, ...
    pub platform: &'a str,
    /// The model as the target names it.
    pub model: &'a str,
    /// Measured requests planned, or how long it lasts: `100`, `60s`.
    pub size: &'a str,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
}

impl EpochName<'_> {
    /// `{platform}-{model}-{requests}-{2026-11-22T101112.345Z}-{tail}`; `tail` is any random
    /// number (see [`tail`]), of which 30 bits are used.
    #[must_use]
    pub fn test_id(&self, tail: u64) -> String {
        let platform = plain(self.platform, LONGEST_PLATFORM);
        let model = plain(self.model, LONGEST_MODEL);
        format!("{platform}-{model}-{}-{}-{}", self.size, stamp(self.started_us), base32(tail))
    }
}

/// `{2026-11-22T101112.345Z}-{tail}`: runs sort by their start.
#[must_use]
pub fn run_id(started_us: i64, tail: u64) -> String {
    format!("{}-{}", stamp(started_us), base32(tail))
}

/// A random number. The standard library seeds its hash keys from the operating system once a
/// thread and changes them with every call, so that neither processes nor calls repeat.
#[must_use]
pub fn tail() -> u64 {
    RandomState::new().hash_one(TAIL)
}

/// A number as a word of six letters and digits; 30 of its bits.
#[must_use]
pub fn word(bits: u64) -> String {
    base32(bits)
}

/// Whether `id` can stand as a file's name: what [`EpochName::test_id`] makes does, and what
/// comes from outside is checked with this before a path is made of it.
#[must_use]
pub fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.len() <= 240 && !id.starts_with(['.', '-']) && id.chars().all(is_kept)
}

fn is_kept(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

/// `text` with every other character as `-`. Its end is what is kept when it is too long: for
/// a path that is the file's name.
fn plain(text: &str, longest: usize) -> String {
    let plain: String = text.chars().map(|c| if is_kept(c) { c } else { '-' }).collect();
    // Only ASCII is left, so any byte is a boundary.
    let kept = &plain[plain.len().saturating_sub(longest)..];
    match kept.trim_start_matches(['.', '-']) {
        "" => "unnamed".to_owned(),
        kept => kept.to_owned(),
    }
}

/// UTC to the millisecond, without colons: they are no part of a file's name on Windows.
pub(super) fn stamp(started_us: i64) -> String {
    // Out of jiff's years (-9999 to 9999) no clock is meant; the number itself still names it.
    Timestamp::from_microsecond(started_us).map_or_else(
        |_| started_us.to_string(),
        |at| at.strftime("%Y-%m-%dT%H%M%S.%3fZ").to_string(),
    )
}

fn base32(bits: u64) -> String {
    (0..TAIL).map(|at| char::from(BASE32[(bits >> (5 * at)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: EpochName<'_> = EpochName {
        platform: "vllm-serve",
        model: "google/gemma-3-4b-it",
        size: "100",
        started_us: 1_763_806_272_345_678,
    };

    #[test]
    fn a_test_id_says_what_was_measured_and_when() {
        assert_eq!(
            NAME.test_id(0),
            "vllm-serve-google-gemma-3-4b-it-100-2025-11-22T101112.345Z-aaaaaa"
        );
        assert_eq!(run_id(NAME.started_us, u64::MAX), "2025-11-22T101112.345Z-777777");
    }

    #[test]
    fn no_name_from_outside_leaves_its_folder() {
        for model in ["../../etc/passwd", "..", "", "C:\\x", "a\0b", "né/日本", &"x/".repeat(500)]
        {
            let name = EpochName { platform: "../..", model, ..NAME };
            let id = name.test_id(tail());
            assert!(is_plain(&id), "{id}");
        }
        for bad in ["", "..", "../x", "a/b", "-x", ".x", "a b", "a\0"] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }

    #[test]
    fn a_long_path_keeps_the_name_of_its_file() {
        let model = format!("/{}/smol.Q4_K_M.gguf", "folder/".repeat(50));
        assert!(EpochName { model: &model, ..NAME }.test_id(0).contains("smol.Q4_K_M.gguf-100-"));
    }

    #[test]
    fn tails_differ_from_call_to_call() {
        let tails: std::collections::BTreeSet<String> =
            (0..1000).map(|_| NAME.test_id(tail())).collect();
        // Thirty bits: two of a thousand may meet, once in two thousand tries.
        assert!(tails.len() >= 998);
    }
}

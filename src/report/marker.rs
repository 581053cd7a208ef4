//! The first line of a comment of ours, by which it is found again: of which gate it is, and of which
//! commit it speaks. It is invisible where the comment is read.

use std::fmt;

const BEGINNING: &str = "<!-- tokgate:v1 id=";
const BETWEEN: &str = " sha=";
const END: &str = " -->";

/// Longest id of a gate; it stands in the name of a check run, too.
const LONGEST_ID: usize = 64;
/// Digits of a commit, from those that people write to those of SHA-256.
const SHA_DIGITS: std::ops::RangeInclusive<usize> = 7..=64;

/// Whose comment it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marker {
    id: String,
    sha: String,
}

/// Why there is no such marker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MarkerError {
    /// The id has other characters, none, or too many.
    #[error(
        "`{}` cannot be the id of a gate: say another, of 1 to {LONGEST_ID} of the characters A-Z, a-z, 0-9, `.`, `_` and `-`, by --gate-id",
        .0.escape_debug()
    )]
    Id(String),
    /// The commit is no hash.
    #[error("`{}` is no commit: give its hash, 7 to 64 hexadecimal digits", .0.escape_debug())]
    Sha(String),
}

impl Marker {
    /// The marker of a gate and a commit.
    ///
    /// # Errors
    /// When one of them has characters that such a thing is written without.
    pub fn new(id: &str, sha: &str) -> Result<Self, MarkerError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(plain) {
            return Err(MarkerError::Id(id.to_owned()));
        }
        if !SHA_DIGITS.contains(&sha.len()) || !sha.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(MarkerError::Sha(sha.to_owned()));
        }
        Ok(Self { id: id.to_owned(), sha: sha.to_owned() })
    }

    /// The marker of a comment; `None` where its first line is none, whatever stands below.
    #[must_use]
    pub fn of(body: &str) -> Option<Self> {
        let line = body.lines().next()?;
        let (id, sha) = line.strip_prefix(BEGINNING)?.strip_suffix(END)?.split_once(BETWEEN)?;
        Self::new(id, sha).ok()
    }

    /// The gate.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The commit.
    #[must_use]
    pub fn sha(&self) -> &str {
        &self.sha
    }
}

impl fmt::Display for Marker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEGINNING}{}{BETWEEN}{}{END}", self.id, self.sha)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_from_the_first_line_alone() {
        let marker = Marker::new("rtx_4090.fast", "0123abcd").unwrap();
        assert_eq!(marker.to_string(), "<!-- tokgate:v1 id=rtx_4090.fast sha=0123abcd -->");
        assert_eq!(Marker::of(&format!("{marker}\r\ntext")), Some(marker.clone()));
        assert_eq!(Marker::of(&format!("text\n{marker}")), None);
        assert_eq!(Marker::of(&format!(" {marker}")), None);
    }

    #[test]
    fn what_could_end_the_line_is_refused() {
        for id in ["", "a b", "a-->", "a\nb", "日本", &"x".repeat(65)] {
            assert!(matches!(Marker::new(id, "0123abc"), Err(MarkerError::Id(_))), "{id:?}");
        }
        for sha in ["", "0123ab", "main", "0123abc-dirty", &"0".repeat(65)] {
            assert!(matches!(Marker::new("a", sha), Err(MarkerError::Sha(_))), "{sha:?}");
        }
    }
}

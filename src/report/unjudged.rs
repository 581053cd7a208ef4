//! What is said where a gate could not judge: that, why, and where to look. Silence would look like a
//! change that passed.

use super::markdown::{Link, code, code_within};
use super::marker::Marker;

/// Most characters of a reason.
const REASON: usize = 1000;

/// The title of its check run.
pub const TITLE: &str = "INVALID: not judged";

/// A change that was not judged.
#[derive(Debug, Clone, Copy)]
pub struct Unjudged<'a> {
    /// Of which gate it is, and of which commit it speaks.
    pub marker: &'a Marker,
    /// Why, in anybody's words.
    pub why: &'a str,
    /// The page of the run that was to measure it.
    pub link: Option<&'a Link>,
}

impl Unjudged<'_> {
    /// The comment: its first line is the marker.
    #[must_use]
    pub fn comment(&self) -> String {
        format!("{}\n{}", self.marker, self.summary())
    }

    /// The same without the marker, for the summary of a job or a check.
    #[must_use]
    pub fn summary(&self) -> String {
        let (id, why) = (self.marker.id(), code_within(self.why, REASON));
        let page = match self.link {
            Some(link) => format!("[page of the run]({link})"),
            None => "run that was to measure it".to_owned(),
        };
        format!(
            "**tokgate `{id}`: INVALID** – not judged: {why}\n\n\
             Nothing is known of this change: it neither held nor regressed. Whether it was measured, and \
             what it left, is told by the {page}.\n\n\
             for {}\n",
            code(self.marker.sha())
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_told_as_text_whoever_wrote_it() {
        let marker = Marker::new("gate", "0123abc").unwrap();
        let why = format!("`@org/team` | </details>\n# {}", "x".repeat(5000));
        let told = Unjudged { marker: &marker, why: &why, link: None }.comment();
        let (first, rest) = told.split_once('\n').unwrap();
        assert_eq!(Marker::of(first), Some(marker));
        let headline = rest.lines().next().unwrap();
        assert!(
            headline.starts_with("**tokgate `gate`: INVALID** – not judged: `'＠org/team' ¦ ‹/")
        );
        assert!(headline.ends_with("…`") && told.len() < 2000, "{told}");
        assert!(rest.contains("run that was to measure it"), "{rest}");
    }
}

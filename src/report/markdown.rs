//! Text from outside in Markdown that others will read, so that it stays text.

use std::fmt;
use tokgate_core::diagnostic::escape;

/// Longest address of a page that is linked to; those of CI services have a tenth.
const LONGEST_LINK: usize = 500;

/// The text in a code span, in which no name is a mention, no address a link and no character
/// markup; hidden characters are spelled out, and line ends become spaces. What would end the span
/// or the cell of a table, begin a tag or mention somebody is replaced by what looks like it: readers
/// of Markdown disagree about how a bar in a cell is escaped, and mails quote what they do not render.
#[must_use]
pub fn code(text: &str) -> String {
    span(&inert(text))
}

/// The same of at most `most` characters, of which the last stands for those that are left out.
#[must_use]
pub fn code_within(text: &str, most: usize) -> String {
    span(&shortened(inert(text), most))
}

/// The same as HTML, for places where Markdown is not read.
#[must_use]
pub fn html_code_within(text: &str, most: usize) -> String {
    let line = shortened(inert(text), most).replace('&', "&amp;").replace('>', "&gt;");
    format!("<code>{}</code>", line.trim())
}

fn span(line: &str) -> String {
    match line.trim() {
        "" => "–".to_owned(),
        line => format!("`{line}`"),
    }
}

/// One line without the characters that mean anything to Markdown in a code span, to a table, to HTML
/// or to who reads mentions.
fn inert(text: &str) -> String {
    let plain = |c: char| match c {
        '\n' | '\t' => ' ',
        '`' => '\'',
        '|' => '¦',
        '<' => '‹',
        '@' => '＠',
        c => c,
    };
    escape(text).chars().map(plain).collect()
}

fn shortened(line: String, most: usize) -> String {
    match line.char_indices().nth(most) {
        None => line,
        Some(_) => line.chars().take(most.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// The address of a page that we link to ourselves, checked: nothing in it ends the link or hides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link(String);

impl Link {
    /// The address as it is; `None` where it is not one of `http` or `https`, or has characters that
    /// such addresses are written without.
    #[must_use]
    pub fn new(address: &str) -> Option<Self> {
        let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#&=%+,;".contains(c);
        let is_one = !rest.is_empty() && rest.chars().all(plain) && address.len() <= LONGEST_LINK;
        is_one.then(|| Self(address.to_owned()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup_mention_or_cell() {
        assert_eq!(code("a|b `c` @d\n# e"), "`a¦b 'c' ＠d # e`");
        assert_eq!(code("</details><!--"), "`‹/details>‹!--`");
        assert_eq!(code("\u{202e}x\u{1b}\u{200b}"), "`\\u{202e}x\\u{1b}\\u{200b}`");
        assert_eq!((code(""), code(" \n")), ("–".to_owned(), "–".to_owned()));
    }

    #[test]
    fn a_long_text_ends_in_a_mark_and_a_short_one_is_whole() {
        assert_eq!(code_within("日本語", 3), "`日本語`");
        assert_eq!(code_within("日本語です", 3), "`日本…`");
        assert_eq!(html_code_within("a&b<i>", 9), "<code>a&amp;b‹i&gt;</code>");
    }

    #[test]
    fn what_could_end_a_link_is_no_address() {
        assert!(Link::new("https://example.org/o/r/actions/runs/1?a=b#c").is_some());
        for bad in [
            "javascript:alert(1)",
            "https://",
            "https://x/) [y](http://z",
            "https://x/\u{202e}",
            "https://x/<b>",
            "https://me@x/",
            &format!("https://x/{}", "a".repeat(500)),
        ] {
            assert_eq!(Link::new(bad), None, "{bad}");
        }
    }
}

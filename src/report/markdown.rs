//! Text from outside in Markdown that others will read, so that it stays text.

use tokgate_core::diagnostic::escape;

/// The text in a code span, in which no name is a mention, no address a link and no character
/// markup; hidden characters are spelled out, and line ends become spaces. What would end the span
/// or the cell of a table is replaced by what looks like it: readers of Markdown disagree about how
/// a bar in a cell is escaped.
#[must_use]
pub fn code(text: &str) -> String {
    let line = escape(text).replace(['\n', '\t'], " ").replace('`', "'").replace('|', "¦");
    match line.trim() {
        "" => "–".to_owned(),
        line => format!("`{line}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_is_markup_mention_or_cell() {
        assert_eq!(code("a|b `c` @d\n# e"), "`a¦b 'c' @d # e`");
        assert_eq!(code("\u{202e}x\u{1b}"), "`\\u{202e}x\\u{1b}`");
        assert_eq!((code(""), code(" \n")), ("–".to_owned(), "–".to_owned()));
    }
}

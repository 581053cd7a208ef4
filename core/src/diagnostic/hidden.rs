//! Characters that hide or reorder text, and how they are spelled out before they are shown.

/// Whether a character could hide or reorder what a reader sees.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || reorders(c)
        || matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}' | '\u{2029}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e0000}'..='\u{e007f}')
}

/// Whether a character changes the direction of what follows it.
#[must_use]
pub fn reorders(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// `text` with hidden characters spelled out; line ends and tabs stay, a carriage return goes.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {}
            hidden if is_hidden(hidden) => out.extend(hidden.escape_unicode()),
            plain => out.push(plain),
        }
    }
    out
}

/// The same on one line: a log takes a line that begins with `::` as a command, whoever wrote it.
#[must_use]
pub fn line(text: &str) -> String {
    escape(text).replace(['\n', '\t'], " ")
}

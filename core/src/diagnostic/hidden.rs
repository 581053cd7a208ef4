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

/// Begins a hidden character that is spelled out.
const SPELLED: &str = "\\u{";

/// `text` with hidden characters spelled out, from which [`unspelled`] has it back to the byte; line ends
/// and tabs stay.
#[must_use]
pub fn spelled(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let is_plain = matches!(c, '\n' | '\t') || !is_hidden(c);
        match is_plain && !text[at..].starts_with(SPELLED) {
            true => out.push(c),
            false => out.extend(c.escape_unicode()),
        }
    }
    out
}

/// What [`spelled`] was called with.
#[must_use]
pub fn unspelled(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(SPELLED) {
        out.push_str(before);
        let spelled = after.split_once('}').and_then(|(digits, behind)| {
            let character = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
            Some((character, behind))
        });
        match spelled {
            Some((character, behind)) => {
                out.push(character);
                rest = behind;
            }
            None => {
                out.push_str(SPELLED);
                rest = after;
            }
        }
    }
    out + rest
}

/// JSON with hidden characters spelled out as JSON does it; it says the same.
#[must_use]
pub fn spelled_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        match is_hidden(c) {
            true => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
                out.push_str(&format!("\\u{unit:04x}"));
            }),
            false => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str =
        "a\u{1b}[31m\u{9b}\u{202e}\u{200b}\u{2028}\u{feff}\u{e0041}\r\n\tb \\u{41} \\u{ \\ \u{7}";

    #[test]
    fn what_is_spelled_out_has_nothing_hidden_and_comes_back_to_the_byte() {
        let told = spelled(HOSTILE);
        assert!(told.chars().all(|c| matches!(c, '\n' | '\t') || !is_hidden(c)), "{told:?}");
        assert!(told.starts_with("a\\u{1b}[31m\\u{9b}"), "{told}");
        assert_eq!(unspelled(&told), HOSTILE);
        for plain in ["", "plain", "a\nb", "C:\\users", "\\u{", "\\u{zz}", "\\u{110000}", "\\u{}"] {
            assert_eq!(unspelled(&spelled(plain)), plain);
            assert_eq!(unspelled(plain), plain);
        }
    }

    #[test]
    fn json_that_is_spelled_out_says_the_same() {
        let json = serde_json::json!({ "a": HOSTILE }).to_string();
        let told = spelled_json(&json);
        assert!(!told.chars().any(is_hidden), "{told:?}");
        let read = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(&told), read(&json));
    }
}

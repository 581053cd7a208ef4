//! From bytes to text: what is no UTF-8 text of a sensible size is refused here.

use crate::diagnostic::{Diagnostic, Diagnostics, reorders};
use std::ops::Range;

/// Largest scenario file: a thousand times what a long one needs, and parsed in a moment.
pub const MAX_BYTES: usize = 1 << 20;

/// The text of a scenario file; a byte-order mark and CRLF line ends are accepted.
///
/// # Errors
/// When the bytes are too many, no UTF-8, or hold NUL or characters that reorder the text.
pub fn decode(file: &str, bytes: &[u8]) -> Result<String, Diagnostics> {
    if bytes.len() > MAX_BYTES {
        let message = format!("{} bytes, more than the {MAX_BYTES} that are read", bytes.len());
        return Err(refuse(file, "", 0..0, message, "keep prompts short, or split the file"));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(refuse(file, "", 0..0, "UTF-16 text".to_owned(), "save the file as UTF-8"));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(file, bytes, error))?;
    match text.char_indices().find(|(_, c)| *c == '\0' || reorders(*c)) {
        None => Ok(text.to_owned()),
        Some((at, '\0')) => {
            let help = "save the file as plain UTF-8 text";
            Err(refuse(file, text, at..at + 1, format!("NUL byte at byte {at}"), help))
        }
        Some((at, c)) => {
            let message =
                format!("character {} at byte {at} reorders the text", c.escape_unicode());
            let help = "remove it: a reader would not see what is run";
            Err(refuse(file, text, at..at + c.len_utf8(), message, help))
        }
    }
}

fn not_utf8(file: &str, bytes: &[u8], error: std::str::Utf8Error) -> Diagnostics {
    let at = error.valid_up_to();
    let message = format!("byte {:#04x} at byte {at} is no UTF-8", bytes[at]);
    let shown = String::from_utf8_lossy(bytes);
    refuse(file, &shown, at..at + 1, message, "save the file as UTF-8")
}

fn refuse(file: &str, text: &str, span: Range<usize>, message: String, help: &str) -> Diagnostics {
    Diagnostics::one(text, Diagnostic::at(file, span, message).help(help))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_order_mark_and_crlf_are_accepted() {
        assert_eq!(decode("a", b"\xef\xbb\xbfschema = 1\r\n").unwrap(), "schema = 1\r\n");
    }

    #[test]
    fn other_encodings_are_refused_with_their_place() {
        let said = |bytes: &[u8]| decode("a.toml", bytes).unwrap_err().to_string();
        assert!(said(b"\xff\xfes\0c\0").contains("UTF-16"));
        assert!(said(b"a = \"\xe9\"").contains("byte 0xe9 at byte 5 is no UTF-8"));
        assert!(said(b"a = 1\nb\0 = 2").contains("a.toml:2:2"));
        assert!(said("# \u{202e}".as_bytes()).contains("\\u{202e}"));
        assert!(said(&vec![b'#'; MAX_BYTES + 1]).contains("more than the 1048576"));
    }
}

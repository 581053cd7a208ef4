//! The key to a target. It is read once, sent to the target alone, and shown nowhere.

use hyper::http::HeaderValue;

/// What stands where the key stood.
const BLANK: &str = "[key]";

/// A key. There is on purpose no `Debug`, `Display` or `Serialize`.
pub(crate) struct Secret {
    header: HeaderValue,
    /// The key in every spelling in which a server may echo it.
    spellings: Vec<String>,
}

impl Secret {
    /// The key as an `Authorization` header; `None` for what no header can carry.
    pub(crate) fn new(key: &str) -> Option<Self> {
        let mut header = HeaderValue::from_str(&format!("Bearer {key}")).ok()?;
        header.set_sensitive(true);
        let mut spellings =
            vec![key.to_owned(), base64(key), hex(key), percent(key), json_escaped(key)];
        // The longest first, so that no spelling is cut by a shorter one inside it.
        spellings.sort_by_key(|spelling| std::cmp::Reverse(spelling.len()));
        spellings.dedup();
        Some(Self { header, spellings })
    }

    /// The header to send.
    pub(crate) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// `text` without the key.
    pub(crate) fn scrub(&self, text: String) -> String {
        self.spellings.iter().fold(text, |text, spelling| match text.contains(spelling) {
            true => text.replace(spelling, BLANK),
            false => text,
        })
    }
}

fn hex(key: &str) -> String {
    key.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(key: &str) -> String {
    key.bytes()
        .map(|byte| match byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            true => char::from(byte).to_string(),
            false => format!("%{byte:02X}"),
        })
        .collect()
}

fn json_escaped(key: &str) -> String {
    let quoted = serde_json::Value::from(key).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Base64 without padding, so that the padded form contains it too.
fn base64(key: &str) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = |group: &[u8]| {
        let bits = group.iter().fold(0_usize, |bits, &byte| bits << 8 | usize::from(byte));
        let bits = bits << (8 * (3 - group.len()));
        let digit = move |place: usize| char::from(ALPHABET[bits >> (18 - 6 * place) & 63]);
        (0..=group.len()).map(digit).collect::<String>()
    };
    key.as_bytes().chunks(3).map(digits).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_blanked_in_every_spelling() {
        let secret = Secret::new("sk-1/2+\"x").unwrap();
        for echo in
            ["sk-1/2+\"x", "c2stMS8yKyJ4", "736b2d312f322b2278", "sk-1%2F2%2B%22x", "sk-1/2+\\\"x"]
        {
            assert_eq!(secret.scrub(format!("bad key '{echo}'!")), "bad key '[key]'!", "{echo}");
        }
        assert!(secret.header().is_sensitive());
    }

    #[test]
    fn base64_of_every_length_is_known() {
        let known = ["", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"];
        for (length, expected) in known.into_iter().enumerate() {
            assert_eq!(base64(&"foobar"[..length]), expected);
        }
    }

    #[test]
    fn a_key_that_no_header_can_carry_is_none() {
        assert!(Secret::new("a\nb").is_none());
    }
}

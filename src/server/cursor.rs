//! Where a page goes on, as clients hand it back: opaque, and of letters that any address may have.

use crate::store::pages::{After, NoAfter};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Longest that is read: names of tests and cases fit.
const LONGEST: usize = 2048;

pub(super) fn written(after: &After) -> String {
    URL_SAFE_NO_PAD.encode(after.to_string())
}

/// # Errors
/// When it is none that was handed out.
pub(super) fn read(text: &str) -> Result<After, NoAfter> {
    let bytes = Some(text).filter(|text| text.len() <= LONGEST);
    let bytes = bytes.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok()).ok_or(NoAfter)?;
    String::from_utf8(bytes).map_err(|_| NoAfter)?.parse()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_handed_out_comes_back_and_nothing_else() {
        let after = After { at_us: 7, name: "run a/b é".to_owned() };
        let text = written(&after);
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        assert_eq!(read(&text), Ok(after));
        for wrong in ["", "x", "' OR 1=1", "////", &"A".repeat(4096)] {
            assert_eq!(read(wrong), Err(NoAfter), "{wrong}");
        }
    }
}

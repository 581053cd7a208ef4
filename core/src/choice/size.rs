//! How many parameters a model has, by what is written of it.

/// A number of parameters as people write it: `4b`, `1.5B`, `135m`, `4.3 B`; also plain, `8030261248`.
/// `None` for anything else, as `8x7b`: experts are no simple product.
///
/// ```
/// # use tokgate_core::choice::parameters;
/// assert_eq!(parameters("1.5B"), Some(1.5e9));
/// assert_eq!(parameters("8x7b"), None);
/// ```
#[must_use]
pub fn parameters(text: &str) -> Option<f64> {
    let text = text.trim().to_ascii_lowercase();
    let (digits, scale) = match text.as_bytes().last()? {
        b'b' => (&text[..text.len() - 1], 1e9),
        b'm' => (&text[..text.len() - 1], 1e6),
        _ => (text.as_str(), 1.0),
    };
    let digits = digits.trim_end();
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = digits.parse().ok().filter(|_| is_plain)?;
    (number > 0.0 && number.is_finite()).then_some(number * scale)
}

/// The number of parameters in a model's own size, else in its name: the first of its words that
/// is one with a `b` or an `m` behind it.
#[must_use]
pub fn of_model(size_params: Option<&str>, name: &str) -> Option<f64> {
    let has_unit = |word: &&str| word.ends_with(['b', 'B', 'm', 'M']);
    let words = name.split(|c: char| !c.is_ascii_alphanumeric() && c != '.').filter(has_unit);
    size_params.and_then(parameters).or_else(|| words.filter_map(parameters).next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, number) in [
            ("4b", 4e9),
            ("1.5B", 1.5e9),
            (" 135m ", 135e6),
            ("4.3 B", 4.3e9),
            ("8030261248", 8_030_261_248.0),
        ] {
            assert_eq!(parameters(text), Some(number), "{text}");
        }
        for text in ["", "b", "8x7b", "-4b", "infb", "1e3b", "0b", "large", "4.5.6b", "é"] {
            assert_eq!(parameters(text), None, "{text}");
        }
    }

    #[test]
    fn a_model_tells_its_size_itself_or_by_its_name() {
        for (name, billion) in [
            ("gemma3:4b", Some(4.0)),
            ("google/gemma-3-12b-it", Some(12.0)),
            ("Qwen/Qwen2.5-0.5B-Instruct", Some(0.5)),
            ("70B-AWQ", Some(70.0)),
            ("mixtral-8x7b", None),
            ("phi-4", None),
        ] {
            assert_eq!(of_model(None, name), billion.map(|it: f64| it * 1e9), "{name}");
        }
        assert_eq!(of_model(Some("4.3B"), "gemma3:4b"), Some(4.3e9));
        assert_eq!(of_model(Some("unknown"), "gemma3:4b"), Some(4e9));
    }
}

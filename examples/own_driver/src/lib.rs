//! The code under test. It knows nothing of tokgate.

use std::collections::BTreeMap;

/// The words of a text, each with how often it occurs, in their order.
///
/// # Errors
/// When there are none.
pub fn count_words(text: &str) -> Result<String, &'static str> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    let told: Vec<String> = counts.iter().map(|(word, count)| format!("{word} {count}")).collect();
    if told.is_empty() { Err("there are no words") } else { Ok(told.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_told_with_how_often_it_occurs() {
        assert_eq!(count_words("a b a"), Ok("a 2\nb 1".to_owned()));
        assert!(count_words(" ").is_err());
    }
}

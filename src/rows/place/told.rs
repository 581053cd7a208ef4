//! What a store says, as it may be shown: bounded, on one line, without what the environment keeps secret.

use std::error::Error;

/// Characters of a message at most.
const LONGEST: usize = 400;
/// Shorter values of the environment are no secrets, and would be found in any text.
const SHORTEST: usize = 6;
/// What the names of variables with secrets begin with, and have in them.
const STORES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
const SECRET: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "SAS", "CREDENTIAL"];

/// An error of a store with its causes, each once.
pub(super) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    shown(&text, secrets())
}

fn shown(text: &str, secrets: impl Iterator<Item = String>) -> String {
    let text = secrets.fold(text.to_owned(), |text, secret| text.replace(&secret, "***"));
    let text = escaped(&text);
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text,
    }
}

/// Text from outside on one line.
pub(super) fn escaped(text: &str) -> String {
    tokgate_core::diagnostic::line(text)
}

fn secrets() -> impl Iterator<Item = String> {
    std::env::vars_os().filter_map(|(name, value)| {
        let name = name.to_str()?.to_uppercase();
        let is_secret = STORES.iter().any(|store| name.starts_with(store))
            && SECRET.iter().any(|word| name.contains(word));
        let value = value.to_str().filter(|value| value.len() >= SHORTEST)?;
        is_secret.then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_says_is_bounded_on_one_line_and_without_secrets() {
        let said = format!("refused\u{1b}[31m\nkey hunter2-hunter2 {}", "x".repeat(1000));
        let text = shown(&said, ["hunter2-hunter2".to_owned()].into_iter());
        assert!(text.contains("key ***") && !text.contains("hunter2"), "{text}");
        assert!(text.chars().count() <= LONGEST + 1 && !text.contains(['\n', '\u{1b}']), "{text}");
    }
}

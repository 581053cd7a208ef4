//! What a store says, as it may be shown: bounded, on one line, without what the environment keeps secret.

use std::error::Error;

/// Characters of a message at most, of its beginning (what was tried) and of its end (why it failed).
const LONGEST: [usize; 2] = [160, 240];
/// Shorter values of the environment are no secrets, and would be found in any text.
const SHORTEST: usize = 6;
/// What the names of variables with secrets begin with, and have in them.
const STORES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
const SECRET: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASSWORD", "SAS", "CREDENTIAL"];
/// What the names of variables end with that name a file, which is no secret, and where to look.
const FILES: [&str; 3] = ["_FILE", "_PATH", "GOOGLE_APPLICATION_CREDENTIALS"];
/// What the library writes before the status and the body of an answer.
const STATUS: &str = "status code: ";

const MAKE_IT: &str = "make it there first, or mend the URL";
const KEYS: &str = "are the keys in the environment those of this store, and may they do this?";
/// What to do about what is in a message; the first that fits.
const ADVICE: [(&str, &str); 6] = [
    ("NoSuchBucket", MAKE_IT),
    ("ContainerNotFound", MAKE_IT),
    (
        "Account must be specified",
        "set AZURE_STORAGE_ACCOUNT_NAME, or write az://CONTAINER@ACCOUNT.blob.core.windows.net/...",
    ),
    (
        "token request",
        "without keys in the environment they are asked of the cloud's own machine: \
         docs/ROWS.md has the variables of each store",
    ),
    ("status code: 401", KEYS),
    ("status code: 403", KEYS),
];

/// What went wrong at a store, and what to do about it.
pub(super) fn told(error: &dyn Error) -> String {
    let text = whole(error);
    let advice = ADVICE.iter().find(|(sign, _)| text.contains(sign)).map(|(_, advice)| *advice);
    let text = shown(&answer(&text).unwrap_or(text), secrets());
    match advice {
        Some(advice) => format!("{text}: {advice}"),
        None => text,
    }
}

/// An error with its causes, each once.
fn whole(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

/// Of a message with an answer in XML, as all three clouds send it: status, code and the message's first line.
fn answer(text: &str) -> Option<String> {
    let (_, answer) = text.split_once(STATUS)?;
    let (status, body) = answer.split_once(": ")?;
    let code = element(body, "Code")?;
    let message = element(body, "Message").and_then(|message| message.lines().next());
    Some(format!("the store answered {status}, {code}: {}", message.unwrap_or_default()))
}

fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0.trim())
}

fn shown(text: &str, secrets: impl Iterator<Item = String>) -> String {
    let text = secrets.fold(text.to_owned(), |text, secret| text.replace(&secret, "***"));
    let text: Vec<char> = escaped(text.trim()).trim_end_matches([':', '.']).chars().collect();
    let [beginning, end] = LONGEST;
    match text.len() > beginning + end {
        true => text[..beginning].iter().chain(&['…']).chain(&text[text.len() - end..]).collect(),
        false => text.iter().collect(),
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
            && SECRET.iter().any(|word| name.contains(word))
            && !FILES.iter().any(|end| name.ends_with(end));
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
        assert!(
            text.chars().count() <= LONGEST.iter().sum::<usize>() + 1
                && !text.contains(['\n', '\u{1b}']),
            "{text}"
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error("Error performing PUT http://127.0.0.1/rows/a in 2ms - {0}")]
    struct Refused(&'static str);

    #[test]
    fn of_an_answer_its_code_and_message_are_told_with_what_to_do() {
        let absent = "Server returned non-2xx status code: 404 Not Found: <?xml version=\"1.0\"?>\n<Error>\n  \
             <Code>ContainerNotFound</Code>\n  <Message>The container does not exist.\nTime:now</Message>\n</Error>";
        assert_eq!(
            told(&Refused(absent)),
            "the store answered 404 Not Found, ContainerNotFound: The container does not exist: \
             make it there first, or mend the URL"
        );
        let forbidden =
            told(&Refused("Server returned non-2xx status code: 403 Forbidden: <html>no"));
        assert!(forbidden.contains("<html>no") && forbidden.ends_with(KEYS), "{forbidden}");
    }

    #[test]
    fn a_long_message_keeps_what_was_tried_and_why_it_failed() {
        let said = format!("PUT http://127.0.0.1/{} - Connection refused", "x".repeat(1000));
        let text = shown(&said, std::iter::empty());
        assert!(text.starts_with("PUT http://127.0.0.1/xxx"), "{text}");
        assert!(text.ends_with("xxx - Connection refused"), "{text}");
    }
}

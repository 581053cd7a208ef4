//! `openai-batch`: `{"custom_id", "method", "url", "body"}` a line. The model and the temperature
//! are the scenario's; of the body, the messages and their token limit are taken.

use super::conversation::{self, Said};
use super::lines::Lines;
use super::{FileError, Written, add};
use crate::dataset::Message;
use serde::Deserialize;

#[derive(Deserialize)]
struct Request {
    url: Option<String>,
    body: Body,
}

#[derive(Deserialize)]
struct Body {
    messages: Option<Vec<Said>>,
    prompt: Option<Prompt>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    One(String),
    Several(serde::de::IgnoredAny),
}

pub(super) fn read(lines: &mut Lines<'_>) -> Result<Vec<Written>, FileError> {
    let mut entries = Vec::new();
    while let Some(line) = lines.next() {
        match entry(line.text) {
            Ok(entry) => add(&mut entries, entry)?,
            Err(what) => lines.refuse(line.number, what),
        }
    }
    Ok(entries)
}

fn entry(line: &str) -> Result<Written, String> {
    let request: Request =
        serde_json::from_str(line).map_err(|error| conversation::words(&error))?;
    if let Some(url) = request.url.as_deref().filter(|url| !url.ends_with("completions")) {
        let url: String = url.chars().take(80).collect();
        return Err(format!("a request to `{url}`, expected one for completions"));
    }
    let body = request.body;
    let max_tokens = conversation::limit(body.max_completion_tokens.or(body.max_tokens))?;
    let messages = match (body.messages, body.prompt) {
        (Some(said), None) => conversation::messages(said)?,
        (None, Some(Prompt::One(text))) => vec![Message::user(text)],
        (None, Some(Prompt::Several(_))) => {
            return Err("`prompt` is no text; write a line for each prompt".to_owned());
        }
        (None, None) => return Err("the body has neither `messages` nor `prompt`".to_owned()),
        (Some(_), Some(_)) => return Err("the body has both `messages` and `prompt`".to_owned()),
    };
    Ok(Written::whole(messages, max_tokens))
}

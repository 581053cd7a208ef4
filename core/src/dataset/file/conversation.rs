//! Messages as files write them, into ours.

use super::MAX_MESSAGES;
use crate::dataset::{Message, Role};
use serde::Deserialize;

/// A message with OpenAI's keys.
#[derive(Debug, Deserialize)]
pub(super) struct Said {
    role: String,
    content: Option<Content>,
}

/// What a message says: a text, or parts of which only texts are taken.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Deserialize)]
struct Part {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
}

impl Said {
    pub(super) fn message(self) -> Result<Message, String> {
        let role = role(&self.role)?;
        let content = match self.content {
            Some(Content::Text(text)) => text,
            Some(Content::Parts(parts)) => {
                let texts: Result<Vec<String>, String> =
                    parts.into_iter().map(Part::text).collect();
                texts?.join("\n")
            }
            None => return Err(format!("a message of `{}` has no content", self.role)),
        };
        Ok(Message { role, content })
    }
}

impl Part {
    fn text(self) -> Result<String, String> {
        self.text.ok_or_else(|| {
            format!("a message has a part of type `{}`, only texts are sent", self.kind)
        })
    }
}

/// A role by any of the names that files give it.
pub(super) fn role(name: &str) -> Result<Role, String> {
    match name {
        "system" | "developer" => Ok(Role::System),
        "user" | "human" => Ok(Role::User),
        "assistant" | "gpt" | "chatgpt" | "bing" | "bard" | "model" => Ok(Role::Assistant),
        "tool" => Ok(Role::Tool),
        other => {
            let other: String = other.chars().take(40).collect();
            Err(format!("nobody is called `{other}`, expected system, user, assistant or tool"))
        }
    }
}

/// The messages of one request.
pub(super) fn messages(said: Vec<Said>) -> Result<Vec<Message>, String> {
    within_limits(said.len())?;
    said.into_iter().map(Said::message).collect()
}

pub(super) fn within_limits(messages: usize) -> Result<(), String> {
    match messages {
        0 => Err("the conversation has no messages".to_owned()),
        some if some > MAX_MESSAGES => {
            Err(format!("{some} messages, more than the {MAX_MESSAGES} of a conversation"))
        }
        _ => Ok(()),
    }
}

/// A limit of output tokens, where one is given.
pub(super) fn limit(tokens: Option<u64>) -> Result<Option<u32>, String> {
    let most = crate::dataset::length::MOST_TOKENS;
    match tokens {
        None => Ok(None),
        Some(tokens) => match u32::try_from(tokens).ok().filter(|it| (1..=most).contains(it)) {
            Some(tokens) => Ok(Some(tokens)),
            None => Err(format!("{tokens} output tokens, expected 1 to {most}")),
        },
    }
}

/// What serde says, without its place: the line is named by us.
pub(super) fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    format!("{}, column {}", text.trim_end_matches(&place), error.column())
}

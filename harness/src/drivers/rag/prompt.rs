//! The words in which passages are handed to a language model: one template, stated here and in the
//! documentation, since what is measured depends on it.

use tokgate_core::dataset::Message;

/// What stands before the passages.
const OPENING: &str = "Answer the question from the passages below.";

/// The question, which is the last message.
pub(super) fn question(messages: &[Message]) -> &str {
    messages.last().map_or("", |message| message.content.as_str())
}

/// The conversation with the passages put before its last message, best first, numbered from 1:
/// [`OPENING`], `[1] ...`, and `Question: ...`, an empty line between them.
pub(super) fn with_passages<'a>(
    messages: &[Message],
    passages: impl Iterator<Item = &'a str>,
) -> Vec<Message> {
    let mut messages = messages.to_vec();
    let Some(last) = messages.last_mut() else { return messages };
    let mut text = OPENING.to_owned();
    for (number, passage) in (1..).zip(passages) {
        text.push_str(&format!("\n\n[{number}] {passage}"));
    }
    text.push_str("\n\nQuestion: ");
    text.push_str(&last.content);
    last.content = text;
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passages_stand_numbered_before_the_question() {
        let messages = [Message::user("Why?")];
        let told = with_passages(&messages, ["one", "two"].into_iter());
        let text =
            "Answer the question from the passages below.\n\n[1] one\n\n[2] two\n\nQuestion: Why?";
        assert_eq!((told.len(), told[0].content.as_str()), (1, text));
        assert_eq!(question(&messages), "Why?");
    }

    #[test]
    fn what_was_said_before_the_question_stays() {
        let messages = [Message::user("Hello."), Message::user("Why?")];
        let told = with_passages(&messages, std::iter::once("one"));
        assert_eq!(told[0].content, "Hello.");
        assert!(told[1].content.ends_with("Question: Why?"));
    }
}

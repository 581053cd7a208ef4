//! Reading the frames of one reply, one after the other.

use super::piece::{Carried, Dialect, Piece, Text};
use std::ops::Range;
use tokgate_core::record::EventKind;

/// Longest frame that is kept to compare the next one with; one token's has a few hundred bytes.
const KEPT_BYTES: usize = 4 << 10;

/// Reads the frames of one reply.
///
/// Most of them differ from the one before in the answer's text alone. Where they do, that text is
/// all there is to find out, and JSON need not be read again: a comparison of bytes says the same.
#[derive(Debug)]
pub struct Reader {
    dialect: Dialect,
    /// The last frame that carried nothing but text; empty without one.
    before: String,
    /// Where its text stands in it.
    text: Range<usize>,
}

impl Reader {
    /// A reader at the start of a reply.
    #[must_use]
    pub fn new(dialect: Dialect) -> Self {
        Self { dialect, before: String::new(), text: 0..0 }
    }

    /// Reads the next frame. What every frame says of the model is said of the first of them.
    ///
    /// # Errors
    /// As [`Dialect::read`].
    pub fn read<'a>(&mut self, frame: &'a str) -> Result<Carried<'a>, serde_json::Error> {
        if let Some(text) = self.as_before(frame) {
            return Ok(Carried::Piece(Piece::of_text(text)));
        }
        let carried = self.dialect.read(frame)?;
        if let Carried::Piece(piece) = &carried {
            self.keep(frame, piece);
        }
        Ok(carried)
    }

    /// The text of a frame that differs from the one before in nothing else. The bytes around it are
    /// the same, the quotes of the string among them, so that it is the same string to JSON as long
    /// as nothing in it ends or escapes.
    fn as_before<'a>(&self, frame: &'a str) -> Option<&'a str> {
        let (head, tail) = (&self.before[..self.text.start], &self.before[self.text.end..]);
        let text = frame.strip_prefix(head)?.strip_suffix(tail)?;
        let is_plain = |byte: u8| byte >= b' ' && byte != b'"' && byte != b'\\';
        (!self.before.is_empty() && !text.is_empty() && text.bytes().all(is_plain)).then_some(text)
    }

    fn keep(&mut self, frame: &str, piece: &Piece<'_>) {
        let place = piece.text.as_ref().filter(|_| piece.is_only_text());
        let Some(place) = place.and_then(|text| text.place_in(frame)) else { return };
        if frame.len() <= KEPT_BYTES {
            self.before.clear();
            self.before.push_str(frame);
            self.text = place;
        }
    }
}

impl<'a> Piece<'a> {
    fn of_text(text: &'a str) -> Self {
        Self { kind: EventKind::Content, text: Some(Text::plain(text)), ..Self::default() }
    }

    fn is_only_text(&self) -> bool {
        let says_more = self.finish_reason.is_some()
            || self.usage.is_some()
            || self.timings.is_some()
            || self.likelihood.is_some()
            || self.completion_tokens.is_some()
            || self.is_last;
        self.kind == EventKind::Content && !says_more
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// All that a reply takes from a frame, but for what the first frame says of the model.
    fn told(carried: &Result<Carried<'_>, serde_json::Error>) -> String {
        match carried {
            Ok(Carried::Piece(piece)) => {
                let Piece { kind, text, finish_reason, usage, completion_tokens, .. } = piece;
                let likelihood = piece.likelihood;
                format!(
                    "{kind:?} {text:?} {finish_reason:?} {usage:?} {completion_tokens:?} {likelihood:?}"
                )
            }
            other => format!("{other:?}"),
        }
    }

    fn agrees(dialect: Dialect, frames: &[&str]) {
        let mut reader = Reader::new(dialect);
        for frame in frames {
            assert_eq!(told(&reader.read(frame)), told(&dialect.read(frame)), "{frame}");
        }
    }

    fn chunk(text: &str) -> String {
        format!(
            r#"{{"id":"x","choices":[{{"delta":{{"content":"{text}"}},"finish_reason":null}}]}}"#
        )
    }

    #[test]
    fn a_frame_that_differs_in_more_than_its_text_is_read_whole() {
        let first = chunk("a");
        for text in
            ["b", "", "\\", "\"", "\\n", "\u{1}", r#"b","role":"c"#, "ü", "a\",\"refusal\":\"b"]
        {
            agrees(Dialect::OpenAi, &[&first, &chunk(text), &first]);
        }
        let finished = first.replace("null", "\"stop\"");
        agrees(Dialect::OpenAi, &[&first, &finished, &first, "[DONE]", &first, "{", &first]);
        let torn = &first[..first.len() - 1];
        agrees(Dialect::OpenAi, &[&first, torn]);
    }

    #[test]
    fn a_frame_with_probabilities_is_read_whole() {
        let frame = |logprob: &str| {
            chunk("a").replace(
                "\"finish_reason\"",
                &format!(
                    "\"logprobs\":{{\"content\":[{{\"logprob\":{logprob}}}]}},\"finish_reason\""
                ),
            )
        };
        agrees(Dialect::OpenAi, &[&frame("-0.5"), &frame("-0.5"), &frame("-1"), &chunk("b")]);
    }

    #[test]
    fn a_frame_whose_text_stands_in_it_twice_is_read_whole() {
        let frame = |text: &str| {
            let said = json!({ "content": text });
            json!({ "choices": [{ "delta": said, "message": said }, { "delta": said }] })
                .to_string()
        };
        agrees(Dialect::OpenAi, &[&frame("a"), &frame("b"), &frame("b")]);
    }

    proptest! {
        #[test]
        fn comparing_says_what_reading_says(
            texts in prop::collection::vec("(?s)[a\"\\\\,:{}é\\x01]{0,6}", 1..8),
            ollama in any::<bool>(),
        ) {
            let line = |text: &String| match ollama {
                true => format!(r#"{{"message":{{"content":"{text}"}},"done":false}}"#),
                false => chunk(text),
            };
            let frames: Vec<String> = texts.iter().map(line).collect();
            let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
            agrees(if ollama { Dialect::Ollama } else { Dialect::OpenAi }, &frames);
        }
    }
}

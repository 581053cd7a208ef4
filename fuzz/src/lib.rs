//! What the fuzz targets share: the code under test, how an input says where to cut, and what must
//! hold of every frame.
//!
//! The framing is included by path: depending on the whole harness would build an inference engine
//! to test a parser.

#[path = "../../harness/src/wire/by_the_book.rs"]
pub mod by_the_book;
#[path = "../../harness/src/wire/mod.rs"]
pub mod wire;

use serde_json::Value;
use tokgate_core::record::EventKind;
use wire::piece::{Carried, Dialect};
use wire::reader::Reader;

/// The sizes of chunks that an input begins with, and the stream after them. The first byte says
/// how many sizes there are, so that the fuzzer can move a cut without touching the stream.
pub fn cut(input: &[u8]) -> (Vec<usize>, &[u8]) {
    let (count, rest) = input.split_first().unwrap_or((&0, &[]));
    let (sizes, stream) = rest.split_at(rest.len().min(usize::from(count % 8)));
    (sizes.iter().map(|&size| size.into()).collect(), stream)
}

/// Reads a reply of vectors and checks what must hold of it: they are as many as were asked for, of
/// one length, and usable.
pub fn check_vectors(body: &str) {
    for inputs in 1..3 {
        let Ok(came) = wire::embeddings::read(body, inputs) else { continue };
        assert_eq!(came.vectors.len(), inputs);
        for vector in &came.vectors {
            assert_eq!(vector.len(), came.dimensions());
            assert!(vector.iter().all(|value| value.is_finite()), "{vector:?}");
            assert!(vector.iter().any(|value| *value != 0.0), "{vector:?}");
        }
    }
}

/// Reads a frame and checks what must hold of it, and of its lines as the frames of one reply.
pub fn check(dialect: Dialect, data: &str) {
    let mut reader = Reader::new(dialect);
    for line in data.lines() {
        assert_eq!(
            told(reader.read(line)),
            told(dialect.read(line)),
            "the frames before matter not"
        );
    }
    let _ = (dialect.usage(data), wire::openai::error_message(data));
    let Ok(Carried::Piece(piece)) = dialect.read(data) else { return };
    let text = piece.text.as_ref().map(|text| text.as_str()).filter(|text| !text.is_empty());
    assert_eq!(piece.kind == EventKind::Content, text.is_some(), "content is what has text");
    if let Some(Ok(Some(usage))) = piece.usage.map(|raw| dialect.usage(raw)) {
        assert!(usage.raw.is_some(), "the server's words are kept");
    }
    if let Some(value) = comparable(data) {
        assert!(value.is_object(), "only an object is a piece");
        assert_eq!(text, spoken(dialect, &value), "the text by the slow way");
    }
}

/// What a reply takes from each of its frames.
fn told(carried: serde_json::Result<Carried<'_>>) -> String {
    match carried {
        Ok(Carried::Piece(piece)) => format!(
            "{:?} {:?} {:?} {:?} {:?}",
            piece.kind, piece.text, piece.finish_reason, piece.usage, piece.completion_tokens
        ),
        other => format!("{other:?}"),
    }
}

/// The frame as a tree, where both ways must agree: a tree cannot hold what is nested too deep or
/// a lone surrogate, and serde_json has a word of its own for raw values in it.
fn comparable(data: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(data).ok()?;
    let choices = value["choices"].as_array().map_or(&[][..], Vec::as_slice);
    let inner = choices.iter().flat_map(|it| [it, &it["delta"], &it["message"]]);
    // serde takes an array for a struct, which does no harm that deep.
    let plain = inner.chain([&value["message"]]).all(|it| !it.is_array());
    (plain && !data.contains("serde_json")).then_some(value)
}

/// The answer's text in a tree.
fn spoken(dialect: Dialect, value: &Value) -> Option<&str> {
    let filled = |value: &'_ Value| value.as_str().is_some_and(|text| !text.is_empty());
    let places: Vec<&Value> = match dialect {
        Dialect::Ollama => vec![&value["message"]["content"], &value["response"]],
        Dialect::OpenAi => value["choices"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(|choice| {
                let said = ["delta", "message"].map(|field| &choice[field]);
                let said = said.into_iter().find(|it| !it.is_null()).unwrap_or(&Value::Null);
                [&choice["text"], &said["content"]]
            })
            .collect(),
    };
    places.into_iter().find(|it| filled(it))?.as_str()
}

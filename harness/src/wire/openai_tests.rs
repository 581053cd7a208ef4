use super::*;
use proptest::prelude::*;
use serde_json::json;

fn chunk_kind(choice: &serde_json::Value) -> EventKind {
    let data = json!({ "id": "x", "choices": [choice], "extra": { "a": [1] } }).to_string();
    match read(&data).unwrap() {
        Carried::Piece(piece) => piece.kind,
        other => panic!("not a chunk: {other:?}"),
    }
}

fn delta(delta: serde_json::Value) -> EventKind {
    chunk_kind(&json!({ "index": 0, "delta": delta, "finish_reason": null }))
}

#[test]
fn what_is_not_empty_is_content() {
    assert_eq!(delta(json!({ "content": "a" })), EventKind::Content);
    assert_eq!(delta(json!({ "reasoning_content": "a" })), EventKind::Reasoning);
    assert_eq!(delta(json!({ "reasoning": "a" })), EventKind::Reasoning);
    assert_eq!(delta(json!({ "refusal": "a" })), EventKind::Refusal);
    assert_eq!(chunk_kind(&json!({ "text": " a" })), EventKind::Content);
    for function in [json!({ "name": "f" }), json!({ "arguments": "{" })] {
        assert_eq!(delta(json!({ "tool_calls": [{ "function": function }] })), EventKind::ToolCall);
    }
}

#[test]
fn roles_and_empty_texts_are_not_content() {
    assert_eq!(delta(json!({ "role": "assistant", "content": null })), EventKind::Other);
    assert_eq!(delta(json!({ "role": "assistant", "content": "" })), EventKind::Other);
    assert_eq!(
        delta(json!({ "tool_calls": [{ "function": { "arguments": "" } }] })),
        EventKind::Other
    );
    assert_eq!(chunk_kind(&json!({ "text": "", "finish_reason": "length" })), EventKind::Other);
    assert_eq!(chunk_kind(&json!({ "delta": null })), EventKind::Other);
    assert!(matches!(read(r#"{"choices":null,"error":null}"#), Ok(Carried::Piece(_))));
}

#[test]
fn several_kinds_in_one_event_are_one_kind_by_priority() {
    let call = json!([{ "function": { "name": "f" } }]);
    assert_eq!(delta(json!({ "reasoning": "a", "content": "b" })), EventKind::Content);
    assert_eq!(delta(json!({ "tool_calls": call, "reasoning": "a" })), EventKind::Reasoning);
    assert_eq!(delta(json!({ "refusal": "no", "tool_calls": call })), EventKind::ToolCall);
}

/// The text that a chunk with this choice carries.
fn text(choice: &serde_json::Value) -> Option<String> {
    let data = json!({ "choices": [choice] }).to_string();
    let Ok(Carried::Piece(piece)) = read(&data) else { panic!("not a piece: {data}") };
    assert_eq!(piece.kind == EventKind::Content, piece.text.is_some(), "{data}");
    Some(piece.text?.as_str().to_owned())
}

#[test]
fn the_text_is_what_is_not_empty() {
    assert_eq!(text(&json!({ "text": "a" })).unwrap(), "a");
    assert_eq!(text(&json!({ "text": "", "delta": { "content": "a" } })).unwrap(), "a");
    assert_eq!(text(&json!({ "message": { "content": "a" } })).unwrap(), "a");
    assert_eq!(text(&json!({ "delta": null, "message": { "content": "a" } })).unwrap(), "a");
    assert_eq!(text(&json!({ "delta": { "content": "" } })), None);
}

#[test]
fn a_message_beside_a_delta_is_the_answer_so_far_and_not_read() {
    let so_far = json!({ "role": "assistant", "content": "a b" });
    let choice = |delta: &str| json!({ "delta": { "content": delta }, "message": so_far });
    assert_eq!(text(&choice(" b")).unwrap(), " b");
    assert_eq!(text(&choice("")), None);
}

#[test]
fn usage_keeps_the_servers_words() {
    let raw = r#"{"prompt_tokens":39,"completion_tokens":24,"total_tokens":63,
                  "prompt_tokens_details":{"cached_tokens":38},"extra":1.5}"#;
    let usage = usage(raw).unwrap().unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (39, 24));
    assert_eq!(usage.cached_tokens, Some(38));
    assert_eq!(usage.raw.unwrap()["extra"], json!(1.5));
}

#[test]
fn usage_without_both_counts_is_absent() {
    assert_eq!(usage(r#"{"prompt_tokens":39}"#).unwrap(), None);
    assert!(usage(r#"{"prompt_tokens":39,"completion_tokens":-1}"#).is_err());
}

#[test]
fn errors_are_found_in_every_shape() {
    for (data, message) in [
        (r#"{"error":{"message":"boom","code":500}}"#, "boom"),
        (r#"{"error":"boom","error_type":"generation"}"#, "boom"),
        (r#"{"object":"error","message":"boom","code":400}"#, "boom"),
        (r#"{"error":{"code":7}}"#, r#"{"error":{"code":7}}"#),
    ] {
        assert!(matches!(read(data), Ok(Carried::Error(it)) if it == message), "{data}");
    }
    assert_eq!(error_message(r#"{"detail":"Not Found"}"#), "Not Found");
    assert_eq!(error_message(" <html> \n"), "<html>");
}

#[test]
fn a_lone_surrogate_becomes_a_replacement_character() {
    let data = r#"{"choices":[{"delta":{"content":"a\ud83d"}}]}"#;
    let Carried::Piece(piece) = read(data).unwrap() else { panic!("not a piece") };
    let text = piece.text.unwrap();
    assert!(text.as_str().starts_with('a') && text.as_str().contains('\u{FFFD}'));
    assert_eq!(piece.kind, EventKind::Content);
}

#[test]
fn hostile_json_is_an_error_and_never_a_panic() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&deep).is_err());
    assert!(read(r#"{"choices":[],"choices":[]}"#).is_err());
    for odd in ["[]", r#"["m"]"#, "null", "1", r#""a""#, ""] {
        assert!(read(odd).is_err() && usage(odd).is_err(), "{odd}");
    }
    assert!(read(r#"{"choices":[{"delta":{"content":[1]}}]}"#).is_err());
    assert!(usage(r#"{"prompt_tokens":1,"completion_tokens":1e400}"#).is_err());
    assert!(usage(&format!(r#"{{"prompt_tokens":1,"completion_tokens":1,"x":{deep}}}"#)).is_err());
    assert!(error_message(&deep).starts_with('['));
    // What nobody reads is skipped, however odd.
    assert!(read(&format!(r#"{{"choices":[],"odd":{deep},"huge":1e999}}"#)).is_ok());
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(data in r#"[\[\]{}":,a-z0-9\\ud]{0,40}"#) {
        let _ = (read(&data).is_ok(), usage(&data).is_ok(), error_message(&data));
    }
}

/// The tokens with a probability in a frame, and the sum of their logarithms.
fn likelihood(logprobs: &str) -> Option<(u64, f64)> {
    let frame = format!(r#"{{"choices":[{{"delta":{{"content":"a"}},"logprobs":{logprobs}}}]}}"#);
    match read(&frame).unwrap() {
        Carried::Piece(piece) => piece.likelihood.map(|told| (told.tokens, told.sum)),
        other => panic!("a piece was expected: {other:?}"),
    }
}

#[test]
fn probabilities_are_read_of_chats_and_of_texts_and_never_fail_a_reply() {
    let chat = r#"{"content":[{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":[]},{"token":"b","logprob":-1.5}],"refusal":null}"#;
    assert_eq!(likelihood(chat), Some((2, -2.0)));
    let text = r#"{"tokens":["a","b"],"token_logprobs":[null,-0.25],"top_logprobs":[{},{}],"text_offset":[0,1]}"#;
    assert_eq!(likelihood(text), Some((1, -0.25)));
    for odd in ["null", "{}", "3", r#"{"content":"x"}"#, r#"{"content":[{"logprob":"x"}]}"#] {
        assert_eq!(likelihood(odd), None, "{odd}");
    }
}

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// What the last line of either endpoint says of the work, as docs/api.md has it.
const STATISTICS: &str = r#""done":true,"done_reason":"stop","context":[1,2,3],
    "total_duration":10706818083,"load_duration":6338219291,"prompt_eval_count":26,
    "prompt_eval_duration":130079000,"eval_count":259,"eval_duration":4232710000}"#;

/// A line with these fields, as Ollama begins each.
fn line(fields: &str) -> String {
    format!(r#"{{"model":"llama3.2","created_at":"2023-08-04T08:52:19.385406455-07:00",{fields}"#)
}

fn piece(line: &str) -> Piece<'_> {
    match read(line).unwrap() {
        Carried::Piece(piece) => piece,
        other => panic!("not a piece: {other:?}"),
    }
}

/// Kind and text of a line.
fn said(fields: &str) -> (EventKind, String) {
    let line = line(fields);
    let piece = piece(&line);
    (piece.kind, filled(piece.text.as_ref()).unwrap_or_default().to_owned())
}

#[test]
fn a_line_of_a_chat_carries_its_content() {
    let line = line(r#""message":{"role":"assistant","content":"The"},"done":false}"#);
    let piece = piece(&line);
    assert_eq!((piece.kind, piece.text.unwrap().as_str()), (EventKind::Content, "The"));
    assert_eq!(piece.model.unwrap().as_str(), "llama3.2");
    assert!(!piece.is_last && piece.finish_reason.is_none() && piece.usage.is_none());
}

#[test]
fn a_line_of_a_completion_carries_its_response() {
    let content = (EventKind::Content, "The".to_owned());
    assert_eq!(said(r#""response":"The","done":false}"#), content);
    assert_eq!(said(r#""message":{"content":""},"response":"The"}"#), content);
    assert_eq!(said(r#""message":null,"response":"The"}"#), content);
}

#[test]
fn thinking_is_reasoning_and_not_text() {
    let reasoning = (EventKind::Reasoning, String::new());
    let chat = r#""message":{"role":"assistant","content":"","thinking":"Hm"},"done":false}"#;
    assert_eq!(said(chat), reasoning);
    assert_eq!(said(r#""response":"","thinking":"Hm","done":false}"#), reasoning);
    assert_eq!(said(r#""response":"So","thinking":"Hm"}"#), (EventKind::Content, "So".to_owned()));
}

#[test]
fn a_tool_call_comes_after_content_and_thinking() {
    let calls = r#""tool_calls":[{"function":{"name":"get","arguments":{"city":"Tokyo"}}}]"#;
    let kind = |rest: &str| said(&format!(r#""message":{{{calls}{rest}}},"done":false}}"#)).0;
    assert_eq!(kind(r#","role":"assistant","content":"""#), EventKind::ToolCall);
    assert_eq!(kind(r#","content":"","thinking":"Hm""#), EventKind::Reasoning);
    assert_eq!(kind(r#","content":"So""#), EventKind::Content);
    assert_eq!(said(r#""message":{"tool_calls":[]},"done":false}"#).0, EventKind::Other);
}

#[test]
fn the_last_line_ends_the_reply_with_its_reason_and_counts() {
    for nothing in [r#""message":{"role":"assistant","content":""}"#, r#""response":"""#] {
        let line = line(&format!("{nothing},{STATISTICS}"));
        let piece = piece(&line);
        assert_eq!((piece.kind, piece.is_last), (EventKind::Other, true));
        assert_eq!(piece.finish_reason.unwrap().as_str(), "stop");
        assert!(usage(piece.usage.unwrap()).unwrap().is_some());
    }
}

#[test]
fn a_whole_body_carries_text_and_counts_at_once() {
    for text in [r#""message":{"role":"assistant","content":"Blue."}"#, r#""response":"Blue.""#] {
        let body = line(&format!("{text},{STATISTICS}"));
        let piece = piece(&body);
        assert_eq!((piece.kind, piece.text.unwrap().as_str()), (EventKind::Content, "Blue."));
        assert!(piece.is_last && piece.usage.is_some());
    }
}

#[test]
fn a_reason_before_the_end_is_none() {
    let line = line(r#""response":"a","done":false,"done_reason":"stop"}"#);
    assert!(piece(&line).finish_reason.is_none());
}

#[test]
fn usage_keeps_counts_and_durations() {
    let line = line(&format!(r#""response":"",{STATISTICS}"#));
    let usage = usage(&line).unwrap().unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (26, 259));
    assert_eq!((usage.cached_tokens, usage.counted), (None, Counted::Server));
    let raw = usage.raw.unwrap();
    assert_eq!(raw["total_duration"], json!(10_706_818_083_u64));
    assert_eq!(raw["load_duration"], json!(6_338_219_291_u64));
    assert_eq!(raw["prompt_eval_duration"], json!(130_079_000));
    assert_eq!(raw["eval_duration"], json!(4_232_710_000_u64));
}

#[test]
fn cached_tokens_are_known_where_ollama_counts_them() {
    let line = r#"{"prompt_eval_count":26,"prompt_eval_cached_count":25,"eval_count":1}"#;
    assert_eq!(usage(line).unwrap().unwrap().cached_tokens, Some(25));
}

#[test]
fn a_count_that_was_left_out_is_unknown_and_not_zero() {
    assert_eq!(usage(r#"{"eval_count":259,"eval_duration":4232710000}"#).unwrap(), None);
    assert_eq!(usage(r#"{"prompt_eval_count":26}"#).unwrap(), None);
    assert_eq!(usage(r#"{"done":true,"done_reason":"load"}"#).unwrap(), None);
    assert!(usage(r#"{"prompt_eval_count":26,"eval_count":-1}"#).is_err());
}

#[test]
fn a_bare_error_is_the_servers_message() {
    for (line, message) in [
        (r#"{"error":"an error was encountered while running the model"}"#, "an error was"),
        (r#"{"error":{"message":"boom"}}"#, "boom"),
        (r#"{"model":"m","error":"boom","done":true}"#, "boom"),
        (r#"{"error":7}"#, r#"{"error":7}"#),
    ] {
        assert!(matches!(read(line), Ok(Carried::Error(it)) if it.starts_with(message)), "{line}");
    }
    assert!(matches!(read(r#"{"response":"a","error":null}"#), Ok(Carried::Piece(_))));
}

#[test]
fn a_lone_surrogate_becomes_a_replacement_character() {
    let (kind, text) = said(r#""message":{"content":"a\ud83d"},"done":false}"#);
    assert!(text.starts_with('a') && text.contains('\u{FFFD}'));
    assert_eq!(kind, EventKind::Content);
}

#[test]
fn hostile_json_is_an_error_and_never_a_panic() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(read(&deep).is_err());
    assert!(read(r#"{"done":false,"done":true}"#).is_err());
    assert!(read(r#"{"message":{"content":"a","content":"b"}}"#).is_err());
    assert!(read(r#"{"response":[1]}"#).is_err());
    assert!(read(r#"{"done":"true"}"#).is_err());
    assert!(usage(r#"{"prompt_eval_count":1,"eval_count":1e400}"#).is_err());
    assert!(usage(r#"{"prompt_eval_count":1,"eval_count":18446744073709551616}"#).is_err());
    for odd in ["[]", r#"["m"]"#, "null", "1", r#""a""#, "", "{"] {
        assert!(read(odd).is_err() && usage(odd).is_err(), "{odd}");
    }
    // What nobody reads is skipped, however odd.
    assert!(read(&format!(r#"{{"response":"a","context":{deep},"huge":1e999}}"#)).is_ok());
    assert!(read(&format!(r#"{{"message":{{"tool_calls":[{deep}]}}}}"#)).is_ok());
    assert!(matches!(read(&format!(r#"{{"error":{deep}}}"#)), Ok(Carried::Error(_))));
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(data in r#"[\[\]{}":,a-z0-9\\ud]{0,40}"#) {
        let _ = (read(&data).is_ok(), usage(&data).is_ok());
    }
}

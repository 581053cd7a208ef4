//! What the mock server breaks: the bytes of each fault, and what the truth calls it.

use crate::mock::{CHAT, class, generate, mock, only, streamed, text, words};
use crate::support::raw::{Raw, Sent};
use tokgate::mock::{Deed, Ended};

/// What a streamed chat brings on a server that always plays one fault.
fn broken(fault: &str) -> (Sent, Deed) {
    let server = mock(&format!("--fault {fault}=1"));
    let sent = Raw::post(&server, CHAT, &streamed(8));
    (sent, only(&server))
}

#[test]
fn refusals_have_their_status_and_leave_no_content() {
    for (fault, code, says) in [
        ("status-500", 500, "\"error\""),
        ("status-429", 429, "retry-after: 1"),
        ("status-503", 503, "retry-after: 1"),
        ("out-of-memory", 500, "CUDA out of memory"),
        ("redirect", 307, "location: http://169.254.169.254/"),
        ("html", 200, "text/html"),
        ("gzip", 200, "content-encoding: gzip"),
        ("empty", 200, "content-length: 0"),
    ] {
        let (sent, deed) = broken(fault);
        assert_eq!(sent.code(), code, "{fault}");
        assert!(format!("{}{}", sent.head, sent.text()).contains(says), "{fault}: {}", sent.head);
        assert_eq!(deed.completion_tokens, 0, "{fault}");
        assert!(matches!(deed.ended, Ended::Failure(_)), "{fault}: {deed:?}");
    }
}

#[test]
fn streams_break_after_half_of_their_pieces() {
    for (fault, says) in [
        ("truncated", ""),
        ("reset", ""),
        ("lying-length", ""),
        ("error-in-stream", "data: {\"error\":"),
        ("error-object", "data: {\"code\":500,\"message\":"),
        ("malformed-json", "\" cut\n\n"),
        ("bad-chunk", "not-a-size\r\n"),
    ] {
        let (sent, deed) = broken(fault);
        let raw = String::from_utf8_lossy(&sent.raw).into_owned();
        assert_eq!(deed.completion_tokens, 4, "{fault}");
        assert!(raw.contains(says), "{fault}: {raw}");
        assert!(!raw.contains("[DONE]"), "{fault}: {raw}");
        assert_eq!(sent.was_reset, fault == "reset");
        assert_eq!(sent.head.contains("content-length"), fault == "lying-length");
    }
}

#[test]
fn what_is_too_large_is_larger_than_the_limits_of_clients() {
    let (sent, deed) = broken("huge-line");
    assert!(sent.raw.len() > 8 << 20);
    assert_eq!(class(&deed), "too-large");
    let (sent, deed) = broken("huge-head");
    assert!(sent.head.len() > 1 << 20);
    assert_eq!(class(&deed), "too-large");
}

#[test]
fn hanging_and_closing_leave_the_client_without_an_end() {
    let (sent, deed) = broken("close-before-head");
    assert_eq!((sent.raw.len(), class(&deed)), (0, "connect"));
    let server = mock("--fault hang-before-head=1");
    let sent = Raw::waiting_briefly(&server, CHAT, &streamed(8));
    assert!(sent.is_open && sent.raw.is_empty());
    assert_eq!(class(&only(&server)), "timeout-head");
    let server = mock("--fault hang-in-stream=1");
    let sent = Raw::waiting_briefly(&server, CHAT, &streamed(8));
    assert!(sent.is_open);
    assert_eq!(words(&text(&sent.events(), "/choices/0/delta/content")), 4);
    assert_eq!(class(&only(&server)), "timeout-gap");
}

#[test]
fn what_a_client_must_bear_is_a_success() {
    let (sent, deed) = broken("no-done");
    assert!(
        !sent.text().contains("[DONE]") && sent.text().contains("\"finish_reason\":\"length\"")
    );
    assert_eq!(deed.ended, Ended::Success);
    let (sent, deed) = broken("bytes-after-done");
    assert!(sent.text().split("[DONE]").nth(1).unwrap().contains("late"));
    assert_eq!(deed.ended, Ended::Success);
    let (sent, deed) = broken("slow-bytes");
    assert_eq!(words(&text(&sent.events(), "/choices/0/delta/content")), 8);
    assert_eq!((deed.ended, deed.completion_tokens), (Ended::Success, 8));
}

#[test]
fn ollama_breaks_in_its_own_shape() {
    let server = mock("--fault error-in-stream=1");
    let lines = Raw::post(&server, "/api/generate", &generate(8)).lines();
    assert!(lines.last().unwrap()["error"].is_string(), "{lines:?}");
    let server = mock("--fault no-done=1");
    let lines = Raw::post(&server, "/api/generate", &generate(8)).lines();
    assert!(lines.iter().all(|line| line["done"] == false));
    assert_eq!(class(&only(&server)), "truncated", "Ollama has no other end");
}

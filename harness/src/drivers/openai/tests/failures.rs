//! Every way in which a request fails, over a real socket.

use super::*;
use tokgate_core::case;

const LYING_LENGTH: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 9999\r\n\r\n";

#[tokio::test]
async fn a_stream_without_its_end_is_truncated() {
    for script in [
        Script::stream([TOKEN]),
        Script::begun([TOKEN]).then(Step::Close),
        Script::begun([TOKEN]).then(Step::Reset),
        Script::begun([TOKEN, FINISH]).then(Step::Close),
        Script::stream([TOKEN, b"data: {\"choices\":[{\"del"]),
        Script::raw(&[LYING_LENGTH, TOKEN].concat()),
    ] {
        let sent = play(script).await;
        assert_eq!(sent.class(), FailureClass::Truncated, "{}", sent.message());
        assert_eq!(sent.stamps.done, None);
        assert_eq!(sent.kinds()[0], EventKind::Content, "what came is kept");
    }
}

#[tokio::test]
async fn an_error_in_the_stream_fails_the_request() {
    for error in [
        &b"data: {\"error\":{\"message\":\"boom\",\"code\":500}}\n\n"[..],
        b"data: {\"object\":\"error\",\"message\":\"boom\"}\n\n",
        b"event: error\ndata: boom\n\n",
    ] {
        let sent = play(Script::stream([TOKEN, error, DONE])).await;
        assert_eq!((sent.class(), sent.message()), (FailureClass::StreamError, "boom"));
        assert_eq!(sent.content(), 1);
    }
}

#[tokio::test]
async fn a_target_without_memory_is_named_so() {
    let words = b"{\"error\":{\"message\":\"CUDA out of memory. Tried to allocate 2 GiB\"}}";
    let event = [b"data: ", &words[..], b"\n\n"].concat();
    let status = Script::plain("500 Internal Server Error", "application/json", words);
    for script in [status, Script::stream([TOKEN, &event])] {
        assert_eq!(play(script).await.class(), FailureClass::TargetOom);
    }
}

#[tokio::test]
async fn a_refusal_is_told_in_the_servers_words() {
    for (name, words) in [
        ("llamacpp-xllamacpp-err-badjson.http.txt", "400 Bad Request: [json.exception.parse_error"),
        ("vllm-0.32.0-cpu-err-unknown-model.http.txt", "404 Not Found: The model `no-such-model`"),
    ] {
        let sent = play(Script::raw(&recorded(name))).await;
        assert_eq!(sent.class(), FailureClass::Status);
        assert!(sent.message().starts_with(words), "{}", sent.message());
    }
    let too_long = recorded("llamacpp-xllamacpp-err-too-long.txt");
    let sent = play(Script::plain("400 Bad Request", "application/json", &too_long)).await;
    assert!(sent.message().contains("exceeds the available context size"), "{}", sent.message());
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_host_is_named() {
    let redirect = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://169.254.169.254/x\r\n\
                     content-length: 0\r\n\r\n";
    let sent = play(Script::raw(redirect)).await;
    assert_eq!(sent.class(), FailureClass::Status);
    assert!(sent.message().contains("169.254.169.254"), "{}", sent.message());
}

#[tokio::test]
async fn a_page_instead_of_a_stream_is_quoted() {
    let page = format!("<html>\u{1b}[2J{}", "x".repeat(1000));
    let sent = play(Script::plain("200 OK", "text/html", page.as_bytes())).await;
    assert_eq!(sent.class(), FailureClass::ContentType);
    assert!(sent.message().contains("`text/html`") && sent.message().contains("<html>\\u{1b}"));
    assert!(sent.message().len() < 300);
}

#[tokio::test]
async fn bytes_that_break_the_protocol_are_malformed() {
    for script in [
        Script::stream([TOKEN, b"data: {\"choices\":7}\n\n", DONE]),
        Script::stream([TOKEN, b"data: hello\n\n", DONE]),
        Script::begun([TOKEN]).then(Step::Send(b"zz\r\n".to_vec())).then(Step::Hold),
        Script::raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
        Script::stream([
            TOKEN,
            b"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":\"x\"}}\n\n",
            DONE,
        ]),
    ] {
        let sent = play(script).await;
        assert_eq!(sent.class(), FailureClass::Malformed, "{}", sent.message());
    }
}

#[tokio::test]
async fn limits_are_named() {
    let endless = vec![b'x'; crate::wire::sse::LINE_BYTES + 1];
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(10_000));
    for script in
        [Script::stream([&endless[..]]), Script::raw(head.as_bytes()), Script::raw(many.as_bytes())]
    {
        let sent = play(script).await;
        assert_eq!(sent.class(), FailureClass::TooLarge, "{}", sent.message());
    }
}

#[tokio::test]
async fn a_body_that_is_read_whole_has_its_limit_and_must_hold_an_answer() {
    let huge = vec![b' '; crate::wire::sse::EVENT_BYTES + 1];
    for (script, class) in [
        (Script::json(&huge), FailureClass::TooLarge),
        (Script::json(b"{}"), FailureClass::Malformed),
        (Script::json(b"{\"choices\":"), FailureClass::Malformed),
        (Script::json(b"{\"error\":{\"message\":\"boom\"}}"), FailureClass::StreamError),
    ] {
        let server = chat_server(script).await;
        let mut case = case(&server.base_url());
        case.target.stream = false;
        assert_eq!(send(&OpenAi::open(&case).await.unwrap()).await.class(), class);
    }
}

#[tokio::test]
async fn recorded_answers_that_came_whole_have_tokens_and_no_first_one() {
    for name in ["llamacpp-xllamacpp-chat-nonstream.txt", "vllm-0.32.0-cpu-chat-nonstream.txt"] {
        let body = recorded(name);
        let usage: Value = serde_json::from_slice(&body).unwrap();
        let server = chat_server(Script::json(&body)).await;
        let mut case = case(&server.base_url());
        case.target.stream = false;
        let sent = send(&OpenAi::open(&case).await.unwrap()).await;
        assert_eq!(tokens(&sent), usage["usage"]["completion_tokens"].as_u64());
        assert_eq!(sent.kinds(), [EventKind::Whole], "{name}");
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_before_the_head_is_no_connection() {
    for script in [Script(vec![Step::Close]), Script(vec![Step::Reset])] {
        assert_eq!(play(script).await.class(), FailureClass::Connect);
    }
}

#[tokio::test]
async fn each_stage_has_its_own_deadline() {
    const SHORT: Option<f64> = Some(0.03);
    let stages = [
        (
            Script(vec![Step::Hold]),
            case::Deadlines { head_s: SHORT, ..Default::default() },
            FailureClass::TimeoutHead,
        ),
        (
            Script::begun([&b": wait\n\n"[..]]).then(Step::Hold),
            case::Deadlines { first_token_s: SHORT, ..Default::default() },
            FailureClass::TimeoutFirstToken,
        ),
        (
            Script::begun([TOKEN]).then(Step::Hold),
            case::Deadlines { gap_s: SHORT, ..Default::default() },
            FailureClass::TimeoutGap,
        ),
    ];
    for (script, deadlines, class) in stages {
        let server = chat_server(script).await;
        let mut case = case(&server.base_url());
        case.target.deadlines = deadlines;
        assert_eq!(send(&OpenAi::open(&case).await.unwrap()).await.class(), class);
    }
}

#[tokio::test]
async fn a_reply_that_is_compressed_unasked_is_no_stream() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                 content-encoding: gzip\r\n\r\n";
    let sent = play(Script::raw(head)).await;
    assert_eq!(sent.class(), FailureClass::ContentType);
    assert!(sent.message().contains("gzip"), "{}", sent.message());
}

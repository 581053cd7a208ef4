//! The driver over a real socket, against the shapes of Ollama's documentation (docs/api.md).

use super::*;
use crate::clock::Clock;
use crate::driver::Payload;
use crate::drivers::replay::{Replay, Script, Step};
use crate::recorder::Stamps;
use serde_json::{Value, json};
use tokgate_core::case::{DriverKind, Endpoint};
use tokgate_core::dataset::Message;
use tokgate_core::failure::FailureClass;
use tokgate_core::record::EventKind;

const CHAT: [&str; 4] = [
    r#"{"model":"llama3.2","created_at":"2023-08-04T08:52:19Z","message":{"role":"assistant","content":""},"done":false}"#,
    r#"{"model":"llama3.2","message":{"role":"assistant","content":"Der Himmel, 日本"},"done":false}"#,
    r#"{"model":"llama3.2","message":{"role":"assistant","content":" ist blau"},"done":false}"#,
    r#"{"model":"llama3.2","message":{"role":"assistant","content":""},"done_reason":"length","done":true,"total_duration":4883583458,"load_duration":1334875,"prompt_eval_count":26,"prompt_eval_duration":342546000,"eval_count":5,"eval_duration":4535599000}"#,
];
const GENERATE: [&str; 2] = [
    r#"{"model":"llama3.2","response":"The","done":false}"#,
    r#"{"model":"llama3.2","response":"","done":true,"done_reason":"stop","prompt_eval_count":3,"eval_count":1}"#,
];

/// The lines, each with its end.
fn lines(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| format!("{line}\n").into_bytes()).collect()
}

fn streamed(pieces: &[Vec<u8>]) -> Script {
    Script::lines(pieces.iter().map(Vec::as_slice))
}

fn tags(digest: &str) -> Script {
    let tags = json!({ "models": [{
        "name": "llama3.2:latest", "model": "llama3.2:latest", "size": 2_019_393_189_u64,
        "digest": digest,
        "details": { "format": "gguf", "family": "llama", "parameter_size": "3.2B",
                     "quantization_level": "Q4_K_M" },
    }] });
    Script::json(tags.to_string().as_bytes())
}

async fn server(script: Script) -> Replay {
    let show = json!({ "model_info": { "general.architecture": "llama",
        "general.parameter_count": 3_212_749_888_u64, "llama.context_length": 131_072 } });
    Replay::start([
        ("/api/tags", tags("a80c4f17acd5")),
        ("/api/show", Script::json(show.to_string().as_bytes())),
        ("/api/version", Script::json(br#"{"version":"0.5.1"}"#)),
        ("/api/chat", script.clone()),
        ("/api/generate", script),
    ])
    .await
}

fn case(server: &Replay) -> Case {
    let mut case = crate::test_case();
    case.target.driver = DriverKind::Ollama;
    case.target.base_url = Some(server.base_url().replace("/v1", ""));
    case.run.timeout_s = 40.0;
    case
}

struct Sent {
    answer: Result<Answer, Failure>,
    stamps: Stamps,
}

impl Sent {
    fn kinds(&self) -> Vec<EventKind> {
        self.stamps.events.iter().map(|event| event.kind).collect()
    }
}

async fn send(driver: &Ollama) -> Sent {
    let payload = Payload::Prompt {
        messages: vec![Message::user("Why is the sky blue?")],
        max_tokens: 5,
        temperature: 0.5,
    };
    let request = Request { ordinal: 0, seed: u64::MAX, payload };
    let reply = Reply::new(Clock::start());
    reply.sent();
    let answer = driver.send(&request, &reply).await;
    Sent { answer, stamps: reply.take() }
}

async fn play(script: Script) -> Sent {
    let server = server(script).await;
    send(&Ollama::open(&case(&server)).await.unwrap()).await
}

#[tokio::test]
async fn a_chat_has_ollamas_counts_and_durations_beside_our_times() {
    let sent = play(streamed(&lines(&CHAT))).await;
    use EventKind::{Content, Other};
    assert_eq!(sent.kinds(), [Other, Content, Content, Other]);
    assert!(sent.stamps.done.is_some());
    let answer = sent.answer.unwrap();
    assert_eq!(answer.text.as_deref(), Some("Der Himmel, 日本 ist blau"));
    assert_eq!(answer.finish_reason.as_deref(), Some("length"));
    let usage = answer.usage.unwrap();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (26, 5));
    assert_eq!(usage.raw.unwrap()["eval_duration"], 4_535_599_000_u64);
}

#[tokio::test]
async fn lines_that_are_cut_anywhere_give_the_same_answer() {
    let whole: Vec<u8> = lines(&CHAT).concat();
    let bytes: Vec<Vec<u8>> = whole.chunks(1).map(<[u8]>::to_vec).collect();
    let cut = play(streamed(&bytes)).await;
    let uncut = play(streamed(&[whole])).await;
    assert_eq!(cut.kinds(), uncut.kinds());
    assert_eq!(cut.answer.unwrap(), uncut.answer.unwrap());
}

#[tokio::test]
async fn generate_is_asked_with_a_plain_prompt() {
    let server = server(streamed(&lines(&GENERATE))).await;
    let mut case = case(&server);
    case.target.endpoint = Endpoint::Completions;
    case.target.body =
        serde_json::from_value(json!({ "keep_alive": "10m", "options": { "top_p": 0.9 } }))
            .unwrap();
    let sent = send(&Ollama::open(&case).await.unwrap()).await;
    assert_eq!(sent.answer.unwrap().text.as_deref(), Some("The"));
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.line, "POST /api/generate HTTP/1.1");
    let expected = json!({
        "model": "llama3.2:latest", "prompt": "Why is the sky blue?", "stream": true,
        "keep_alive": "10m",
        "options": { "num_predict": 5, "temperature": 0.5, "seed": 0x7FFF_FFFF, "top_p": 0.9 },
    });
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), expected);
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_has_an_end_and_no_first_token() {
    let whole = r#"{"model":"llama3.2","message":{"role":"assistant","content":"Hi"},"done":true,"done_reason":"stop","prompt_eval_count":26,"eval_count":2}"#;
    let server = server(Script::json(whole.as_bytes())).await;
    let mut case = case(&server);
    case.target.stream = false;
    let sent = send(&Ollama::open(&case).await.unwrap()).await;
    assert_eq!(sent.kinds(), [EventKind::Whole]);
    assert_eq!(sent.answer.unwrap().usage.unwrap().completion_tokens, 2);
    let body: Value = serde_json::from_str(&server.asked().pop().unwrap().body).unwrap();
    assert_eq!(body["stream"], false);
}

#[tokio::test]
async fn a_stream_that_ends_badly_is_a_failure_with_its_class() {
    let token = lines(&CHAT[1..2]);
    let error = format!("{}\n", r#"{"error":"llama runner process has terminated"}"#);
    for (script, class) in [
        (streamed(&token), FailureClass::Truncated),
        (streamed(&[token[0].clone(), error.into_bytes()]), FailureClass::StreamError),
        (streamed(&[token[0].clone(), b"{\"mess".to_vec()]), FailureClass::Malformed),
        (streamed(&[token[0].clone(), b"hello\n".to_vec()]), FailureClass::Malformed),
        (
            Script::plain("404 Not Found", "application/json", b"{\"error\":\"no\"}"),
            FailureClass::Status,
        ),
        (Script::plain("200 OK", "text/html", b"<html>"), FailureClass::ContentType),
        (Script(vec![Step::Close]), FailureClass::Connect),
    ] {
        let sent = play(script).await;
        assert_eq!(sent.answer.unwrap_err().class, class);
    }
}

#[tokio::test]
async fn ollama_says_who_it_is_and_what_the_model_is() {
    let server = server(streamed(&lines(&CHAT))).await;
    let driver = Ollama::open(&case(&server)).await.unwrap();
    let identity = driver.identity();
    assert_eq!((&*identity.platform, &*identity.engine), ("ollama", "ollama 0.5.1"));
    assert_eq!(
        (&*identity.model, identity.size_params.as_deref()),
        ("llama3.2:latest", Some("3.2b"))
    );
    assert_eq!(identity.size_bytes, Some(2_019_393_189));
    assert_eq!(identity.quantization.as_deref(), Some("Q4_K_M"));
    assert_eq!(identity.context_window, Some(131_072));
    assert_eq!(identity.config["digest"], "a80c4f17acd5");
    send(&driver).await.answer.unwrap();
    assert!(driver.after().await.changes().is_empty());
}

#[tokio::test]
async fn another_model_under_the_same_name_is_seen() {
    let server = server(streamed(&lines(&CHAT))).await;
    let mut driver = Ollama::open(&case(&server)).await.unwrap();
    // As if it had been pulled anew since.
    driver.identity.config.insert("digest".to_owned(), "another".into());
    let changes = driver.after().await.changes().join(", ");
    assert_eq!(changes, "digest `\"another\"` became `\"a80c4f17acd5\"`");
}

#[tokio::test]
async fn a_model_that_is_not_there_can_be_pulled() {
    let server = server(streamed(&lines(&CHAT))).await;
    let mut case = case(&server);
    case.target.model = Some("gemma3:4b".to_owned());
    let error = Ollama::open(&case).await.err().unwrap().to_string();
    assert!(error.contains("`ollama pull gemma3:4b`") && error.contains("llama3.2"), "{error}");
    case.target.model = Some("llama3.2".to_owned());
    assert_eq!(Ollama::open(&case).await.unwrap().model, "llama3.2");
    case.target.base_url = Some("http://127.0.0.1:9".to_owned());
    let error = Ollama::open(&case).await.err().unwrap().to_string();
    assert!(error.contains("`ollama serve`"), "{error}");
}

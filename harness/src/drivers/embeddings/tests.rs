//! The driver over a real socket, against replies as servers write them.

use super::*;
use crate::clock::Clock;
use crate::drivers::replay::{Replay, Script, Step, recorded};
use crate::recorder::Stamps;
use serde_json::{Value, json};
use tokgate_core::case::{self, Encoding};
use tokgate_core::metric::Kind;

const PATH: &str = "/v1/embeddings";

fn case(base_url: &str) -> Case {
    let mut case = crate::test_case();
    case.kind = Kind::Embedding;
    case.target.driver = case::DriverKind::Openai;
    case.target.base_url = Some(base_url.to_owned());
    case.embedding = Some(case::Embedding { inputs_per_request: 1, encoding: Encoding::Float });
    case.run.timeout_s = 40.0;
    case
}

/// A reply of one vector.
fn vector(embedding: Value) -> Value {
    json!({
        "object": "list", "model": "bge-small",
        "data": [{ "object": "embedding", "index": 0, "embedding": embedding }],
        "usage": { "prompt_tokens": 7, "total_tokens": 7 },
    })
}

/// A server with vLLM's list of models that plays `script` for every request.
async fn server(script: Script) -> Replay {
    let models = Script::json(&recorded("vllm-0.32.0-cpu-models.json"));
    Replay::start([("/v1/models", models), (PATH, script)]).await
}

async fn serving(body: &Value) -> Replay {
    server(Script::json(body.to_string().as_bytes())).await
}

/// Why a server that always answers so cannot be measured.
async fn refused(script: Script) -> String {
    let server = server(script).await;
    match Embeddings::open(&case(&server.base_url())).await {
        Ok(_) => panic!("the case was opened"),
        Err(error) => error.to_string(),
    }
}

async fn send(driver: &Embeddings, payload: Payload) -> (Result<Answer, Failure>, Stamps) {
    let reply = Reply::new(Clock::start());
    reply.sent();
    let request = Request { ordinal: 0, seed: 1, payload };
    let answer = driver.send(&request, &reply).await;
    (answer, reply.take())
}

fn text() -> Payload {
    Payload::Texts { inputs: vec!["Say 日本.".to_owned()] }
}

#[tokio::test]
async fn a_request_leaves_one_event_its_end_and_what_was_counted() {
    let server = serving(&vector(json!([0.6, -0.8]))).await;
    let driver = Embeddings::open(&case(&server.base_url())).await.unwrap();
    let (answer, stamps) = send(&driver, text()).await;
    let usage = Some(json!({ "prompt_tokens": 7, "total_tokens": 7 }));
    let expected = Embedded { inputs: 1, dimensions: 2, prompt_tokens: Some(7), usage };
    assert_eq!(answer.unwrap().embedded, Some(expected));
    let [event] = stamps.events[..] else { panic!("{stamps:?}") };
    assert_eq!((event.kind, stamps.done), (EventKind::Whole, Some(event.at)));
    assert!(stamps.sent <= stamps.head.unwrap() && stamps.head.unwrap() <= event.at);
    let asked = server.asked();
    let body: Value = serde_json::from_str(&asked.last().unwrap().body).unwrap();
    let expected =
        json!({ "model": "smollm2", "encoding_format": "float", "input": ["Say 日本."] });
    assert_eq!(body, expected);
}

#[tokio::test]
async fn the_identity_says_what_the_vectors_are_like_before_the_first_request() {
    // Asked for base64, the server answers with numbers all the same.
    let server = serving(&vector(json!([1, 2, 3]))).await;
    let mut case = case(&server.base_url());
    case.embedding = Some(case::Embedding { inputs_per_request: 4, encoding: Encoding::Base64 });
    let driver = Embeddings::open(&case).await.unwrap();
    let identity = driver.identity();
    assert_eq!((&*identity.platform, &*identity.model), ("embedding-vllm-serve", "smollm2"));
    for (key, value) in [
        ("dimensions", json!(3)),
        ("encoding", json!("float")),
        ("inputs_per_request", json!(4)),
        ("replied_model", json!("bge-small")),
    ] {
        assert_eq!(identity.config[key], value, "{key}");
    }
    assert!(server.asked().last().unwrap().body.contains("base64"));
    assert!(driver.after().await.changes().is_empty());
}

#[tokio::test]
async fn numbers_in_base64_and_tokens_that_nobody_counts_are_taken_as_they_are() {
    // 1.0 and -2.0 as little-endian f32.
    let mut body = vector(json!("AACAPwAAAMA="));
    body["usage"] = Value::Null;
    let server = serving(&body).await;
    let driver = Embeddings::open(&case(&server.base_url())).await.unwrap();
    let (answer, _) = send(&driver, text()).await;
    let expected = Embedded { inputs: 1, dimensions: 2, prompt_tokens: None, usage: None };
    assert_eq!(answer.unwrap().embedded, Some(expected));
    assert_eq!(driver.identity().config["encoding"], "base64");
}

#[tokio::test]
async fn recorded_vectors_of_both_encodings_are_the_same() {
    let mut vectors = Vec::new();
    for encoding in ["float", "base64"] {
        let body = recorded(&format!("llamacpp-xllamacpp-embeddings-{encoding}.txt"));
        let server = server(Script::json(&body)).await;
        let driver = Embeddings::open(&case(&server.base_url())).await.unwrap();
        let (answer, _) = send(&driver, text()).await;
        let embedded = answer.unwrap().embedded.unwrap();
        assert_eq!((embedded.dimensions, embedded.prompt_tokens), (576, Some(2)));
        assert_eq!(driver.identity().config["encoding"], encoding);
        let text = String::from_utf8(body).unwrap();
        vectors.push(crate::wire::embeddings::read(&text, 1).unwrap().vectors);
    }
    let far = vectors[0][0].iter().zip(&vectors[1][0]).map(|(a, b)| (a - b).abs());
    assert!(far.fold(0.0, f32::max) < 1e-6, "the same text by the same model");
}

#[tokio::test]
async fn vectors_that_cannot_be_used_keep_a_server_from_being_measured() {
    let two =
        json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 1, "embedding": [1] }] });
    let out_of_order = json!({ "data": [{ "index": 1, "embedding": [1] }] });
    for (body, words) in [
        (two, "malformed: 2 vectors came for 1 inputs"),
        (out_of_order, "malformed: a vector has index 1"),
        (vector(json!([1.0, null])), "malformed: input 0: component 1 is NaN"),
        (vector(json!([0.0, 0.0])), "malformed: input 0: all components are 0"),
        (json!({ "error": { "message": "no pooler" } }), "stream-error: no pooler"),
        (json!({}), "malformed: 0 vectors came for 1 inputs"),
    ] {
        let told = refused(Script::json(body.to_string().as_bytes())).await;
        assert!(told.starts_with(words) && told.contains("embedding_model"), "{words}: {told}");
    }
}

#[tokio::test]
async fn every_way_in_which_a_request_fails_has_its_class() {
    let status = |code: &str, words: &str| {
        let body = json!({ "error": { "message": words } }).to_string();
        Script::plain(code, "application/json", body.as_bytes())
    };
    let torn =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{\"da";
    for (script, words) in [
        (status("401 Unauthorized", "who are you?"), "status: 401 Unauthorized: who are you?"),
        (status("404 Not Found", "no model `x`"), "status: 404 Not Found: no model `x`"),
        (status("429 Too Many Requests", "slow down"), "status: 429"),
        (status("500 Internal Server Error", "boom"), "status: 500"),
        (status("500 Internal Server Error", "CUDA out of memory"), "target-oom: 500"),
        (Script::raw(torn), "truncated: "),
        (Script::json(b"{\"data\":[{\"index\":0,\"embed"), "malformed: not a list of embeddings"),
        (Script::plain("200 OK", "text/html", b"<html>"), "content-type: content type `text/html`"),
        (Script(vec![Step::Close]), "connect: "),
    ] {
        let told = refused(script).await;
        assert!(told.starts_with(words), "{words}: {told}");
    }
}

#[tokio::test]
async fn what_does_not_come_in_time_is_named_by_its_stage() {
    const SHORT: Option<f64> = Some(0.03);
    let begun =
        b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 999\r\n\r\n{";
    for (script, deadlines, words) in [
        (
            Script(vec![Step::Hold]),
            case::Deadlines { head_s: SHORT, ..Default::default() },
            "timeout-head: ",
        ),
        (
            Script(vec![Step::Send(begun.to_vec()), Step::Hold]),
            case::Deadlines { first_token_s: SHORT, ..Default::default() },
            "timeout-first-token: ",
        ),
    ] {
        let server = server(script).await;
        let mut case = case(&server.base_url());
        case.target.deadlines = deadlines;
        let told = Embeddings::open(&case).await.err().unwrap().to_string();
        assert!(told.starts_with(words), "{words}: {told}");
    }
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_with_what_to_do() {
    let server = serving(&vector(json!([1]))).await;
    let mut twice = case(&server.base_url());
    twice.target.body.insert("encoding_format".to_owned(), json!("base64"));
    let told = Embeddings::open(&twice).await.err().unwrap().to_string();
    assert!(told.contains("beside it instead"), "{told}");
    let mut nowhere = case(&server.base_url());
    nowhere.target.base_url = None;
    let told = Embeddings::open(&nowhere).await.err().unwrap().to_string();
    assert!(told.contains("`TOKGATE_BASE_URL`"), "{told}");
    let mut own = case(&server.base_url());
    own.target.body.insert("dimensions".to_owned(), json!(256));
    Embeddings::open(&own).await.unwrap();
    assert!(server.asked().last().unwrap().body.contains("\"dimensions\":256"));
}

#[tokio::test]
async fn a_prompt_is_refused() {
    let server = serving(&vector(json!([1]))).await;
    let driver = Embeddings::open(&case(&server.base_url())).await.unwrap();
    let (answer, stamps) = send(&driver, Payload::Query { index: 0 }).await;
    assert_eq!(answer.unwrap_err().class, FailureClass::Engine);
    assert!(stamps.events.is_empty());
}

#[tokio::test]
async fn vectors_of_another_length_than_the_first_are_malformed() {
    let server = serving(&vector(json!([1, 2]))).await;
    let driver = Embeddings::open(&case(&server.base_url())).await.unwrap();
    let mut longer = crate::wire::embeddings::read(&vector(json!([1, 2])).to_string(), 1).unwrap();
    assert!(driver.service.compare(&longer).is_ok());
    longer.vectors[0].push(3.0);
    let failure = driver.service.compare(&longer).unwrap_err();
    assert_eq!(failure.class, FailureClass::Malformed);
    assert_eq!(failure.message, "vectors of 3 components, and the first had 2");
}

//! The mock server over real sockets on loopback: what it sends, and what it says that it did.

use crate::support::raw::Raw;
use serde_json::{Value, json};
use std::process::Command;
use tokgate::mock::{Counts, Deed, Ended, Options, Server};

pub(crate) const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";

/// A fast server with these arguments besides.
pub(crate) fn mock(arguments: &str) -> Server {
    let pace = if arguments.contains("--itl-ms") { "" } else { "--itl-ms 0.1" };
    let options = Options::from_arguments(&format!("--ttft-ms 1 {pace} {arguments}"));
    Server::start(options.unwrap()).unwrap()
}

/// A chat of three prompt tokens.
fn chat(max_tokens: u32, more: &Value) -> Value {
    let mut body = json!({
        "model": "any", "max_tokens": max_tokens,
        "messages": [{ "role": "user", "content": "how are you" }],
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

pub(crate) fn streamed(max_tokens: u32) -> Value {
    chat(max_tokens, &json!({ "stream": true, "stream_options": { "include_usage": true } }))
}

pub(crate) fn generate(num_predict: u32) -> Value {
    json!({ "model": "any", "prompt": "how are you", "options": { "num_predict": num_predict } })
}

/// The text that the events carry, in the order of events.
pub(crate) fn text(events: &[Value], pointer: &str) -> String {
    events.iter().filter_map(|event| event.pointer(pointer)?.as_str()).collect()
}

pub(crate) fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

pub(crate) fn only(server: &Server) -> Deed {
    let mut deeds = server.truth().requests.unwrap();
    assert_eq!(deeds.len(), 1);
    deeds.remove(0)
}

#[test]
fn a_chat_begins_with_its_role_and_ends_with_reason_usage_and_done() {
    let server = mock("");
    let sent = Raw::post(&server, CHAT, &streamed(20));
    assert!(sent.head.contains("content-type: text/event-stream"), "{}", sent.head);
    let events = sent.events();
    assert_eq!(events[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(words(&text(&events, "/choices/0/delta/content")), 20);
    let [.., reason, usage] = &events[..] else { panic!("{events:?}") };
    assert_eq!(reason["choices"][0]["finish_reason"], "length");
    assert_eq!(usage["choices"], json!([]));
    assert_eq!(usage["usage"]["prompt_tokens"], 3);
    assert_eq!(usage["usage"]["completion_tokens"], 20);
    assert!(sent.text().ends_with("data: [DONE]\n\n"));
}

#[test]
fn usage_counts_tokens_and_not_events() {
    let server = mock("--tokens-per-event 4");
    let events = Raw::post(&server, CHAT, &streamed(10)).events();
    assert_eq!(words(&text(&events, "/choices/0/delta/content")), 10);
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 10);
    let deed = only(&server);
    assert_eq!((deed.completion_tokens, deed.itl_s.len()), (10, 2), "three events, two gaps");
}

#[test]
fn usage_is_said_as_often_as_is_asked() {
    let count = |arguments: &str, body: &Value| {
        let events = Raw::post(&mock(arguments), CHAT, body).events();
        events.iter().filter(|event| event["usage"].is_object()).count()
    };
    let unasked = chat(5, &json!({ "stream": true }));
    let continuous = json!({ "include_usage": true, "continuous_usage_stats": true });
    let continuous = chat(5, &json!({ "stream": true, "stream_options": continuous }));
    assert_eq!(count("", &unasked), 0);
    assert_eq!(count("", &streamed(5)), 1);
    assert_eq!(count("", &continuous), 6);
    assert_eq!(count("--usage always", &unasked), 1);
    assert_eq!(count("--usage never", &continuous), 0);
}

#[test]
fn a_wrong_usage_differs_from_what_was_sent() {
    let server = mock("--wrong-usage");
    let events = Raw::post(&server, CHAT, &streamed(10)).events();
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 15);
    assert_eq!(only(&server).completion_tokens, 10);
}

#[test]
fn reasoning_comes_first_and_within_the_length() {
    let server = mock("--reasoning-tokens 4");
    let events = Raw::post(&server, CHAT, &streamed(10)).events();
    assert_eq!(words(&text(&events, "/choices/0/delta/reasoning_content")), 4);
    assert_eq!(words(&text(&events, "/choices/0/delta/content")), 6);
    let deed = only(&server);
    assert!(deed.ttfr_s < deed.ttft_s && deed.ttft_s < deed.ttfo_s, "{deed:?}");
}

#[test]
fn every_prompt_of_an_array_has_its_answer() {
    let server = mock("");
    let body = json!({ "prompt": ["a b", "c"], "max_tokens": 6, "stream": true,
        "stream_options": { "include_usage": true } });
    let events = Raw::post(&server, COMPLETIONS, &body).events();
    for index in 0..2 {
        let mine = |event: &&Value| event["choices"][0]["index"] == index;
        let mine: Vec<Value> = events.iter().filter(mine).cloned().collect();
        assert_eq!(words(&text(&mine, "/choices/0/text")), 6);
    }
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], 12);
    assert_eq!(only(&server).prompt_tokens, 3);
}

#[test]
fn an_answer_that_is_not_streamed_comes_whole() {
    let server = mock("");
    let chat = Raw::post(&server, CHAT, &chat(8, &json!({}))).json();
    assert_eq!(words(chat["choices"][0]["message"]["content"].as_str().unwrap()), 8);
    assert_eq!(chat["usage"]["total_tokens"], 11);
    let body = json!({ "prompt": ["a", "b"], "max_tokens": 8 });
    let text = Raw::post(&server, COMPLETIONS, &body).json();
    assert_eq!(text["choices"][1]["finish_reason"], "length");
    let truth = server.truth();
    assert_eq!(truth.e2e_s.unwrap().n, 2);
    assert_eq!((truth.ttft_s, truth.itl_s), (None, None), "a whole answer has an end only");
}

#[test]
fn ollama_says_a_line_a_piece_and_counts_on_the_last() {
    let server = mock("");
    for (path, body, pointer) in [
        ("/api/generate", generate(9), "/response"),
        ("/api/chat", chat(1, &json!({ "options": { "num_predict": 9 } })), "/message/content"),
    ] {
        let sent = Raw::post(&server, path, &body);
        assert!(sent.head.contains("content-type: application/x-ndjson"), "{}", sent.head);
        let lines = sent.lines();
        assert_eq!(words(&text(&lines, pointer)), 9);
        let (last, others) = lines.split_last().unwrap();
        assert!(others.iter().all(|line| line["done"] == false));
        assert_eq!((&last["done"], &last["done_reason"]), (&json!(true), &json!("length")));
        assert_eq!((&last["prompt_eval_count"], &last["eval_count"]), (&json!(3), &json!(9)));
        let ns = |field: &str| last[field].as_u64().unwrap();
        assert!(ns("total_duration") >= ns("prompt_eval_duration") + ns("eval_duration"));
    }
}

#[test]
fn ollama_answers_whole_when_it_is_told_to() {
    let mut body = generate(4);
    body["stream"] = false.into();
    let answer = Raw::post(&mock(""), "/api/generate", &body).json();
    assert_eq!(words(answer["response"].as_str().unwrap()), 4);
    assert_eq!((&answer["done"], &answer["eval_count"]), (&json!(true), &json!(4)));
}

#[test]
fn ollama_loads_its_model_when_there_is_no_prompt() {
    let server = mock("");
    for (path, body) in [
        ("/api/generate", json!({ "model": "any" })),
        ("/api/chat", json!({ "model": "any", "messages": [] })),
    ] {
        assert_eq!(Raw::post(&server, path, &body).json()["done_reason"], "load");
    }
    assert_eq!(server.truth().counts.requests, 0);
}

#[test]
fn the_model_is_named_on_every_page() {
    let server = mock("--model tiny");
    assert_eq!(Raw::get(&server, "/v1/models").json()["data"][0]["id"], "tiny");
    assert_eq!(Raw::get(&server, "/api/tags").json()["models"][0]["name"], "tiny");
    assert_eq!(Raw::get(&server, "/api/ps").json()["models"][0]["model"], "tiny");
    assert!(Raw::get(&server, "/api/version").json()["version"].is_string());
    let shown = Raw::post(&server, "/api/show", &json!({ "model": "tiny" })).json();
    assert_eq!(shown["details"]["format"], "gguf");
    assert_eq!(Raw::get(&server, "/health").json()["status"], "ok");
}

#[test]
fn after_the_swap_another_model_answers() {
    let server = mock("--swap-model-after 1");
    let asked = || Raw::post(&server, CHAT, &chat(1, &json!({}))).json();
    let (before, after) = (asked(), asked());
    assert_ne!(before["model"], after["model"]);
    assert_ne!(before["system_fingerprint"], after["system_fingerprint"]);
    assert_eq!(Raw::get(&server, "/v1/models").json()["data"][0]["id"], after["model"]);
}

#[test]
fn a_model_beside_is_listed_and_answers_at_a_pace_of_its_own() {
    let server = mock("--model tiny --beside org/large:4b=40");
    let names = |path: &str, list: &str, key: &str| {
        let listed = Raw::get(&server, path).json();
        listed[list].as_array().unwrap().iter().map(|it| it[key].clone()).collect::<Vec<_>>()
    };
    let both = json!(["tiny", "org/large:4b"]);
    assert_eq!(json!(names("/v1/models", "data", "id")), both);
    assert_eq!(json!(names("/api/tags", "models", "name")), both);
    assert_eq!(json!(names("/api/ps", "models", "model")), both);
    let answered = |model: &str| {
        let body = chat(4, &json!({ "model": model }));
        Raw::post(&server, CHAT, &body).json()["model"].clone()
    };
    assert_eq!(["org/large:4b", "any"].map(answered), [json!("org/large:4b"), json!("tiny")]);
    // Never before it is due: 40 times the millisecond to the first token, and so the gaps.
    let deeds = server.truth().requests.unwrap();
    assert!(deeds[0].e2e_s.unwrap() >= 0.052, "{deeds:?}");
    assert!(Options::from_arguments("--beside tiny").is_err(), "how many times as slow?");
}

#[test]
fn what_cannot_be_answered_is_told_in_the_shape_of_the_api() {
    let server = mock("");
    let bad = Raw::request(&server, "POST", CHAT, b"{");
    assert_eq!(bad.code(), 400);
    assert!(bad.json()["error"]["message"].as_str().unwrap().contains("no JSON"));
    let bad = Raw::request(&server, "POST", "/api/chat", b"{");
    assert_eq!((bad.code(), bad.json()["error"].is_string()), (400, true));
    assert_eq!(Raw::get(&server, "/nowhere").code(), 404);
    assert_eq!(Raw::get(&server, CHAT).code(), 405);
    assert_eq!(server.truth().counts, Counts::default(), "none of them was a request");
}

#[test]
fn pieces_of_one_byte_make_the_same_text() {
    let whole = Raw::post(&mock(""), CHAT, &streamed(40)).events();
    let cut = Raw::post(&mock("--write-bytes 1"), CHAT, &streamed(40)).events();
    let text = |events: &[Value]| text(events, "/choices/0/delta/content");
    assert_eq!(text(&whole), text(&cut));
    assert!(!text(&whole).is_ascii(), "some words have several bytes a character");
}

#[test]
fn answers_follow_the_prompt_unless_all_are_the_same() {
    let of = |server: &Server, prompt: &str| {
        let body = json!({ "prompt": prompt, "max_tokens": 5 });
        Raw::post(server, COMPLETIONS, &body).json()["choices"][0]["text"].clone()
    };
    let server = mock("");
    assert_eq!(of(&server, "a"), of(&server, "a"));
    assert_ne!(of(&server, "a"), of(&server, "b"));
    let server = mock("--same-answer");
    assert_eq!(of(&server, "a"), of(&server, "b"));
}

#[test]
fn a_short_answer_stops_at_half() {
    let server = mock("--short-answer 1");
    let answer = Raw::post(&server, CHAT, &chat(10, &json!({}))).json();
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["completion_tokens"], 5);
    assert_eq!(server.truth().counts.successes, 1);
}

#[test]
fn the_truth_counts_what_was_planned_and_a_seed_plans_the_same() {
    let planned = |seed: u32| {
        let server = mock(&format!("--seed {seed} --fault status-500=0.3 --fault truncated=0.2"));
        (0..20).for_each(|_| drop(Raw::post(&server, CHAT, &streamed(2))));
        let truth = server.truth();
        let failures: u64 = truth.counts.failures.values().sum();
        assert_eq!((truth.counts.requests, truth.counts.successes + failures), (20, 20));
        assert_eq!(truth.tokens.completion, 2 * truth.counts.successes);
        let deeds = truth.requests.unwrap();
        deeds.into_iter().map(|deed| deed.planned).collect::<Vec<_>>()
    };
    assert_eq!(planned(1), planned(1));
    assert_ne!(planned(1), planned(2));
}

#[test]
fn the_truth_is_told_over_http_and_forgotten_on_request() {
    let server = mock("");
    Raw::post(&server, CHAT, &streamed(5));
    let truth = Raw::get(&server, "/truth").json();
    assert_eq!(truth["counts"]["successes"], 1);
    assert_eq!((&truth["ttft_s"]["n"], &truth["itl_s"]["n"]), (&json!(1), &json!(4)));
    assert!(truth["requests"].is_null(), "the list is long, so it is asked for");
    let truth = Raw::get(&server, "/truth?requests=true").json();
    assert_eq!(truth["requests"][0]["endpoint"], CHAT);
    assert_eq!(Raw::request(&server, "POST", "/truth/reset", b"").code(), 200);
    assert_eq!(Raw::get(&server, "/truth").json()["counts"]["requests"], 0);
}

#[test]
fn requests_beyond_the_slots_wait_in_order() {
    let server = mock("--slots 1 --itl-ms 5");
    let begin = || Raw::begin(&server, CHAT, &streamed(20));
    let wait_for = |queued| {
        while server.truth().queued != queued {
            std::thread::yield_now();
        }
    };
    let mut first = begin();
    first.read_some();
    let second = begin();
    wait_for(1);
    let third = begin();
    wait_for(2);
    for reply in [first, second, third] {
        assert!(reply.finish().text().ends_with("data: [DONE]\n\n"));
    }
    let deeds = server.truth().requests.unwrap();
    assert_eq!(deeds.iter().map(|deed| deed.ordinal).collect::<Vec<_>>(), [0, 1, 2]);
    assert!(deeds.windows(2).all(|two| two[1].received_s < two[0].ended_s), "they did wait");
}

#[test]
fn a_client_that_leaves_is_neither_a_success_nor_a_failure() {
    let server = mock("--slots 1 --itl-ms 5");
    let mut leaving = Raw::begin(&server, CHAT, &streamed(1000));
    leaving.read_some();
    drop(leaving);
    while server.truth().counts.client_left == 0 {
        std::thread::yield_now();
    }
    assert_eq!(Raw::post(&server, CHAT, &streamed(1)).code(), 200, "its slot is free again");
    assert_eq!(server.truth().counts.successes, 1);
}

#[test]
fn a_freeze_shows_as_a_long_gap() {
    let server = mock("--itl-ms 10 --freeze-at-s 0.5 --freeze-ms 300");
    Raw::post(&server, CHAT, &streamed(100));
    let deed = only(&server);
    assert!(deed.itl_s.iter().any(|gap| *gap >= 0.2), "{:?}", deed.itl_s);
}

#[test]
fn nothing_is_sent_before_it_is_due() {
    let server = mock("--prefill-ms-per-token 5 --stall-every 4 --stall-ms 30");
    Raw::post(&server, CHAT, &streamed(13));
    let deed = only(&server);
    assert!(deed.ttft_s.unwrap() >= 0.016, "three prompt tokens: {deed:?}");
    assert!(deed.e2e_s.unwrap() >= 0.016 + 3.0 * 0.030, "12 gaps have three stalls: {deed:?}");
}

#[test]
fn a_connection_takes_one_request_after_the_other() {
    let server = mock("");
    let sent = Raw::twice(&server, CHAT, &streamed(3));
    assert_eq!(String::from_utf8_lossy(&sent).matches("data: [DONE]").count(), 2);
    assert_eq!(server.truth().counts.successes, 2);
}

#[test]
fn only_loopback_is_listened_on() {
    let options = Options { bind: "0.0.0.0".parse().unwrap(), ..Options::default() };
    let error = Server::start(options).err().unwrap();
    assert!(error.to_string().contains("not a loopback address"), "{error}");
    let options = Options::from_arguments("--fault reset=0.7 --fault html=0.7").unwrap();
    assert!(Server::start(options).err().unwrap().to_string().contains("more than 1"));
}

pub(crate) fn tokgate() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokgate"));
    command.env("TOKGATE_NO_CACHE", "true");
    command
}

#[test]
fn the_program_says_where_it_listens_and_ends_by_itself() {
    let server = tokgate().args(["mock-server", "--lifetime-s", "0.2"]).output().unwrap();
    assert_eq!(server.status.code(), Some(0));
    let said = String::from_utf8(server.stdout).unwrap();
    assert!(said.starts_with("listening on http://127.0.0.1:") && said.ends_with("/v1\n"));
    let refused = tokgate().args(["mock-server", "--bind", "0.0.0.0"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
}

/// How a request ended, in a word.
pub(crate) fn class(deed: &Deed) -> &'static str {
    match deed.ended {
        Ended::Failure(class) => class.as_str(),
        Ended::Success => "success",
        Ended::ClientLeft => "client left",
    }
}

//! The driver as its callers see it, on the smallest model.

use super::batch::{Ask, Batch, Finish, Generated, Job};
use super::llama::Llama;
use super::reference::Reference;
use super::sampler::Sampler;
use super::shape::{Shape, synthetic};
use super::synthetic::Seeded;
use super::{Embedded, Models};
use crate::clock::Clock;
use crate::driver::{Answer, Driver, Payload, Request};
use crate::recorder::Reply;
use candle_core::Device;
use serde_json::json;
use tokgate_core::case::Case;
use tokgate_core::dataset::Message;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::words::WORDS;
use tokio::sync::oneshot::{self, Receiver};

type End = Receiver<Result<Generated, Failure>>;

const SMALLEST: &str = "synthetic-1.3m";

fn shape() -> Shape {
    synthetic(SMALLEST).unwrap()
}

fn batch() -> Batch {
    let model = Llama::load(shape(), &mut Seeded(Device::Cpu), Device::Cpu).unwrap();
    Batch::new(model, 4096)
}

fn job(prompt: &[u32], max_tokens: usize) -> (Job, End) {
    let (done, end) = oneshot::channel();
    let sampler = Sampler::new(0.0, 0);
    let ask =
        Ask { prompt: prompt.to_vec(), max_tokens, sampler, stops: Vec::new(), logprobs: false };
    (Job { ask, reply: Reply::new(Clock::start()), done }, end)
}

fn finish(batch: &mut Batch) {
    while !batch.is_idle() {
        batch.step();
    }
}

fn tokens(end: End) -> Vec<u32> {
    end.blocking_recv().unwrap().unwrap().tokens
}

fn alone(prompt: &[u32], max_tokens: usize) -> Vec<u32> {
    let mut batch = batch();
    let (job, end) = job(prompt, max_tokens);
    batch.enqueue(job);
    finish(&mut batch);
    tokens(end)
}

/// `count` tokens of which no two neighbours are alike.
fn prompt(first: u32, count: u32) -> Vec<u32> {
    (0..count).map(|i| (first + i * 37) % 1024).collect()
}

#[test]
fn greedy_answers_are_those_of_a_forward_pass_in_f64() {
    for prompt in [prompt(300, 1), prompt(256, 2), prompt(500, 17), prompt(1, 64), prompt(767, 130)]
    {
        let expected = Reference::new(&shape()).greedy(&prompt, 32);
        assert_eq!(alone(&prompt, 32), expected, "prompt of {} tokens", prompt.len());
    }
}

#[test]
fn a_prompt_in_pieces_is_answered_as_one() {
    let prompt = prompt(400, 600);
    assert_eq!(alone(&prompt, 8), Reference::new(&shape()).greedy(&prompt, 8));
}

#[test]
fn greedy_answers_vary() {
    let answer = alone(&prompt(300, 16), 64);
    let distinct: std::collections::HashSet<&u32> = answer.iter().collect();
    assert!(distinct.len() > 16, "{answer:?}");
}

#[test]
fn sequences_that_join_and_leave_a_batch_answer_as_they_would_alone() {
    let asks =
        [(prompt(300, 5), 30), (prompt(7, 40), 3), (prompt(600, 1), 12), (prompt(90, 23), 24)];
    let mut batch = batch();
    let ends: Vec<End> = asks
        .iter()
        .map(|(prompt, max_tokens)| {
            let (job, end) = job(prompt, *max_tokens);
            batch.enqueue(job);
            batch.step();
            batch.step();
            end
        })
        .collect();
    assert_eq!(batch.running(), 3, "the second has had its three tokens");
    finish(&mut batch);
    for ((prompt, max_tokens), end) in asks.iter().zip(ends) {
        assert_eq!(tokens(end), alone(prompt, *max_tokens));
    }
}

#[test]
fn a_cancelled_request_frees_its_place() {
    let mut batch = batch();
    let (stays, end) = job(&prompt(300, 5), 10);
    let (leaves, lost) = job(&prompt(400, 5), 1000);
    batch.enqueue(stays);
    batch.enqueue(leaves);
    batch.step();
    batch.step();
    assert_eq!(batch.running(), 2);
    drop(lost);
    batch.step();
    assert_eq!(batch.running(), 1);
    finish(&mut batch);
    assert_eq!(tokens(end), alone(&prompt(300, 5), 10));
}

#[test]
fn a_request_waits_until_there_is_room_for_its_keys() {
    let mut batch = batch();
    let (large, first) = job(&prompt(300, 5), 4000);
    let (next, second) = job(&prompt(300, 100), 10);
    batch.enqueue(large);
    batch.enqueue(next);
    batch.step();
    batch.step();
    assert_eq!(batch.running(), 1);
    drop(first);
    finish(&mut batch);
    assert_eq!(tokens(second).len(), 10);
}

#[test]
fn an_end_token_ends_the_answer_and_is_no_part_of_it() {
    let whole = alone(&prompt(300, 5), 10);
    let mut batch = batch();
    let (mut job, end) = job(&prompt(300, 5), 10);
    job.ask.stops = vec![whole[4]];
    batch.enqueue(job);
    finish(&mut batch);
    let cut = whole.iter().position(|token| *token == whole[4]).unwrap();
    let tokens = whole[..cut].to_vec();
    let expected = Generated { likelihood: None, tokens, finish: Finish::Stop };
    assert_eq!(end.blocking_recv().unwrap(), Ok(expected));
}

fn case(target: serde_json::Value) -> Case {
    let mut target = target;
    let known = json!({
        "driver": "embedded", "base_url": null, "model": SMALLEST, "api_key_env": null,
        "endpoint": "chat", "body": {}, "threads": 1, "simulation": null,
    });
    for (key, value) in known.as_object().unwrap() {
        target.as_object_mut().unwrap().entry(key).or_insert_with(|| value.clone());
    }
    serde_json::from_value(json!({
        "id": "test/embedded", "kind": "generation", "target": target,
        "dataset": { "of": "prompts", "kind": "synthetic", "prompt_tokens": 8, "output_tokens": 4, "temperature": 0.0 },
        "workload": { "kind": "closed", "concurrency": 1, "batch": 1, "requests": 1, "warmup": 0 },
        "retrieval": null,
        "run": { "epochs": 1, "timeout_s": 60.0, "seed": 1, "salt": false, "telemetry_interval_s": 1.0, "spike_of": "itl" },
        "requires": { "gpu": null, "min_vram_bytes": null, "free_memory_bytes": null },
        "goals": [], "gate": { "tolerances": {}, "required": [] },
        "benchmark_type": "test", "notes": "",
    }))
    .unwrap()
}

fn driver() -> Embedded {
    Models::default().open(&case(json!({}))).unwrap()
}

fn request(text: &str, max_tokens: u32, temperature: f64) -> Request {
    let payload = Payload::Prompt { messages: vec![Message::user(text)], max_tokens, temperature };
    Request { ordinal: 0, seed: 7, payload }
}

async fn answer(driver: &Embedded, request: Request) -> Result<Answer, Failure> {
    driver.send(&request, &Reply::new(Clock::start())).await
}

#[tokio::test]
async fn each_token_is_an_event_and_usage_counts_them() {
    let reply = Reply::new(Clock::start());
    let request = request(&WORDS[..9].join(" "), 21, 0.0);
    let answer = driver().send(&request, &reply).await.unwrap();
    let usage = answer.usage.unwrap();
    let stamps = reply.take();
    assert_eq!((usage.prompt_tokens, usage.completion_tokens), (9, 21));
    assert_eq!(stamps.events.len(), 21);
    assert!(stamps.events.iter().all(|event| event.kind.is_content() && event.tokens == Some(1)));
    assert!(stamps.events.windows(2).all(|pair| pair[0].at < pair[1].at));
    assert_eq!(stamps.done, stamps.events.last().map(|event| event.at));
    assert_eq!(answer.finish_reason.as_deref(), Some("length"));
}

#[tokio::test]
async fn sampling_follows_the_seed_of_the_request() {
    let driver = driver();
    let text = async |seed, temperature| {
        let request = Request { seed, ..request("able about above", 16, temperature) };
        answer(&driver, request).await.unwrap().text.unwrap()
    };
    assert_eq!(text(1, 0.8).await, text(1, 0.8).await);
    assert_ne!(text(1, 0.8).await, text(2, 0.8).await);
    assert_eq!(text(1, 0.0).await, text(2, 0.0).await);
}

#[tokio::test]
async fn concurrent_requests_answer_as_they_would_alone() {
    let driver = driver();
    let texts: Vec<String> = WORDS.chunks(7).take(6).map(|words| words.join(" ")).collect();
    let sent = texts.iter().map(|text| answer(&driver, request(text, 20, 0.0)));
    let together = futures_util::future::join_all(sent).await;
    for (text, answered) in texts.iter().zip(together) {
        assert_eq!(answered, answer(&driver, request(text, 20, 0.0)).await);
    }
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_before_it_is_computed() {
    let driver = driver();
    let long = WORDS.join(" ").repeat(17);
    for (asked, said) in [
        (request("", 4, 0.0), "the prompt is empty"),
        (request("able", 0, 0.0), "no output tokens"),
        (request("able", 8192, 0.0), "1 prompt tokens and 8192 output tokens exceed the 8192"),
        (request(&long, 1, 0.0), "exceed the 8192"),
        (
            Request { payload: Payload::Query { index: 0 }, ..request("", 1, 0.0) },
            "not vector queries",
        ),
    ] {
        let failure = answer(&driver, asked).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Engine);
        assert!(failure.message.contains(said), "{failure}");
    }
}

#[test]
fn the_model_is_kept_for_the_next_case() {
    let mut models = Models::default();
    let first = models.open(&case(json!({}))).unwrap();
    let again = models.open(&case(json!({ "body": { "ignore_eos": true } }))).unwrap();
    let other = models.open(&case(json!({ "model": null }))).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first.model, &again.model));
    assert_eq!(other.identity().model, "synthetic-6.8m");
    assert!(other.preparation().model_load_s.unwrap() > 0.0);
}

#[test]
fn the_identity_says_what_is_in_force() {
    let driver = Models::default().open(&case(json!({ "threads": 77 }))).unwrap();
    let identity = driver.identity();
    assert_eq!(identity.platform, "embedded");
    assert_eq!(identity.size_params.as_deref(), Some("1.3m"));
    assert_eq!(identity.config["threads"], json!(candle_core::utils::get_num_threads()));
    assert_eq!(identity.config["threads_asked"], json!(77));
}

#[test]
fn names_and_settings_that_do_not_exist_are_refused_with_those_that_do() {
    for (target, said) in [
        (
            json!({ "model": "synthetic-7m" }),
            "no embedded model `synthetic-7m`; take one of synthetic-1.3m, synthetic-6.8m",
        ),
        (
            json!({ "model": "no/such/model.gguf" }),
            "model file no/such/model.gguf cannot be read: No such file",
        ),
        (
            json!({ "body": { "top_p": 0.9 } }),
            "target.body.top_p: the embedded driver knows only `ignore_eos`",
        ),
        (
            json!({ "body": { "ignore_eos": 1 } }),
            "target.body.ignore_eos is 1; write true or false",
        ),
    ] {
        let error = Models::default().open(&case(target)).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
}

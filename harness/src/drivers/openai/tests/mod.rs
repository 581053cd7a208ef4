//! The driver over a real socket, against replies as servers really sent them.

mod failures;
mod opening;
mod replies;

use super::*;
use crate::clock::Clock;
use crate::driver::Payload;
use crate::drivers::replay::{Replay, Script, Step, events, recorded};
use crate::recorder::Stamps;
use serde_json::{Value, json};
use tokgate_core::case::*;
use tokgate_core::dataset::Message;
use tokgate_core::failure::FailureClass;
use tokgate_core::record::EventKind;

const CHAT: &str = "/v1/chat/completions";
const COMPLETIONS: &str = "/v1/completions";
/// A variable that is set wherever tests run, with a value that wants escaping.
const KEY_VARIABLE: &str = "PATH";

const TOKEN: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
const FINISH: &[u8] = b"data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const DONE: &[u8] = b"data: [DONE]\n\n";

fn case(base_url: &str) -> Case {
    let mut case = crate::test_case();
    case.target.driver = DriverKind::Openai;
    case.target.base_url = Some(base_url.to_owned());
    case.run.timeout_s = 40.0;
    case
}

fn request() -> Request {
    let payload = Payload::Prompt {
        messages: vec![Message::user("Say 日本.")],
        max_tokens: 24,
        temperature: 0.0,
    };
    Request { ordinal: 0, seed: u64::MAX, payload }
}

/// A server with vLLM's list of models that plays `script` for every chat.
async fn chat_server(script: Script) -> Replay {
    let models = Script::json(&recorded("vllm-0.32.0-cpu-models.json"));
    Replay::start([("/v1/models", models), (CHAT, script.clone()), (COMPLETIONS, script)]).await
}

/// What one request left behind.
struct Sent {
    answer: Result<Answer, Failure>,
    stamps: Stamps,
}

impl Sent {
    fn kinds(&self) -> Vec<EventKind> {
        self.stamps.events.iter().map(|event| event.kind).collect()
    }

    fn content(&self) -> usize {
        self.kinds().into_iter().filter(|kind| kind.is_content()).count()
    }

    fn class(&self) -> FailureClass {
        self.answer.as_ref().expect_err("the request did not fail").class
    }

    fn message(&self) -> &str {
        &self.answer.as_ref().expect_err("the request did not fail").message
    }

    /// The stamps are in the order in which things happen.
    fn assert_ordered(&self) {
        let stamps = &self.stamps;
        let mut times = vec![stamps.sent, stamps.head.unwrap()];
        times.extend(stamps.events.iter().map(|event| event.at));
        times.extend(stamps.done);
        assert!(times.is_sorted(), "{times:?}");
    }
}

async fn send(driver: &OpenAi) -> Sent {
    let reply = Reply::new(Clock::start());
    reply.sent();
    let answer = driver.send(&request(), &reply).await;
    Sent { answer, stamps: reply.take() }
}

/// Plays `script` to a driver.
async fn play(script: Script) -> Sent {
    let server = chat_server(script).await;
    send(&OpenAi::open(&case(&server.base_url())).await.unwrap()).await
}

/// Plays a recorded stream, one HTTP chunk per event.
async fn play_recorded(name: &str) -> Sent {
    let sent = play(Script::stream(events(&recorded(name)))).await;
    sent.assert_ordered();
    sent
}

fn tokens(sent: &Sent) -> Option<u64> {
    Some(sent.answer.as_ref().unwrap().usage.as_ref()?.completion_tokens)
}

//! A function under test as a driver: a request is one call.
//!
//! It is called on a thread of its own, so that the load's thread goes on meanwhile: as many calls at
//! the same time as the load has in flight.

use super::retrieval::no_threads;
use crate::driver::{Answer, Driver, OpenError, Payload, Request};
use crate::recorder::Reply;
use crate::retrieval::crew::Crew;
use crate::retrieval::demand;
use futures_util::future::BoxFuture;
use serde_json::json;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokgate_core::case::Case;
use tokgate_core::dataset::joined;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::EventKind;
use tokgate_core::run::TargetIdentity;

/// What is called: a prompt in, an answer or the reason of a failure out.
pub(super) type Call = dyn Fn(&str) -> Result<String, String> + Send + Sync;

/// A function under test.
pub(super) struct Function {
    name: String,
    call: Arc<Call>,
    crew: Crew,
    identity: TargetIdentity,
}

impl Function {
    /// The function with the threads that a case needs.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub(super) fn open(name: &str, case: &Case, call: Arc<Call>) -> Result<Self, OpenError> {
        let size = demand::size(case);
        let callers = ("callers".to_owned(), json!(size.members));
        let identity = TargetIdentity {
            platform: "custom".to_owned(),
            model: case.target.model.clone().unwrap_or_else(|| name.to_owned()),
            engine: name.to_owned(),
            config: BTreeMap::from([callers]),
            ..TargetIdentity::default()
        };
        let crew = Crew::start(size).map_err(no_threads)?;
        Ok(Self { name: name.to_owned(), call, crew, identity })
    }
}

impl Driver for Function {
    fn identity(&self) -> TargetIdentity {
        self.identity.clone()
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let Payload::Prompt { messages, .. } = &request.payload else {
                return Err(no_prompt(&self.name));
            };
            let (prompt, name) = (joined(messages), self.name.clone());
            let (call, reply) = (Arc::clone(&self.call), reply.clone());
            self.crew.ask(move || called(&name, &*call, &prompt, &reply)).await
        })
    }
}

/// One call, stamped at its beginning and its end: waiting for a thread is no part of it.
fn called(name: &str, call: &Call, prompt: &str, reply: &Reply) -> Result<Answer, Failure> {
    reply.sent();
    let outcome = catch_unwind(AssertUnwindSafe(|| call(prompt)));
    reply.arrived();
    let failed = |why: String| Failure::new(FailureClass::Engine, why);
    let text = match outcome {
        Ok(answered) => answered.map_err(|why| failed(format!("`{name}`: {why}")))?,
        Err(panic) => return Err(failed(format!("`{name}` panicked: {}", words(&*panic)))),
    };
    reply.event(EventKind::Whole, None);
    reply.done();
    Ok(Answer { text: Some(text).filter(|text| !text.is_empty()), ..Answer::default() })
}

fn no_prompt(name: &str) -> Failure {
    let why =
        format!("`{name}` is a function, and takes prompts: give its case `kind = \"generation\"`");
    Failure::new(FailureClass::Engine, why)
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let fixed = panic.downcast_ref::<&str>().copied();
    let made = panic.downcast_ref::<String>().map(String::as_str);
    fixed.or(made).unwrap_or("its message is on standard error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::recorder::Stamps;
    use tokgate_core::dataset::Message;

    fn asked(
        payload: Payload,
        call: impl Fn(&str) -> Result<String, String> + Send + Sync + 'static,
    ) -> (Result<Answer, Failure>, Stamps) {
        let function = Function::open("mine", &crate::test_case(), Arc::new(call)).unwrap();
        let request = Request { ordinal: 0, seed: 0, payload };
        let reply = Reply::new(Clock::start());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let answer = runtime.block_on(function.send(&request, &reply));
        (answer, reply.take())
    }

    fn prompt(text: &str) -> Payload {
        let messages = vec![Message::user(text)];
        Payload::Prompt { messages, max_tokens: 1, temperature: 0.0 }
    }

    #[test]
    fn a_call_is_a_request_that_is_answered_whole() {
        let (answer, stamps) = asked(prompt("hello"), |prompt| Ok(prompt.to_uppercase()));
        assert_eq!(answer.unwrap().text.as_deref(), Some("HELLO"));
        let kinds: Vec<EventKind> = stamps.events.iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::Whole]);
        assert!(stamps.done.is_some_and(|done| done >= stamps.sent));
    }

    #[test]
    fn a_function_that_says_nothing_has_no_text() {
        let (answer, _) = asked(prompt("hello"), |_| Ok(String::new()));
        assert_eq!(answer.unwrap().text, None);
    }

    #[test]
    fn an_error_and_a_panic_are_failed_requests_with_their_words() {
        let (refused, _) = asked(prompt("x"), |_| Err("no such thing".to_owned()));
        assert_eq!(refused.unwrap_err().message, "`mine`: no such thing");
        let (lost, stamps) = asked(prompt("x"), |text| panic!("at {text}"));
        assert_eq!(lost.unwrap_err().message, "`mine` panicked: at x");
        assert!(stamps.events.is_empty());
    }

    #[test]
    fn what_is_no_prompt_is_refused_with_the_kind_that_is_right() {
        let texts = Payload::Texts { inputs: vec!["a".to_owned()] };
        let (answer, _) = asked(texts, |_| Ok(String::new()));
        assert!(answer.unwrap_err().message.contains("generation"));
    }
}

//! What can be seen without servers; whole questions are asked of the mock server by the tests of
//! the program.

use super::*;
use crate::clock::Clock;
use tokgate_core::case::DriverKind;

fn chat() -> Target {
    Target {
        base_url: Some("https://chat.example/v1".to_owned()),
        api_key_env: Some("CHAT_KEY".to_owned()),
        model: Some("writer".to_owned()),
        ..Target::of(DriverKind::Openai)
    }
}

#[test]
fn a_key_goes_to_the_server_that_it_was_given_for_and_to_no_other() {
    let model = Some("reader".to_owned());
    let same = Embedder { model: model.clone(), ..Embedder::default() };
    let same = embedding_target(&chat(), &same);
    assert_eq!((same.base_url, same.api_key_env), (chat().base_url, chat().api_key_env));
    assert_eq!(same.model, model);
    let other = Some("http://127.0.0.1:8001/v1".to_owned());
    let other = Embedder { base_url: other.clone(), model, api_key_env: None };
    let target = embedding_target(&chat(), &other);
    assert_eq!((target.base_url, target.api_key_env), (other.base_url, None));
}

#[test]
fn a_question_begins_with_the_request_for_its_vector() {
    let reply = Reply::new(Clock::start());
    reply.sent();
    reply.arrived();
    reply.embedded();
    reply.searching();
    reply.found();
    reply.sent();
    reply.arrived();
    let stamps = reply.take();
    let parts = stamps.parts.unwrap();
    let times = [Some(stamps.sent), parts.embedded, parts.searching, parts.found, parts.asked];
    // The request for the answer is stamped as one of the parts, and moves no beginning.
    assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{times:?}");
}

#[test]
fn a_failure_says_in_which_part_it_happened() {
    let failure = part("answering", Failure::new(FailureClass::Status, "503: busy"));
    assert_eq!(failure.to_string(), "status: answering: 503: busy");
}

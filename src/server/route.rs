//! What can be asked: a path, what it is asked with, and the function that answers.

use super::house::House;
use super::parameter::Parameter;
use super::problem::Problem;
use super::query::Query;
use super::reply::Reply;
use serde_json::Value;

/// The media type of objects.
pub(super) const JSON: &str = "application/json";
/// That of text that Prometheus reads.
pub(super) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// That of server-sent events.
pub(super) const EVENTS: &str = "text/event-stream";
/// That of a page.
pub(super) const PAGE: &str = "text/html; charset=utf-8";

/// One thing that can be asked.
#[derive(Debug)]
pub(super) struct Route {
    /// Its path; `{*name}` is all that follows, slashes and all.
    pub(super) path: &'static str,
    /// Its name for programs that are made from the description.
    pub(super) id: &'static str,
    /// What it answers, in a fragment.
    pub(super) summary: &'static str,
    /// What one must know of the answer; may be empty.
    pub(super) about: &'static str,
    /// Its media type.
    pub(super) media: &'static str,
    /// What it is asked with.
    pub(super) parameters: &'static [Parameter],
    /// A request.
    pub(super) example: &'static str,
    /// What was answered to it; empty where the answer is the description itself.
    pub(super) answered: &'static str,
    /// What answers.
    pub(super) answer: Answer,
}

/// What answers: from one look, or for as long as somebody looks on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Answer {
    /// Once.
    Once(Answering),
    /// With what happens, as it does.
    Events,
    /// By keeping what is put there, however often.
    Put(Keeping),
    /// By keeping that something has happened.
    Post(Keeping),
}

/// Keeps what was sent, and says what is there now.
pub(super) type Keeping = fn(&House, &Asked, &[u8]) -> Result<Reply, Problem>;

/// Answers a question from what is there now.
pub(super) type Answering = fn(&House, &Asked) -> Result<Reply, Problem>;

/// What was asked.
#[derive(Debug)]
pub(super) struct Asked {
    /// What the path leaves open; empty where it leaves nothing.
    pub(super) name: String,
    /// The query.
    pub(super) query: Query,
}

impl Route {
    /// How it is asked, in small letters.
    pub(super) fn method(&self) -> &'static str {
        match self.answer {
            Answer::Once(_) | Answer::Events => "get",
            Answer::Put(_) => "put",
            Answer::Post(_) => "post",
        }
    }

    /// Whether something is kept by it.
    pub(super) fn keeps(&self) -> bool {
        matches!(self.answer, Answer::Put(_) | Answer::Post(_))
    }

    /// Its path as descriptions write it.
    pub(super) fn template(&self) -> String {
        self.path.replace("{*", "{")
    }
}

/// An object as an answer.
pub(super) fn object(value: &Value) -> Result<Reply, Problem> {
    Ok(Reply::of(JSON, value.to_string()))
}

//! A driver of this crate's own: it answers with the words of the prompt, last one first, one event
//! each.

use tokgate::driver::{
    Answer, BoxFuture, Case, Counted, Driver, EventKind, Failure, FailureClass, OpenError, Payload,
    Reply, Request, TargetIdentity, Usage, joined,
};

/// The engine. It is quick enough to answer on the load's own thread; one that computes for longer
/// has threads of its own.
pub(crate) struct Reverser {
    model: String,
}

impl Reverser {
    /// Reads of a case what the engine needs.
    pub(crate) fn open(case: &Case) -> Result<Self, OpenError> {
        match case.target.model.as_deref() {
            None | Some("words") => Ok(Self { model: "words".to_owned() }),
            Some(other) => Err(OpenError::Invalid(format!(
                "the reverser has no model `{other}`; write `model = \"words\"`, or nothing"
            ))),
        }
    }
}

impl Driver for Reverser {
    fn identity(&self) -> TargetIdentity {
        TargetIdentity {
            platform: "reverser".to_owned(),
            model: self.model.clone(),
            engine: format!("reverser {}", env!("CARGO_PKG_VERSION")),
            ..TargetIdentity::default()
        }
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        Box::pin(async move {
            let Payload::Prompt { messages, max_tokens, .. } = &request.payload else {
                return Err(Failure::new(FailureClass::Engine, "the reverser takes prompts"));
            };
            let prompt = joined(messages);
            let mut answer: Vec<&str> = Vec::new();
            for word in prompt.split_whitespace().rev().take(*max_tokens as usize) {
                // First the moment, then the look at what came.
                reply.arrived();
                reply.event(EventKind::Content, Some(1));
                answer.push(word);
            }
            reply.done();
            Ok(Answer {
                usage: Some(Usage {
                    prompt_tokens: prompt.split_whitespace().count() as u64,
                    completion_tokens: answer.len() as u64,
                    cached_tokens: None,
                    counted: Counted::Server,
                    raw: None,
                }),
                finish_reason: Some("length".to_owned()),
                text: Some(answer.join(" ")),
                ..Answer::default()
            })
        })
    }
}

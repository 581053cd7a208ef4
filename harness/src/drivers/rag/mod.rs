//! Questions answered from retrieved passages: each is embedded, its nearest passages are searched,
//! and a language model answers with them in its prompt.
//!
//! A question begins with the first byte of the request for its vector, so that its time to first
//! token is what who asks waits for; the parts are stamped beside ([`tokgate_core::record::Parts`]).
//! What does not live here: asking for vectors ([`super::embeddings`]) and for answers
//! ([`super::openai`]), the engines that search (`crate::retrieval`).

mod passages;
mod prompt;
mod search;
mod shelf;
#[cfg(test)]
mod tests;

use super::embeddings::{Asked, Service};
use super::openai::{OpenAi, identity_now};
use crate::driver::{Answer, Driver, OpenError, Payload, Request};
use crate::http::Deadlines;
use crate::recorder::Reply;
use crate::retrieval::best::Neighbour;
use crate::retrieval::space::unit;
use crate::stop::Stop;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
pub(crate) use passages::surveyed;
use search::Search;
use serde_json::{Map, Value, json};
pub use shelf::Library;
use shelf::{Shelf, Wanted};
use std::sync::Arc;
use tokgate_core::case::{
    Case, Embedder, Embedding, Passages, Rag as Questions, Retrieval, Target,
};
use tokgate_core::dataset::Message;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::Neighbours;
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};

/// A language model with an index beside it.
pub struct Rag {
    chat: OpenAi,
    embedder: Service,
    /// The embedding model as the scenario names it.
    embedding_model: Option<String>,
    shelf: Arc<Shelf>,
    search: Search,
    /// The name of the passages.
    passages: String,
}

/// What a case of this kind has.
struct Parts<'a> {
    questions: &'a Questions,
    retrieval: &'a Retrieval,
    embedding: Embedding,
}

impl Rag {
    /// Discovers both models, embeds the passages and builds the index over them.
    ///
    /// # Errors
    /// When the settings do not fit, a server does not answer as it should, the passages cannot be
    /// read or embedded, or a stop is asked for; the message says what to do.
    pub async fn open(case: &Case, library: &mut Library, stop: &Stop) -> Result<Self, OpenError> {
        let Parts { questions, retrieval, embedding } = parts(case)?;
        let chat = OpenAi::open(case).await?;
        let target = embedding_target(&case.target, &questions.embedder);
        let asked = Asked { encoding: embedding.encoding, own: Map::new() };
        let embedder = Service::open(&target, asked, Deadlines::of(case)).await?;
        let wanted = wanted(&questions.passages, case.run.seed, &embedder);
        let shelf = library.shelf(wanted, &embedder, retrieval.top_k, stop).await?;
        let search = Search::start(case, questions.engine, retrieval, &shelf.rows)?;
        let passages = passages::name(&questions.passages, case.run.seed);
        Ok(Self { chat, embedder, embedding_model: target.model, shelf, search, passages })
    }

    async fn answer(&self, request: &Request, reply: &Reply) -> Result<Answer, Failure> {
        let Payload::Prompt { messages, max_tokens, temperature } = &request.payload else {
            let message = "a language model was sent something that is no question";
            return Err(Failure::new(FailureClass::Engine, message));
        };
        let vector = self.embedded(prompt::question(messages), reply).await?;
        let found = self.search.nearest(&vector, reply).await?;
        // Beside the answer, so that comparing costs the question nothing.
        let grading = self.search.grade(request.ordinal, &vector, &found);
        let messages = self.with_passages(messages, &found);
        let (max_tokens, temperature) = (*max_tokens, *temperature);
        let payload = Payload::Prompt { messages, max_tokens, temperature };
        let asked = Request { payload, ..*request };
        let answer = self.chat.send(&asked, reply).await.map_err(|it| part("answering", it))?;
        let ids = found.iter().map(|neighbour| neighbour.id).collect();
        let neighbours = Neighbours { ids, hits: grading.await, cpu_ns: None };
        Ok(Answer { neighbours: Some(neighbours), ..answer })
    }

    async fn embedded(&self, question: &str, reply: &Reply) -> Result<Vec<f32>, Failure> {
        let inputs = [question.to_owned()];
        let came = self.embedder.embed(&inputs, reply).await;
        let came = came.map_err(|it| part("embedding the question", it))?;
        reply.embedded();
        // One vector for one input was checked.
        Ok(came.vectors.into_iter().next().map(unit).unwrap_or_default())
    }

    fn with_passages(&self, messages: &[Message], found: &[Neighbour]) -> Vec<Message> {
        let text = |neighbour: &Neighbour| {
            self.shelf.texts.get(neighbour.id as usize).map_or("", String::as_str)
        };
        prompt::with_passages(messages, found.iter().map(text))
    }

    /// The identity of the chat's server with that of all else.
    fn told(&self, mut chat: TargetIdentity, embedder: TargetIdentity) -> TargetIdentity {
        chat.platform = format!("rag-{}", chat.platform);
        let embedder = self.embedder.told(embedder);
        let own = |key: &str| embedder.config.get(key).cloned().unwrap_or_default();
        let facts = [
            ("embedding_model", json!(embedder.model)),
            ("embedding_engine", json!(embedder.engine)),
            ("dimensions", own("dimensions")),
            ("encoding", own("encoding")),
            ("passages", json!(self.passages)),
            ("passage_count", json!(self.shelf.texts.len())),
        ];
        let facts = facts.map(|(key, fact)| (key.to_owned(), fact)).into_iter();
        chat.config.extend(facts.chain(self.search.facts()).filter(|(_, fact)| !fact.is_null()));
        chat
    }
}

impl Driver for Rag {
    fn identity(&self) -> TargetIdentity {
        self.told(self.chat.identity(), self.embedder.identity.clone())
    }

    fn preparation(&self) -> Preparation {
        Preparation {
            ingest_s: Some(self.shelf.embed_s),
            build_s: Some(self.search.build_s),
            index_bytes: Some(self.search.bytes()),
            ..Preparation::default()
        }
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        async {
            let TargetAfter { first, last, preparation, inserted } = self.chat.after().await;
            let (address, was) = (self.embedder.address(), &self.embedder.identity);
            let now = identity_now(address, self.embedding_model.as_deref(), was).await;
            let (first, last) = (self.told(first, was.clone()), self.told(last, now));
            TargetAfter { first, last, preparation, inserted }
        }
        .boxed()
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.answer(request, reply).boxed()
    }
}

fn parts(case: &Case) -> Result<Parts<'_>, OpenError> {
    match (&case.rag, &case.retrieval, case.embedding) {
        (Some(questions), Some(retrieval), Some(embedding)) => {
            Ok(Parts { questions, retrieval, embedding })
        }
        _ => Err(OpenError::Invalid(format!(
            "{} does not say what questions are answered from; write `kind = \"rag\"`",
            case.id
        ))),
    }
}

/// The server that embeds: the target's own, or another with a key of its own. No key goes to a
/// server that it was not given for.
fn embedding_target(chat: &Target, embedder: &Embedder) -> Target {
    let (base_url, api_key_env) = match &embedder.base_url {
        Some(other) => (Some(other.clone()), embedder.api_key_env.clone()),
        None => (chat.base_url.clone(), chat.api_key_env.clone()),
    };
    let proxy = chat.proxy.clone();
    Target {
        base_url,
        api_key_env,
        proxy,
        model: embedder.model.clone(),
        ..Target::of(chat.driver)
    }
}

fn wanted(passages: &Passages, seed: u64, embedder: &Service) -> Wanted {
    let who = &embedder.told(embedder.identity.clone());
    let dimensions = who.config.get("dimensions").map_or(String::new(), Value::to_string);
    let embedder = format!("{} {} {dimensions}", embedder.address().base(), who.model);
    Wanted { passages: passages.clone(), seed, embedder }
}

/// A failure that says in which part of the question it happened.
fn part(what: &str, failure: Failure) -> Failure {
    Failure::new(failure.class, format!("{what}: {}", failure.message))
}

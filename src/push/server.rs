//! The server that is pushed to, and what it answers.

use crate::push::{Concluded, EPOCHS, Here, LINES, PushError, RUNS};
use crate::store::received::Announced;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::time::Duration;
use tokgate_core::diagnostic::line;
use tokgate_harness::http::{Answer, Message, Messenger, Verb};

/// The variable that holds the write token.
const TOKEN: &str = "TOKGATE_PUSH_TOKEN";
/// How long a part or an end may take to be taken: the server may be making many rows.
const DEADLINE: Duration = Duration::from_secs(60);
/// Characters of a server's words that are told.
const TOLD: usize = 400;

/// A server that keeps what is pushed to it.
#[derive(Debug)]
pub struct Server {
    place: String,
    messenger: Messenger,
}

impl Server {
    /// The server at an address, shown the token that `TOKGATE_PUSH_TOKEN` holds. Nothing is sent yet.
    ///
    /// # Errors
    /// When the address is none or would carry the token in the clear, or there is no token.
    pub fn at(address: &str) -> Result<Self, PushError> {
        let token = std::env::var(TOKEN).ok().map(|token| token.trim().to_owned());
        let token = token.filter(|token| !token.is_empty()).ok_or(PushError::Token(TOKEN))?;
        let place = address.trim().trim_end_matches('/').to_owned();
        if place.contains(['@', '?', '#']) {
            return Err(PushError::Address("it holds a user, a query or a fragment".to_owned()));
        }
        let messenger =
            Messenger::new(&place, Some(&token), DEADLINE).map_err(PushError::Address)?;
        Ok(Self { place, messenger })
    }

    /// Where it is.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Sends a part of a file that begins at `offset`, and says up to which byte the file is there. An empty
    /// one asks.
    pub(super) fn part(
        &self,
        file: &Announced,
        offset: u64,
        part: Vec<u8>,
    ) -> Result<u64, PushError> {
        let Announced { test_id, file } = file;
        let (bytes, sha256) = (file.bytes, &file.sha256);
        let below = format!("{EPOCHS}{test_id}?bytes={bytes}&sha256={sha256}&offset={offset}");
        let answer: Here = self.ask(Verb::Put, &below, part)?;
        Ok(answer.bytes)
    }

    /// Says that all of a run was sent.
    pub(super) fn conclude(&self, run_id: &str) -> Result<Concluded, PushError> {
        self.ask(Verb::Post, &format!("{RUNS}{run_id}"), Vec::new())
    }

    fn ask<T: DeserializeOwned>(
        &self,
        verb: Verb,
        below: &str,
        body: Vec<u8>,
    ) -> Result<T, PushError> {
        let message = Message { verb, below, media: LINES, body };
        let answer = self.messenger.send(message).map_err(|why| self.unreachable(why))?;
        match answer.status {
            200..300 => serde_json::from_slice(&answer.body)
                .map_err(|_| self.unreachable("what it answers is not ours".to_owned())),
            429 | 500.. => Err(self.unreachable(said(&answer))),
            401 => Err(self.refused(format!("the token of {TOKEN} is not its write token"))),
            _ => Err(self.refused(said(&answer))),
        }
    }

    fn unreachable(&self, why: String) -> PushError {
        PushError::Unreachable { place: self.place.clone(), why }
    }

    fn refused(&self, why: String) -> PushError {
        PushError::Refused { place: self.place.clone(), why }
    }
}

/// What an answer says for people, fit to be shown.
fn said(answer: &Answer) -> String {
    let problem: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let detail = problem.as_ref().and_then(|problem| problem["detail"].as_str());
    match detail {
        Some(detail) => line(&detail.chars().take(TOLD).collect::<String>()),
        None => format!("status {}; is it a `tokgate serve`?", answer.status),
    }
}

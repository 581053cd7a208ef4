//! What all answers share: where the results lie, who may ask, how many questions are open at once, and how
//! many were answered.

use super::hosts::Hosts;
use super::problem::Problem;
use super::reply::Reply;
use super::route::{Asked, Route};
use super::token::Token;
use crate::choice::{Measured, Prices};
use crate::store::{Layout, Reading, Remembered};
use axum::http::StatusCode;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Most reads at once: each computes, and whoever measures beside us wants the other cores.
const READS: usize = 4;
/// How long a question waits for its turn.
const TURN: Duration = Duration::from_secs(2);
/// How long its reads may take together.
const WITHIN: Duration = Duration::from_secs(2);

/// What all answers share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) layout: Layout,
    pub(super) project: Option<PathBuf>,
    pub(super) prices: Prices,
    pub(super) token: Option<Token>,
    pub(super) hosts: Hosts,
    pub(super) tally: Tally,
    remembered: Remembered,
    turns: Arc<Semaphore>,
}

/// How many requests ended how.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// By the first digit of their status, from 2 on.
    answers: [AtomicU64; 4],
    /// Those without the token.
    refused: AtomicU64,
}

impl Tally {
    pub(super) fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).checked_sub(2);
        if let Some(answers) = class.and_then(|class| self.answers.get(class)) {
            answers.fetch_add(1, Ordering::Relaxed);
        }
        if status == StatusCode::UNAUTHORIZED {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many there were of each class of status.
    pub(super) fn answers(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let classes = ["2xx", "3xx", "4xx", "5xx"].into_iter();
        classes.zip(&self.answers).map(|(class, count)| (class, count.load(Ordering::Relaxed)))
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl House {
    pub(super) fn new(settings: super::Settings, hosts: Hosts) -> Self {
        let super::Settings { layout, project, prices, token, .. } = settings;
        let turns = Arc::new(Semaphore::new(READS));
        let remembered = Remembered::new(prices.clone());
        let tally = Tally::default();
        Self { layout, project, prices, token, hosts, tally, remembered, turns }
    }

    /// The index as it is now.
    pub(super) fn reading(&self) -> Result<Reading, Problem> {
        Ok(Reading::open(&self.layout, WITHIN)?)
    }

    /// The rows that say something about a model, as they are now.
    pub(super) fn rows(&self) -> Result<Arc<Vec<Measured>>, Problem> {
        self.rows_of(&self.reading()?)
    }

    /// The same as a reading has them.
    pub(super) fn rows_of(&self, reading: &Reading) -> Result<Arc<Vec<Measured>>, Problem> {
        Ok(self.remembered.rows(reading)?)
    }

    /// Answers a question on a thread that may wait for a disk.
    pub(super) async fn answer(
        self: Arc<Self>,
        route: &'static Route,
        asked: Asked,
    ) -> Result<Reply, Problem> {
        let turn = timeout(TURN, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Problem::busy("too much is asked at once: ask again later"))?;
        let turn = turn.map_err(|closed| Problem::fault(&closed))?;
        let work = tokio::task::spawn_blocking(move || {
            let reply = (route.answer)(&self, &asked);
            drop(turn);
            reply
        });
        work.await.map_err(|ended| Problem::fault(&ended))?
    }
}

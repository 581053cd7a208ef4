//! What all answers share: where the results lie, who may ask, how many questions are open at once, and how
//! many were answered.

use super::board::Board;
use super::hosts::Hosts;
use super::problem::Problem;
use super::reply::Reply;
use super::route::{Answering, Asked, Keeping};
use super::token::Token;
use crate::choice::{Measured, Prices};
use crate::store::{Layout, Reading, Remembered};
use axum::body::Bytes;
use axum::http::StatusCode;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokgate_baseline::Baseline;
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Most reads at once: each computes, and whoever measures beside us wants the other cores.
const READS: usize = 4;
/// How long a question waits for its turn.
const TURN: Duration = Duration::from_secs(2);
/// Most who look on at once: other questions have connections left.
const VIEWERS: usize = 232;
/// How long its reads may take together.
const WITHIN: Duration = Duration::from_secs(2);

/// What all answers share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) layout: Layout,
    pub(super) project: Option<PathBuf>,
    pub(super) baseline: Option<Baseline>,
    pub(super) prices: Prices,
    pub(super) token: Option<Token>,
    pub(super) write_token: Option<Token>,
    pub(super) hosts: Hosts,
    pub(super) tally: Tally,
    /// Runs as they go on.
    pub(super) board: Board,
    /// Places for those who look on.
    pub(super) seats: Arc<Semaphore>,
    remembered: Remembered,
    turns: Arc<Semaphore>,
    /// Whose turn it is to write.
    writing: Arc<Semaphore>,
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
        let super::Settings { layout, project, baseline, prices, token, write_token, .. } =
            settings;
        let turns = Arc::new(Semaphore::new(READS));
        let seats = Arc::new(Semaphore::new(VIEWERS));
        let board = Board::new(layout.clone());
        let remembered = Remembered::new(prices.clone());
        Self {
            layout,
            project,
            baseline,
            prices,
            token,
            write_token,
            hosts,
            tally: Tally::default(),
            board,
            seats,
            remembered,
            turns,
            writing: Arc::new(Semaphore::new(1)),
        }
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
        answer: Answering,
        asked: Asked,
    ) -> Result<Reply, Problem> {
        let turns = Arc::clone(&self.turns);
        in_turn(turns, move || answer(&self, &asked)).await
    }

    /// Keeps something on such a thread, one after the other.
    pub(super) async fn keep(
        self: Arc<Self>,
        keep: Keeping,
        asked: Asked,
        body: Bytes,
    ) -> Result<Reply, Problem> {
        let turns = Arc::clone(&self.writing);
        in_turn(turns, move || keep(&self, &asked, &body)).await
    }
}

/// Works on a thread that may wait for a disk, when it is its turn.
async fn in_turn(
    turns: Arc<Semaphore>,
    work: impl FnOnce() -> Result<Reply, Problem> + Send + 'static,
) -> Result<Reply, Problem> {
    let turn = timeout(TURN, turns.acquire_owned()).await;
    let turn = turn.map_err(|_| Problem::busy("too much is asked at once: ask again later"))?;
    let turn = turn.map_err(|closed| Problem::fault(&closed))?;
    let work = tokio::task::spawn_blocking(move || {
        let reply = work();
        drop(turn);
        reply
    });
    work.await.map_err(|ended| Problem::fault(&ended))?
}

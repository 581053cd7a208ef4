//! Where one query is answered: searched, reported, and only then compared with the truth.

use super::best::Neighbour;
use super::corpus::Corpus;
use super::growing::Growing;
use super::index::{SearchError, VectorIndex};
use super::inserter::Inserter;
use super::truth::Asked;
use crate::cost::thread_cpu;
use crate::driver::{Answer, Payload, WARMUP_QUERIES};
use crate::recorder::Reply;
use std::sync::Arc;
use std::time::Duration;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::record::{EventKind, Hits, Neighbours};
use tokgate_core::run::Preparation;

/// A query of one of the two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// Measured.
    Measured(usize),
    /// Asked to warm up.
    Warmup(usize),
}

impl Question {
    /// Which query a request asks.
    ///
    /// # Errors
    /// When it asks for text.
    pub fn of(payload: &Payload) -> Result<Self, Failure> {
        match payload {
            Payload::Query { index } if *index >= WARMUP_QUERIES => {
                Ok(Self::Warmup((*index - WARMUP_QUERIES) as usize))
            }
            Payload::Query { index } => Ok(Self::Measured(*index as usize)),
            Payload::Prompt { .. } | Payload::Texts { .. } => Err(Failure::new(
                FailureClass::Engine,
                "a vector index was sent text; it answers queries by number",
            )),
        }
    }
}

/// The questions of a case, and their exact answers where they are known.
pub struct Exam {
    /// The data.
    pub corpus: Arc<Corpus>,
    /// Neighbours of each query.
    pub top_k: usize,
    /// Measured queries, from the first on, whose answers are compared with the exact ones.
    pub truth_queries: usize,
}

impl Exam {
    /// A question's vector; after the last distinct query the first comes again.
    #[must_use]
    pub fn vector(&self, question: Question) -> &[f32] {
        let (stream, number) = match question {
            Question::Measured(number) => (&self.corpus.queries, number),
            Question::Warmup(number) => (&self.corpus.warmup, number),
        };
        stream.row(number % stream.len())
    }

    /// What making the data took.
    #[must_use]
    pub fn preparation(&self) -> Preparation {
        Preparation {
            generate_s: Some(self.corpus.rows.generate_s),
            truth_s: Some(self.corpus.truth.made_s).filter(|_| self.truth_queries > 0),
            truth_cache: self.corpus.truth.cache.filter(|_| self.truth_queries > 0),
            hardness: self.corpus.hardness,
            ..Preparation::default()
        }
    }

    /// What was found, with how much of it is right. Every row of it is one of the corpus.
    #[must_use]
    pub fn graded(&self, question: Question, found: &Found) -> Answer {
        let hits = self.hits(question, found);
        let ids = found.neighbours.iter().map(|neighbour| neighbour.id).collect();
        let cpu_ns = found.cpu.map(|cpu| cpu.as_nanos() as u64);
        Answer { neighbours: Some(Neighbours { ids, hits, cpu_ns }), ..Answer::default() }
    }

    /// A row that was found although it does not pass the filter.
    #[must_use]
    pub fn stranger(&self, found: &[Neighbour]) -> Option<Neighbour> {
        let among = self.corpus.matching.as_ref()?;
        found.iter().copied().find(|neighbour| !among.has(neighbour.id))
    }

    fn hits(&self, question: Question, found: &Found) -> Vec<Hits> {
        let Question::Measured(number) = question else { return Vec::new() };
        let number = number % self.corpus.queries.len();
        if number >= self.truth_queries {
            return Vec::new();
        }
        let asked = Asked { number, vector: self.vector(question) };
        let rows = &self.corpus.rows.vectors;
        let count = found.among.unwrap_or(rows.len());
        self.corpus.truth.value.hits_of_first(count, rows, asked, &found.neighbours)
    }
}

/// What a search gave.
#[derive(Debug, Default)]
pub struct Found {
    /// Best first.
    pub neighbours: Vec<Neighbour>,
    /// How many rows were there when it began, from the first on; `None` for all.
    pub among: Option<usize>,
    /// The CPU time that it took, where that is known.
    pub cpu: Option<Duration>,
}

/// An index in process, as it is searched.
pub enum Index {
    /// With all rows.
    Whole(Box<dyn VectorIndex>),
    /// With rows that come while it is searched.
    Growing {
        /// It.
        growing: Arc<Growing>,
        /// Who inserts; begins with the first measured query.
        inserter: Inserter,
    },
}

/// The questions of a case, and an index in process that answers them.
pub struct Desk {
    /// What is asked.
    pub exam: Exam,
    /// The index over the rows.
    pub index: Index,
}

impl Desk {
    /// Searches, and reports the neighbours as the one content event at the moment they are
    /// there. Comparing them comes after and costs the query nothing.
    ///
    /// # Errors
    /// When the engine refuses the query.
    pub fn answer(&self, question: Question, reply: &Reply) -> Result<Answer, Failure> {
        if let (Index::Growing { inserter, .. }, Question::Measured(_)) = (&self.index, question) {
            inserter.begin();
        }
        let query = self.exam.vector(question);
        let mut found = Found { among: self.inserted(), ..Found::default() };
        let before = searching_alone();
        self.search(query, &mut found.neighbours).map_err(failure)?;
        reply.arrived();
        found.cpu = before.and_then(|before| thread_cpu()?.checked_sub(before));
        reply.event(EventKind::Content, None);
        reply.done();
        match self.exam.stranger(&found.neighbours) {
            Some(stranger) => Err(Failure::new(FailureClass::Engine, outside(stranger))),
            None => Ok(self.exam.graded(question, &found)),
        }
    }

    /// How many rows are there by now, where they come one after the other.
    fn inserted(&self) -> Option<usize> {
        match &self.index {
            Index::Whole(_) => None,
            Index::Growing { growing, .. } => Some(growing.inserted()),
        }
    }

    fn search(&self, query: &[f32], found: &mut Vec<Neighbour>) -> Result<(), SearchError> {
        let top_k = self.exam.top_k;
        match (&self.index, &self.exam.corpus.matching) {
            (Index::Whole(index), None) => index.search(query, top_k, found),
            (Index::Whole(index), Some(among)) => index.search_among(query, top_k, among, found),
            // A case has one of both.
            (Index::Growing { growing, .. }, _) => growing.search(query, top_k, found),
        }
    }
}

/// The CPU time so far of a thread that shares its queries with no other.
fn searching_alone() -> Option<Duration> {
    (rayon::current_num_threads() == 1).then(thread_cpu).flatten()
}

/// What is said of a row that does not pass the filter.
#[must_use]
pub fn outside(stranger: Neighbour) -> String {
    format!("row {} was found, which does not pass the filter", stranger.id)
}

/// What an engine's refusal means for the request.
#[must_use]
pub fn failure(error: SearchError) -> Failure {
    Failure::new(FailureClass::Engine, error.to_string())
}

//! What may stand in the query of a route, or in its path.

/// One thing that is asked by.
#[derive(Debug)]
pub(super) struct Parameter {
    /// Its name.
    pub(super) name: &'static str,
    /// What it may be.
    pub(super) of: Of,
    /// What it means.
    pub(super) meaning: &'static str,
    /// One that may be asked with.
    pub(super) example: &'static str,
}

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    /// The part of the path that the route leaves open.
    Path,
    /// A text.
    Text,
    /// A text that must be there.
    Needed,
    /// A metric with its statistic, which must be there.
    Metric,
    /// A whole number in this range; the last one is taken where none is named, and without it one must
    /// be.
    Count(u64, u64, Option<u64>),
    /// A whole number in this range, or none.
    Maybe(u64, u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A day: `2026-11-01`.
    Day,
    /// What the page before it said.
    Cursor,
}

impl Parameter {
    /// Whether nothing is answered without it.
    pub(super) fn is_needed(&self) -> bool {
        match self.of {
            Of::Path | Of::Needed | Of::Metric | Of::Count(_, _, None) => true,
            Of::Text | Of::Count(..) | Of::Maybe(..) | Of::Word(_) | Of::Day | Of::Cursor => false,
        }
    }
}

/// Most rows of a page.
const ROWS: u64 = 1000;
/// Most requests of an estimate: beyond them a double is not exact.
pub(super) const REQUESTS: u64 = 1_000_000_000_000_000;

pub(super) const LIMIT: Parameter = Parameter {
    name: "limit",
    of: Of::Count(1, ROWS, Some(50)),
    meaning: "most rows",
    example: "2",
};
pub(super) const FEW: Parameter = Parameter { of: Of::Count(1, ROWS, Some(10)), ..LIMIT };
pub(super) const CURSOR: Parameter = Parameter {
    name: "cursor",
    of: Of::Cursor,
    meaning: "the `next` of the page before; empty for the first page",
    example: "",
};
pub(super) const SINCE: Parameter = Parameter {
    name: "since",
    of: Of::Day,
    meaning: "only what began on this day (UTC) or later",
    example: "2025-11-01",
};
pub(super) const MACHINE: Parameter = Parameter {
    name: "machine",
    of: Of::Text,
    meaning: "only this machine, by its key",
    example: "rtx-4090-x1",
};
pub(super) const MODEL: Parameter = Parameter {
    name: "model",
    of: Of::Text,
    meaning: "only this model, by its whole name",
    example: "google/gemma-3-4b-it",
};
pub(super) const NUM_REQUESTS: Parameter = Parameter {
    name: "num_requests",
    of: Of::Count(1, REQUESTS, None),
    meaning: "so many requests",
    example: "50000",
};

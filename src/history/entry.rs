//! What stands in a series: one entry a commit, and one a run where a commit does not say what was
//! measured.

use super::Surroundings;
use crate::store::Past;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use tokgate_core::quantile::Sorted;
use tokgate_core::run::Head;

/// What was measured, by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// A commit, as it is.
    Commit(String),
    /// A commit with changes that are nowhere kept: each run may have had others.
    Dirty {
        /// The commit.
        commit: String,
        /// The run.
        run: String,
    },
    /// A run outside any repository.
    Run(String),
}

/// All epochs of one origin.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its name within the series.
    pub id: String,
    /// What was measured.
    pub origin: Origin,
    /// The runs, in the order in which they began.
    pub runs: Vec<String>,
    /// When the first of its epochs began, microseconds since 1970.
    pub at_us: i64,
    /// What each epoch said, in the metric's unit; at least one.
    pub epochs: Vec<f64>,
    /// Where they were measured. Of an origin that was measured in several surroundings only the
    /// epochs of the last ones are here.
    pub surroundings: Surroundings,
}

impl Origin {
    /// That of an epoch.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        match head.environment.commit.as_deref() {
            Some(commit) => match commit.strip_suffix("-dirty") {
                Some(commit) => Self::Dirty { commit: commit.to_owned(), run: head.run_id.clone() },
                None => Self::Commit(commit.to_owned()),
            },
            None => Self::Run(head.run_id.clone()),
        }
    }

    /// The commit, where there is one.
    #[must_use]
    pub fn commit(&self) -> Option<&str> {
        match self {
            Self::Commit(commit) | Self::Dirty { commit, .. } => Some(commit),
            Self::Run(_) => None,
        }
    }

    /// Whether there were changes beside the commit.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        match self {
            Self::Dirty { .. } => true,
            Self::Commit(_) | Self::Run(_) => false,
        }
    }

    fn id(&self) -> String {
        match self {
            Self::Commit(commit) => commit.clone(),
            Self::Dirty { commit, run } => format!("{commit}-dirty ({run})"),
            Self::Run(run) => run.clone(),
        }
    }
}

impl Entry {
    /// The median of its epochs, which stands for it.
    #[must_use]
    pub fn value(&self) -> f64 {
        Sorted::new(self.epochs.iter().copied()).median().unwrap_or_default()
    }

    fn of(origin: Origin, past: &[&Past]) -> Option<Self> {
        let surroundings = Surroundings::of(past.last()?);
        let kept: Vec<&&Past> =
            past.iter().filter(|epoch| Surroundings::of(epoch) == surroundings).collect();
        let mut runs: Vec<String> = kept.iter().map(|epoch| epoch.head.run_id.clone()).collect();
        runs.dedup();
        Some(Self {
            id: origin.id(),
            at_us: kept.first()?.head.started_us,
            epochs: kept.iter().map(|epoch| epoch.value).collect(),
            origin,
            runs,
            surroundings,
        })
    }
}

/// The entries of a series, oldest first, from its epochs by time: commits that the repository
/// knows in the order of `ages`, what it does not know in between by time.
pub(super) fn entries(past: &[&Past], ages: &BTreeMap<String, usize>) -> Vec<Entry> {
    let mut groups: BTreeMap<Origin, Vec<&Past>> = BTreeMap::new();
    for epoch in past {
        groups.entry(Origin::of(&epoch.head)).or_default().push(epoch);
    }
    let all = groups.into_iter().filter_map(|(origin, past)| Entry::of(origin, &past));
    let age = |entry: &Entry| ages.get(entry.origin.commit()?).copied();
    let (mut known, mut unknown): (Vec<Entry>, Vec<Entry>) =
        all.partition(|entry| age(entry).is_some());
    known.sort_by_key(|entry| (Reverse(age(entry)), entry.origin.is_dirty(), entry.at_us));
    unknown.sort_by_key(|entry| entry.at_us);
    merged(known, unknown)
}

/// Both in their own order. A commit that was measured belatedly counts as measured when the next
/// one was.
fn merged(known: Vec<Entry>, unknown: Vec<Entry>) -> Vec<Entry> {
    let mut times: Vec<i64> = known.iter().map(|entry| entry.at_us).collect();
    for at in (1..times.len()).rev() {
        times[at - 1] = times[at - 1].min(times[at]);
    }
    let known = times.into_iter().zip(known);
    let unknown = unknown.into_iter().map(|entry| (entry.at_us, entry));
    let mut all: Vec<(i64, Entry)> = known.chain(unknown).collect();
    // Stable: among equal times the order of commits stays.
    all.sort_by_key(|(time, _)| *time);
    all.into_iter().map(|(_, entry)| entry).collect()
}

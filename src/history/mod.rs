//! A metric over the commits of a project: which epochs make a series, in which order its entries
//! stand, what cuts it, and what is found in it.
//!
//! Nothing here is measured or decided anew: what changed and what crept is the judge's word, what
//! was measured is the store's, and the order of commits is handed in.

mod entry;
mod environment;

pub use entry::{Entry, Origin};
pub use environment::Surroundings;

use crate::store::Past;
use std::collections::{BTreeMap, BTreeSet};
use tokgate_baseline::{Change, Commit, Drift, History, changes, drift};
use tokgate_core::case::Tolerance;
use tokgate_core::metric::{Metric, MetricRef};
use tokgate_core::scenario::default_tolerance;
use tokgate_core::unit::Unit;

/// What is asked of the past.
#[derive(Debug, Clone)]
pub struct Question {
    /// The metric.
    pub metric: MetricRef,
    /// A part of the case's name; any case without.
    pub case: Option<String>,
    /// The machine's key; any machine without.
    pub machine: Option<String>,
    /// Microseconds since 1970 before which epochs are left out.
    pub since_us: Option<i64>,
    /// What the latest entries are compared with.
    pub anchor: Option<Anchor>,
    /// How far the metric may creep.
    pub budget: Tolerance,
}

/// A commit or run to compare with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// As it was named.
    pub name: String,
    /// The full hash of the commit, where the repository knows one of that name.
    pub commit: Option<String>,
}

/// What is measured again and again, under one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The case.
    pub case: String,
    /// The machine's key.
    pub machine: String,
    /// How the target is served.
    pub platform: String,
    /// The model.
    pub model: String,
}

/// One metric of one key, over all that was measured of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Whose metric it is.
    pub key: Key,
    /// How far the metric may move before it counts as changed.
    pub tolerance: Tolerance,
    /// Its entries, oldest first; at least one.
    pub entries: Vec<Entry>,
    /// How many of the latest entries can be compared with each other.
    pub comparable: usize,
    /// What changed, oldest first.
    pub changes: Vec<Found>,
    /// Whether it crept; `None` where nothing can be said.
    pub drift: Option<Drift>,
    /// What became of the anchor.
    pub anchored: Anchored,
}

/// A change, and the last entry that is surely without it.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The entry before the first that may have brought it.
    pub after: Option<String>,
    /// The change.
    pub change: Change,
}

/// What an anchor is to a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchored {
    /// None was named.
    Unasked,
    /// It was not measured here.
    Absent,
    /// It was measured in another environment than the latest entry.
    Elsewhere,
    /// It is compared with.
    Here,
}

/// How far a metric may creep where nobody says: 5 %, or one percentage point of a share.
#[must_use]
pub fn usual_budget(metric: &Metric) -> Tolerance {
    if metric.unit == Unit::Ratio { Tolerance::Absolute(0.01) } else { Tolerance::Relative(0.05) }
}

/// Every series that the question is about, by its key. `ages` says how many commits ago each
/// commit was that the project's repository knows.
#[must_use]
pub fn series(past: Vec<Past>, question: &Question, ages: &BTreeMap<String, usize>) -> Vec<Series> {
    let mut groups: BTreeMap<Key, Vec<Past>> = BTreeMap::new();
    for epoch in past.into_iter().filter(|epoch| question.is_about(epoch)) {
        groups.entry(Key::of(&epoch)).or_default().push(epoch);
    }
    let drafts: Vec<Draft> =
        groups.into_iter().filter_map(|(key, past)| Draft::of(key, past, question, ages)).collect();
    let histories: Vec<History> = drafts.iter().map(|draft| draft.history.clone()).collect();
    drafts
        .into_iter()
        .zip(changes(&histories))
        .map(|(draft, changes)| draft.told(changes, question.budget))
        .collect()
}

/// What one metric was, oldest first, a value for each entry. Nothing is looked for in it.
#[must_use]
pub fn values(past: &[Past], ages: &BTreeMap<String, usize>) -> BTreeMap<Key, Vec<f64>> {
    let mut groups: BTreeMap<Key, Vec<&Past>> = BTreeMap::new();
    for epoch in past {
        groups.entry(Key::of(epoch)).or_default().push(epoch);
    }
    let told = |past: Vec<&Past>| entry::entries(&past, ages).iter().map(Entry::value).collect();
    groups.into_iter().map(|(key, past)| (key, told(past))).collect()
}

/// The full hashes of all commits that were measured.
#[must_use]
pub fn commits(past: &[Past]) -> BTreeSet<String> {
    past.iter().filter_map(|epoch| Origin::of(&epoch.head).commit().map(str::to_owned)).collect()
}

impl Question {
    fn is_about(&self, epoch: &Past) -> bool {
        let id = &epoch.head.case.id;
        let called = |part: &String| id.0.contains(part) || id.listed().contains(part);
        let on = |machine: &String| epoch.head.machine.0 == *machine;
        self.case.as_ref().is_none_or(called) && self.machine.as_ref().is_none_or(on)
    }

    fn is_within(&self, epoch: &Past) -> bool {
        self.since_us.is_none_or(|since| epoch.head.started_us >= since)
    }
}

impl Anchor {
    /// Whether an epoch is of this run, or of this commit without changes to it.
    fn is(&self, epoch: &Past) -> bool {
        let commit = self.commit.as_deref().unwrap_or(&self.name);
        let same = |origin: &Origin| match origin {
            Origin::Commit(id) => id == commit,
            Origin::Dirty { .. } | Origin::Run(_) => false,
        };
        epoch.head.run_id == self.name || same(&Origin::of(&epoch.head))
    }
}

impl Key {
    fn of(Past { head, .. }: &Past) -> Self {
        Self {
            case: head.case.id.0.clone(),
            machine: head.machine.0.clone(),
            platform: head.target.platform.clone(),
            model: head.target.model.clone(),
        }
    }
}

/// A series before anything was looked for in it.
struct Draft {
    key: Key,
    entries: Vec<Entry>,
    history: History,
    /// What the anchor's epochs said in the environment of the latest entry.
    anchor: Vec<f64>,
    anchored: Anchored,
}

impl Draft {
    /// `None` where nothing of it is asked for.
    fn of(
        key: Key,
        past: Vec<Past>,
        question: &Question,
        ages: &BTreeMap<String, usize>,
    ) -> Option<Self> {
        let within: Vec<&Past> = past.iter().filter(|epoch| question.is_within(epoch)).collect();
        let newest = within.last()?;
        let written = newest.head.case.gate.tolerances.get(&question.metric).copied();
        let tolerance = written.unwrap_or_else(|| default_tolerance(question.metric));
        let entries = entry::entries(&within, ages);
        let latest = &entries.last()?.surroundings;
        let (anchor, anchored) = anchor(&past, question.anchor.as_ref(), latest);
        let Key { case, machine, platform, model } = &key;
        let history = History {
            key: format!("{case} {} {machine} {platform} {model}", question.metric),
            metric: question.metric,
            tolerance,
            commits: entries.iter().map(commit).collect(),
        };
        Some(Self { key, entries, history, anchor, anchored })
    }

    fn told(self, changes: Vec<Change>, budget: Tolerance) -> Series {
        let before = |first: &str| {
            let at = self.entries.iter().position(|entry| entry.id == first)?;
            Some(self.entries[at.checked_sub(1)?].id.clone())
        };
        let found = |change: Change| Found { after: before(&change.first), change };
        Series {
            changes: changes.into_iter().map(found).collect(),
            comparable: self.history.comparable(),
            drift: drift(&self.history, &self.anchor, budget),
            tolerance: self.history.tolerance,
            key: self.key,
            anchored: self.anchored,
            entries: self.entries,
        }
    }
}

fn commit(entry: &Entry) -> Commit {
    Commit {
        id: entry.id.clone(),
        epochs: entry.epochs.clone(),
        environment: entry.surroundings.to_string(),
    }
}

/// What the anchor said where the latest entry was measured, however long ago that was.
fn anchor(past: &[Past], anchor: Option<&Anchor>, latest: &Surroundings) -> (Vec<f64>, Anchored) {
    let Some(anchor) = anchor else { return (Vec::new(), Anchored::Unasked) };
    let all: Vec<&Past> = past.iter().filter(|epoch| anchor.is(epoch)).collect();
    let here = all.iter().filter(|epoch| Surroundings::of(epoch) == *latest);
    let values: Vec<f64> = here.map(|epoch| epoch.value).collect();
    match (all.is_empty(), values.is_empty()) {
        (true, _) => (values, Anchored::Absent),
        (false, true) => (values, Anchored::Elsewhere),
        (false, false) => (values, Anchored::Here),
    }
}

impl Series {
    /// The first entry of the latest environment and how it differs from the one before it, where
    /// the environment ever changed.
    #[must_use]
    pub fn cut(&self) -> Option<(usize, Vec<String>)> {
        let latest = &self.entries.last()?.surroundings;
        let before = self.entries.iter().rposition(|entry| entry.surroundings != *latest)?;
        let differences = self.entries[before].surroundings.differences(latest);
        Some((before + 1, differences))
    }
}

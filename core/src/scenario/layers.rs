//! What applies to a case, weakest first: what the file extends, the file's top level, the case,
//! the hardware preset, overrides. The strongest value that fits wins, key by key.

use super::fit::{self, Choice, Misfit};
use super::schema;
use super::tree::{Entry, Node, Place};
use crate::diagnostic::{Diagnostic, Diagnostics};
use std::collections::{BTreeMap, BTreeSet};

/// The tables whose keys are resolved one by one.
pub(super) const TABLES: [&str; 12] = [
    "target",
    "requires",
    "run",
    "telemetry",
    "dataset",
    "workload",
    "retrieval",
    "rag",
    "pressure",
    "validity",
    "quality",
    "alerts",
];

/// Where a value comes from, which decides what happens when it does not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The top of a file: a default for the cases that it fits; it must fit one.
    Shared,
    /// The case itself: it must fit.
    Case,
    /// A machine's changes: must fit a case, and axes, goals and tolerances only replace.
    Preset,
    /// An option of the command line: must fit a case.
    Override,
}

/// Tables that apply to a case.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) node: &'a Node,
    pub(super) role: Role,
}

/// One value that a key might have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) table: &'a str,
    pub(super) entry: &'a Entry,
    pub(super) role: Role,
    /// Index of its layer: stronger is larger.
    pub(super) rank: usize,
    /// Whether it is a list of values, all of which are measured.
    pub(super) axis: bool,
}

impl<'a> Candidate<'a> {
    pub(super) fn key(&self) -> &'a str {
        &self.entry.key
    }

    /// Its values: one, or those of the axis.
    pub(super) fn values(&self) -> Vec<&'a Node> {
        match self.axis {
            true => self.entry.node.items().iter().collect(),
            false => vec![&self.entry.node],
        }
    }

    fn says_again(&self, other: &Candidate<'_>) -> Diagnostic {
        let fault = self.fault(&format!("says again what `{}` says", other.key()));
        decided(fault.help("keep one of them"), Some(&other.entry.place))
    }

    pub(super) fn fault(&self, what: &str) -> Diagnostic {
        self.entry.place.fault(format!("`{}` {what}", self.key()))
    }
}

/// All candidates of a case, weakest first.
pub(super) fn candidates<'a>(layers: &[Layer<'a>]) -> Vec<Candidate<'a>> {
    let mut all = Vec::new();
    for (rank, layer) in layers.iter().enumerate() {
        let mut add = |table: &'a str, entry: &'a Entry, axis| {
            all.push(Candidate { table, entry, role: layer.role, rank, axis });
        };
        for entry in layer.node.entries().iter().filter(|entry| is_plain(&entry.key)) {
            add("", entry, false);
        }
        for table in TABLES {
            for entry in layer.node.get(table).into_iter().flat_map(Node::entries) {
                match (table, entry.key.as_str()) {
                    ("target", "simulation") => {
                        entry
                            .node
                            .entries()
                            .iter()
                            .for_each(|inner| add("simulation", inner, false));
                    }
                    _ => add(table, entry, false),
                }
            }
        }
        for entry in layer.node.get("matrix").into_iter().flat_map(Node::entries) {
            if let Some(table) = table_of(&entry.key) {
                add(table, entry, true);
            }
        }
    }
    all
}

/// Keys of a case that stand outside its tables.
fn is_plain(key: &str) -> bool {
    matches!(key, "kind" | "notes" | "benchmark_type")
}

/// The table that an axis belongs to.
pub(super) fn table_of(axis: &str) -> Option<&'static str> {
    schema::axes().find(|(_, field)| field.name == axis).map(|(table, _)| table)
}

/// Remembers what fitted somewhere and what did not, over all cases of a plan.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    used: BTreeSet<Place>,
    unused: BTreeMap<Place, Diagnostic>,
}

impl Ledger {
    /// It applied to a case.
    pub(super) fn used(&mut self, entry: &Entry) {
        self.used_at(&entry.place);
    }

    /// What stands there applied to a case.
    pub(super) fn used_at(&mut self, place: &Place) {
        self.used.insert(place.clone());
    }

    /// It did not apply; `fault` is what to say should it apply to no other case either.
    pub(super) fn unused_at(&mut self, place: &Place, fault: Diagnostic) {
        self.unused.entry(place.clone()).or_insert(fault);
    }

    /// Reports what applied to no case at all.
    pub(super) fn close(self, faults: &mut Diagnostics) {
        let fitted = self.used;
        self.unused
            .into_iter()
            .filter(|(place, _)| !fitted.contains(place))
            .for_each(|(_, fault)| faults.push(fault));
    }
}

/// The strongest candidate for each key under a choice, in the order of first appearance.
pub(super) fn strongest<'a>(
    all: &[Candidate<'a>],
    choice: Choice,
    ledger: &mut Ledger,
    faults: &mut Diagnostics,
) -> Vec<Candidate<'a>> {
    let mut chosen: Vec<Candidate<'a>> = Vec::new();
    for candidate in all {
        let fit = fit::key_fits(candidate.table, candidate.key(), choice);
        let same = |other: &Candidate<'_>| {
            other.table == candidate.table && fit::say_the_same(other.key(), candidate.key())
        };
        let weaker = chosen.iter().position(same);
        let replaces = weaker.is_some_and(|at| chosen[at].axis);
        if let Err(misfit) = fit {
            refuse(candidate, &misfit, all, ledger, faults);
        } else if candidate.axis && candidate.role == Role::Preset && !replaces {
            let fault = candidate.fault("replaces nothing: no case has this axis");
            ledger.unused_at(&candidate.entry.place, fault);
        } else {
            ledger.used(candidate.entry);
            let twice = weaker
                .map(|at| chosen[at])
                .filter(|other| other.rank == candidate.rank && other.key() != candidate.key());
            if let Some(other) = twice {
                faults.push(candidate.says_again(&other));
            }
            match weaker {
                Some(at) => chosen[at] = *candidate,
                None => chosen.push(*candidate),
            }
        }
    }
    chosen
}

/// A candidate that does not fit. It goes silently if something stronger decided so; else a case
/// is wrong about itself, and what is shared must at least fit another case.
fn refuse(
    candidate: &Candidate<'_>,
    misfit: &Misfit,
    all: &[Candidate<'_>],
    ledger: &mut Ledger,
    faults: &mut Diagnostics,
) {
    let decisive = all.iter().rfind(|other| (other.table, other.key()) == misfit.decided_by);
    let by_choice = misfit.decided_by != fit::BY_CASE;
    if by_choice && decisive.is_some_and(|other| other.rank > candidate.rank) {
        return;
    }
    let fault = candidate.fault(&misfit.why);
    match candidate.role {
        Role::Case => faults.push(decided(fault, decisive.map(|other| &other.entry.node.place))),
        Role::Shared | Role::Preset | Role::Override => {
            ledger.unused_at(&candidate.entry.place, fault)
        }
    }
}

/// The fault with the place that decided so, where that is in the same file.
pub(super) fn decided(fault: Diagnostic, place: Option<&Place>) -> Diagnostic {
    match place.filter(|place| *place.file == *fault.file) {
        Some(place) => fault.note(place.span(), "decided here"),
        None => fault,
    }
}

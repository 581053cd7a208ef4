//! A case with its layers becomes cells: every combination of its axes, each a table of values.

use super::data::DatasetKind;
use super::fit::{self, Choice};
use super::layers::{self, Candidate, Layer, Ledger, Role};
use super::load::LoadKind;
use super::tree::{Node, Place};
use crate::case::DriverKind;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::metric::Kind;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Most cells of one scenario: more than anyone would wait for, and a bound on what is planned.
pub const MAX_CASES: usize = 1000;

/// One combination of axis values.
#[derive(Debug)]
pub(super) struct Cell<'a> {
    pub(super) choice: Choice,
    /// Table to key to value, to be read by serde.
    pub(super) values: Value,
    /// Axis and value, in the file's order, axes with one value included.
    pub(super) axes: Vec<(String, String)>,
    chosen: Vec<Candidate<'a>>,
}

impl Cell<'_> {
    /// Where the value of a key is written; `None` where it is a default.
    pub(super) fn place(&self, table: &str, key: &str) -> Option<&Place> {
        let candidate = self.written(table, key)?;
        let label = self.axes.iter().find(|(axis, _)| axis == key).map(|(_, label)| label);
        let item = candidate.values().into_iter().find(|node| Some(&node.label()) == label);
        Some(item.map_or(&candidate.entry.node.place, |node| &node.place))
    }

    /// Whether the value of a key came by the command line.
    pub(super) fn is_override(&self, table: &str, key: &str) -> bool {
        self.written(table, key).is_some_and(|candidate| candidate.role == Role::Override)
    }

    fn written(&self, table: &str, key: &str) -> Option<&Candidate<'_>> {
        self.chosen.iter().find(|found| found.table == table && found.key() == key)
    }
}

/// The cells of a case of `kind`; whatever hinders goes to `faults`.
pub(super) fn cells<'a>(
    layers: &[Layer<'a>],
    kind: Kind,
    ledger: &mut Ledger,
    faults: &mut Diagnostics,
) -> Vec<Cell<'a>> {
    let all = layers::candidates(layers);
    let default = match kind {
        Kind::Generation => (DriverKind::Auto, DatasetKind::Synthetic),
        Kind::Retrieval => (DriverKind::FlatQ4, DatasetKind::Mixture),
        Kind::Embedding | Kind::Rag => (DriverKind::Openai, DatasetKind::Synthetic),
    };
    let drivers = Decider { kind, all: &all, key: ("target", "driver") }.values(
        default.0,
        fit::driver_fits,
        ledger,
        faults,
    );
    let data = Decider { kind, all: &all, key: ("dataset", "kind") }.values(
        default.1,
        fit::data_fits,
        ledger,
        faults,
    );
    let loads = Decider { kind, all: &all, key: ("workload", "kind") }.values(
        LoadKind::Closed,
        |_, _| true,
        ledger,
        faults,
    );
    let mut cells = Vec::new();
    for driver in &drivers {
        for data in &data {
            for load in &loads {
                let choice = Choice { kind, driver: *driver, data: *data, load: *load };
                expand(&all, choice, ledger, faults, &mut cells);
            }
        }
    }
    cells
}

/// Finds the values of a key that decides which other keys there are.
struct Decider<'a, 'b> {
    kind: Kind,
    all: &'b [Candidate<'a>],
    key: (&'static str, &'static str),
}

impl Decider<'_, '_> {
    fn values<T: for<'de> Deserialize<'de> + Copy>(
        &self,
        default: T,
        fits: fn(T, Kind) -> bool,
        ledger: &mut Ledger,
        faults: &mut Diagnostics,
    ) -> Vec<T> {
        let mut found = vec![default];
        for candidate in self.all.iter().filter(|one| (one.table, one.key()) == self.key) {
            let read: Vec<T> = candidate
                .values()
                .iter()
                .filter_map(|node| serde_json::from_value(node.json()).ok())
                .collect();
            if read.iter().all(|value| fits(*value, self.kind)) {
                ledger.used(candidate.entry);
                found = read;
            } else {
                let fault = self.misfit(candidate);
                match candidate.role {
                    Role::Case => faults.push(fault),
                    Role::Shared | Role::Preset | Role::Override => {
                        ledger.unused_at(&candidate.entry.place, fault);
                    }
                }
            }
        }
        found
    }

    fn misfit(&self, candidate: &Candidate<'_>) -> Diagnostic {
        let names: Vec<String> =
            candidate.values().iter().map(|node| format!("`{}`", node.label())).collect();
        let (what, help) = match self.key.0 {
            "target" => ("driver", fit::drivers_for(self.kind)),
            _ => ("data of kind", fit::data_for(self.kind)),
        };
        let kind = self.kind.as_str();
        let article = fit::article(self.kind);
        let message = format!("{what} {} does not fit {article} {kind} case", names.join(", "));
        candidate
            .entry
            .node
            .place
            .fault(message)
            .help(format!("{article} {kind} case takes {help}"))
    }
}

/// Adds every combination of the axes under one choice.
fn expand<'a>(
    all: &[Candidate<'a>],
    choice: Choice,
    ledger: &mut Ledger,
    faults: &mut Diagnostics,
    cells: &mut Vec<Cell<'a>>,
) {
    let chosen = layers::strongest(all, choice, ledger, faults);
    let axes = axes_in_order(all, &chosen);
    let free: Vec<&Candidate<'_>> =
        axes.iter().copied().filter(|axis| axis.key() != "driver").collect();
    let size = free
        .iter()
        .try_fold(1usize, |size, axis| size.checked_mul(axis.values().len()))
        .filter(|size| size + cells.len() <= MAX_CASES);
    let Some(size) = size else {
        if let Some(axis) = axes.last() {
            let message = format!("the matrix has more than {MAX_CASES} cells");
            faults.push(
                axis.entry
                    .place
                    .fault(message)
                    .help("measure fewer values, or write several scenarios"),
            );
        }
        return;
    };
    for index in 0..size {
        cells.push(cell(&chosen, &axes, choice, index));
    }
}

/// The axes among the chosen, in the order in which they were first written.
fn axes_in_order<'c, 'a>(
    all: &[Candidate<'a>],
    chosen: &'c [Candidate<'a>],
) -> Vec<&'c Candidate<'a>> {
    let mut axes: Vec<&Candidate<'a>> = chosen.iter().filter(|one| one.axis).collect();
    axes.sort_by_key(|axis| all.iter().position(|one| one.axis && one.key() == axis.key()));
    axes
}

/// The cell at `index`; the last axis varies fastest.
fn cell<'a>(
    chosen: &[Candidate<'a>],
    axes: &[&Candidate<'a>],
    choice: Choice,
    index: usize,
) -> Cell<'a> {
    let mut values = json!({});
    for one in chosen.iter().filter(|one| !one.axis) {
        put(&mut values, one, &one.entry.node);
    }
    put_driver(&mut values, choice);
    let mut rest = index;
    let mut labels: Vec<(String, String)> = Vec::new();
    for axis in axes.iter().rev() {
        let label = match axis.key() {
            "driver" => choice.driver.as_str().to_owned(),
            _ => {
                let items = axis.entry.node.items();
                let item = &items[rest % items.len()];
                rest /= items.len();
                put(&mut values, axis, item);
                item.label()
            }
        };
        labels.push((axis.key().to_owned(), label));
    }
    labels.reverse();
    Cell { choice, values, axes: labels, chosen: chosen.to_vec() }
}

fn put_driver(values: &mut Value, choice: Choice) {
    values["target"]["driver"] = choice.driver.as_str().into();
    values["dataset"]["kind"] = choice.data.as_str().into();
    values["workload"]["kind"] = choice.load.as_str().into();
}

fn put(values: &mut Value, one: &Candidate<'_>, node: &Node) {
    let table = match one.table {
        "" => values,
        "simulation" => &mut values["target"]["simulation"],
        table => &mut values[table],
    };
    if table.is_null() {
        *table = Value::Object(Map::new());
    }
    table[one.key()] = node.json();
}

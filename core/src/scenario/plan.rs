//! What a scenario means on a machine: its cases, every value resolved.

use super::cells;
use super::judging::Told;
use super::layers::{Layer, Ledger, Role};
use super::overrides::{self, Override};
use super::read::Scenario;
use super::resolve::{self, Context};
use super::roots::Roots;
use super::tree::Node;
use crate::case::Case;
use crate::day::Day;
use crate::diagnostic::{Diagnostic, Diagnostics, Fault, nearest};
use crate::metric::Kind;
use crate::price::Prices;
use std::collections::BTreeSet;

/// The machine that a plan is for, by the name of its preset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hardware {
    /// What was found. A scenario need not have a preset for it.
    Detected(String),
    /// What the user asked for. A scenario must have a preset for it.
    Named(String),
}

impl Default for Hardware {
    fn default() -> Self {
        Self::Detected(String::new())
    }
}

/// What a plan needs to know beside the scenario.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// The machine.
    pub hardware: Hardware,
    /// What the environment and the command line say, weakest first.
    pub overrides: Vec<Override>,
    /// Folders outside the project that scenarios may name.
    pub roots: Roots,
    /// Bytes of memory that are free on the host, where that is known.
    pub free_memory_bytes: Option<u64>,
    /// What targets cost.
    pub prices: Prices,
    /// The day, which decides whether a metric is still in quarantine; without it all are.
    pub today: Option<Day>,
    /// The cases to plan, by name; all without. What is wrong with the others only under the
    /// overrides is not said.
    pub only: Option<BTreeSet<String>>,
}

/// The cases of a scenario, in the order of its file.
///
/// # Errors
/// When an override is wrong or fits no case, a preset is unknown, or there is nothing to run.
pub fn plan(scenario: &Scenario, facts: &Facts) -> Result<Vec<Case>, Diagnostics> {
    let mut planner = Planner::new(scenario);
    let overrides = overrides::read(&facts.overrides, &mut planner.faults);
    let preset = planner.preset(&facts.hardware);
    if !planner.faults.is_empty() {
        return planner.faults.or(Vec::new());
    }
    let mut ledger = Ledger::default();
    let mut cases = Vec::new();
    for name in planner.names() {
        let layers = planner.layers(&name, preset.as_deref(), &overrides);
        let before = planner.faults.clone();
        let planned = planner.case(&name, &layers, facts, &mut ledger);
        match facts.only.as_ref().is_none_or(|only| only.contains(&name)) {
            true => cases.extend(planned),
            false => planner.faults = before,
        }
    }
    ledger.close(&mut planner.faults);
    planner.finish(cases)
}

struct Planner<'a> {
    scenario: &'a Scenario,
    faults: Diagnostics,
}

impl<'a> Planner<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let mut faults = Diagnostics::default();
        scenario.sources().iter().for_each(|(file, text)| faults.add_source(file, text));
        Self { scenario, faults }
    }

    /// The name of the preset that applies.
    fn preset(&mut self, hardware: &Hardware) -> Option<String> {
        let presets = self.scenario.presets();
        match hardware {
            Hardware::Detected(name) | Hardware::Named(name)
                if presets.contains(&name.as_str()) =>
            {
                Some(name.clone())
            }
            Hardware::Detected(_) => None,
            Hardware::Named(name) => {
                let message = format!("no hardware preset is called `{name}`");
                let fault = Diagnostic::at(self.scenario.file(), 0..0, message);
                self.faults.push(match nearest(name, presets.iter().copied()) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")),
                    None => fault.help(format!("this scenario has {}", listed(&presets))),
                });
                None
            }
        }
    }

    /// The names of the cases, in the order in which they first appear.
    fn names(&self) -> Vec<String> {
        let mut seen = BTreeSet::new();
        self.scenario
            .chain
            .iter()
            .flat_map(cases_of)
            .filter_map(|case| case.get("name")?.text())
            .filter(|name| seen.insert(name.to_lowercase()))
            .map(str::to_owned)
            .collect()
    }

    /// What applies to a case, weakest first.
    fn layers<'b>(&self, name: &str, preset: Option<&str>, overrides: &'b [Node]) -> Vec<Layer<'b>>
    where
        'a: 'b,
    {
        let chain = &self.scenario.chain;
        let mut layers: Vec<Layer<'b>> = Vec::new();
        for root in chain {
            layers.push(Layer { node: root, role: Role::Shared });
            let own = cases_of(root).filter(|case| is_called(case, name));
            layers.extend(own.map(|node| Layer { node, role: Role::Case }));
        }
        let presets = chain.iter().filter_map(|root| root.get("hardware")?.get(preset?));
        layers.extend(presets.map(|node| Layer { node, role: Role::Preset }));
        layers.extend(overrides.iter().map(|node| Layer { node, role: Role::Override }));
        layers
    }

    fn case(
        &mut self,
        name: &str,
        layers: &[Layer<'_>],
        facts: &Facts,
        ledger: &mut Ledger,
    ) -> Vec<Case> {
        let Some(kind) = self.kind(name, layers) else { return Vec::new() };
        let cells = cells::cells(layers, kind, ledger, &mut self.faults);
        let context = Context {
            scenario: self.scenario.name(),
            case: name,
            file: self.scenario.file(),
            layers,
            roots: &facts.roots,
            free_memory_bytes: facts.free_memory_bytes,
            prices: &facts.prices,
            today: facts.today,
            varying: varying(&cells),
        };
        let mut told = Told { ledger, faults: &mut self.faults };
        cells.iter().filter_map(|cell| resolve::resolve(cell, &context, &mut told)).collect()
    }

    /// What a case measures, as the strongest file says.
    fn kind(&mut self, name: &str, layers: &[Layer<'_>]) -> Option<Kind> {
        let own = || layers.iter().filter(|layer| layer.role == Role::Case);
        let written = own().filter_map(|layer| layer.node.get("kind")).next_back();
        if let (None, Some(case)) = (written, own().next_back()) {
            let fault = case.node.place.fault(format!("case `{name}` has no kind"));
            let help =
                "write `kind = \"generation\"`, `\"retrieval\"`, `\"embedding\"` or `\"rag\"`";
            self.faults.push(fault.help(help));
        }
        serde_json::from_value(written?.json()).ok()
    }

    fn finish(mut self, cases: Vec<Case>) -> Result<Vec<Case>, Diagnostics> {
        if cases.len() > cells::MAX_CASES {
            let message = format!(
                "{} cells, more than the {} that a scenario may have",
                cases.len(),
                cells::MAX_CASES
            );
            self.faults.push(Diagnostic::at(self.scenario.file(), 0..0, message));
        }
        if cases.is_empty() && self.faults.is_empty() {
            let fault = Diagnostic::at(self.scenario.file(), 0..0, "there are no cases");
            let fault = fault.help("write a `[[case]]` with a `name` and a `kind`");
            self.faults.push(Diagnostic { fault: Fault::Nothing, ..fault });
        }
        self.faults.or(cases)
    }
}

fn cases_of(root: &Node) -> impl Iterator<Item = &Node> {
    root.get("case").into_iter().flat_map(Node::items)
}

fn is_called(case: &Node, name: &str) -> bool {
    case.get("name").and_then(Node::text).is_some_and(|own| own.eq_ignore_ascii_case(name))
}

/// The axes with more than one value among the cells.
fn varying(cells: &[cells::Cell<'_>]) -> Vec<String> {
    let mut axes: Vec<String> = Vec::new();
    for (axis, value) in cells.iter().flat_map(|cell| &cell.axes) {
        let differs = cells
            .iter()
            .flat_map(|cell| &cell.axes)
            .any(|(other, own)| other == axis && own != value);
        if differs && !axes.contains(axis) {
            axes.push(axis.clone());
        }
    }
    axes
}

fn listed(names: &[&str]) -> String {
    match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    }
}

//! Which goals and tolerances a case is held against: the strongest of those that fit it.

use super::cells::Cell;
use super::defaults::default_tolerances;
use super::fit;
use super::layers::{Layer, Ledger, Role, decided};
use super::lines::{
    BESIDE_METRICS, Read, example, read_goal, read_metric, read_must_detect, read_quarantine,
    read_slo, read_tolerance,
};
use super::tree::{Entry, Node, Place};
use crate::case::{Gate, Quarantine, Tolerance};
use crate::day::Day;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::gate::MUST_DETECT;
use crate::goal::{Bound, Goal};
use crate::metric::{self, Kind, MetricRef, Stat};
use crate::slo::Slo;
use std::collections::BTreeMap;

/// What decides which metrics a case has, and how many samples of each are planned.
#[derive(Debug, Clone, Copy)]
pub(super) struct Planned<'a> {
    pub(super) cell: &'a Cell<'a>,
    pub(super) kind: Kind,
    pub(super) top_k: u32,
    /// Requests of one epoch; `None` where time decides.
    pub(super) requests: Option<u64>,
    /// Whether requests are sent when they are due, so that latencies count from there.
    pub(super) is_open: bool,
    pub(super) output_tokens: u64,
    pub(super) epochs: u64,
    /// The day of the plan, where it is known.
    pub(super) today: Option<Day>,
}

impl Planned<'_> {
    /// Most samples of a metric that all epochs together can give: one a request, for gaps
    /// between tokens one less than there are tokens.
    fn samples(&self, metric: MetricRef) -> u64 {
        let each = match metric.metric.id == metric::ITL.id {
            true => self.output_tokens.saturating_sub(1),
            false => 1,
        };
        // Time alone may bring any number.
        let requests = self.requests.unwrap_or(u64::MAX);
        requests.saturating_mul(self.epochs).saturating_mul(each)
    }

    /// Whether the plan gives a metric the samples that it needs to be judged.
    pub(super) fn is_enough(&self, metric: MetricRef) -> bool {
        self.samples(metric) >= metric.stat.samples_needed() as u64
    }
}

/// The strongest entry of a table for each metric that a case can produce.
struct Chosen<'a, T>(BTreeMap<MetricRef, (&'a Entry, T)>);

impl<'a, T> Chosen<'a, T> {
    fn among(
        layers: &[Layer<'a>],
        table: &str,
        read: fn(&Entry) -> Read<(MetricRef, T)>,
        planned: Planned<'_>,
        told: &mut Told<'_>,
    ) -> Self {
        let mut chosen = BTreeMap::new();
        for layer in layers {
            let entries = layer.node.get(table).into_iter().flat_map(Node::entries);
            for entry in entries.filter(|entry| !BESIDE_METRICS.contains(&entry.key.as_str())) {
                let Some(Ok((metric, value))) = read(entry) else { continue };
                let adds = layer.role == Role::Preset && !chosen.contains_key(&metric);
                if let Err(misfit) = fit::metric_fits(metric, planned.kind, planned.top_k) {
                    let fault = entry.place.fault(format!("`{metric}` {}", misfit.why));
                    let (table, key) = misfit.decided_by;
                    let fault = decided(fault, planned.cell.place(table, key));
                    told.misfit(layer.role, &entry.place, fault);
                } else if adds {
                    let fault = format!("`{metric}` replaces nothing: no case has it");
                    told.misfit(layer.role, &entry.place, entry.place.fault(fault));
                } else {
                    told.ledger.used(entry);
                    chosen.insert(metric, (entry, value));
                }
            }
        }
        Self(chosen)
    }
}

/// Where misfits are told.
pub(super) struct Told<'a> {
    pub(super) ledger: &'a mut Ledger,
    pub(super) faults: &'a mut Diagnostics,
}

impl Told<'_> {
    fn misfit(&mut self, role: Role, place: &Place, fault: Diagnostic) {
        match role {
            Role::Case => self.faults.push(fault),
            // What is shared is not about one case, so the place in one explains nothing.
            Role::Shared | Role::Preset | Role::Override => {
                self.ledger.unused_at(place, Diagnostic { note: None, ..fault });
            }
        }
    }
}

/// The goals of a case, in the order of the catalogue's identifiers.
pub(super) fn goals(layers: &[Layer<'_>], planned: Planned<'_>, told: &mut Told<'_>) -> Vec<Goal> {
    let read =
        |entry: &Entry| read_goal(entry).map(|read| read.map(|goal| (goal.metric, goal.bound)));
    let chosen = Chosen::among(layers, "goals", read, planned, told);
    chosen.0.into_iter().map(|(metric, (_, bound))| Goal { metric, bound }).collect()
}

/// The objectives of a case, in the order of the catalogue's identifiers.
pub(super) fn slos(layers: &[Layer<'_>], planned: Planned<'_>, told: &mut Told<'_>) -> Vec<Slo> {
    let read = |entry: &Entry| {
        let of_request =
            |slo: Slo| (MetricRef { metric: slo.metric, stat: Stat::Value }, slo.bound);
        read_slo(entry).map(|read| read.map(of_request))
    };
    let chosen = Chosen::among(layers, "slo", read, planned, told);
    let slo = |(reference, (_, bound)): (MetricRef, (&Entry, Bound))| Slo {
        metric: reference.metric,
        bound,
    };
    chosen.0.into_iter().map(slo).collect()
}

/// What the judge is told of a case: the file's tolerances, or the defaults where it has none.
pub(super) fn gate(
    layers: &[Layer<'_>],
    goals: &[Goal],
    planned: Planned<'_>,
    told: &mut Told<'_>,
) -> Gate {
    let chosen = Chosen::among(layers, "gate", read_tolerance, planned, told);
    for (metric, (entry, _)) in &chosen.0 {
        shortfall(*metric, &entry.place, planned, told.faults);
    }
    let written: BTreeMap<_, _> =
        chosen.0.into_iter().map(|(metric, (_, tolerance))| (metric, tolerance)).collect();
    let named = !written.is_empty();
    let tolerances = if named { written } else { default_tolerances(planned) };
    let gate = Gate {
        named,
        tolerances,
        required: required(layers, goals, planned, told),
        must_detect: must_detect(layers),
        ..Gate::default()
    };
    quarantined(gate, layers, planned.today, told)
}

/// What the strongest says that must be found.
fn must_detect(layers: &[Layer<'_>]) -> f64 {
    let said = layers.iter().filter_map(|layer| layer.node.get("gate")?.entry("must_detect"));
    let mut read = said.filter_map(|entry| read_must_detect(entry)?.ok());
    read.next_back().unwrap_or(MUST_DETECT)
}

/// The gate without the metrics that are not to be judged today, which it keeps apart.
fn quarantined(
    mut gate: Gate,
    layers: &[Layer<'_>],
    today: Option<Day>,
    told: &mut Told<'_>,
) -> Gate {
    for (metric, quarantine) in quarantines(layers, &gate.tolerances, today, told) {
        match today.is_some_and(|today| today > quarantine.until) {
            true => {
                gate.released.insert(metric, quarantine.until);
            }
            false => {
                gate.tolerances.remove(&metric);
                gate.quarantine.insert(metric, quarantine);
            }
        }
    }
    gate
}

/// The strongest quarantine of each metric that would be judged, expired ones, too.
fn quarantines(
    layers: &[Layer<'_>],
    judged: &BTreeMap<MetricRef, Tolerance>,
    today: Option<Day>,
    told: &mut Told<'_>,
) -> BTreeMap<MetricRef, Quarantine> {
    let mut found = BTreeMap::new();
    for layer in layers {
        let table = layer.node.get("gate").and_then(|gate| gate.get("quarantine"));
        for entry in table.into_iter().flat_map(Node::entries) {
            let Some(Ok((metric, until, why))) = read_quarantine(entry) else { continue };
            let Some(tolerance) = judged.get(&metric).copied() else {
                let fault = format!("`{metric}` is in quarantine, but would not be judged anyway");
                let fault = entry.place.fault(fault);
                let help = "take it out, or give it a tolerance in `[gate]`";
                told.misfit(layer.role, &entry.place, fault.help(help));
                continue;
            };
            told.ledger.used(entry);
            too_long(entry, until, today).into_iter().for_each(|fault| told.faults.push(fault));
            found.insert(metric, Quarantine { until, why, tolerance });
        }
    }
    found
}

/// Longest a metric may be left out: what nobody looks at for a year is no metric any more.
const LONGEST_DAYS: i64 = 365;

fn too_long(entry: &Entry, until: Day, today: Option<Day>) -> Option<Diagnostic> {
    let latest = today?.after(LONGEST_DAYS);
    let place = &entry.node.get("until")?.place;
    let fault = || {
        let message = format!("`until` is {until}, more than {LONGEST_DAYS} days ahead");
        let help = format!("write {latest} at most, and look at it again then; or drop the metric");
        place.fault(message).help(help)
    };
    (until > latest).then(fault)
}

/// Refuses a percentile that the planned load can never have enough samples for.
fn shortfall(metric: MetricRef, place: &Place, planned: Planned<'_>, faults: &mut Diagnostics) {
    if planned.is_enough(metric) {
        return;
    }
    let (needed, samples) = (metric.stat.samples_needed(), planned.samples(metric));
    let message = format!(
        "`{metric}` needs {needed} samples to be judged, and {} requests in {} epochs give at most {samples}",
        planned.requests.unwrap_or_default(),
        planned.epochs
    );
    faults.push(
        place.fault(message).help("plan more requests or epochs, or judge a lower percentile"),
    );
}

/// The required goals: the strongest list, of which each case takes the goals that it has.
fn required(
    layers: &[Layer<'_>],
    goals: &[Goal],
    planned: Planned<'_>,
    told: &mut Told<'_>,
) -> Vec<MetricRef> {
    let mut lists = layers.iter().filter_map(|layer| {
        let entry = layer.node.get("gate")?.entry("required")?;
        Some((layer.role, entry))
    });
    let Some((role, list)) = lists.next_back() else { return Vec::new() };
    let mut required = Vec::new();
    for item in list.node.items() {
        let Some(Ok(metric)) = item.text().and_then(|name| read_metric(name, &item.place)) else {
            continue;
        };
        match goals.iter().any(|goal| goal.metric == metric) {
            true => {
                told.ledger.used_at(&item.place);
                shortfall(metric, &item.place, planned, told.faults);
                required.push(metric);
            }
            false => {
                let fault = item.place.fault(format!("`{metric}` is required, but is no goal"));
                told.misfit(
                    role,
                    &item.place,
                    fault.help(format!(
                        "add it to `[goals]`: `\"{metric}\" = \"{}\"`",
                        example(metric.metric)
                    )),
                );
            }
        }
    }
    required
}

//! The lines to hold a case against, as written: the texts of goals and tolerances, and why they
//! cannot be read. Which case has which of them is not decided here.

use super::tree::{Entry, Node, Place};
use crate::case::Tolerance;
use crate::day::{Day, NoDay};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};
use crate::gate::percent;
use crate::goal::{Bound, Goal};
use crate::metric::{Better, CATALOGUE, Metric, MetricRef};
use crate::slo::Slo;
use crate::summary::of_request;
use crate::unit::Unit;

/// Reports every goal and tolerance in `tables` that cannot be read, whatever it applies to.
pub(super) fn check(tables: &Node, faults: &mut Diagnostics) {
    for entry in tables.get("goals").into_iter().flat_map(Node::entries) {
        if faults.is_full() {
            return;
        }
        faults_of(read_goal(entry), faults);
    }
    for entry in tables.get("slo").into_iter().flat_map(Node::entries) {
        if faults.is_full() {
            return;
        }
        faults_of(read_slo(entry), faults);
    }
    for entry in tables.get("gate").into_iter().flat_map(Node::entries) {
        if faults.is_full() {
            return;
        }
        match entry.key.as_str() {
            "required" => entry.node.items().iter().for_each(|item| {
                let name = item.text().unwrap_or_default();
                faults_of(read_metric(name, &item.place), faults);
            }),
            "must_detect" => faults_of(read_must_detect(entry), faults),
            "quarantine" => {
                let named = entry.node.entries().iter();
                named.for_each(|named| faults_of(read_quarantine(named), faults));
            }
            _ => faults_of(read_tolerance(entry), faults),
        }
    }
}

fn faults_of<T>(read: Read<T>, faults: &mut Diagnostics) {
    if let Some(Err(fault)) = read {
        faults.push(fault);
    }
}

/// Keys of `[gate]` that are no metrics.
pub(super) const BESIDE_METRICS: [&str; 3] = ["required", "must_detect", "quarantine"];

/// What was read, or why it cannot be; `None` where the value is no text at all, which the
/// schema's check has reported.
pub(super) type Read<T> = Option<Result<T, Diagnostic>>;

pub(super) fn read_goal(entry: &Entry) -> Read<Goal> {
    let text = entry.node.text()?;
    let metric = match read_metric(&entry.key, &entry.place)? {
        Ok(metric) => metric,
        Err(fault) => return Some(Err(fault)),
    };
    Some(read_bound(entry, text, metric.metric).map(|bound| Goal { metric, bound }))
}

/// An objective: a number that a request has once, and its line.
pub(super) fn read_slo(entry: &Entry) -> Read<Slo> {
    let text = entry.node.text()?;
    let Some(metric) = of_request(&entry.key) else {
        let message = format!("`{}` is no number that each request has once", entry.key);
        let id = entry.key.split('.').next().unwrap_or_default();
        let names = || CATALOGUE.iter().map(|it| it.id).filter(|id| of_request(id).is_some());
        return Some(Err(entry.place.fault(message).help(match nearest(id, names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("those are {}", names().collect::<Vec<_>>().join(", ")),
        })));
    };
    Some(read_bound(entry, text, metric).map(|bound| Slo { metric, bound }))
}

fn read_bound(entry: &Entry, text: &str, metric: &Metric) -> Result<Bound, Diagnostic> {
    let key = &entry.key;
    let refuse = |why: String| entry.node.place.fault(format!("`{key}`: {why}"));
    match Bound::parse(text, metric.unit) {
        Err(error) => Err(refuse(error.to_string())
            .help(format!("for example `\"{key}\" = \"{}\"`", example(metric)))),
        Ok(bound) => match out_of_range(bound, metric.unit) {
            Some(why) => Err(refuse(why)),
            None => Ok(bound),
        },
    }
}

pub(super) fn example(metric: &Metric) -> &'static str {
    match (metric.unit, metric.better) {
        (Unit::Seconds, _) => "< 5 ms",
        (Unit::Bytes, _) => "< 2 GiB",
        (Unit::BytesPerSecond, _) => ">= 5 GB/s",
        (Unit::TokensPerSecond | Unit::RequestsPerSecond, _) => ">= 30",
        (Unit::Ratio, Better::Higher) => ">= 95 %",
        (Unit::Ratio, Better::Lower | Better::Neither) => "5 .. 15 %",
        (Unit::Count, _) => "<= 3",
        (Unit::Joules, _) => "< 100 J",
        (Unit::TokensPerJoule, _) => ">= 2",
        (Unit::Usd, _) => "< 0.02",
        (Unit::TokensPerSecondPerUsdHour, _) => ">= 10",
        (Unit::Watts, _) => "< 300 W",
        (Unit::Celsius, _) => "< 85 C",
    }
}

/// No metric with a goal is ever negative, and shares end at 1.
fn out_of_range(bound: Bound, unit: Unit) -> Option<String> {
    let (low, high) = match bound {
        Bound::AtLeast { value }
        | Bound::Above { value }
        | Bound::AtMost { value }
        | Bound::Below { value } => (value, value),
        Bound::Within { low, high } => (low, high),
    };
    if low < 0.0 || !high.is_finite() {
        Some("a line below zero or without end is never met or never missed".to_owned())
    } else if unit == Unit::Ratio && high > 1.0 {
        Some(format!("{high} is more than the whole: write `{high} %`, or a share up to 1"))
    } else if high == 0.0 && matches!(bound, Bound::Below { .. }) {
        Some("nothing is below zero: write `<= 0`".to_owned())
    } else {
        None
    }
}

pub(super) fn read_metric(name: &str, place: &Place) -> Read<MetricRef> {
    Some(name.parse::<MetricRef>().map_err(|error| {
        let fault = place.fault(error.to_string());
        match error.help(name) {
            Some(help) => fault.help(help),
            None => fault,
        }
    }))
}

pub(super) fn read_tolerance(entry: &Entry) -> Read<(MetricRef, Tolerance)> {
    let text = entry.node.text()?;
    let metric = match read_metric(&entry.key, &entry.place)? {
        Ok(metric) => metric,
        Err(fault) => return Some(Err(fault)),
    };
    if metric.metric.better == Better::Neither {
        let why = format!("`{metric}` is told and never judged: neither direction is better");
        return Some(Err(entry.place.fault(why)));
    }
    let refuse = || {
        let form = format!("expected {}", Tolerance::form(metric.metric.unit));
        entry.node.place.fault(format!("tolerance \"{text}\": {form}"))
    };
    Some(Tolerance::parse(text, metric.metric.unit).ok_or_else(refuse).map(|found| (metric, found)))
}

/// The effect that must be found, as a share.
pub(super) fn read_must_detect(entry: &Entry) -> Read<f64> {
    let text = entry.node.text()?;
    let share = percent(text, "%").filter(|share| *share > 0.0);
    Some(share.ok_or_else(|| {
        let form = "expected a share of the baseline above 0 and up to 100 %, such as `10 %`";
        entry.node.place.fault(format!("must_detect \"{text}\": {form}"))
    }))
}

/// A metric that is not judged for now: until when, and why.
pub(super) fn read_quarantine(entry: &Entry) -> Read<(MetricRef, Day, String)> {
    let until = entry.node.get("until")?;
    let (day, why) = (until.text()?, entry.node.get("why")?.text()?.to_owned());
    let metric = match read_metric(&entry.key, &entry.place)? {
        Ok(metric) => metric,
        Err(fault) => return Some(Err(fault)),
    };
    let read = |error: NoDay| until.place.fault(format!("`until`: {error}"));
    Some(day.parse().map_err(read).map(|until| (metric, until, why)))
}

//! Whether a baseline says what its raw epochs say: the numbers, the questions, where it comes from.

use crate::file::{Baseline, Provenance};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// How far a number may lie from the one that was computed again, as a share: another processor's
/// logarithm differs in the last digits.
const LAST_DIGITS: f64 = 1e-9;

/// A value that is not what the raw epochs say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Differing {
    /// Which one: `cases.quick/one.tok_s.epochs[2].value`.
    pub place: String,
    /// What the file says; `absent` where it says nothing.
    pub file: String,
    /// What the raw epochs say.
    pub again: String,
}

/// Where `file` differs from what was computed `again` from the epochs it names. The date, the
/// reason, the anchor, and marks that only the file has cannot be computed and are taken as they are.
#[must_use]
pub fn differing(file: &Baseline, again: &Baseline) -> Vec<Differing> {
    let mut found = Vec::new();
    let mut walk = |place: &str, file: Value, again: Value| {
        compare(place, Some(&file), Some(&again), &mut found);
    };
    walk("scenario_hash", json(&file.scenario_hash), json(&again.scenario_hash));
    walk("compat_key", json(&file.compat_key), json(&again.compat_key));
    walk("provenance", provenance(&file.provenance), provenance(&again.provenance));
    walk("cases", json(&file.cases), json(&again.cases));
    found.extend(unmarked(&file.provenance, &again.provenance));
    found
}

/// What can be computed of a provenance.
fn provenance(whole: &Provenance) -> Value {
    let (date, reason, marks) = (String::new(), String::new(), Vec::new());
    json(&Provenance { date, reason, marks, ..whole.clone() })
}

/// Marks that the epochs earn and the file does not have.
fn unmarked(file: &Provenance, again: &Provenance) -> impl Iterator<Item = Differing> {
    let lost = again.marks.iter().filter(|mark| !file.marks.contains(mark));
    lost.map(|mark| Differing {
        place: "provenance.marks".to_owned(),
        file: "absent".to_owned(),
        again: mark.clone(),
    })
}

fn json(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("all keys are texts and all numbers are finite")
}

fn compare(place: &str, file: Option<&Value>, again: Option<&Value>, found: &mut Vec<Differing>) {
    match (file, again) {
        (Some(Value::Object(one)), Some(Value::Object(other))) => {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                compare(&format!("{place}.{key}"), one.get(key), other.get(key), found);
            }
        }
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            for at in 0..one.len().max(other.len()) {
                compare(&format!("{place}[{at}]"), one.get(at), other.get(at), found);
            }
        }
        (one, other) if same(one, other) => {}
        (one, other) => {
            found.push(Differing { place: place.to_owned(), file: told(one), again: told(other) });
        }
    }
}

fn same(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one.and_then(Value::as_f64), other.and_then(Value::as_f64)) {
        (Some(one), Some(other)) => (one - other).abs() <= LAST_DIGITS * one.abs().max(other.abs()),
        _ => one == other,
    }
}

fn told(value: Option<&Value>) -> String {
    value.map_or_else(|| "absent".to_owned(), Value::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::recorded;
    use tokgate_core::case::CaseId;

    #[test]
    fn the_same_epochs_verify_whatever_reason_and_anchor_say() {
        let again = recorded(1, 1.0);
        let mut file = again.clone().in_place_of(&recorded(2, 1.0));
        "because".clone_into(&mut file.provenance.reason);
        "a day later".clone_into(&mut file.provenance.date);
        file.provenance.marks.push("other hardware: measured on a, recorded on b".to_owned());
        assert_eq!(differing(&file, &again), []);
    }

    #[test]
    fn every_edited_value_is_named_with_both() {
        let again = recorded(1, 1.0);
        let mut file = again.clone();
        let metric = "tok_s".parse().unwrap();
        let case = file.cases.get_mut(&CaseId("quick/one".to_owned())).unwrap();
        let known = case.get_mut(&metric).unwrap();
        known.epochs[2].value = 1.0;
        known.aa_pairs.pop();
        "cleaner".clone_into(&mut file.provenance.model);
        let found = differing(&file, &again);
        let places: Vec<&str> = found.iter().map(|one| one.place.as_str()).collect();
        assert_eq!(
            places,
            [
                "provenance.model",
                "cases.quick/one.tok_s.aa_pairs[2]",
                "cases.quick/one.tok_s.epochs[2].value"
            ]
        );
        assert_eq!((found[0].file.as_str(), found[0].again.as_str()), ("\"cleaner\"", "\"m\""));
        assert_eq!(found[1].file, "absent");
    }

    #[test]
    fn the_last_digits_are_another_processors() {
        let again = recorded(1, 1.0);
        let mut file = again.clone();
        let metrics = file.cases.values_mut().flat_map(|case| case.values_mut());
        metrics.for_each(|metric| metric.epochs[0].value *= 1.0 + 1e-12);
        assert_eq!(differing(&file, &again), []);
    }

    #[test]
    fn a_mark_that_was_taken_out_is_missed() {
        let (file, mut again) = (recorded(1, 1.0), recorded(1, 1.0));
        again.provenance.marks.push("the tree was dirty".to_owned());
        let found = differing(&file, &again);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].again, "the tree was dirty");
    }
}

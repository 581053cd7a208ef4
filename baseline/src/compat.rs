//! What must be the same on both sides of a comparison: machine, case, measurement protocol.
//!
//! Engine, model and their versions are the subject of a comparison and may differ.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::environment::MachineId;
use tokgate_core::summary::PROTOCOL;

/// Most differences of a case that are told one by one.
const MOST_TOLD: usize = 5;

/// The compatibility key of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompatKey {
    /// The machine measured on.
    pub machine: MachineId,
    /// The number of the measurement protocol.
    pub protocol: u32,
    /// For each case, what was asked of it.
    #[serde(deserialize_with = "crate::parse::unique")]
    pub cases: BTreeMap<CaseId, Value>,
}

impl CompatKey {
    /// The key of these cases on this machine, by the protocol of this build.
    #[must_use]
    pub fn new<'a>(machine: &MachineId, cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let cases = cases.into_iter().map(|case| (case.id.clone(), asked(case))).collect();
        Self { machine: machine.clone(), protocol: PROTOCOL, cases }
    }

    /// What keeps a run of `case` on `machine` from being compared, in words; empty if nothing
    /// does. A case that the key does not know is new, not different.
    #[must_use]
    pub fn differences(&self, machine: &MachineId, case: &Case) -> Vec<String> {
        let mut found = Vec::new();
        if self.machine != *machine {
            found.push(format!("machine: the baseline's is {}, this is {machine}", self.machine));
        }
        if self.protocol != PROTOCOL {
            let theirs = self.protocol;
            found.push(format!("protocol: the baseline's is {theirs}, this build's is {PROTOCOL}"));
        }
        if let Some(theirs) = self.cases.get(&case.id) {
            found.extend(apart(theirs, &asked(case), RUN_AGAINST_BASELINE));
        }
        found
    }

    /// What keeps a case of a newer baseline from being compared with this one's, in words; empty
    /// if nothing does, and where one of them does not have the case.
    #[must_use]
    pub fn apart_from(&self, newer: &Self, case: &CaseId) -> Vec<String> {
        let mut found = Vec::new();
        if self.machine != newer.machine {
            found.push(format!(
                "machine: {} in the old, {} in the new",
                self.machine, newer.machine
            ));
        }
        if self.protocol != newer.protocol {
            let (old, new) = (self.protocol, newer.protocol);
            found.push(format!("protocol: {old} in the old, {new} in the new"));
        }
        if let (Some(old), Some(new)) = (self.cases.get(case), newer.cases.get(case)) {
            found.extend(apart(old, new, Sides { theirs: "in the old", ours: "in the new" }));
        }
        found
    }

    /// One hash over all cases, in the order of their names.
    #[must_use]
    pub fn scenario_hash(&self) -> String {
        let mut text = String::new();
        for (case, asked) in &self.cases {
            let _ = write!(text, "{case} ");
            canonical(asked, &mut text);
            text.push('\n');
        }
        format!("{:016x}", fingerprint(&text))
    }
}

/// What is asked of a case: what is sent, when, and how it is searched. What answers
/// (driver, model, threads, a simulation's latencies), seeds, epochs, time limits, telemetry,
/// goals and tolerances are no part of it: they do not change the question.
fn asked(case: &Case) -> Value {
    let mut asked = json!({
        "kind": case.kind,
        "endpoint": case.target.endpoint,
        "body": case.target.body,
        "dataset": case.dataset,
        "workload": case.workload,
        "retrieval": case.retrieval,
        "salt": case.run.salt,
        "spike_of": case.run.spike_of,
    });
    // Streamed is what it always was; only the other is another question.
    if !case.target.stream {
        asked["stream"] = json!(false);
    }
    // Only where there is one, so that the questions of other cases stay what they were. Engine and
    // embedding model answer; passages are what is asked about.
    if let Some(embedding) = &case.embedding {
        asked["embedding"] = json!(embedding);
    }
    if let Some(rag) = &case.rag {
        asked["passages"] = json!(rag.passages);
    }
    asked
}

/// Where the questions of two cases differ, in words; each side is called as `sides` says.
pub(crate) fn questions_apart(theirs: &Case, ours: &Case, sides: Sides<'_>) -> Vec<String> {
    apart(&asked(theirs), &asked(ours), sides)
}

/// What the two sides of a difference are called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sides<'a> {
    /// The first: `in the baseline`.
    pub theirs: &'a str,
    /// The second: `here`.
    pub ours: &'a str,
}

const RUN_AGAINST_BASELINE: Sides<'_> = Sides { theirs: "in the baseline", ours: "here" };

/// Where two questions differ, no more of them than are read.
fn apart(theirs: &Value, ours: &Value, sides: Sides<'_>) -> Vec<String> {
    let mut other = Vec::new();
    compare("", (Some(theirs), Some(ours)), sides, &mut other);
    let more = other.len().saturating_sub(MOST_TOLD);
    other.truncate(MOST_TOLD);
    let told = other.into_iter().map(|one| format!("case: {one}"));
    told.chain((more > 0).then(|| format!("case: {more} more differences"))).collect()
}

/// Adds where two questions differ, in words, one for each value.
fn compare(
    path: &str,
    (theirs, ours): (Option<&Value>, Option<&Value>),
    sides: Sides<'_>,
    found: &mut Vec<String>,
) {
    if let (Some(Value::Object(theirs)), Some(Value::Object(ours))) = (theirs, ours) {
        let keys: BTreeSet<&String> = theirs.keys().chain(ours.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(&path, (theirs.get(key), ours.get(key)), sides, found);
        }
    } else if theirs != ours {
        let (here, there) = (told(ours), told(theirs));
        found.push(format!("`{path}` is {there} {} and {here} {}", sides.theirs, sides.ours));
    }
}

/// A value, not more of it than a line holds.
fn told(value: Option<&Value>) -> String {
    const LONGEST: usize = 60;
    let text = value.map_or_else(|| "absent".to_owned(), Value::to_string);
    match text.chars().count() > LONGEST {
        true => text.chars().take(LONGEST).chain(['…']).collect(),
        false => text,
    }
}

/// JSON with sorted keys and no spaces, whatever order the maps at hand keep.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            out.push('{');
            for (key, value) in sorted {
                let _ = write!(out, "{}:", Value::from(key.as_str()));
                canonical(value, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(values) => {
            out.push('[');
            for value in values {
                canonical(value, out);
                out.push(',');
            }
            out.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            let _ = write!(out, "{value}");
        }
    }
}

/// FNV-1a, 64 bits: stable over versions and machines. It tells apart; it protects from nobody.
pub(crate) fn fingerprint(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;
    use tokgate_core::case::{DriverKind, Workload};

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fingerprint(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fingerprint("foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn another_engine_or_model_is_the_same_question() {
        let (one, mut other) = (fixture::case("quick/one"), fixture::case("quick/one"));
        other.target.driver = DriverKind::Embedded;
        other.target.model = Some("other".to_owned());
        other.run.seed += 1;
        assert_eq!(asked(&one), asked(&other));
    }

    #[test]
    fn every_difference_is_named() {
        let (here, there) = (MachineId("here".to_owned()), MachineId("there".to_owned()));
        let case = fixture::case("quick/one");
        let mut key = CompatKey::new(&there, [&case]);
        key.protocol += 1;
        let longer = Case { workload: Workload::closed(1, 1, 1_000_001, 0), ..case.clone() };
        let found = key.differences(&here, &longer);
        assert_eq!(found[0], "machine: the baseline's is there, this is here");
        assert!(found[1].starts_with("protocol: "), "{found:?}");
        let asked = |case: &Case| asked(case)["workload"]["requests"].to_string();
        let (theirs, ours) = (asked(&case), asked(&longer));
        let requests =
            format!("case: `workload.requests` is {theirs} in the baseline and {ours} here");
        assert!(found[2..].contains(&requests), "{found:?}");
        assert_eq!(CompatKey::new(&here, [&case]).differences(&here, &case), [""; 0]);
    }

    #[test]
    fn many_differences_are_counted_and_long_values_cut() {
        let mut found = Vec::new();
        let (a, b) = (json!({ "text": "x".repeat(99), "n": 1 }), json!({ "n": [1] }));
        compare("", (Some(&a), Some(&b)), RUN_AGAINST_BASELINE, &mut found);
        assert_eq!(found[0], "`n` is 1 in the baseline and [1] here");
        assert!(found[1].starts_with("`text` is \"xxx") && found[1].contains("… in"), "{found:?}");
        let here = MachineId("here".to_owned());
        let case = fixture::case("quick/one");
        let mut key = CompatKey::new(&here, [&case]);
        let many: serde_json::Map<_, _> = (0..9).map(|n| (format!("k{n}"), json!(n))).collect();
        key.cases.insert(case.id.clone(), Value::Object(many));
        let told = key.differences(&here, &case);
        assert_eq!(told.len(), MOST_TOLD + 1);
        assert!(told[MOST_TOLD].ends_with("more differences"), "{told:?}");
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let mut texts = [String::new(), String::new()];
        canonical(&serde_json::from_str(r#"{"a":1,"b":[{"d":1,"c":2}]}"#).unwrap(), &mut texts[0]);
        canonical(&serde_json::from_str(r#"{"b":[{"c":2,"d":1}],"a":1}"#).unwrap(), &mut texts[1]);
        assert_eq!(texts[0], texts[1]);
    }
}

//! What must be the same on both sides of a comparison: machine, case, measurement protocol.
//!
//! Engine, model and their versions are the subject of a comparison and may differ.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::environment::MachineId;
use tokgate_core::summary::PROTOCOL;

/// The compatibility key of a baseline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompatKey {
    /// The machine measured on.
    pub machine: MachineId,
    /// The number of the measurement protocol.
    pub protocol: u32,
    /// For each case, the hash of what was asked of it.
    #[serde(deserialize_with = "crate::parse::unique")]
    pub cases: BTreeMap<CaseId, String>,
}

impl CompatKey {
    /// The key of these cases on this machine, by the protocol of this build.
    #[must_use]
    pub fn new<'a>(machine: &MachineId, cases: impl IntoIterator<Item = &'a Case>) -> Self {
        let cases = cases.into_iter().map(|case| (case.id.clone(), case_hash(case))).collect();
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
        let asked = case_hash(case);
        if self.cases.get(&case.id).is_some_and(|theirs| *theirs != asked) {
            found.push(format!("case: {} asks for something else than the baseline's", case.id));
        }
        found
    }

    /// One hash over all cases, in the order of their names.
    #[must_use]
    pub fn scenario_hash(&self) -> String {
        let lines = self.cases.iter().map(|(case, hash)| format!("{case} {hash}\n"));
        hash(&lines.collect::<String>())
    }
}

/// The hash of what is asked of a case: what is sent, when, and how it is searched. What answers
/// (driver, model, threads, a simulation's latencies), seeds, epochs, time limits, telemetry,
/// goals and tolerances are no part of it: they do not change the question.
fn case_hash(case: &Case) -> String {
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
    // Only where there is one, so that the questions of other cases keep their hash. Engine and
    // embedding model answer; passages are what is asked about.
    if let Some(embedding) = &case.embedding {
        asked["embedding"] = json!(embedding);
    }
    if let Some(rag) = &case.rag {
        asked["passages"] = json!(rag.passages);
    }
    let mut text = String::new();
    canonical(&asked, &mut text);
    hash(&text)
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

fn hash(text: &str) -> String {
    format!("{:016x}", fingerprint(text))
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
        assert_eq!(case_hash(&one), case_hash(&other));
    }

    #[test]
    fn every_difference_is_named() {
        let (here, there) = (MachineId("here".to_owned()), MachineId("there".to_owned()));
        let case = fixture::case("quick/one");
        let mut key = CompatKey::new(&there, [&case]);
        key.protocol += 1;
        let longer = Case { workload: Workload::closed(1, 1, 1_000_001, 0), ..case.clone() };
        let found = key.differences(&here, &longer);
        let starts: Vec<_> = found.iter().map(|text| text.split(':').next().unwrap()).collect();
        assert_eq!(starts, ["machine", "protocol", "case"]);
        assert_eq!(CompatKey::new(&here, [&case]).differences(&here, &case), [""; 0]);
    }

    #[test]
    fn the_order_of_keys_does_not_matter() {
        let mut texts = [String::new(), String::new()];
        canonical(&serde_json::from_str(r#"{"a":1,"b":[{"d":1,"c":2}]}"#).unwrap(), &mut texts[0]);
        canonical(&serde_json::from_str(r#"{"b":[{"c":2,"d":1}],"a":1}"#).unwrap(), &mut texts[1]);
        assert_eq!(texts[0], texts[1]);
    }
}

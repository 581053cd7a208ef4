//! The baseline file: what each epoch of a trusted run said of each gated metric.
//!
//! It is text in, text out; where the files lie is known by the edges alone.

use crate::anchor::Anchor;
use crate::compat::CompatKey;
use crate::parse;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokgate_core::case::{CaseId, Tolerance};
use tokgate_core::environment::MachineId;
use tokgate_core::metric::MetricRef;

/// The shape of the file; raised with it.
pub const SCHEMA_VERSION: u32 = 3;

/// A baseline file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// [`SCHEMA_VERSION`]
    pub schema_version: u32,
    /// One hash over what was asked of all cases.
    pub scenario_hash: String,
    /// What must be the same for a comparison.
    pub compat_key: CompatKey,
    /// Where it comes from.
    pub provenance: Provenance,
    /// The first recording that it goes back to; `null` in a first recording.
    pub anchor: Option<Anchor>,
    /// The cases.
    #[serde(deserialize_with = "cases")]
    pub cases: BTreeMap<CaseId, CaseBaseline>,
}

/// The gated metrics of one case.
pub type CaseBaseline = BTreeMap<MetricRef, MetricBaseline>;

/// Where a baseline comes from, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provenance {
    /// Commit measured from, where there was a repository.
    pub commit: Option<String>,
    /// Whether the tree had changes that no commit holds.
    pub dirty: bool,
    /// When, as text.
    pub date: String,
    /// The machine's key.
    pub machine: MachineId,
    /// Version of tokgate.
    pub tool_version: String,
    /// What answered: platform, name and version of the engine.
    pub engine: String,
    /// The model, as the target names it.
    pub model: String,
    /// Free text of the scenario.
    pub notes: String,
    /// The runs it was made from, the oldest first.
    pub runs: Vec<String>,
    /// Why it was recorded: free text of whoever did.
    pub reason: String,
    /// Why it should be trusted less; empty for a sound one.
    pub marks: Vec<String>,
}

/// What a baseline holds of one metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricBaseline {
    /// One value an epoch.
    #[serde(deserialize_with = "parse::nonempty")]
    pub epochs: Vec<EpochValue>,
    /// How far it may move, as the scenario said when this was recorded: the scale of `aa_pairs`
    /// and of what is told of the file. A run is judged by what its own scenario says.
    #[serde(deserialize_with = "parse::tolerance")]
    pub tolerance: Tolerance,
    /// Differences of pairs of epochs of the same commit back to back:
    /// ln(second) − ln(first), for an absolute tolerance second − first.
    pub aa_pairs: Vec<f64>,
}

/// What one epoch said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochValue {
    /// The booking it was measured in.
    pub booking: String,
    /// The statistic, in the metric's unit.
    #[serde(deserialize_with = "parse::amount")]
    pub value: f64,
    /// Its standard error within the epoch; `null` where one epoch cannot say.
    #[serde(deserialize_with = "parse::amount_or_null")]
    pub se: Option<f64>,
}

/// Why there is no usable baseline.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BaselineError {
    /// Nothing in the file.
    #[error("the file is empty: restore it from git, or record the baseline again")]
    Empty,
    /// An unfinished merge.
    #[error("line {line} is a merge conflict's: take one side whole, or record again")]
    Conflict {
        /// Line, from 1.
        line: usize,
    },
    /// The file ends early.
    #[error("the file ends in the middle, at {line}:{column}: restore it or record again")]
    Torn {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// Not what a baseline looks like.
    #[error("{line}:{column}: {message}")]
    Malformed {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What was found, and what was expected.
        message: String,
    },
    /// A later version's shape.
    #[error(
        "its schema_version is {found}, newer than the {SCHEMA_VERSION} that this build reads: use the tokgate that wrote it"
    )]
    Newer {
        /// The version found.
        found: u32,
    },
    /// The shape of an earlier version.
    #[error(
        "its schema_version is {found}, older than the {SCHEMA_VERSION} that this build reads: record it again, by `tokgate baseline record RUN --force`"
    )]
    Older {
        /// The version found.
        found: u32,
    },
    /// The parts of the file do not belong together.
    #[error("`{field}` does not fit the cases in the file: it was edited by hand; record again")]
    Edited {
        /// Which field.
        field: &'static str,
    },
    /// Nothing was measured.
    #[error("no epoch was measured: there is nothing to record")]
    NothingMeasured,
    /// No case gates anything.
    #[error("nothing gated was measured with enough samples: name metrics under [gate]")]
    NothingGated,
    /// An epoch that may not be judged.
    #[error(
        "an epoch of {case} is INVALID: {why}; measure again, or record the stored run with --allow-invalid"
    )]
    NotTrusted {
        /// The case.
        case: CaseId,
        /// Why not.
        why: String,
    },
    /// An epoch that did not come to its end.
    #[error(
        "epoch {epoch} of {case} was stopped before its end, and half an epoch is none: measure again"
    )]
    Stopped {
        /// The case.
        case: CaseId,
        /// The epoch's test id.
        epoch: String,
    },
    /// What was measured is in no commit.
    #[error(
        "run {run} was measured in a dirty tree, which no commit holds: commit and measure again, or use --allow-dirty"
    )]
    Dirty {
        /// The run.
        run: String,
    },
    /// Measured elsewhere.
    #[error(
        "run {run} was measured on {there}, and this is {here}: record it there, name the machine with --machine, or use --allow-other-hardware"
    )]
    OtherHardware {
        /// The run.
        run: String,
        /// Its machine.
        there: MachineId,
        /// This machine.
        here: MachineId,
    },
    /// Runs of more than one machine.
    #[error(
        "run {first} is of {machine} and run {other} of {another}: a baseline is of one machine; name the runs of one"
    )]
    SeveralMachines {
        /// A run.
        first: String,
        /// Its machine.
        machine: MachineId,
        /// Another run.
        other: String,
        /// Its machine.
        another: MachineId,
    },
    /// Runs that were asked different things.
    #[error(
        "runs {first} and {other} ask different questions in {case}: {}; name runs of one scenario as it is now", .differences.join("; ")
    )]
    SeveralQuestions {
        /// A run.
        first: String,
        /// Another run.
        other: String,
        /// The case.
        case: CaseId,
        /// What differs, value by value.
        differences: Vec<String>,
    },
}

impl Baseline {
    /// Reads a baseline file, and refuses everything that is not exactly one.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        #[derive(Deserialize)]
        struct Version {
            schema_version: u32,
        }
        parse::refuse_wreckage(text)?;
        let version: Version =
            serde_json::from_str(text).map_err(|error| parse::explain(&error))?;
        match version.schema_version {
            SCHEMA_VERSION => {}
            found if found > SCHEMA_VERSION => return Err(BaselineError::Newer { found }),
            found => return Err(BaselineError::Older { found }),
        }
        let baseline: Self = serde_json::from_str(text).map_err(|error| parse::explain(&error))?;
        baseline.refuse_mixture()
    }

    fn refuse_mixture(self) -> Result<Self, BaselineError> {
        if !self.cases.keys().eq(self.compat_key.cases.keys()) {
            return Err(BaselineError::Edited { field: "compat_key" });
        }
        if self.scenario_hash != self.compat_key.scenario_hash() {
            return Err(BaselineError::Edited { field: "scenario_hash" });
        }
        Ok(self)
    }

    /// The file's text: sorted, one number a line, so that two refreshes merge or conflict
    /// visibly. Ends with a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        let text = serde_json::to_string_pretty(self)
            .expect("all keys are texts and all numbers are finite");
        text + "\n"
    }
}

/// Cases and metrics, none of them twice.
fn cases<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<CaseId, CaseBaseline>, D::Error> {
    #[derive(Deserialize)]
    struct Metrics(#[serde(deserialize_with = "parse::unique")] CaseBaseline);
    let cases: BTreeMap<CaseId, Metrics> = parse::unique(deserializer)?;
    Ok(cases.into_iter().map(|(case, metrics)| (case, metrics.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Luck};
    use crate::recorded::Recorded;
    use tokgate_core::validity::Validity;

    fn text() -> String {
        let run = fixture::run(&mut Luck::new(1), 1.0);
        let recorded = Recorded { runs: &[run], validity: &[Validity::Valid] };
        let provenance = Provenance::of(&recorded.runs[0].head, "2026-11-22");
        Baseline::from_runs(&[recorded], provenance).unwrap().to_json()
    }

    /// What parsing says of the file with one thing put in place of another.
    fn refusal(from: &str, to: &str) -> String {
        let text = text();
        assert!(text.contains(from), "{text}");
        Baseline::parse(&text.replacen(from, to, 1)).unwrap_err().to_string()
    }

    /// The first value in the file, as it is written.
    fn first_value() -> String {
        let text = text();
        text.lines().find(|line| line.contains("\"value\"")).unwrap().trim().to_owned()
    }

    #[test]
    fn a_file_reads_back_as_it_was_written() {
        let baseline = Baseline::parse(&text()).unwrap();
        assert_eq!(baseline.to_json(), text());
        assert!(text().ends_with("}\n"));
    }

    #[test]
    fn the_shape_is_the_one_that_is_agreed() {
        let json: serde_json::Value = serde_json::from_str(&text()).unwrap();
        let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
        let agreed =
            ["anchor", "cases", "compat_key", "provenance", "scenario_hash", "schema_version"];
        assert_eq!(keys.len(), agreed.len());
        assert!(agreed.iter().all(|key| keys.iter().any(|found| found == key)));
        let epoch = &json["cases"]["quick/one"]["ttft.p50"]["epochs"][0];
        assert_eq!(epoch["booking"], "b");
        assert!(epoch["value"].as_f64().unwrap() > epoch["se"].as_f64().unwrap());
        assert!(json["cases"]["quick/one"]["ttft.p50"]["aa_pairs"].as_array().unwrap().is_empty());
    }

    #[test]
    fn wreckage_is_named_with_its_place() {
        assert_eq!(Baseline::parse(" \n"), Err(BaselineError::Empty));
        let conflict = refusal("  \"provenance\"", "<<<<<<< ours\n  \"provenance\"");
        assert!(conflict.starts_with("line "), "{conflict}");
        let half = &text()[..text().len() / 2];
        assert!(matches!(Baseline::parse(half), Err(BaselineError::Torn { .. })));
        assert!(Baseline::parse(&(text() + "{}")).is_err());
    }

    #[test]
    fn another_schema_is_refused() {
        let newer = refusal("\"schema_version\": 3", "\"schema_version\": 4");
        assert!(newer.contains("schema_version is 4, newer"), "{newer}");
        let older = refusal("\"schema_version\": 3", "\"schema_version\": 2");
        assert!(older.contains("older") && older.contains("record it again"), "{older}");
    }

    #[test]
    fn what_is_no_number_of_a_measurement_is_refused() {
        for wrong in ["null", "-1.0", "NaN", "Infinity", "1e999", "\"3\""] {
            let error = refusal(&first_value(), &format!("\"value\": {wrong},"));
            assert!(error.starts_with(|c: char| c.is_ascii_digit()), "{wrong}: {error}");
        }
    }

    #[test]
    fn a_tolerance_that_no_scenario_can_say_is_refused() {
        for wrong in ["-2.0", "-0.01", "1e999", "null"] {
            let error = refusal("\"of\": 0.02", &format!("\"of\": {wrong}"));
            assert!(error.starts_with(|c: char| c.is_ascii_digit()), "{wrong}: {error}");
        }
    }

    #[test]
    fn what_is_there_twice_or_unknown_is_refused() {
        let twice = refusal(
            "\"cases\": {\n    \"quick/one\": {",
            "\"cases\": {\n    \"quick/one\": {},\n    \"quick/one\": {",
        );
        assert!(twice.contains("twice"), "{twice}");
        let metric = refusal("\"ttft.p50\"", "\"ttft.p51\"");
        assert!(metric.contains("p51"), "{metric}");
        let field = refusal("\"aa_pairs\"", "\"ab_pairs\"");
        assert!(field.contains("ab_pairs"), "{field}");
    }

    #[test]
    fn parts_of_different_files_are_refused() {
        let hash = refusal("\"scenario_hash\": \"", "\"scenario_hash\": \"0");
        assert!(hash.contains("scenario_hash"), "{hash}");
        let case =
            refusal("\"cases\": {\n      \"quick/one\"", "\"cases\": {\n      \"quick/two\"");
        assert!(case.contains("compat_key"), "{case}");
    }
}

//! What is not trusted to become a baseline, and what is let through with a mark.

use crate::compat::{Sides, questions_apart};
use crate::file::{BaselineError, Provenance};
use crate::recorded::Recorded;
use std::fmt::Display;
use tokgate_core::environment::MachineId;
use tokgate_core::run::{Ending, Head, Run};
use tokgate_core::validity::Validity;

/// How the mark of an INVALID epoch begins: what is made of such epochs is never judged as sound.
const INVALID: &str = "an epoch was INVALID: ";
/// How a commit says that the tree differed from it.
const DIRTY: &str = "-dirty";

/// What is let through, and marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission<'a> {
    /// INVALID epochs.
    pub invalid: bool,
    /// Trees that no commit holds.
    pub dirty: bool,
    /// Other machines than `here`.
    pub other_hardware: bool,
    /// The machine that records; `None` where the runs' own machine is not in question.
    pub here: Option<&'a MachineId>,
}

impl Admission<'static> {
    /// What the run itself may be saved with.
    pub const SAVING: Self = Self { invalid: false, dirty: true, other_hardware: true, here: None };
    /// What may be looked at: everything but half epochs.
    pub const LOOKING: Self = Self { invalid: true, ..Self::SAVING };
}

impl Admission<'_> {
    /// Why a baseline of these cases should be trusted less, each reason once; at least one case
    /// with one epoch each.
    ///
    /// # Errors
    /// With the first thing that is not let through; what is never let through comes first.
    pub fn marks(&self, cases: &[Recorded<'_>]) -> Result<Vec<String>, BaselineError> {
        cases.iter().try_for_each(refuse_half_epochs)?;
        let heads: Vec<&Head> =
            cases.iter().flat_map(|case| case.runs).map(|run| &run.head).collect();
        refuse_several_machines(&heads)?;
        cases.iter().try_for_each(refuse_several_questions)?;
        let mut marks = Vec::new();
        marks.extend(self.other_hardware(&heads)?);
        marks.extend(self.dirty(&heads)?);
        for case in cases {
            marks.extend(self.invalid(case)?);
        }
        marks.extend(several("commits", heads.iter().map(|head| commit(head))));
        // Different cases may well have different targets; one case should have one.
        marks.extend(cases.iter().filter_map(|case| {
            let targets = case.runs.iter().map(|run| target(&run.head));
            several(&format!("targets of {}", case.case().id), targets)
        }));
        Ok(marks)
    }

    fn other_hardware(&self, heads: &[&Head]) -> Result<Option<String>, BaselineError> {
        let Some(here) = self.here else { return Ok(None) };
        let Some(other) = heads.iter().find(|head| !is_of(head, here)) else { return Ok(None) };
        match self.other_hardware {
            true => Ok(Some(format!(
                "other hardware: measured on {}, recorded on {here}",
                other.machine
            ))),
            false => Err(BaselineError::OtherHardware {
                run: other.run_id.clone(),
                there: other.machine.clone(),
                here: here.clone(),
            }),
        }
    }

    fn dirty(&self, heads: &[&Head]) -> Result<Option<String>, BaselineError> {
        let is_dirty = |head: &&&Head| {
            head.environment.commit.as_deref().is_some_and(|commit| commit.ends_with(DIRTY))
        };
        match heads.iter().find(is_dirty) {
            Some(_) if self.dirty => Ok(Some("the tree was dirty".to_owned())),
            Some(head) => Err(BaselineError::Dirty { run: head.run_id.clone() }),
            None => Ok(None),
        }
    }

    fn invalid(&self, case: &Recorded<'_>) -> Result<Vec<String>, BaselineError> {
        let id = &case.case().id;
        let mut marks = Vec::new();
        for why in reasons(case) {
            if !self.invalid {
                return Err(BaselineError::NotTrusted { case: id.clone(), why });
            }
            let mark = format!("{INVALID}{id}: {why}");
            if !marks.contains(&mark) {
                marks.push(mark);
            }
        }
        Ok(marks)
    }
}

impl Provenance {
    /// Why it may not be judged: an INVALID epoch never passes and never regresses.
    #[must_use]
    pub fn invalid(&self) -> Vec<String> {
        let invalid = self.marks.iter().filter_map(|mark| mark.strip_prefix(INVALID));
        invalid.map(str::to_owned).collect()
    }
}

/// Why the epochs of a case may not be judged.
fn reasons(case: &Recorded<'_>) -> Vec<String> {
    if case.validity.len() != case.runs.len() {
        return vec!["whether it is valid was not found out".to_owned()];
    }
    let invalid = case.validity.iter().filter(|validity| !validity.is_valid());
    invalid
        .flat_map(|validity: &Validity| match validity.reasons() {
            [] => vec!["for no reason given".to_owned()],
            reasons => reasons.iter().map(ToString::to_string).collect(),
        })
        .collect()
}

fn refuse_half_epochs(case: &Recorded<'_>) -> Result<(), BaselineError> {
    let half = |run: &&Run| run.ending != Ending::Completed;
    match case.runs.iter().find(half) {
        Some(run) => Err(BaselineError::Stopped {
            case: run.head.case.id.clone(),
            epoch: run.head.test_id.clone(),
        }),
        None => Ok(()),
    }
}

fn refuse_several_machines(heads: &[&Head]) -> Result<(), BaselineError> {
    let Some(first) = heads.first() else { return Ok(()) };
    match heads.iter().find(|head| head.machine != first.machine) {
        Some(other) => Err(BaselineError::SeveralMachines {
            first: first.run_id.clone(),
            machine: first.machine.clone(),
            other: other.run_id.clone(),
            another: other.machine.clone(),
        }),
        None => Ok(()),
    }
}

fn refuse_several_questions(case: &Recorded<'_>) -> Result<(), BaselineError> {
    let first = &case.runs[0].head;
    for other in case.runs.iter().map(|run| &run.head) {
        let (theirs, ours) = (format!("in {}", first.run_id), format!("in {}", other.run_id));
        let sides = Sides { theirs: &theirs, ours: &ours };
        let differences = questions_apart(&first.case, &other.case, sides);
        if !differences.is_empty() {
            return Err(BaselineError::SeveralQuestions {
                first: first.run_id.clone(),
                other: other.run_id.clone(),
                case: first.case.id.clone(),
                differences,
            });
        }
    }
    Ok(())
}

/// Whether a run is of this machine: measured on it, or from it on a target that declares its own.
fn is_of(head: &Head, here: &MachineId) -> bool {
    let declares = head.case.target.runs_on.is_some();
    head.machine == *here || (declares && head.environment.machine() == *here)
}

fn commit(head: &Head) -> String {
    let commit = head.environment.commit.as_deref();
    commit.map_or_else(|| "no commit".to_owned(), |it| it.trim_end_matches(DIRTY).to_owned())
}

fn target(head: &Head) -> String {
    format!("{} by {} {}", head.target.model, head.target.platform, head.target.engine)
}

/// `several commits: a, b`, where there is more than one.
fn several<T: Display + PartialEq>(what: &str, all: impl Iterator<Item = T>) -> Option<String> {
    let mut different: Vec<T> = Vec::new();
    for one in all {
        if !different.contains(&one) {
            different.push(one);
        }
    }
    let told = || different.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    (different.len() > 1).then(|| format!("several {what}: {}", told()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{self, Luck};
    use tokgate_core::case::Workload;
    use tokgate_core::validity::Reason;

    const STRICT: Admission<'_> =
        Admission { invalid: false, dirty: false, other_hardware: false, here: None };

    fn run(run_id: &str) -> Run {
        let mut run = fixture::run(&mut Luck::new(1), 1.0);
        run_id.clone_into(&mut run.head.run_id);
        run
    }

    fn marks(runs: &[Run], admission: &Admission<'_>) -> Result<Vec<String>, BaselineError> {
        let validity = vec![Validity::Valid; runs.len()];
        admission.marks(&[Recorded { runs, validity: &validity }])
    }

    fn refusal(runs: &[Run], admission: &Admission<'_>) -> String {
        marks(runs, admission).unwrap_err().to_string()
    }

    #[test]
    fn a_sound_run_has_no_marks() {
        let here = run("a").head.machine;
        let admission = Admission { here: Some(&here), ..STRICT };
        assert_eq!(marks(&[run("a"), run("b")], &admission), Ok(Vec::new()));
    }

    #[test]
    fn half_an_epoch_is_never_let_through() {
        let stopped = Run { ending: Ending::Interrupted, ..run("a") };
        let told = refusal(&[stopped], &Admission::LOOKING);
        assert!(told.contains("epoch t of quick/one was stopped"), "{told}");
    }

    #[test]
    fn an_invalid_epoch_is_refused_or_marked_and_then_never_judged_as_sound() {
        let runs = [run("a")];
        let invalid = [Validity::Invalid(vec![Reason::NothingMeasured])];
        let cases = [Recorded { runs: &runs, validity: &invalid }];
        let told = STRICT.marks(&cases).unwrap_err().to_string();
        assert!(told.contains("INVALID") && told.contains("--allow-invalid"), "{told}");
        let mut provenance = Provenance::of(&runs[0].head, "");
        provenance.marks = Admission { invalid: true, ..STRICT }.marks(&cases).unwrap();
        assert!(provenance.marks[0].starts_with("an epoch was INVALID: quick/one: "));
        assert_eq!(provenance.invalid().len(), 1);
    }

    #[test]
    fn a_dirty_tree_is_refused_or_marked() {
        let mut dirty = run("a");
        dirty.head.environment.commit = Some("abc-dirty".to_owned());
        let runs = [dirty];
        assert!(refusal(&runs, &STRICT).contains("--allow-dirty"));
        assert_eq!(marks(&runs, &Admission::SAVING).unwrap(), ["the tree was dirty"]);
    }

    #[test]
    fn another_machine_is_refused_or_marked_unless_the_target_declares_its_own() {
        let here = MachineId("here".to_owned());
        let admission = Admission { here: Some(&here), ..STRICT };
        let told = refusal(&[run("a")], &admission);
        assert!(told.contains("this is here") && told.contains("--machine"), "{told}");
        let let_through = Admission { other_hardware: true, ..admission };
        let told = marks(&[run("a")], &let_through).unwrap();
        assert_eq!(told, ["other hardware: measured on cpu-2c-test, recorded on here"]);
        let mut remote = run("a");
        let client = remote.head.environment.machine();
        remote.head.case.target.runs_on =
            Some(serde_json::from_value(serde_json::json!({ "gpu": "H100", "gpus": 1 })).unwrap());
        remote.head.machine = MachineId("h100-x1".to_owned());
        let admission = Admission { here: Some(&client), ..STRICT };
        assert_eq!(marks(&[remote], &admission), Ok(Vec::new()));
    }

    #[test]
    fn runs_of_two_machines_or_two_questions_are_no_baseline() {
        let mut elsewhere = run("b");
        elsewhere.head.machine = MachineId("there".to_owned());
        let told = refusal(&[run("a"), elsewhere], &Admission::LOOKING);
        assert!(told.contains("run a is of cpu-2c-test and run b of there"), "{told}");
        let mut otherwise = run("b");
        otherwise.head.case.workload = Workload::closed(1, 1, 7, 0);
        let told = refusal(&[run("a"), otherwise], &Admission::LOOKING);
        assert!(told.contains("`workload.requests` is 60 in a and 7 in b"), "{told}");
    }

    #[test]
    fn runs_of_several_commits_or_targets_are_marked() {
        let mut other = run("b");
        other.head.environment.commit = Some("abc".to_owned());
        let told = marks(&[run("a"), other], &STRICT).unwrap();
        assert_eq!(told, ["several commits: no commit, abc"]);
        let mut other = run("b");
        "another".clone_into(&mut other.head.target.model);
        let told = marks(&[run("a"), other], &STRICT).unwrap();
        assert_eq!(
            told,
            ["several targets of quick/one: m by simulated e, another by simulated e"]
        );
    }

    #[test]
    fn cases_of_different_targets_are_sound() {
        let (one, mut other) = ([run("a")], [run("a")]);
        other[0].head.case.id = tokgate_core::case::CaseId("quick/two".to_owned());
        "another".clone_into(&mut other[0].head.target.model);
        let valid = [Validity::Valid];
        let cases = [&one, &other].map(|runs| Recorded { runs, validity: &valid });
        assert_eq!(STRICT.marks(&cases), Ok(Vec::new()));
    }
}

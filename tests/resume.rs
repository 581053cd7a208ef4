//! A run that was interrupted is gone on with: what is missing is measured once, what is there stays.

use crate::faces::{code, text, with_scenario};
use crate::store::fixture::{head, keep, open, run};
use crate::support::calls::{
    RESULTS, Running, announced, begun, call, ends, measures, shown, told,
};
use crate::support::is_disturbed;
use crate::support::lab::{Lab, SOUND, Taken};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use tokgate::store::{CaseEnd, Layout, Store, rebuild, summary};
use tokgate_core::run::{Arm, Ending, Run};
use tokgate_core::validity::Validity;

/// A short case and one that a kill comes in the middle of.
const TWO: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 5, itl_ms = 1 }
[run]
epochs = 2
[dataset]
prompt_tokens = 8
output_tokens = 4
[[case]]
name = "short"
kind = "generation"
workload = { requests = 5, warmup = 0 }
[[case]]
name = "long"
kind = "generation"
workload = { requests = 300, warmup = 0 }
"#;

const RUN: [&str; 2] = ["run", "case.toml"];

/// Waits until so many epochs were begun, and their first line is there.
fn until_epochs(folder: &Path, count: usize) {
    let raw = folder.join(RESULTS).join("raw");
    let is_begun = |entry: &std::fs::DirEntry| entry.metadata().is_ok_and(|file| file.len() > 0);
    let begun = || std::fs::read_dir(&raw).into_iter().flatten().flatten().filter(is_begun).count();
    while begun() < count {
        std::thread::yield_now();
    }
}

/// A run of which the second case was cut off, and what was announced of it.
struct Cut {
    folder: TempDir,
    run: String,
    announced: Vec<Value>,
}

impl Cut {
    fn new() -> Self {
        let folder = with_scenario(TWO);
        let running = Running::start(folder.path(), &RUN);
        until_epochs(folder.path(), 3);
        let announced = announced(&running.killed());
        let run = begun(folder.path()).pop().unwrap();
        assert_eq!(announced.len(), 1);
        Self { folder, run, announced }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn record(&self) -> PathBuf {
        Layout::new(self.path().join(RESULTS)).run_file(&self.run)
    }

    /// Goes on with it, as far as it goes on a host that may be disturbed.
    fn resumed(&self) -> Vec<Value> {
        let running = Running::start(self.path(), &["run", "--resume"]);
        let (events, output) = running.rest();
        let told = told(&output);
        assert!(code(&output) == Some(0) || is_disturbed(&output), "{told}");
        assert!(told.contains(&format!("going on with run {}", self.run)), "{told}");
        events
    }
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder.join(RESULTS).join("raw")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn ids(case: &Value) -> Vec<String> {
    let epochs = case["epochs"].as_array().unwrap().iter();
    epochs.map(|epoch| epoch["test_id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_missing_is_measured_once_and_the_rest_is_taken_as_it_is() {
    let cut = Cut::new();
    let checked = ends(cut.path(), &["db", "check"], 0);
    assert!(checked.contains(&format!("`tokgate run --resume {}`", cut.run)), "{checked}");
    let before = files(cut.path());
    let events = cut.resumed();
    let cases = announced(&events);
    assert_eq!(cases[0], cut.announced[0], "what was announced is told again as it was");
    assert_eq!(cases.iter().map(|case| ids(case).len()).collect::<Vec<_>>(), [2, 2]);
    assert_eq!(events.last().unwrap()["run"]["run_id"], cut.run.as_str());
    let after = files(cut.path());
    assert_eq!((before.len(), after.len()), (3, 5));
    let is_cut = |path: &&PathBuf| {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        !cases.iter().flat_map(ids).any(|id| id == stem)
    };
    assert!(before.iter().all(|(path, bytes)| after[path] == *bytes));
    assert_eq!(after.keys().filter(is_cut).count(), 1, "the one that was cut off is in no case");
    assert_eq!(shown(cut.path(), &cut.run), cases);
    let checked = ends(cut.path(), &["db", "check"], 0);
    assert!(checked.contains("5 epochs") && !checked.contains("--resume"), "{checked}");
    let json = text(&call(cut.path(), &["list", "--json"]).stdout);
    let listed: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&listed["runs"][0]["cases"], &listed["runs"][0]["epochs"]), (&2.into(), &5.into()));
}

#[test]
fn another_stretch_has_another_booking_and_other_prompts() {
    let cut = Cut::new();
    cut.resumed();
    // A kill may leave a file without its first line.
    let heads: Vec<Value> = files(cut.path())
        .values()
        .filter_map(|bytes| serde_json::from_slice(bytes.split(|byte| *byte == b'\n').next()?).ok())
        .collect();
    let mut bookings: Vec<&str> =
        heads.iter().map(|head| head["booking_id"].as_str().unwrap()).collect();
    bookings.sort_unstable();
    bookings.dedup();
    assert_eq!(bookings.len(), 2, "{bookings:?}");
    assert!(heads.iter().all(|head| head["run_id"] == cut.run.as_str()));
}

#[test]
fn a_run_that_is_complete_is_not_measured_again() {
    let cut = Cut::new();
    cut.resumed();
    let before = files(cut.path());
    let told = ends(cut.path(), &["run", "--resume", &cut.run], 0);
    assert!(told.contains("is complete"), "{told}");
    let told = ends(cut.path(), &["run", "--resume"], 0);
    assert!(told.contains("is left to go on with"), "{told}");
    assert_eq!(files(cut.path()), before);
}

#[test]
fn another_scenario_another_machine_and_other_options_are_refused() {
    let cut = Cut::new();
    let before = files(cut.path());
    let file = cut.path().join("case.toml");
    std::fs::write(&file, TWO.replace("requests = 300", "requests = 301")).unwrap();
    let told = ends(cut.path(), &["run", "--resume"], 2);
    assert!(told.contains("case::long: `workload.") && told.contains("301, and was 300"), "{told}");
    std::fs::write(&file, TWO).unwrap();
    let told = ends(cut.path(), &["run", "--resume", "--requests", "7"], 2);
    assert!(told.contains("`--requests` is not what the run was asked"), "{told}");
    ends(cut.path(), &["run", "case.toml", "--resume"], 2);
    ends(cut.path(), &["run"], 2);
    let record = std::fs::read_to_string(cut.record()).unwrap();
    for (key, what) in [("machine", "machine"), ("tool_version", "version of tokgate")] {
        let mut other: Value = serde_json::from_str(&record).unwrap();
        other[key] = "elsewhere".into();
        std::fs::write(cut.record(), other.to_string()).unwrap();
        let told = ends(cut.path(), &["run", "--resume"], 3);
        assert!(told.contains(&format!("its {what} was elsewhere")), "{told}");
    }
    assert_eq!(files(cut.path()), before);
}

#[test]
fn of_two_that_go_on_with_one_run_the_second_is_told_who_does() {
    let folder = with_scenario(&TWO.replace("300", "30000"));
    let running = Running::start(folder.path(), &RUN);
    until_epochs(folder.path(), 3);
    let told = ends(folder.path(), &["run", "--resume"], 5);
    assert!(told.contains(&format!("measured by process {}", running.id())), "{told}");
    let events = running.killed();
    assert_eq!(announced(&events).len(), 1);
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_tells_how_to_go_on_with_it() {
    let folder = with_scenario(TWO);
    let running = Running::start(folder.path(), &RUN);
    until_epochs(folder.path(), 3);
    let id = running.id().to_string();
    assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
    let (events, output) = running.rest();
    let run = begun(folder.path()).pop().unwrap();
    assert_eq!(code(&output), Some(130));
    let told = text(&output.stderr);
    assert!(told.contains(&format!("`tokgate run --resume {run}`")), "{told}");
    let first = announced(&events);
    measures(folder.path(), &["run", "--resume", &run], 0);
    let cases = shown(folder.path(), &run);
    assert_eq!(cases.len(), 2);
    assert_eq!(cases[0], first[0]);
    assert_eq!(ids(&cases[1]).len(), 2);
    ends(folder.path(), &["db", "check"], 0);
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_at_once_and_loses_nothing() {
    let folder = with_scenario(TWO);
    let running = Running::start(folder.path(), &RUN);
    until_epochs(folder.path(), 3);
    for _ in 0..2 {
        // The first may have ended it already.
        let id = running.id().to_string();
        Command::new("kill").args(["-INT", &id]).status().unwrap();
    }
    let (events, output) = running.rest();
    assert_eq!(code(&output), Some(130));
    let run = begun(folder.path()).pop().unwrap();
    ends(folder.path(), &["db", "check"], 0);
    measures(folder.path(), &["run", "--resume"], 0);
    assert_eq!(shown(folder.path(), &run)[0], announced(&events)[0]);
}

#[cfg(unix)]
#[test]
fn an_index_that_is_deleted_under_a_run_ends_it_and_is_not_made_anew() {
    let folder = with_scenario(TWO);
    let running = Running::start(folder.path(), &RUN);
    until_epochs(folder.path(), 3);
    let layout = Layout::new(folder.path().join(RESULTS));
    std::fs::remove_file(layout.database()).unwrap();
    let (_, output) = running.rest();
    let told = text(&output.stderr);
    assert_eq!(code(&output), Some(5), "{told}");
    assert!(told.contains("tokgate.sqlite was moved or deleted"), "{told}");
    assert!(!layout.database().exists());
    let told = ends(folder.path(), &["run", "--resume"], 5);
    assert!(told.contains("tokgate rebuild"), "{told}");
    ends(folder.path(), &["rebuild"], 0);
    measures(folder.path(), &["run", "--resume"], 0);
    ends(folder.path(), &["db", "check"], 0);
}

#[test]
fn pairs_and_runs_that_nobody_wrote_down_are_not_gone_on_with() {
    let lab = Lab::new();
    lab.measure(Taken { run: "plain", epochs: 1, ..SOUND });
    let mut store = open(&lab.path().join("results"));
    for arm in [Arm::Base, Arm::Head] {
        let head = head(0, "one", 0);
        let test_id = format!("{}-{arm:?}", head.test_id);
        keep(&mut store, &run(tokgate_core::run::Head { arm, test_id, ..head }));
    }
    drop(store);
    let why = |run: &str| {
        let output = crate::faces::command(lab.path(), &["run", "--resume", run]).output().unwrap();
        assert_eq!(code(&output), Some(2));
        text(&output.stderr)
    };
    assert!(why("run-0").contains("measured pairs"));
    assert!(why("plain").contains("did not keep what it was asked"));
    assert!(why("nobody").contains("tokgate list"));
}

#[test]
fn a_run_that_is_taken_out_takes_what_it_was_asked_with_it() {
    let cut = Cut::new();
    cut.resumed();
    let told = ends(cut.path(), &["rm", &cut.run], 0);
    assert!(told.contains(&cut.run), "{told}");
    assert!(!cut.record().exists() && begun(cut.path()).is_empty());
    let kept = cut.path().join(RESULTS).join("trash").join(&cut.run).join("runs");
    assert!(kept.join(format!("{}.json", cut.run)).exists());
}

#[test]
fn an_epoch_that_was_cut_off_and_measured_again_is_in_no_case() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let named = |ending: Ending, tail: &str| {
        let mut run = run(head(0, "one", 0));
        run.head.test_id.push_str(tail);
        Run { ending, ..run }
    };
    let cut = keep(&mut store, &named(Ending::Interrupted, "-cut"));
    let whole = keep(&mut store, &named(Ending::Completed, "-whole"));
    let runs = [whole.run];
    let said = summary(&runs).unwrap();
    let case =
        CaseEnd { epochs: &runs, validity: &[Validity::Valid], summary: &said, verdicts: &[] };
    store.commit_case(case).unwrap();
    let epochs = store.show("run-0").unwrap();
    assert_eq!(epochs.len(), 1);
    assert_eq!(epochs[0].run.head.test_id, runs[0].head.test_id);
    assert_eq!(store.show(&cut.run.head.test_id).unwrap().len(), 1, "it is there by its name");
    let layout = store.layout().clone();
    drop(store);
    let before = crate::store::rebuild::rows(&layout);
    assert_eq!(rebuild(&layout).unwrap().epochs, 2);
    assert_eq!(crate::store::rebuild::rows(&layout), before);
}

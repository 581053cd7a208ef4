//! What is asked of a team's store is answered as the folder answers it.

use super::Base;
use crate::faces::{command, text};
use crate::store::fixture::{keep_case, open};
use crate::support::calls::call;
use crate::support::choices;
use crate::support::served::Served;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use tokgate::store::pages::{Alerts, Points, Runs, Slice};
use tokgate::store::team::{End, copy};
use tokgate::store::{Layout, Reading};

/// Every command that asks, of a small store.
const ASKED: [&[&str]; 22] = [
    &["list"],
    &["list", "--epochs", "--json"],
    &["list", "--epochs", "--model", "gemma3:4b"],
    &["show", "run-0"],
    &["show", "run-9", "--json"],
    &["history", "ttft.p50"],
    &["stats"],
    &["report", "run-0", "--json"],
    &["report", "comparison", "--json"],
    &["report", "comparison", "--markdown"],
    &["report", "summary"],
    &["verdict", "run-1", "--baseline", "run-0"],
    &["baseline", "show", "run-0"],
    &["baseline", "diff", "run-0", "run-1"],
    &["query"],
    &["query", "--model", "gemma3:4b", "--format", "json"],
    &["estimate", "--requests", "1000"],
    &["compare"],
    &["recommend"],
    &["status"],
    &["recompute", "run-0"],
    &["export", "-", "--format", "json"],
];

fn filled(base: &Base) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("r");
    choices::fill(&results);
    keep_case(&mut open(&results), 9, "judged");
    copy(&End::Folder(Layout::new(&results)), &End::Team(base.team())).unwrap();
    folder
}

/// What a command says of a team's store, asked from a folder in which nothing was measured.
fn of_team(elsewhere: &Path, base: &Base, arguments: &[&str]) -> std::process::Output {
    let mut command = command(elsewhere, arguments);
    command.env("TOKGATE_STORE", base.url()).output().unwrap()
}

#[test]
fn every_command_that_asks_says_the_same() {
    let Some(base) = Base::made() else { return };
    let folder = filled(&base);
    let elsewhere = tempfile::tempdir().unwrap();
    let mut told = 0;
    for arguments in ASKED {
        let local = call(folder.path(), arguments);
        let team = of_team(elsewhere.path(), &base, arguments);
        let (local_said, team_said) = (text(&local.stdout), text(&team.stdout));
        assert_eq!(team_said, local_said, "{arguments:?}: {}", text(&team.stderr));
        assert_eq!(team.status.code(), local.status.code(), "{arguments:?}");
        if local.status.success() {
            told += u32::from(!team_said.is_empty());
        } else {
            assert_eq!(text(&team.stderr), text(&local.stderr), "{arguments:?}");
        }
    }
    assert!(told >= 18, "{told} of {} say something", ASKED.len());
}

#[test]
fn every_page_is_the_same_row_by_row() {
    let Some(base) = Base::made() else { return };
    let folder = filled(&base);
    let here = Layout::new(folder.path().join("r"));
    let within = Duration::from_secs(30);
    let local = Reading::open(&here, within).unwrap();
    let team = Reading::open(&here.clone().of_team(base.team()), within).unwrap();
    assert_eq!(team.counted().unwrap(), local.counted().unwrap());
    assert_eq!(team.machines().unwrap(), local.machines().unwrap());
    let mut slice = Slice { after: None, limit: 2 };
    loop {
        let page = local.runs(&Runs::default(), &slice).unwrap();
        assert_eq!(team.runs(&Runs::default(), &slice).unwrap(), page);
        for run in &page.rows {
            assert_eq!(team.run(&run.run_id).unwrap().as_ref(), Some(run));
            let epochs = local.epochs_of_run(&run.run_id, 100).unwrap();
            assert_eq!(team.epochs_of_run(&run.run_id, 100).unwrap(), epochs);
            let cases = local.cases_of_run(&run.run_id, 100).unwrap();
            assert_eq!(team.cases_of_run(&run.run_id, 100).unwrap(), cases);
        }
        let Some(after) = page.next else { break };
        slice.after = Some(after);
    }
    let all = Slice { after: None, limit: 1 };
    let cases = local.cases(&Slice { limit: 100, ..all.clone() }).unwrap();
    assert_eq!(team.cases(&Slice { limit: 100, ..all.clone() }).unwrap(), cases);
    assert!(!cases.rows.is_empty());
    for case in &cases.rows {
        let first = local.case(&case.case_id, &all).unwrap();
        assert_eq!(team.case(&case.case_id, &all).unwrap(), first);
        let next = Slice { after: first.next, limit: 9 };
        let rest = local.case(&case.case_id, &next).unwrap();
        assert_eq!(team.case(&case.case_id, &next).unwrap(), rest);
    }
    let alerts = local.alerts(&Alerts::default(), &all).unwrap();
    assert_eq!(team.alerts(&Alerts::default(), &all).unwrap(), alerts);
    let behind = Slice { after: alerts.next, limit: 100 };
    let rest = local.alerts(&Alerts::default(), &behind).unwrap();
    assert_eq!(team.alerts(&Alerts::default(), &behind).unwrap(), rest);
    let metric = "tok_s".parse().unwrap();
    let any = Points { metric, case: None, machine: None, model: None, since_us: None };
    let of_case = Points { case: Some("quick/one".to_owned()), ..any.clone() };
    for which in [any, of_case] {
        let points = local.points(&which, &slice_of(3)).unwrap();
        assert_eq!(team.points(&which, &slice_of(3)).unwrap(), points);
        assert!(!points.rows.is_empty());
    }
}

fn slice_of(limit: u32) -> Slice {
    Slice { after: None, limit }
}

/// What is asked over HTTP, of a small store.
const PATHS: [&str; 13] = [
    "/v1/runs",
    "/v1/runs?limit=2",
    "/v1/runs/run-9",
    "/v1/cases",
    "/v1/cases/quick/one",
    "/v1/alerts?limit=2",
    "/v1/benchmarks/models",
    "/v1/benchmarks/estimate?model=gemma3:4b&num_requests=50000",
    "/v1/benchmarks/compare?num_requests=200000",
    "/v1/history?metric=ttft.p50&limit=2",
    "/v1/history?metric=tok_s&case=quick/one",
    "/v1/recommend?task=coding&budget=1-3&context=40000",
    "/v1/status",
];

#[test]
fn everything_that_is_served_is_the_same() {
    let Some(base) = Base::made() else { return };
    let folder = filled(&base);
    let elsewhere = tempfile::tempdir().unwrap();
    let local = Served::start(folder.path(), &[]);
    let team = Served::start(elsewhere.path(), &["--store", &base.url()]);
    let mut found = 0;
    // Twice: the second time by connections that were kept, and rows that were remembered.
    for path in PATHS.into_iter().chain(PATHS) {
        let (mine, theirs) = (local.get(path), team.get(path));
        assert_eq!(theirs.code, mine.code, "{path}: {theirs:?}");
        assert_eq!(theirs.body, mine.body, "{path}");
        found += u32::from(mine.code == 200);
    }
    assert!(found == 26, "{found} of them are there");
    let pid = rustix::process::Pid::from_raw(team.pid() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(team.ended(), Some(0));
}

#[test]
fn a_run_whose_raw_lines_were_not_sent_says_where_they_are() {
    let Some(base) = Base::made() else { return };
    let _folder = filled(&base);
    base.client().batch("DELETE FROM tokgate.raw_files").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let output = of_team(elsewhere.path(), &base, &["show", "run-0"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains("where it was measured") && said.contains("store deliver"), "{said}");
}

//! When pages are written, where, and when they go.

use crate::faces::{code, command, text, with_scenario};
use crate::store::fixture::{head, keep, open, run};
use crate::support::undisturbed;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

const SCENARIO: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.1 }
[dataset]
prompt_tokens = 8
output_tokens = 4
[[case]]
name = "few"
kind = "generation"
workload = { requests = 12, warmup = 0 }
"#;

fn tokgate(folder: &Path, arguments: &[&str]) -> Output {
    undisturbed(|| command(folder, arguments).output().unwrap())
}

/// Two runs of one epoch each.
fn kept() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    keep(&mut store, &run(head(0, "one", 0)));
    keep(&mut store, &run(head(1, "one", 0)));
    folder
}

/// What `tokgate report` says, when it ends like this.
fn report(folder: &Path, further: &[&str], exit: i32) -> String {
    let arguments = [&["report"], further, &["--results-dir", "r"]].concat();
    let output = command(folder, &arguments).output().unwrap();
    let told = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    told
}

fn pages(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("r/reports")).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> = names.filter(|name| name.ends_with(".html")).collect();
    pages.sort_unstable();
    pages
}

#[test]
fn a_run_leaves_a_page_and_says_where() {
    let folder = with_scenario(SCENARIO);
    let output = tokgate(folder.path(), &["run", "case.toml", "--results-dir", "r"]);
    let told = text(&output.stdout);
    let pages = pages(folder.path());
    assert_eq!(pages.len(), 1, "{told}");
    let line = told.lines().find(|line| line.starts_with("page  ")).unwrap();
    assert!(line.ends_with(&pages[0]), "{line}");
    let page = std::fs::read_to_string(folder.path().join("r/reports").join(&pages[0])).unwrap();
    assert!(page.contains("case on ") && page.trim_end().ends_with("</html>"), "{}", page.len());
}

#[test]
fn a_scenario_may_want_no_page_and_a_run_that_is_not_kept_has_none() {
    let folder = with_scenario(&format!("{SCENARIO}\n[run]\nhtml_report = false\n"));
    let output = tokgate(folder.path(), &["run", "case.toml", "--results-dir", "r"]);
    assert!(pages(folder.path()).is_empty());
    assert!(!text(&output.stdout).contains("page  "));
    let folder = with_scenario(SCENARIO);
    let output = tokgate(folder.path(), &["run", "case.toml", "--no-store"]);
    assert!(!text(&output.stdout).contains("page  "), "{}", text(&output.stdout));
}

#[test]
fn a_stored_run_has_its_page_again_where_it_is_wanted() {
    let folder = kept();
    let told = report(folder.path(), &["run-0", "--html"], 0);
    assert!(told.contains("run-0.html"), "{told}");
    assert_eq!(pages(folder.path()), ["run-0.html"]);
    let usual = std::fs::read_to_string(folder.path().join("r/reports/run-0.html")).unwrap();
    report(folder.path(), &["run-0", "--html", "mine.html"], 0);
    assert_eq!(std::fs::read_to_string(folder.path().join("mine.html")).unwrap(), usual);
    assert_eq!(report(folder.path(), &["run-0", "--html", "-"], 0).trim_end(), usual.trim_end());
}

#[test]
fn several_runs_stand_side_by_side() {
    let folder = kept();
    report(folder.path(), &["run-0", "run-1", "--html"], 0);
    assert_eq!(pages(folder.path()), ["side-by-side.html"]);
    let page = std::fs::read_to_string(folder.path().join("r/reports/side-by-side.html")).unwrap();
    assert!(
        page.contains("2 runs side by side") && page.contains("run-0") && page.contains("run-1")
    );
}

#[test]
fn what_cannot_be_a_page_is_said_to_be_none() {
    let folder = kept();
    let told = report(folder.path(), &["run-0", "run-1", "--json"], 2);
    assert!(told.contains("side by side, by `--html`"), "{told}");
    let told = report(folder.path(), &["comparison", "run-1", "--html"], 2);
    assert!(told.contains("the comparison is no page"), "{told}");
    let told = report(folder.path(), &["run-0", "run-9", "--html"], 2);
    assert!(told.contains("run-9"), "{told}");
    assert!(pages(folder.path()).is_empty(), "nothing is written by half");
}

#[test]
fn a_page_quotes_answers_and_goes_when_they_go() {
    let folder = kept();
    report(folder.path(), &["run-0", "--html"], 0);
    let page = folder.path().join("r/reports/run-0.html");
    assert!(std::fs::read_to_string(&page).unwrap().contains("DROP TABLE"));
    let arguments = ["purge", "run-0", "--yes", "--results-dir", "r"];
    assert_eq!(code(&command(folder.path(), &arguments).output().unwrap()), Some(0));
    assert!(!page.exists());
    report(folder.path(), &["run-0", "--html"], 0);
    assert!(!std::fs::read_to_string(&page).unwrap().contains("DROP TABLE"));
}

#[test]
fn a_run_that_is_taken_out_takes_its_page_with_it() {
    let folder = kept();
    report(folder.path(), &["run-0", "--html"], 0);
    let arguments = ["rm", "run-0", "--results-dir", "r"];
    assert_eq!(code(&command(folder.path(), &arguments).output().unwrap()), Some(0));
    assert!(pages(folder.path()).is_empty());
    assert!(folder.path().join("r/trash/run-0/reports/run-0.html").exists());
}

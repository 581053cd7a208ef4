//! What one run of the program leaves for the next.

use crate::support::undisturbed;
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A small index, searched a few times.
const SEARCH: &str = r#"
schema = 1
[[case]]
name = "search"
kind = "retrieval"
target = { driver = "flat-q4" }
dataset = { entries = 2000, dimensions = 64 }
retrieval = { top_k = 10, truth_queries = 20 }
workload = { requests = 20, warmup = 5 }
"#;

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("case.toml"), SEARCH).unwrap();
    folder
}

fn tokgate(folder: &Path, further: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokgate"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOKGATE_")) {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .env("TOKGATE_CACHE_DIR", folder.join("cache"))
        .args(["run", "case.toml", "--results-dir", "r"])
        .args(further)
        .output()
        .unwrap()
}

#[cfg(not(feature = "hnsw"))]
#[test]
fn an_engine_that_was_left_out_of_the_build_is_told_before_anything_is_made() {
    let folder = project();
    let output = tokgate(folder.path(), &["--target", "hnsw"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("this build has no `hnsw` index"), "{said}");
    assert!(said.contains("build with `--features hnsw`"), "{said}");
    assert_eq!((output.status.code(), kept(folder.path())), (Some(2), 0));
}

/// The one case of a run. That the host was busy is no matter here.
fn searched(folder: &Path, further: &[&str]) -> Value {
    let output = tokgate(folder, &[&["--format", "json"], further].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    report["cases"][0].clone()
}

fn kept(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("cache")).map_or(0, Iterator::count)
}

#[test]
fn a_second_run_reads_what_the_first_has_built_and_says_how_long_that_took() {
    let folder = project();
    let first = searched(folder.path(), &[]);
    assert_eq!(kept(folder.path()), 2, "an index and its exact neighbours");
    let second = searched(folder.path(), &[]);
    for (case, did) in [(&first, "miss"), (&second, "hit")] {
        assert_eq!(case["preparation"]["cache"], did);
        assert_eq!(case["preparation"]["truth_cache"], did);
        assert!(case["metrics"]["first_query"]["value"]["value"].as_f64() > Some(0.0));
    }
    assert_eq!(second["preparation"]["build_s"], first["preparation"]["build_s"]);
    assert_eq!(second["metrics"]["recall_at_10"], first["metrics"]["recall_at_10"]);
    assert!(second["metrics"]["load_s"]["value"]["value"].as_f64() > Some(0.0));
    assert!(first["metrics"]["load_s"].is_null());
    let shown = undisturbed(|| tokgate(folder.path(), &[]));
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(" · cache: hit") && shown.contains("first_query"), "{shown}");
}

#[test]
fn without_a_cache_nothing_is_read_and_nothing_kept() {
    let folder = project();
    assert_eq!(searched(folder.path(), &["--no-cache"])["preparation"]["cache"], "off");
    assert_eq!(kept(folder.path()), 0);
    searched(folder.path(), &[]);
    assert_eq!(searched(folder.path(), &["--no-cache"])["preparation"]["cache"], "off");
    assert_eq!(kept(folder.path()), 2);
}

#[test]
fn a_damaged_file_is_told_of_in_one_line_and_replaced() {
    let folder = project();
    searched(folder.path(), &[]);
    let files = std::fs::read_dir(folder.path().join("cache")).unwrap();
    let index = files
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_str().unwrap().starts_with("index-"))
        .unwrap();
    let mut bytes = std::fs::read(&index).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&index, bytes).unwrap();
    let output = tokgate(folder.path(), &["--format", "json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<&str> = said.lines().filter(|line| line.contains("cache")).collect();
    assert_eq!(lines.len(), 1, "{said}");
    assert!(lines[0].contains(&*index.display().to_string()), "{said}");
    assert!(lines[0].contains("it was removed and is made again"), "{said}");
    assert_eq!(searched(folder.path(), &[])["preparation"]["cache"], "hit");
}

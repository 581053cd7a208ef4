//! `tokgate import` and `tokgate export`, by the program.

use crate::faces::{code, command, text};
use crate::import_earlier::{old_database, sample};
use crate::store::fixture::{head, keep, open, run};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tokgate::imports::read;
use tokgate_core::diagnostic::is_hidden;
use tokgate_core::imported::Imported;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn tokgate(folder: &Path, arguments: &[&str]) -> Output {
    let all = [arguments, &["--results-dir", "r"]].concat();
    command(folder, &all).output().unwrap()
}

/// What it says on both streams, after it ended with this code.
fn ends(folder: &Path, arguments: &[&str], exit: i32) -> String {
    let output = tokgate(folder, arguments);
    let told = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    told
}

fn object(folder: &Path, arguments: &[&str]) -> Value {
    let output = tokgate(folder, arguments);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn given(name: &str) -> String {
    sample(name).display().to_string()
}

/// Every file that is kept, but the database, whose pages may lie otherwise.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for folder in ["raw", "metadata", "analysis", "reports"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            files.insert(path.display().to_string(), std::fs::read(path).unwrap());
        }
    }
    files
}

fn index(folder: &Path) -> Vec<(String, String, f64)> {
    let database = Connection::open(folder.join("r/tokgate.sqlite")).unwrap();
    let mut query = database
        .prepare(
            "SELECT test_id, provenance, total_time_seconds FROM benchmark_results ORDER BY id",
        )
        .unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn importing_twice_changes_nothing() {
    let folder = folder();
    let all = ["rows.json", "metadata.json", "result.json", "instances.csv", "latencies.json"];
    let paths: Vec<String> = all.iter().map(|name| given(name)).collect();
    let arguments: Vec<&str> =
        ["import"].into_iter().chain(paths.iter().map(String::as_str)).collect();
    let told = ends(folder.path(), &arguments, 0);
    assert!(told.contains("rows.json: old-json, 2 new, 0 known already, 0 bad"), "{told}");
    let (before, rows) = (files(&folder.path().join("r")), index(folder.path()));
    assert_eq!(rows.len(), 9);
    assert!(rows.iter().all(|(_, provenance, _)| provenance == "imported"));
    let told = ends(folder.path(), &arguments, 0);
    assert!(told.contains("rows.json: old-json, 0 new, 2 known already, 0 bad"), "{told}");
    assert_eq!(files(&folder.path().join("r")), before);
    assert_eq!(index(folder.path()), rows);
    let comparison =
        std::fs::read_to_string(folder.path().join("r/reports/COMPARISON.md")).unwrap();
    assert!(comparison.contains("google/gemma-3-4b-it"), "{comparison}");
}

#[test]
fn the_old_database_is_read_without_a_trace() {
    let folder = folder();
    let (inner, path) = (folder.path().join("old"), folder.path().join("old/benchmarks.db"));
    std::fs::create_dir(&inner).unwrap();
    let rows = serde_json::from_slice(&std::fs::read(sample("rows.json")).unwrap()).unwrap();
    old_database(&path, &rows, "PRAGMA journal_mode = WAL;");
    let before = std::fs::read(&path).unwrap();
    let told = ends(folder.path(), &["import", "old/benchmarks.db"], 0);
    assert!(told.contains("old-sqlite, 2 new"), "{told}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(inner).unwrap().count(), 1);
    let told = ends(folder.path(), &["import", &given("rows.json")], 0);
    assert!(told.contains("0 new, 2 known already"), "its export is the same: {told}");
}

#[test]
fn what_the_log_of_a_database_still_holds_is_told() {
    let folder = folder();
    let path = folder.path().join("benchmarks.db");
    let rows = serde_json::from_slice(&std::fs::read(sample("rows.json")).unwrap()).unwrap();
    old_database(&path, &rows, "PRAGMA journal_mode = WAL;");
    let held = Connection::open(&path).unwrap();
    held.execute_batch("UPDATE benchmark_results SET notes = 'x' WHERE id = 1").unwrap();
    let told = ends(folder.path(), &["import", "benchmarks.db", "--dry-run"], 0);
    assert!(told.contains("benchmarks.db-wal: rows in it"), "{told}");
    ends(folder.path(), &["import", "benchmarks.db", "--dry-run", "--strict"], 2);
    drop(held);
}

#[test]
fn bad_entries_beside_good_ones_are_loud_and_strict_refuses_them() {
    let folder = folder();
    let broken = given("rows_broken.json");
    let told = ends(folder.path(), &["import", &broken], 0);
    assert!(told.contains("benchmarks[1]: there is no `model_name`"), "{told}");
    assert!(told.contains("warning: 4 entries could not be read"), "{told}");
    ends(folder.path(), &["import", &broken, "--strict"], 2);
    assert_eq!(index(folder.path()).len(), 1);
    let output = tokgate(folder.path(), &["import", &broken, "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["known"], &told["bad"]), (&1.into(), &4.into()));
    assert_eq!(told["files"][0]["bad"][0]["place"], "benchmarks[1]");
}

#[test]
fn a_file_of_no_known_format_a_torn_one_and_none_at_all_are_refused_and_the_rest_is_kept() {
    let folder = folder();
    std::fs::write(folder.path().join("other.json"), "{\"a\": 1}").unwrap();
    std::fs::write(folder.path().join("torn.json"), "{\"models\": [\n {\"model\": \"a\"").unwrap();
    let told = ends(folder.path(), &["import", "other.json", "torn.json", "nowhere.json"], 2);
    assert!(told.contains("other.json: it is of no format that is known"), "{told}");
    assert!(told.contains("old-sqlite"), "it says which are: {told}");
    assert!(told.contains("torn.json: it is torn") && told.contains("line 2"), "{told}");
    assert!(told.contains("nowhere.json: it cannot be read"), "{told}");
    assert!(!folder.path().join("r").exists(), "nothing was to be kept");
    ends(folder.path(), &["import", "torn.json", &given("rows.json")], 2);
    assert_eq!(index(folder.path()).len(), 2);
    let told = ends(folder.path(), &["import", "other.json", "--format", "nonsense"], 2);
    assert!(told.contains("the formats are"), "{told}");
}

#[test]
fn a_rehearsal_makes_no_folder_and_knows_what_is_kept() {
    let folder = folder();
    let rows = given("rows.json");
    let told = ends(folder.path(), &["import", &rows, &rows, "--dry-run"], 0);
    assert!(told.contains("2 would be new, 0 known already"), "{told}");
    assert!(told.contains("0 would be new, 2 known already"), "{told}");
    assert!(!folder.path().join("r").exists());
    ends(folder.path(), &["import", &rows], 0);
    let told = object(folder.path(), &["import", &rows, "--dry-run", "--json"]);
    assert_eq!(
        (&told["new"], &told["known"], &told["dry_run"]),
        (&0.into(), &2.into(), &true.into())
    );
}

#[test]
fn options_fill_what_a_file_does_not_say_and_overrule_nothing() {
    let folder = folder();
    let options =
        ["--platform", "ollama", "--model", "other", "--gpu-type", "g9", "--hourly-cost", "2"];
    let all = |name: &str| {
        [&["import", &given(name)][..], &options]
            .concat()
            .iter()
            .map(|a| (*a).to_owned())
            .collect::<Vec<_>>()
    };
    for name in ["rows.json", "instances.json"] {
        let arguments = all(name);
        ends(folder.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>(), 0);
    }
    let database = Connection::open(folder.path().join("r/tokgate.sqlite")).unwrap();
    let mut query = database
        .prepare(
            "SELECT platform, model_name, instance, hourly_usd FROM benchmark_results ORDER BY id",
        )
        .unwrap();
    let rows: Vec<(String, String, String, f64)> = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let row = |a: &str, b: &str, c: &str, d| (a.to_owned(), b.to_owned(), c.to_owned(), d);
    assert_eq!(rows[0], row("ollama", "gemma3:1b", "g9", 2.0));
    assert_eq!(rows[2], row("ollama", "70B-AWQ", "g1-gpu-rtx6000-2", 3.0));
}

#[test]
fn stdin_is_a_file_too() {
    let folder = folder();
    let mut child = command(folder.path(), &["import", "-", "--results-dir", "r"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &std::fs::read(sample("instances.csv")).unwrap())
        .unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(text(&output.stdout).contains("instance-csv, 2 new"), "{}", text(&output.stdout));
}

/// A name that a spreadsheet would run, a terminal obey, and a reader of what is spelled out mistake.
const HOSTILE: &str = "=cmd|' /C calc'!A0\u{1b}[31m\u{9b}\u{202e}\u{200b} \\u{41}";

/// Two epochs that were measured, one of them with a hostile name.
fn measured(folder: &Path) {
    let mut store = open(&folder.join("r"));
    keep(&mut store, &run(head(0, "one", 0)));
    let mut other = head(1, "one", 0);
    other.target.model = HOSTILE.to_owned();
    other.case.notes = "'-1, \"two\"\r\nlines".to_owned();
    keep(&mut store, &run(other));
}

fn results_of(folder: &Path, name: &str) -> Vec<Imported> {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let found = read(name, &bytes).unwrap();
    assert_eq!(found.bad, []);
    let anonymous = |mut result: Imported| {
        (result.source.format, result.source.file) = (String::new(), String::new());
        result
    };
    found.results.into_iter().map(anonymous).collect()
}

#[test]
fn what_is_exported_is_imported_elsewhere_the_same_from_json_and_csv() {
    let (here, there) = (folder(), folder());
    measured(here.path());
    assert!(ends(here.path(), &["export", "all.json"], 0).contains("wrote all.json: 2 results"));
    ends(here.path(), &["export", "all.csv"], 0);
    let from_json = results_of(here.path(), "all.json");
    assert_eq!(from_json, results_of(here.path(), "all.csv"));
    assert_eq!(from_json[1].model.name, HOSTILE);
    assert_eq!(from_json[1].notes, "'-1, \"two\"\r\nlines");
    assert_eq!(from_json[0].model.size_bytes, Some(8_600_000_000));
    let csv = std::fs::read_to_string(here.path().join("all.csv")).unwrap();
    assert!(csv.contains(",'=cmd|") && !csv.contains(",=cmd"), "{csv}");
    let lines = csv.replace("\r\n", "\n");
    assert!(!lines.contains(|c| c != '\n' && is_hidden(c)), "{csv:?}");
    for name in ["all.json", "all.csv"] {
        let path = here.path().join(name).display().to_string();
        ends(there.path(), &["import", &path], 0);
    }
    let rows = index(there.path());
    assert_eq!(rows.len(), 2, "the second file tells of the same results");
    assert!(rows.iter().all(|(_, provenance, _)| provenance == "imported"));
    let summary = object(there.path(), &["report", "summary", "--json"]);
    assert!(summary["benchmarks"][0]["imported_from"].as_str().unwrap().starts_with("tokgate 0."));
    let original = object(here.path(), &["report", "summary", "--json"]);
    for column in ["tok_s", "ttft_p50_s", "itl_p99_s", "success_rate", "started_us", "engine"] {
        let of = |document: &Value| document["benchmarks"][0][column].clone();
        assert_eq!(of(&summary), of(&original), "{column}");
    }
}

#[test]
fn our_own_epochs_are_known_when_they_come_back() {
    let (here, there) = (folder(), folder());
    measured(here.path());
    ends(here.path(), &["export", "all.json"], 0);
    assert!(ends(here.path(), &["import", "all.json"], 0).contains("0 new, 2 known"));
    let path = here.path().join("all.json").display().to_string();
    ends(there.path(), &["import", &path], 0);
    ends(there.path(), &["export", "again.csv"], 0);
    let path = there.path().join("again.csv").display().to_string();
    assert!(ends(here.path(), &["import", &path], 0).contains("0 new, 2 known"));
    assert!(ends(there.path(), &["import", "again.csv"], 0).contains("0 new, 2 known"));
    assert_eq!(index(here.path()).len(), 2);
}

#[test]
fn an_export_is_of_what_was_asked_for_and_overwrites_nothing() {
    let folder = folder();
    measured(folder.path());
    let count = |arguments: &[&str]| {
        let all = [&["export", "-", "--format", "json"], arguments].concat();
        let output = tokgate(folder.path(), &all);
        match code(&output) {
            Some(0) => serde_json::from_slice::<Value>(&output.stdout).unwrap()["results"]
                .as_array()
                .unwrap()
                .len(),
            other => {
                assert_eq!(other, Some(4), "{}", text(&output.stderr));
                0
            }
        }
    };
    assert_eq!(count(&[]), 2);
    assert_eq!(count(&["--model", "google/gemma-3-4b-it"]), 1);
    assert_eq!(count(&["--platform", "vllm-serve", "--run", "run-1"]), 1);
    assert_eq!(count(&["--machine", "elsewhere"]), 0);
    assert_eq!((count(&["--since", "2025-11-22"]), count(&["--since", "2025-11-23"])), (2, 0));
    let plain = text(&tokgate(folder.path(), &["export", "-", "--format", "json"]).stdout);
    let whole = text(
        &tokgate(folder.path(), &["export", "-", "--format", "json", "--with-samples"]).stdout,
    );
    assert!(!plain.contains("sample_responses") && whole.contains("sample_responses"));
    std::fs::write(folder.path().join("kept.json"), "mine").unwrap();
    let told = ends(folder.path(), &["export", "kept.json"], 2);
    assert!(told.contains("nothing is overwritten"), "{told}");
    assert_eq!(std::fs::read_to_string(folder.path().join("kept.json")).unwrap(), "mine");
    ends(folder.path(), &["export", "kept.json", "--force"], 0);
    assert!(ends(folder.path(), &["export", "what.txt"], 2).contains(".json or .csv"));
}

#[test]
fn a_broken_export_tells_its_rows_and_a_newer_one_is_refused() {
    let folder = folder();
    measured(folder.path());
    ends(folder.path(), &["export", "all.json"], 0);
    let text = std::fs::read_to_string(folder.path().join("all.json")).unwrap();
    let mut document: Value = serde_json::from_str(&text).unwrap();
    document["results"][0]["successful_requests"] = json!(1000);
    let found = read("x", document.to_string().as_bytes()).unwrap();
    assert_eq!((found.results.len(), found.bad[0].place.as_str()), (1, "results[0]"));
    document["schema_version"] = json!(2);
    let found = read("x", document.to_string().as_bytes()).unwrap();
    assert!(found.results.is_empty() && found.bad[0].why.contains("`schema_version` is 2"));
    (0..text.len()).step_by(311).for_each(|end| drop(read("x", &text.as_bytes()[..end])));
}

#[test]
fn a_text_that_looks_like_a_number_stays_a_text_in_csv() {
    let folder = folder();
    drop(open(&folder.path().join("r")));
    let database = Connection::open(folder.path().join("r/tokgate.sqlite")).unwrap();
    let mut query = database
        .prepare("SELECT name FROM pragma_table_info('benchmark_results') WHERE type = 'TEXT'")
        .unwrap();
    let texts: Vec<String> =
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let documents = ["sample_responses", "invalid_reasons", "hardware_info"];
    let words = [("kind", "generation"), ("task_category", "coding"), ("validity", "VALID")];
    let plain: Vec<&String> = texts
        .iter()
        .filter(|name| {
            !documents.contains(&name.as_str()) && words.iter().all(|(word, _)| word != name)
        })
        .collect();
    let names = words.iter().map(|(name, _)| *name).chain(plain.iter().map(|name| name.as_str()));
    let header = names.collect::<Vec<_>>().join(",");
    let cells = words.iter().map(|(_, word)| *word).chain(plain.iter().map(|_| "12"));
    let cells = cells.collect::<Vec<_>>().join(",");
    let csv = format!(
        "schema_version,tool,{header},num_requests,successful_requests,failed_requests\r\n1,t,{cells},1,1,0\r\n"
    );
    let found = read("x.csv", csv.as_bytes()).unwrap();
    assert_eq!(found.bad, []);
    assert!(plain.len() > 15);
    for name in plain {
        assert_eq!(found.results[0].entry[name], "12", "{name}");
    }
}

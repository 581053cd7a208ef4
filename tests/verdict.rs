//! Stored runs judged again, by the program alone.

use crate::faces::{code, command, text, with_scenario};
use crate::support::lab::{Lab, SOUND, Taken};
use crate::support::undisturbed;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Output;
use tempfile::TempDir;

/// Five epochs, as a verdict needs, of long latencies that vary little.
const FIVE: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 30, itl_ms = 2, jitter = 0.02 }
[run]
epochs = 5
[dataset]
prompt_tokens = 8
output_tokens = 3
[[case]]
name = "gated"
kind = "generation"
workload = { concurrency = 4, requests = 40, warmup = 2 }
gate = { "ttft.p50" = "20 %" }
"#;

fn measured(folder: &Path, more: &[&str]) -> String {
    let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "json"];
    let output =
        undisturbed(|| command(folder, &[&arguments[..], more].concat()).output().unwrap());
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    report["run_id"].as_str().unwrap().to_owned()
}

fn verdict(folder: &Path, arguments: &[&str]) -> Output {
    let all = [&["verdict", "--results-dir", "r"], arguments].concat();
    command(folder, &all).output().unwrap()
}

/// A folder with a run, and one that is twice as slow.
fn fast_and_slow() -> (TempDir, String, String) {
    let folder = with_scenario(FIVE);
    let fast = measured(folder.path(), &["--save-baseline", "fast"]);
    let slow = measured(folder.path(), &["--set", "target.simulation.ttft_factor=2"]);
    (folder, fast, slow)
}

#[test]
fn two_stored_runs_are_judged_as_they_would_have_been_when_measured() {
    let (folder, fast, slow) = fast_and_slow();
    for base in [fast.as_str(), "fast", "r/baselines/fast.json"] {
        let slower = verdict(folder.path(), &[&slow, "--baseline", base]);
        let told = text(&slower.stdout);
        assert_eq!(code(&slower), Some(1), "{base}: {told}{}", text(&slower.stderr));
        assert!(told.contains("ttft.p50 regressed") && told.contains("REGRESSED"), "{told}");
        assert!(told.contains("; finds 2") && told.contains(" %"), "{told}");
    }
    let verified = command(folder.path(), &["baseline", "verify", "fast", "--results-dir", "r"]);
    let verified = { verified }.output().unwrap();
    assert_eq!(code(&verified), Some(0), "{}", text(&verified.stdout));
    let same = verdict(folder.path(), &[&fast, "--baseline", &fast, "--json"]);
    assert_eq!(code(&same), Some(0), "{}", text(&same.stderr));
    let report: Value = serde_json::from_slice(&same.stdout).unwrap();
    assert_eq!((&report["conclusion"], &report["run_id"]), (&"held".into(), &fast.as_str().into()));
    // The tolerance is 20 %, and the noise is a part of that.
    let mde = report["cases"][0]["verdicts"][0]["mde"].as_f64().unwrap();
    assert!((0.2..0.3).contains(&mde), "{mde}");
}

#[test]
fn what_is_not_there_is_named_and_exits_2() {
    let (folder, fast, _) = fast_and_slow();
    for arguments in [["nobody", "--baseline", &fast], [&fast, "--baseline", "nobody"]] {
        let refused = verdict(folder.path(), &arguments);
        assert_eq!(code(&refused), Some(2), "{}", text(&refused.stderr));
        assert!(text(&refused.stderr).contains("no run is called `nobody`"));
    }
}

#[test]
fn a_recorded_baseline_names_suspects_and_fails_nobody() {
    let (folder, fast, slow) = fast_and_slow();
    std::fs::write(folder.path().join("tokgate.toml"), "").unwrap();
    let record = ["baseline", "record", &fast, "--results-dir", "r"];
    let recorded = command(folder.path(), &record).output().unwrap();
    assert_eq!(code(&recorded), Some(0), "{}", text(&recorded.stderr));
    let again = |more: &[&str]| {
        let slower = ["--set", "target.simulation.ttft_factor=2"];
        let words = ["run", "case.toml", "--results-dir", "r"];
        undisturbed(|| {
            command(folder.path(), &[&words[..], &slower, more].concat()).output().unwrap()
        })
    };
    let told = again(&[]);
    let said = text(&told.stdout);
    assert_eq!(code(&told), Some(0), "{said}{}", text(&told.stderr));
    assert!(said.contains("ttft.p50 inconclusive") && said.contains("seems worse"), "{said}");
    assert_eq!(code(&again(&["--strict"])), Some(3), "what is not proven is not enough");
    // Named, it is taken at its word: the two were measured in one sitting.
    let named = verdict(folder.path(), &[&slow, "--baseline", &fast]);
    assert_eq!(code(&named), Some(1));
}

#[test]
fn two_bookings_that_are_worse_without_a_base_are_at_most_unpaired() {
    let lab = Lab::new();
    let six: Vec<String> = (1..=6).map(|booking| format!("day-{booking}")).collect();
    six.iter().for_each(|run| lab.measure(Taken { run, ..SOUND }));
    let record: Vec<&str> =
        std::iter::once("record").chain(six.iter().map(String::as_str)).collect();
    lab.did(&record);
    for run in ["slow", "again"] {
        lab.slower(run, 1.5);
    }
    lab.measure(Taken { run: "usual", ..SOUND });
    let file = lab.file();
    let judged = |run: &str, again: &str, more: &[&str]| {
        let words = ["verdict", run, "--again", again, "--baseline", file.to_str().unwrap()];
        command(lab.path(), &[&words[..], more].concat()).output().unwrap()
    };
    let twice = judged("slow", "again", &[]);
    let said = text(&twice.stdout);
    assert!(said.contains("ttft.p50 regressed (unpaired)"), "{said}{}", text(&twice.stderr));
    assert_eq!(code(&twice), Some(0));
    assert_eq!(code(&judged("slow", "again", &["--strict"])), Some(1));
    let once = text(&judged("slow", "usual", &[]).stdout);
    assert!(!once.contains("regressed"), "{once}");
    let same = judged("slow", "slow", &[]);
    assert_eq!(code(&same), Some(2));
    assert!(text(&same.stderr).contains("booking-slow"), "{}", text(&same.stderr));
}

/// What each of the ways in which a run can be read says of each metric.
fn words_of(folder: &Path, report: &Value) -> Vec<BTreeMap<String, String>> {
    let run = report["run_id"].as_str().unwrap();
    let said = |arguments: &[&str]| {
        let all = [arguments, &["--results-dir", "r"]].concat();
        text(&command(folder, &all).output().unwrap().stdout)
    };
    let json = report["cases"][0]["verdicts"].as_array().unwrap().iter().map(|one| {
        let word = |key: &str| one[key].as_str().unwrap().to_owned();
        (word("metric"), word("verdict"))
    });
    let json: BTreeMap<String, String> = json.collect();
    let database = rusqlite::Connection::open(folder.join("r/tokgate.sqlite")).unwrap();
    let mut rows =
        database.prepare("SELECT metric, verdict FROM verdicts WHERE run_id = ?1").unwrap();
    let rows = rows.query_map([run], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let sqlite: BTreeMap<String, String> = rows.map(Result::unwrap).collect();
    let terminal = said(&["show", run]);
    let junit = said(&["report", run, "--junit"]);
    let of = |metric: &str| (metric.to_owned(), json[metric].clone());
    let told: BTreeMap<String, String> = json
        .keys()
        .filter(|metric| terminal.contains(&format!("{metric} {}", json[*metric])))
        .map(|metric| of(metric))
        .collect();
    let failed: BTreeMap<String, String> = json
        .keys()
        .filter(|metric| is_failed(&junit, metric) == (json[*metric] == "regressed"))
        .map(|metric| of(metric))
        .collect();
    vec![json, sqlite, told, failed]
}

/// Whether JUnit has a failure of this metric.
fn is_failed(junit: &str, metric: &str) -> bool {
    let from = junit.find(&format!("::{metric}\"")).unwrap_or_else(|| panic!("{metric}: {junit}"));
    let case = junit[from..].split("</testcase>").next().unwrap();
    let own = case.split("<testcase").next().unwrap();
    own.contains("<failure")
}

#[test]
fn every_face_reads_the_word_that_one_function_says() {
    let scenario =
        FIVE.replace("\"ttft.p50\" = \"20 %\"", "\"ttft.p50\" = \"20 %\", \"itl.p50\" = \"20 %\"");
    let folder = with_scenario(&scenario);
    measured(folder.path(), &["--save-baseline", "fast"]);
    let slow = [
        "run",
        "case.toml",
        "--results-dir",
        "r",
        "--format",
        "json",
        "--baseline",
        "fast",
        "--set",
        "target.simulation.ttft_factor=2",
    ];
    let output = undisturbed(|| command(folder.path(), &slow).output().unwrap());
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let words = words_of(folder.path(), &report);
    assert_eq!(words[0]["ttft.p50"], "regressed");
    assert_ne!(words[0]["itl.p50"], "regressed");
    assert!(words.iter().all(|face| *face == words[0]), "{words:#?}");
    assert_eq!((code(&output), report["exit"].as_i64()), (Some(1), Some(1)));
}

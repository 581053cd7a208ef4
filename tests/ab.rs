//! Two sides measured in pairs by the shipped program: what it says, keeps, and says again.

use crate::faces::{code, command, text, with_scenario};
use crate::support::repository::Repository;
use crate::support::undisturbed;
use rusqlite::Connection;
use serde_json::Value;
use std::path::Path;
use std::process::Output;

/// Latencies that the machine hardly touches, so that a planted effect is all there is.
const PLAIN: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 30, itl_ms = 2, jitter = 0.02 }
[dataset]
prompt_tokens = 8
output_tokens = 3
[[case]]
name = "gated"
kind = "generation"
workload = { concurrency = 4, requests = 24, warmup = 2 }
gate = { "ttft.p50" = "20 %" }
"#;

const SLOWER: &str = "target.simulation.ttft_factor=2";
const SAME: &str = "target.simulation.ttft_factor=1";

fn ab(folder: &Path, a: &str, b: &str, more: &[&str]) -> Output {
    let words = ["ab", "case.toml", "--a", a, "--b", b, "--pairs", "5", "--results-dir", "r"];
    undisturbed(|| command(folder, &[&words[..], more].concat()).output().unwrap())
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

fn word(report: &Value) -> &str {
    report["cases"][0]["verdicts"][0]["verdict"].as_str().unwrap()
}

#[test]
fn a_side_that_is_slower_is_worse_and_with_swapped_arms_the_other_is_better() {
    let folder = with_scenario(PLAIN);
    let slower = ab(folder.path(), SAME, SLOWER, &["--format", "json"]);
    let told = report(&slower);
    assert_eq!((word(&told), code(&slower)), ("regressed", Some(1)), "{told:#}");
    assert_eq!(told["conclusion"], "regressed");
    assert_eq!(told["cases"][0]["pairs"]["head"], "simulation.ttft_factor 2.0");
    let faster = ab(folder.path(), SLOWER, SAME, &["--no-control"]);
    assert_eq!(code(&faster), Some(0), "{}", text(&faster.stderr));
    let told = text(&faster.stdout);
    assert!(told.contains("B is better in ttft.p50 (-4") && !told.contains("control"), "{told}");
}

#[test]
fn both_sides_and_the_control_are_kept_and_judged_again_to_the_same() {
    let folder = with_scenario(PLAIN);
    let first = report(&ab(folder.path(), SAME, SLOWER, &["--format", "json"]));
    let run = first["run_id"].as_str().unwrap();
    let again = ["verdict", run, "--json", "--results-dir", "r"];
    let again = command(folder.path(), &again).output().unwrap();
    assert_eq!(code(&again), Some(1));
    for part in ["cases", "control", "conclusion", "exit", "compared_with"] {
        assert_eq!(first[part], report(&again)[part], "{part}");
    }
    let database = Connection::open(folder.path().join("r/tokgate.sqlite")).unwrap();
    let count =
        |question: &str| -> i64 { database.query_row(question, [run], |row| row.get(0)).unwrap() };
    let pairs = first["cases"][0]["pairs"]["counted"].as_i64().unwrap();
    for arm in ["base", "head"] {
        let epochs = "SELECT count(*) FROM benchmark_results WHERE run_id = ?1 AND case_id LIKE 'case/%' AND arm = ";
        assert!(count(&format!("{epochs}'{arm}'")) >= pairs, "{arm}");
    }
    let control = "SELECT count(*) FROM benchmark_results WHERE run_id = ?1 AND case_id LIKE 'tokgate-control/%' AND platform = 'simulated'";
    assert!(count(control) >= 2 * pairs);
    assert_eq!(
        count(
            "SELECT count(*) FROM verdicts WHERE run_id = ?1 AND verdict = 'regressed' AND arm = 'head' AND case_id LIKE 'case/%'"
        ),
        1
    );
    let checked = command(folder.path(), &["db", "check", "--results-dir", "r"]).output().unwrap();
    assert_eq!(code(&checked), Some(0), "{}", text(&checked.stdout));
    let shown = command(folder.path(), &["show", run, "--results-dir", "r"]).output().unwrap();
    let told = text(&shown.stdout);
    let tables = told.lines().filter(|line| line.starts_with("case/gated  "));
    assert_eq!(tables.count(), 2, "one table a side: {told}");
}

#[test]
fn who_comes_first_takes_turns() {
    let folder = with_scenario(PLAIN);
    let told = report(&ab(folder.path(), SAME, SAME, &["--format", "json", "--no-control"]));
    assert_ne!(word(&told), "regressed");
    let database = Connection::open(folder.path().join("r/tokgate.sqlite")).unwrap();
    let mut heads = database
        .prepare("SELECT arm FROM benchmark_results WHERE run_id = ?1 ORDER BY rowid")
        .unwrap();
    let arms: Vec<String> = heads
        .query_map([told["run_id"].as_str().unwrap()], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let firsts: Vec<&String> = arms.iter().step_by(2).collect();
    assert!(arms.chunks(2).all(|pair| pair[0] != pair[1]), "{arms:?}");
    assert!(firsts.windows(2).all(|two| two[0] != two[1]), "{arms:?}");
}

#[test]
fn sides_that_cannot_be_compared_are_refused_before_anything_is_measured() {
    let folder = with_scenario(PLAIN);
    let refused = |a: &str, b: &str, more: &[&str], words: &str| {
        let output = ab(folder.path(), a, b, more);
        let told = text(&output.stderr);
        assert_eq!(code(&output), Some(2), "{a} {b}: {told}");
        assert!(told.contains(words), "{told}");
    };
    refused(SAME, "concurrency=1,2", &[], "different cases");
    refused(SAME, "no.such.key=1", &[], "no key is called `no.such.key`");
    refused(SAME, "nobody", &[], "no target is called `nobody`");
    refused(SAME, "ref=main", &[], "--build");
    refused(SAME, "ref=main", &["--build", "true"], "no git repository");
    refused(SAME, SAME, &["--epochs", "3"], "--pairs");
    let raw = std::fs::read_dir(folder.path().join("r/raw"));
    assert!(raw.is_ok_and(|mut files| files.next().is_none()), "nothing was measured");
}

/// A repository whose every commit is a server: its time to the first token stands in a file.
fn servers(paces: &[&str]) -> Repository {
    let repository = Repository::new();
    let program = env!("CARGO_BIN_EXE_tokgate");
    let scenario = PLAIN.replace(
        "driver = \"simulated\"\nsimulation = { ttft_ms = 30, itl_ms = 2, jitter = 0.02 }",
        &format!(
            "driver = \"openai\"\n[target.launch]\nready = \"/health\"\ncommand = [\"sh\", \"-c\", \
             \"exec {program} mock-server --port {{port}} --itl-ms 2 --ttft-ms $(cat {{dir}}/built)\"]"
        ),
    );
    repository.write("case.toml", &scenario);
    for pace in paces {
        repository.write("pace", pace);
        repository.commit(pace);
    }
    repository
}

#[cfg(unix)]
#[test]
fn two_commits_are_checked_out_built_launched_and_compared() {
    let folder = servers(&["20", "40"]);
    let output = ab(
        folder.path(),
        "ref=HEAD~1",
        "ref=HEAD",
        &["--build", "cp pace built", "--format", "json"],
    );
    let told = report(&output);
    assert_eq!((word(&told), code(&output)), ("regressed", Some(1)), "{told:#}");
    let pairs = &told["cases"][0]["pairs"];
    for side in ["base", "head"] {
        let told = pairs[side].as_str().unwrap();
        assert!(told.starts_with("commit ") && !told.contains("launch"), "{pairs}");
    }
    assert!(!folder.path().join("built").exists(), "the tree itself was not built in");
}

#[cfg(unix)]
#[test]
fn a_build_that_fails_measures_nothing_and_says_why() {
    let folder = servers(&["20"]);
    let output = ab(
        folder.path(),
        "ref=HEAD",
        "ref=HEAD",
        &["--build", "echo 'error: no such header' >&2; exit 2"],
    );
    assert_eq!(code(&output), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("no such header"), "{}", text(&output.stderr));
}

#[test]
fn comparisons_of_equal_sides_are_counted_and_others_are_not() {
    let folder = with_scenario(PLAIN);
    let stats = |more: &[&str]| {
        let words = ["stats", "--json", "--results-dir", "r"];
        command(folder.path(), &[&words[..], more].concat()).output().unwrap()
    };
    let _ = ab(folder.path(), SAME, SLOWER, &["--no-control"]);
    assert_eq!(code(&stats(&[])), Some(4), "nothing is stored that counts");
    let same = report(&ab(folder.path(), SAME, SAME, &["--format", "json", "--no-control"]));
    let told = stats(&["--since", "1d"]);
    assert_eq!(code(&told), Some(0), "{}", text(&told.stderr));
    let told = report(&told);
    assert_eq!((&told["comparisons"], &told["different"]), (&1.into(), &1.into()), "{told:#}");
    let words = &told["metrics"]["ttft.p50"];
    assert_eq!(words["judged"], 1);
    assert_eq!(told["regressed"]["count"], u64::from(word(&same) == "regressed"));
    assert_eq!(report(&stats(&["--since", "2100-01-01"]))["comparisons"], 0);
}

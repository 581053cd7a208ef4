//! The program as it is called: exit codes, what stdout carries, what survives a kill.

use crate::support::{is_disturbed, undisturbed};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Long enough that a kill comes in the middle, short enough to wait for.
const MANY_CASES: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.1 }
[dataset]
prompt_tokens = 8
output_tokens = 4
[[case]]
name = "many"
kind = "generation"
workload = { requests = 12, warmup = 0 }
matrix = { concurrency = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12] }
"#;

fn tokgate(folder: &Path, arguments: &[&str]) -> Output {
    undisturbed(|| command(folder, arguments).output().unwrap())
}

/// The program in a folder of its own, without what the caller's environment may set.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tokgate"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TOKGATE_")) {
        command.env_remove(name);
    }
    command.current_dir(folder).env("XDG_DATA_HOME", folder).args(arguments);
    command.env("TOKGATE_CACHE_DIR", folder.join("cache"));
    command
}

pub(crate) fn with_scenario(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("case.toml"), text).unwrap();
    folder
}

pub(crate) fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_measured_run_exits_0_and_its_json_is_one_object() {
    let folder = with_scenario(&MANY_CASES.replace("5, 6, 7, 8, 9, 10, 11, 12", "5"));
    let output =
        tokgate(folder.path(), &["run", "case.toml", "--results-dir", "r", "--format", "json"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["cases"].as_array().unwrap().len(), 5);
    assert_eq!(report["cases"][0]["requests"]["succeeded"], 12);
    assert_eq!(report["exit"], 0);
}

#[test]
fn what_was_written_wrongly_exits_2_and_writes_nothing() {
    let folder = with_scenario(&MANY_CASES.replace("workload", "worklode"));
    let output = tokgate(folder.path(), &["run", "case.toml", "--results-dir", "r"]);
    assert_eq!(code(&output), Some(2));
    assert!(text(&output.stderr).contains("did you mean"), "{}", text(&output.stderr));
    assert!(!folder.path().join("r").exists());
    assert_eq!(code(&tokgate(folder.path(), &["run", "nothing-of-this-name"])), Some(2));
    assert_eq!(code(&tokgate(folder.path(), &["run", "case.toml", "--no-such-flag"])), Some(2));
}

#[test]
fn a_strictly_wanted_baseline_that_is_absent_exits_2_before_the_load() {
    let folder = with_scenario(MANY_CASES);
    let arguments = ["run", "case.toml", "--results-dir", "r", "--baseline", "absent"];
    let output = tokgate(folder.path(), &arguments);
    assert_eq!(code(&output), Some(2));
    assert!(text(&output.stderr).contains("there is no baseline"), "{}", text(&output.stderr));
}

#[test]
fn missing_hardware_measures_nothing_and_exits_4() {
    let folder = with_scenario(&format!("{MANY_CASES}\n[requires]\ngpu = \"RTX 9999\"\n"));
    let output = tokgate(folder.path(), &["run", "case.toml", "--results-dir", "r"]);
    assert_eq!(code(&output), Some(4), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("needs a GPU named RTX 9999"));
}

#[test]
fn a_target_that_cannot_be_measured_exits_3_with_advice() {
    let folder = with_scenario(MANY_CASES);
    // Port 9 of the loopback range: the discard service, which nobody runs.
    let arguments =
        ["run", "case.toml", "--results-dir", "r", "--base-url", "http://127.0.0.1:9/v1"];
    let plain = MANY_CASES.replace("simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.1 }", "");
    std::fs::write(folder.path().join("case.toml"), plain.replace("simulated", "openai")).unwrap();
    let output = tokgate(folder.path(), &arguments);
    assert_eq!(code(&output), Some(3), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("connect"), "{}", text(&output.stderr));
}

#[test]
fn a_kill_loses_no_announced_case_and_the_next_run_works() {
    let folder = with_scenario(MANY_CASES);
    let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "jsonl"];
    let mut child = command(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let announced: Vec<String> = (0..4).map(|_| lines.next().unwrap().unwrap()).collect();
    child.kill().unwrap();
    child.wait().unwrap();
    // Lines that were on their way when the kill came were announced, too.
    let rest = lines.map_while(Result::ok).filter(|line| line.ends_with('}'));
    let announced: Vec<Value> = announced
        .into_iter()
        .chain(rest)
        .filter_map(|line| serde_json::from_str(&line).ok())
        .collect();
    assert!(announced.len() >= 4);

    let listed =
        tokgate(folder.path(), &["list", "--epochs", "-n", "100", "--json", "--results-dir", "r"]);
    assert_eq!(code(&listed), Some(0), "{}", text(&listed.stderr));
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let rows: Vec<&str> = listed["epochs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["test_id"].as_str().unwrap())
        .collect();
    for event in announced.iter().filter(|event| event["event"] == "case_done") {
        let test_id = event["case"]["epochs"][0]["test_id"].as_str().unwrap();
        assert!(rows.contains(&test_id), "{test_id} has no row");
        let raw =
            std::fs::read_to_string(folder.path().join(format!("r/raw/{test_id}.jsonl"))).unwrap();
        assert!(raw.lines().filter(|line| line.contains("\"request\"")).count() >= 12);
    }
    let doctor = tokgate(folder.path(), &["doctor", "--results-dir", "r"]);
    assert_eq!(code(&doctor), Some(0), "{}", text(&doctor.stdout));
    let again = tokgate(folder.path(), &["run", "case.toml", "--results-dir", "r"]);
    assert_eq!(code(&again), Some(0), "{}", text(&again.stderr));
    let rebuilt = tokgate(folder.path(), &["rebuild", "--results-dir", "r"]);
    assert_eq!(code(&rebuilt), Some(0), "{}", text(&rebuilt.stderr));
}

/// Five epochs of fifty requests; the latencies stand between the timer's milliseconds.
const GATED: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 20.5, itl_ms = 2.5, jitter = 0.02 }
[run]
epochs = 5
[dataset]
prompt_tokens = 8
output_tokens = 3
[[case]]
name = "gated"
kind = "generation"
workload = { concurrency = 5, requests = 50, warmup = 0 }
gate = { "ttft.p50" = "30 %" }
"#;

/// Long enough to be stopped in the middle.
const LONG: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 5, itl_ms = 1 }
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
workload = { requests = 20000, warmup = 0 }
"#;

fn run(folder: &Path, further: &[&str]) -> Output {
    tokgate(folder, &[&["run", "case.toml", "--results-dir", "r"], further].concat())
}

/// A run that is expected to end wrongly, and what it says.
fn refused(folder: &Path, arguments: &[&str], exit: i32) -> String {
    let output = tokgate(folder, arguments);
    let told = text(&output.stderr);
    assert_eq!(code(&output), Some(exit), "{arguments:?}: {told}");
    assert!(!told.contains("panicked"), "{told}");
    told
}

/// Sends `signal` once the raw lines of the second case grow; the output when it ended.
#[cfg(unix)]
fn stopped_by(folder: &Path, signal: &str) -> Output {
    let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "jsonl"];
    let mut child =
        command(folder, &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut first = String::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    reader.read_line(&mut first).unwrap();
    let kill = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let mut rest = Vec::new();
    std::io::Read::read_to_end(&mut reader, &mut rest).unwrap();
    let status = child.wait().unwrap();
    Output { status, stdout: [first.into_bytes(), rest].concat(), stderr: Vec::new() }
}

#[cfg(unix)]
#[test]
fn a_signal_keeps_what_was_measured_marks_it_and_has_its_own_exit() {
    for (signal, exit) in [("-INT", 130), ("-TERM", 143), ("-HUP", 143)] {
        let folder = with_scenario(LONG);
        let output = stopped_by(folder.path(), signal);
        assert_eq!(code(&output), Some(exit), "{signal}");
        let last = text(&output.stdout).lines().last().unwrap().to_owned();
        let end: Value = serde_json::from_str(&last).unwrap();
        assert_eq!(end["event"], "run_done");
        let cases = end["run"]["cases"].as_array().unwrap();
        assert_eq!(cases[0]["epochs"][0]["validity"], "VALID");
        if let Some(stopped) = cases.get(1) {
            let epoch = &stopped["epochs"][0];
            assert_eq!(epoch["validity"], "INVALID");
            assert!(epoch["reasons"].to_string().contains("interrupted"), "{epoch}");
        }
        let doctor = tokgate(folder.path(), &["doctor", "--results-dir", "r"]);
        assert!(text(&doctor.stdout).contains("the database is whole"));
    }
}

#[test]
fn twice_as_slow_is_regressed_by_name_and_the_same_again_is_held() {
    let folder = with_scenario(GATED);
    let saved = run(folder.path(), &["--save-baseline", "x"]);
    assert_eq!(code(&saved), Some(0), "{}", text(&saved.stdout));
    let equal = run(folder.path(), &["--baseline", "x"]);
    assert_eq!(code(&equal), Some(0), "{}", text(&equal.stdout));
    let slow = ["--baseline", "x", "--set", "target.simulation.ttft_factor=2"];
    let slower = run(folder.path(), &slow);
    assert_eq!(code(&slower), Some(1), "{}", text(&slower.stdout));
    let told = text(&slower.stdout);
    assert!(told.contains("ttft.p50 regressed") && told.contains("REGRESSED"), "{told}");
    // A baseline is found, too, where nothing else is kept.
    let unkept = run(folder.path(), &["--baseline", "x", "--no-store"]);
    assert_eq!(code(&unkept), Some(0), "{}", text(&unkept.stderr));
}

#[test]
fn a_torn_baseline_is_refused_with_its_place_and_an_absent_lenient_one_is_not() {
    let folder = with_scenario(&MANY_CASES.replace("2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", "2"));
    std::fs::write(folder.path().join("torn.json"), "{\n\"schema_version\": 1,").unwrap();
    let told = refused(folder.path(), &["run", "case.toml", "--baseline", "torn.json"], 2);
    assert!(told.contains("torn.json") && told.contains("2:"), "{told}");
    let lenient = run(folder.path(), &["--baseline-lenient", "absent"]);
    assert_eq!(code(&lenient), Some(0), "{}", text(&lenient.stderr));
    assert!(text(&lenient.stdout).contains("compared with nothing: no baseline"));
}

#[test]
fn nothing_is_left_behind_by_no_store() {
    let folder = with_scenario(&MANY_CASES.replace("2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", "2"));
    let output = tokgate(folder.path(), &["run", "case.toml", "--no-store"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the scenario");
    let both = ["run", "case.toml", "--no-store", "--save-baseline", "x"];
    assert!(refused(folder.path(), &both, 2).contains("--no-store"));
}

#[test]
fn what_was_kept_can_be_listed_shown_and_rebuilt() {
    let folder = with_scenario(&MANY_CASES.replace("2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", "2"));
    assert_eq!(code(&run(folder.path(), &["--prompt-tokens", "16,32"])), Some(0));
    let ask = |arguments: &[&str]| {
        let output = tokgate(folder.path(), &[arguments, &["--results-dir", "r"]].concat());
        assert_eq!(code(&output), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let listed: Value = serde_json::from_str(&ask(&["list", "--epochs", "--json"])).unwrap();
    let epoch = &listed["epochs"][0];
    let (run, test) = (epoch["run_id"].as_str().unwrap(), epoch["test_id"].as_str().unwrap());
    assert!(ask(&["list"]).contains(run) && ask(&["list", "--epochs"]).contains(test));
    let whole = ask(&["show", run]);
    for case in ["prompt_tokens=16", "prompt_tokens=32", "concurrency=1", "concurrency=2"] {
        assert!(whole.contains(case), "{whole}");
    }
    assert!(ask(&["show", test]).contains("ttft"));
    assert!(ask(&["rebuild"]).contains("4 epochs"));
    assert!(ask(&["show", test]).contains("ttft"));
    refused(folder.path(), &["show", "nonsense", "--results-dir", "r"], 2);
}

#[test]
fn reading_where_nothing_is_exits_2_and_makes_no_folder() {
    let folder = with_scenario(MANY_CASES);
    for command in [&["list"][..], &["show", "x"], &["rebuild"]] {
        let arguments = [command, &["--results-dir", "mistyped"]].concat();
        assert!(refused(folder.path(), &arguments, 2).contains("mistyped"));
    }
    assert!(!folder.path().join("mistyped").exists());
}

#[test]
fn scenario_files_are_checked_one_by_one_with_the_worst_exit() {
    let folder = with_scenario(MANY_CASES);
    std::fs::write(folder.path().join("bad.toml"), "schema = 1\n[[case]]\nnme = 3\n").unwrap();
    std::fs::write(folder.path().join("empty.toml"), "").unwrap();
    let check = |file: &'static str| ["scenarios", "check", file];
    assert_eq!(code(&tokgate(folder.path(), &check("case.toml"))), Some(0));
    let told = refused(folder.path(), &check("bad.toml"), 2);
    assert!(told.contains("bad.toml:3:1"), "{told}");
    assert!(refused(folder.path(), &check("empty.toml"), 4).contains("empty.toml"));
    assert!(refused(folder.path(), &check("absent.toml"), 2).contains("absent.toml"));
    let listed = tokgate(folder.path(), &["scenarios", "list"]);
    assert!(text(&listed.stdout).contains("simulated::steady"), "{}", text(&listed.stderr));
    let schema = tokgate(folder.path(), &["scenarios", "schema"]);
    assert!(serde_json::from_slice::<Value>(&schema.stdout).is_ok());
}

#[test]
fn results_that_cannot_be_kept_exit_5_with_the_path_before_the_load() {
    let folder = with_scenario(MANY_CASES);
    std::fs::write(folder.path().join("file"), "").unwrap();
    for results in ["file", "/proc/nowhere"] {
        let told = refused(folder.path(), &["run", "case.toml", "--results-dir", results], 5);
        assert!(told.contains(results), "{told}");
        assert_eq!(told.matches("os error").count(), 1, "said once: {told}");
        let doctor = tokgate(folder.path(), &["doctor", "--results-dir", results]);
        assert_eq!(code(&doctor), Some(5), "{}", text(&doctor.stdout));
    }
}

#[test]
fn nonsense_on_the_command_line_exits_2_or_4_and_says_what_would_be_right() {
    let folder = with_scenario(MANY_CASES);
    let says = |further: &[&str], exit, hint: &str| {
        let arguments = [&["run", "case.toml", "--no-store"], further].concat();
        let told = refused(folder.path(), &arguments, exit);
        assert!(told.contains(hint), "{further:?}: {told}");
    };
    says(&["--target", "opena"], 2, "`openai`");
    says(&["--target", "nowhere"], 2, "[targets.nowhere]");
    says(&["--set", "nonsense"], 2, "path=value");
    says(&["--set", "no.such=1"], 2, "no.such");
    says(&["--set", "dataset.prompt_tokens=-1"], 2, "prompt_tokens");
    says(&["--requests", "many"], 2, "--requests");
    says(&["--category", "absent"], 4, "case.toml");
    for name in ["", "-", "no\nsuch", &"x".repeat(4096)] {
        refused(folder.path(), &["run", name], 2);
    }
}

#[test]
fn one_category_is_a_part_of_the_scenario() {
    let folder = with_scenario(LONG);
    let output = run(folder.path(), &["--category", "short", "--format", "json"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["cases"].as_array().unwrap().len(), 1);
    assert_eq!(report["cases"][0]["case"], "case/short");
}

#[cfg(target_os = "linux")]
#[test]
fn a_reader_that_goes_away_ends_nothing_and_a_full_disk_is_said() {
    let folder = with_scenario(&MANY_CASES.replace("2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", "2"));
    let arguments = ["run", "case.toml", "--results-dir", "r"];
    let mut child = command(folder.path(), &arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let closed = child.wait_with_output().unwrap();
    let held = code(&closed) == Some(0) || is_disturbed(&closed);
    assert!(held, "{}", text(&closed.stderr));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let full = command(folder.path(), &arguments).stdout(full).output().unwrap();
    assert_eq!(code(&full), Some(5));
    assert!(text(&full.stderr).contains("cannot write to stdout"), "{}", text(&full.stderr));
    let listed = tokgate(folder.path(), &["list", "--json", "--results-dir", "r"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 2, "both runs are kept");
}

#[test]
fn colour_is_asked_for_and_lines_are_narrow_and_end_in_no_space() {
    let folder = with_scenario(LONG);
    let output = run(folder.path(), &["--category", "short"]);
    for line in text(&output.stdout).lines() {
        assert_eq!(line, line.trim_end());
        assert!(line.chars().count() <= 100, "{line}");
    }
    assert!(!text(&output.stdout).contains('\u{1b}'));
    let asked = ["run", "case.toml", "--category", "short", "--no-store", "--color", "always"];
    assert!(text(&tokgate(folder.path(), &asked).stdout).contains('\u{1b}'));
    let mut forced = command(folder.path(), &asked[..5]);
    let forced = forced.env("NO_COLOR", "1").env("FORCE_COLOR", "1").env("COLUMNS", "20");
    assert!(!text(&forced.output().unwrap().stdout).contains('\u{1b}'));
}

#[cfg(unix)]
#[test]
fn an_argument_that_is_no_text_and_a_lack_of_home_are_no_panics() {
    use std::os::unix::ffi::OsStrExt;
    let folder = with_scenario(MANY_CASES);
    let strange = std::ffi::OsStr::from_bytes(b"\xff.toml");
    let output = command(folder.path(), &["run"]).arg(strange).output().unwrap();
    assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
    let nothing = ["run", "case.toml", "--no-store", "--category", "absent"];
    let mut homeless = command(folder.path(), &nothing);
    let output = homeless.env_remove("HOME").env_remove("XDG_DATA_HOME").output().unwrap();
    assert_eq!(code(&output), Some(4), "{}", text(&output.stderr));
}

#[test]
fn one_case_that_cannot_be_measured_makes_the_run_invalid_everywhere() {
    let scenario = r#"
        schema = 1
        [dataset]
        prompt_tokens = 8
        output_tokens = 4
        [workload]
        requests = 12
        warmup = 0
        [[case]]
        name = "there"
        kind = "generation"
        target = { driver = "simulated", simulation = { ttft_ms = 2, itl_ms = 1 } }
        goals = { "tok_s" = ">= 1" }
        [[case]]
        name = "away"
        kind = "generation"
        target = { driver = "openai", base_url = "http://127.0.0.1:9/v1" }
    "#;
    let folder = with_scenario(scenario);
    let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "json"];
    let output = tokgate(folder.path(), &arguments);
    assert_eq!(code(&output), Some(3), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exit"], 3);
    assert_eq!(report["conclusion"], "invalid");
    assert_eq!(report["grade"], "UNGRADED");
    assert_eq!(report["unmeasured"][0]["case"], "case/away");
}

#[test]
fn options_that_fit_only_the_wanted_cases_are_no_mistake_and_what_was_not_asked_for_is_not_missing()
{
    let scenario = MANY_CASES.replace("2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12", "2").replace(
        "[[case]]",
        "[[case]]\nname = \"wide\"\nkind = \"generation\"\nworkload = { requests = 64, batch = 32, warmup = 0 }\n[[case]]",
    );
    let folder = with_scenario(&scenario);
    assert_eq!(code(&run(folder.path(), &["--save-baseline", "both"])), Some(0));
    let few = run(folder.path(), &["--category", "many", "--requests", "4"]);
    assert_eq!(code(&few), Some(0), "{}", text(&few.stderr));
    let output = run(folder.path(), &["--category", "many", "--baseline", "both"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert!(!text(&output.stdout).contains("missing"), "{}", text(&output.stdout));
}

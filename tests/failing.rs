//! Each write, sync and opening of a short run fails once: never a corrupt index, never a false success.
//!
//! A library of sixty lines, which `cc` makes, stands before the C library and fails the call that it is
//! told to. With the tests some calls fail; `scripts/failing_calls.sh` lets every one of them fail.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout)]

use crate::faces::{code, command, text, with_scenario};
use crate::support::calls::{RESULTS, announced, begun, call, objects, told};
use crate::support::is_disturbed;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

/// Says that every call is to fail.
const ALL: &str = "TOKGATE_TEST_ALL_CALLS";
/// Every so many calls one fails, where not all do.
const STRIDE: usize = 29;
/// How a call fails: alone, as on a disk that stays full, or after the half of what was to be written.
const MODES: [&str; 3] = ["once", "full", "short"];
/// A call that takes longer hangs, seconds.
const DEADLINE: &str = "120";

const TWO: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1 }
[dataset]
prompt_tokens = 8
output_tokens = 3
[[case]]
name = "two"
kind = "generation"
workload = { requests = 2, warmup = 0 }
matrix = { concurrency = [1, 2] }
"#;

/// The library; `None` where there is no C compiler.
fn shim(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/failing/shim.c");
    let made = folder.join("shim.so");
    let mut cc = Command::new("cc");
    cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&made).arg(source).arg("-ldl");
    match cc.output() {
        Err(_) => None,
        Ok(output) => {
            assert!(output.status.success(), "{}", text(&output.stderr));
            Some(made)
        }
    }
}

/// A run of which one call fails, and whether it came to that call.
fn failing(folder: &Path, shim: &Path, number: usize, mode: &str) -> (Output, bool) {
    let root = folder.canonicalize().unwrap().join(RESULTS);
    let reached = folder.join("reached");
    std::fs::remove_file(&reached).ok();
    let arguments = ["run", "case.toml", "--format", "jsonl", "--results-dir", RESULTS];
    // Set up as any call, but begun by `timeout`: what hangs is ended, and told by its code.
    let call = command(folder, &arguments);
    let mut timed = Command::new("timeout");
    timed.arg("-k").arg("5").arg(DEADLINE).arg(call.get_program()).args(call.get_args());
    for (name, value) in call.get_envs() {
        match value {
            Some(value) => timed.env(name, value),
            None => timed.env_remove(name),
        };
    }
    timed.current_dir(folder).env("LD_PRELOAD", shim).env("FAIL_ROOT", &root);
    timed.env("FAIL_AT", number.to_string()).env("FAIL_MODE", mode).env("FAIL_TOLD", &reached);
    let output = timed.output().unwrap();
    (output, reached.exists())
}

/// What must hold whatever failed.
fn judge(folder: &Path, output: &Output, is_reached: bool, what: &str) {
    let said = told(output);
    let (exit, disturbed) = (code(output), is_disturbed(output));
    assert!(!said.contains("panicked"), "{what}: {said}");
    assert!(matches!(exit, Some(0 | 3 | 5)), "{what} ended with {exit:?}: {said}");
    let announced = announced(&objects(&text(&output.stdout)));
    let is_whole = exit == Some(0) || disturbed;
    if is_whole {
        assert_eq!(
            announced.len(),
            2,
            "{what} ended well, and not everything was measured: {said}"
        );
    } else {
        assert!(is_reached, "{what} failed by itself: {said}");
        assert_eq!(exit, Some(5), "{what}: {said}");
        assert!(text(&output.stderr).contains(RESULTS), "{what} names no path: {said}");
    }
    recover(folder, &announced, what);
}

/// Afterwards, on a disk that works: nothing that was announced is lost, and measuring goes on.
fn recover(folder: &Path, announced: &[serde_json::Value], what: &str) {
    let arguments = match begun(folder).is_empty() {
        true => ["run", "case.toml"],
        false => ["run", "--resume"],
    };
    if folder.join(RESULTS).join("tokgate.sqlite").exists() {
        let checked = call(folder, &["db", "check"]);
        assert_eq!(code(&checked), Some(0), "{what}: {}", told(&checked));
    } else {
        assert!(announced.is_empty(), "{what}: what was announced has no index");
    }
    let output = call(folder, &arguments);
    let is_well = code(&output) == Some(0) || is_disturbed(&output);
    assert!(is_well, "{what}, then {arguments:?}: {}", told(&output));
    let run = begun(folder).pop().unwrap();
    let shown = crate::support::calls::shown(folder, &run);
    assert_eq!(shown.len(), 2, "{what}: {}", told(&output));
    for case in announced {
        assert!(shown.contains(case), "{what}: {} was announced and is another one", case["case"]);
    }
    let checked = call(folder, &["db", "check"]);
    assert_eq!(code(&checked), Some(0), "{what}: {}", told(&checked));
}

#[test]
fn a_call_that_fails_costs_no_announced_case_and_is_no_success() {
    let tools = tempfile::tempdir().unwrap();
    let Some(shim) = shim(tools.path()) else {
        eprintln!("SKIPPED: no call was made to fail, because there is no C compiler (`cc`)");
        return;
    };
    let stride = if std::env::var_os(ALL).is_some() { 1 } else { STRIDE };
    for (offset, mode) in MODES.into_iter().enumerate() {
        let began = Instant::now();
        let mut failed = 0;
        // Other calls in each mode, so that a stride misses fewer of them.
        for number in (1 + offset * stride / MODES.len()..).step_by(stride) {
            let folder = with_scenario(TWO);
            let (output, is_reached) = failing(folder.path(), &shim, number, mode);
            let what = format!("call {number} failing ({mode})");
            judge(folder.path(), &output, is_reached, &what);
            if !is_reached {
                break;
            }
            failed += 1;
        }
        assert!(failed > 3, "only {failed} calls were reached");
        println!("{mode}: {failed} calls, {:.0} s", began.elapsed().as_secs_f64());
    }
}

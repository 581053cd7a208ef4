//! Stored runs judged again, by the program alone.

use crate::faces::{code, command, text, with_scenario};
use crate::support::undisturbed;
use serde_json::Value;
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

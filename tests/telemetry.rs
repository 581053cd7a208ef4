//! What the machine says, through the whole program: the GPU is a trace, everything else is real.

use crate::faces::{code, command, text, with_scenario};
use crate::support::undisturbed;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Output;

/// A load of about two seconds: twenty answers one after the other, each of a tenth.
const LOAD: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 40, itl_ms = 20, jitter = 0.0 }
[dataset]
prompt_tokens = 8
output_tokens = 4
[slo]
ttft = "< 500 ms"
[[case]]
name = "load"
kind = "generation"
workload = { requests = 25, warmup = 1 }
"#;

fn trace(variant: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/recorded/nvml")
        .join(format!("h100-{variant}.jsonl"))
}

/// A run on a replayed GPU, and what stands in its raw lines of the GPU.
struct Replayed {
    output: Output,
    report: Value,
    samples: Vec<Value>,
}

fn replayed(variant: &str, scenario: &str) -> Replayed {
    let folder = with_scenario(scenario);
    let arguments = ["run", "case.toml", "--results-dir", "r", "--format", "json"];
    let output = undisturbed(|| {
        let _ = std::fs::remove_dir_all(folder.path().join("r"));
        let mut command = command(folder.path(), &arguments);
        command.env("TOKGATE_NVML_REPLAY", trace(variant)).output().unwrap()
    });
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    let samples = raw_lines(&folder.path().join("r"), "telemetry");
    Replayed { output, report, samples }
}

/// The raw lines of a kind, of every file below a folder.
fn raw_lines(folder: &Path, kind: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(raw_lines(&entry, kind));
        } else if entry.extension().is_some_and(|extension| extension == "jsonl") {
            let lines = std::fs::read_to_string(&entry).unwrap();
            let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            found.extend(lines.filter(|line| line["kind"] == kind));
        }
    }
    found
}

impl Replayed {
    fn metric(&self, id: &str) -> Option<f64> {
        self.report["cases"][0]["metrics"][id]["value"]["value"].as_f64()
    }

    /// A field of the GPU in each sample that has it.
    fn gpu(&self, field: &str) -> Vec<&Value> {
        let gpus = self.samples.iter().filter_map(|sample| sample.pointer("/gpus/0"));
        gpus.filter_map(|gpu| gpu.get(field)).collect()
    }
}

#[test]
fn a_replayed_gpu_gives_power_energy_and_throttle_bits_and_is_called_a_replay() {
    let run = replayed("load", LOAD);
    let environment = &run.report["environment"];
    assert_eq!(environment["gpus"][0]["name"], "NVIDIA H100 80GB HBM3");
    let settings = &environment["gpus"][0]["settings"];
    assert_eq!(settings["power_limit_w"], 700);
    assert!(settings["replayed"].as_str().unwrap().contains("synthetic"), "{settings}");
    let told = text(&run.output.stderr);
    assert!(told.contains("played from h100-load.jsonl"), "{told}");

    let power = run.metric("gpu_power_mean").unwrap();
    assert!((300.0..700.0).contains(&power), "{power}");
    let (energy, corrected) =
        (run.metric("energy").unwrap(), run.metric("energy_idle_corrected").unwrap());
    // 70 W were drawn idle, over a window of two and a half seconds and what the host adds.
    assert!((energy - corrected) / 70.0 > 2.0, "{energy} {corrected}");
    let per_token = run.metric("energy_per_token").unwrap();
    assert!((per_token * 100.0 - energy).abs() < 1e-6, "{per_token} of {energy}");
    assert!((run.metric("tokens_per_joule").unwrap() * per_token - 1.0).abs() < 1e-9);
    assert!((run.metric("energy_per_good_request").unwrap() - energy / 25.0).abs() < 1e-6);

    let alerts = run.report["cases"][0]["alerts"].as_array().unwrap();
    let of_gpu = |alert: &Value| alert["of"] == "gpu 0";
    assert!(!alerts.iter().any(of_gpu), "a power cap is no trouble: {alerts:?}");

    let bits = run.gpu("throttle");
    assert!(bits.contains(&&Value::from(0x4)), "the power cap: {bits:?}");
    assert!(run.gpu("foreign_processes").iter().all(|count| **count == 0));
    assert!(run.gpu("sm_clock_mhz").len() > 10);
}

#[test]
fn energy_is_read_less_often_than_the_rest() {
    let telemetry = "[telemetry]\ninterval_ms = 50\nenergy_interval_ms = 500\n";
    let run = replayed("load", &format!("{LOAD}\n{telemetry}"));
    let (power, energy) = (run.gpu("power_w").len(), run.gpu("energy_j").len());
    assert!(energy >= 4 && energy * 4 < power, "{energy} of {power}");
}

#[test]
fn a_gpu_that_is_too_hot_says_so_in_its_bits() {
    let run = replayed("thermal", LOAD);
    let hot = |bits: &&&Value| bits.as_u64().unwrap() & 0x40 != 0;
    assert!(run.gpu("throttle").iter().any(|bits| hot(&bits)));
    let alerts = &run.report["cases"][0]["alerts"];
    let of = |alert: &&Value| alert["rule"] == "gpu_throttling";
    let alert = alerts.as_array().unwrap().iter().find(of).unwrap_or_else(|| panic!("{alerts}"));
    assert_eq!((&alert["of"], alert["at_s"].is_f64()), (&"gpu 0".into(), true));
    assert!(alert["message"].as_str().unwrap().contains("the hardware, for heat"), "{alert}");
}

#[test]
fn another_process_on_the_gpu_is_seen() {
    let run = replayed("neighbour", LOAD);
    assert!(run.gpu("foreign_processes").contains(&&Value::from(1)));
}

#[cfg(target_os = "linux")]
#[test]
fn linux_tells_of_its_cpus_its_clock_and_our_own_process() {
    let run = replayed("load", LOAD);
    let last = run.samples.last().unwrap();
    for field in ["cores", "load", "clock_moved_s", "suspended_s", "target", "others_cpu"] {
        assert!(!last[field].is_null(), "{field} of {last}");
    }
    assert!(last["target"]["threads"].as_u64().unwrap() > 1);
    assert_eq!(last["target"]["rss_bytes"], last["rss_bytes"]);
}

#[test]
fn a_trace_that_is_none_is_refused_before_the_load() {
    let folder = with_scenario(LOAD);
    let mut command = command(folder.path(), &["run", "case.toml", "--results-dir", "r"]);
    let output = command.env("TOKGATE_NVML_REPLAY", "case.toml").output().unwrap();
    assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("TOKGATE_NVML_REPLAY"), "{}", text(&output.stderr));
}

#[test]
fn doctor_has_a_line_for_each_source() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command(folder.path(), &["doctor"]);
    let output = command.env("TOKGATE_NVML_REPLAY", trace("load")).output().unwrap();
    let told = text(&output.stdout);
    for source in ["gpu power", "cpu energy", "stalls", "traffic", "processes", "clock"] {
        assert!(told.contains(source), "{source} in {told}");
    }
    assert!(told.contains("limit 700 W") && told.contains("played from"), "{told}");
}

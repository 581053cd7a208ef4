//! Runs that are spoilt on purpose, each in one way, through the whole program: the reason stands in
//! the terminal, in the JSON, in the database, and in the exit code.

use crate::faces::{code, command, text, with_scenario};
use rusqlite::Connection;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokgate::mock::{Options, Server};

const LOAD: &str = r#"
schema = 1
[target]
driver = "openai"
[dataset]
prompt_tokens = 128
output_tokens = 8
[[case]]
name = "load"
kind = "generation"
workload = { requests = 200, warmup = 2, concurrency = 4 }
"#;

/// As long as it takes to be disturbed in the middle.
const LONG: &str = "workload = { duration_s = 5, warmup = 2 }";

fn server(arguments: &str) -> Server {
    let options = Options::from_arguments(&format!("--ttft-ms 10 --itl-ms 2 {arguments}"));
    Server::start(options.unwrap()).unwrap()
}

/// A folder with the scenario, and the run in it.
struct Spoilt {
    folder: TempDir,
    output: Output,
}

fn arguments(server: &Server) -> Vec<String> {
    let run = ["run", "case.toml", "--results-dir", "r", "--format", "json", "--base-url"];
    run.into_iter().map(str::to_owned).chain([server.base_url()]).collect()
}

fn program(folder: &Path, server: &Server) -> Command {
    let arguments = arguments(server);
    command(folder, &arguments.iter().map(String::as_str).collect::<Vec<_>>())
}

/// A run against a server that is played so.
fn played(mock: &str, scenario: &str) -> Spoilt {
    let (server, folder) = (server(mock), with_scenario(scenario));
    let output = program(folder.path(), &server).output().unwrap();
    Spoilt { folder, output }
}

impl Spoilt {
    /// That the run is INVALID for this reason, wherever it is told.
    fn is_for(&self, tag: &str, words: &str, exit: i32) {
        let told = text(&self.output.stderr);
        assert_eq!(code(&self.output), Some(exit), "{tag}: {told}");
        let report: Value = serde_json::from_slice(&self.output.stdout).unwrap();
        let epoch = &report["cases"][0]["epochs"][0];
        assert_eq!(epoch["validity"], "INVALID", "{tag}: {epoch}");
        let reasons = epoch["reasons"].as_array().unwrap();
        assert!(reasons.iter().any(|reason| has(reason, words)), "{tag}: {epoch}");
        assert_eq!(report["conclusion"], "invalid", "{tag}");
        let run = report["run_id"].as_str().unwrap();
        let shown = command(self.folder.path(), &["show", run, "--results-dir", "r"]);
        let shown = text(&{ shown }.output().unwrap().stdout);
        let line = shown.lines().find(|line| line.contains("INVALID") && line.contains(words));
        assert!(line.is_some(), "{tag}: {shown}");
        let (validity, kept) = self.row();
        assert_eq!(validity, "INVALID", "{tag}");
        assert!(kept.contains(&format!("\"{tag}\"")), "{tag}: {kept}");
    }

    fn row(&self) -> (String, String) {
        let path = self.folder.path().join("r/tokgate.sqlite");
        let asked = "SELECT validity, invalid_reasons FROM benchmark_results";
        let database = Connection::open(path).unwrap();
        database.query_row(asked, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    }
}

fn has(reason: &Value, words: &str) -> bool {
    reason.as_str().is_some_and(|reason| reason.contains(words))
}

#[test]
fn five_errors_in_a_hundred() {
    played("--fault status-500=0.05", LOAD).is_for("error_share", "failed", 3);
}

#[test]
fn three_truncated_streams_in_a_hundred() {
    played("--fault truncated=0.03", LOAD).is_for("truncated", "ended without their end", 3);
}

#[test]
fn a_model_that_is_swapped_half_way() {
    played("--swap-model-after 100", LOAD).is_for("target_changed", "became", 3);
}

#[test]
fn prompts_from_a_cache_that_nobody_asked_for() {
    played("--cached 0.9", LOAD).is_for("cached", "cache", 3);
}

#[test]
fn one_answer_to_every_prompt() {
    played("--same-answer", LOAD).is_for("same_answer", "answer", 3);
}

#[test]
fn a_percentile_that_is_gated_on_and_has_thirty_samples() {
    let timed = "workload = { duration_s = 1, warmup = 2 }";
    let few = LOAD.replace("workload = { requests = 200, warmup = 2, concurrency = 4 }", timed);
    let gated = format!("{few}\n[gate]\n\"ttft.p99\" = \"5 %\"\n");
    played("", &gated).is_for("too_few_samples", "ttft.p99", 3);
}

/// The same on a GPU that is a trace.
fn replayed(variant: &str) -> Spoilt {
    let trace = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/nvml");
    let trace: PathBuf = trace.join(format!("h100-{variant}.jsonl"));
    let load = LOAD.replace("workload = { requests = 200, warmup = 2, concurrency = 4 }", LONG);
    let (server, folder) = (server(""), with_scenario(&load));
    let output =
        program(folder.path(), &server).env("TOKGATE_NVML_REPLAY", trace).output().unwrap();
    Spoilt { folder, output }
}

#[test]
fn a_gpu_that_is_slowed_down_by_its_heat() {
    replayed("thermal").is_for("throttled", "heat", 3);
}

#[test]
fn another_process_on_the_gpu() {
    replayed("neighbour").is_for("gpu_shared", "process", 3);
}

/// Sends a signal to a process that we started.
fn signal(process: u32, name: &str) {
    let sent = Command::new("kill").args([name, &process.to_string()]).status().unwrap();
    assert!(sent.success());
}

/// A run that is sent signals in its middle.
fn disturbed(signals: &[(&str, Duration)]) -> Spoilt {
    let load = LOAD.replace("workload = { requests = 200, warmup = 2, concurrency = 4 }", LONG);
    let (server, folder) = (server(""), with_scenario(&load));
    let mut program = program(folder.path(), &server);
    let run = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Begun is what the server has seen the first requests of.
    for _ in 0..600 {
        if server.truth().counts.requests > 20 {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    for (name, then) in signals {
        signal(run.id(), name);
        std::thread::sleep(*then);
    }
    let output = run.wait_with_output().unwrap();
    Spoilt { folder, output }
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_is_stopped_for_three_seconds() {
    let stopped = disturbed(&[("-STOP", Duration::from_secs(3)), ("-CONT", Duration::ZERO)]);
    stopped.is_for("clock_gap", "nothing ran for", 3);
}

#[cfg(unix)]
#[test]
fn a_run_that_is_cut_short() {
    disturbed(&[("-INT", Duration::ZERO)]).is_for("stopped", "interrupted", 130);
}

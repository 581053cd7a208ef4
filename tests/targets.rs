//! The shipped program against servers of every kind: started by itself, named, swapped, gone.

use crate::mock::{mock, tokgate};
use crate::support::replay::{Replay, Script, recorded};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokgate::mock::Server;

/// Longest wait for something that happens at once on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with a scenario `own.toml`: `target` are lines of its `[target]` table.
fn project(target: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "schema = 1\n[dataset]\nprompt_tokens = 16\noutput_tokens = 12\n[run]\ntimeout_s = 20\n\
         [workload]\nconcurrency = 2\nrequests = 8\nwarmup = 1\n[target]\n{target}\n\
         [[case]]\nname = \"own\"\nkind = \"generation\"\n"
    );
    std::fs::write(folder.path().join("own.toml"), scenario).unwrap();
    folder
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = tokgate();
    command
        .current_dir(folder)
        .env("TOKGATE_RESULTS", folder.join("r"))
        .env("XDG_CONFIG_HOME", folder)
        .args(["run", "own.toml", "--format", "json"])
        .args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

fn report(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"))
}

/// The `[target]` lines of a scenario that starts a mock server with `options`.
fn launched(options: &str) -> String {
    let mut words = vec![env!("CARGO_BIN_EXE_tokgate"), "mock-server", "--port", "{port}"];
    words.extend(options.split_whitespace());
    format!("driver = \"openai\"\n[target.launch]\ncommand = {words:?}\nready = \"/health\"")
}

/// Whether a process whose command line holds `mark` runs.
fn runs(mark: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    processes.filter_map(Result::ok).any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(mark)
    })
}

/// Waits until `is_so`, within a deadline.
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PATIENCE, "in vain: {what}");
        std::thread::yield_now();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_scenario_starts_its_server_times_it_and_ends_it() {
    let mark = format!("launched-{}", std::process::id());
    let folder = project(&launched(&format!("--ttft-ms 5 --itl-ms 1 --model {mark}")));
    let output = run(folder.path(), &[]);
    let report = report(&output);
    let case = &report["cases"][0];
    assert_eq!(case["requests"]["succeeded"], 8, "{case}");
    assert_eq!(case["target"]["model"], mark);
    assert!(case["preparation"]["model_load_s"].as_f64().unwrap() > 0.0);
    assert_eq!(case["target"]["config"]["ttft_ms"], 5);
    assert!(!runs(&mark), "the server was left behind");
    let logs: Vec<_> = std::fs::read_dir(folder.path().join("r/logs")).unwrap().collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
}

#[test]
#[cfg(target_os = "linux")]
fn the_metrics_of_a_started_server_are_read_where_it_listens() {
    let text = launched("--ttft-ms 100 --itl-ms 50 --slots 2");
    let folder = project(&format!("{text}\n[telemetry]\nserver_metrics = true"));
    let report = report(&run(folder.path(), &["--concurrency", "4", "--requests", "24"]));
    let value = |id: &str| report["cases"][0]["metrics"][id]["value"]["value"].as_f64();
    assert_eq!(value("server_running_peak"), Some(2.0), "{}", report["cases"][0]["metrics"]);
    assert!(value("server_waiting_peak").unwrap() >= 1.0);
}

#[test]
#[cfg(target_os = "linux")]
fn a_server_ends_with_tokgate_though_it_was_killed() {
    let mark = format!("orphan-{}", std::process::id());
    let folder = project(&launched(&format!("--itl-ms 1000 --model {mark}")));
    let mut program = command(folder.path(), &[]);
    let mut program = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until("the server starts", || runs(&mark));
    program.kill().unwrap();
    program.wait().unwrap();
    wait_until("the server ends", || !runs(&mark));
}

#[test]
fn a_server_that_cannot_start_is_told_and_exits_3() {
    let folder = project(&launched("--no-such-option"));
    let output = run(folder.path(), &[]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("before it was ready") && told.contains("no-such-option"), "{told}");
}

/// Ollama's two endpoints and OpenAI's, streamed and whole.
#[test]
fn every_endpoint_counts_what_was_really_sent() {
    for (driver, url) in
        [("openai", Server::base_url as fn(&Server) -> String), ("ollama", Server::ollama_url)]
    {
        for (endpoint, stream) in
            [("chat", true), ("chat", false), ("completions", true), ("completions", false)]
        {
            let server = mock("--itl-ms 1 --tokens-per-event 2");
            let folder = project(&format!(
                "driver = \"{driver}\"\nendpoint = \"{endpoint}\"\nstream = {stream}"
            ));
            let output = run(folder.path(), &["--target", driver, "--base-url", &url(&server)]);
            let report = report(&output);
            let case = &report["cases"][0];
            let truth = server.truth();
            assert_eq!(case["requests"]["succeeded"], 8, "{driver} {endpoint} {stream}: {case}");
            assert_eq!(case["metrics"]["output_tokens"]["mean"], 12.0);
            // One warm-up request, with as many tokens.
            assert_eq!(truth.tokens.completion, 9 * 12);
            assert_eq!(case["metrics"]["ttft"].is_null(), !stream, "{driver} {endpoint} {stream}");
            let e2e = case["metrics"]["e2e"]["p50"]["value"].as_f64().unwrap();
            assert!(e2e > 0.0);
        }
    }
}

#[test]
fn a_model_that_is_swapped_half_way_is_no_measurement() {
    for driver in ["openai", "ollama"] {
        let server = mock("--itl-ms 1 --swap-model-after 5");
        let url = if driver == "ollama" { server.ollama_url() } else { server.base_url() };
        let folder = project(&format!("driver = \"{driver}\""));
        let output = run(folder.path(), &["--target", driver, "--base-url", &url]);
        let report = report(&output);
        assert_eq!(output.status.code(), Some(3), "{report}");
        let reasons = report["cases"][0]["epochs"][0]["reasons"].to_string();
        assert!(reasons.contains("the target changed"), "{driver}: {reasons}");
    }
}

#[test]
fn a_target_by_name_is_what_tokgate_toml_says() {
    let server = mock("--itl-ms 1");
    let folder = project("driver = \"simulated\"");
    let fleet = format!(
        "[targets.fleet]\ndriver = \"openai\"\nbase_url = \"{}\"\n\
         runs_on = {{ gpu = \"H100 80GB\", gpus = 2, vram_gb = 80, context_window = 4096 }}\n",
        server.base_url()
    );
    std::fs::write(folder.path().join("tokgate.toml"), fleet).unwrap();
    let report = report(&run(folder.path(), &["--target", "fleet"]));
    assert_eq!(report["machine"], "h100-80gb-x2", "{report}");
    assert_eq!(report["cases"][0]["target"]["context_window"], 4096);
    assert_eq!(report["cases"][0]["requests"]["succeeded"], 8);
    let output = run(folder.path(), &["--target", "fleeet"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains("did you mean `fleet`?"), "{told}");
}

#[test]
fn proxies_of_the_environment_are_not_used() {
    let server = mock("--itl-ms 1");
    let folder = project("driver = \"openai\"");
    let dead = "http://127.0.0.1:9";
    let output = command(folder.path(), &["--target", "openai", "--base-url", &server.base_url()])
        .envs([("HTTP_PROXY", dead), ("http_proxy", dead), ("ALL_PROXY", dead)])
        .output()
        .unwrap();
    assert_eq!(report(&output)["cases"][0]["requests"]["succeeded"], 8);
}

#[test]
fn a_proxy_that_the_scenario_names_is_used() {
    let folder = project("driver = \"openai\"\nproxy = \"http://127.0.0.1:9\"");
    let output =
        run(folder.path(), &["--target", "openai", "--base-url", "http://models.example/v1"]);
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{told}");
    assert!(told.contains("connect: "), "the name was not looked up here: {told}");
}

#[test]
fn a_target_that_dies_makes_the_run_invalid_with_advice() {
    let server = mock("--itl-ms 1 --fault reset=0.5");
    let folder = project("driver = \"openai\"");
    let output = run(folder.path(), &["--target", "openai", "--base-url", &server.base_url()]);
    let report = report(&output);
    assert_eq!(output.status.code(), Some(3), "{report}");
    let failures = report["cases"][0]["failures"].as_array().unwrap();
    assert!(failures.iter().all(|failure| failure["advice"].is_string()), "{failures:?}");
}

#[test]
fn what_is_odd_about_the_answers_is_said() {
    for (option, says) in [
        ("--short-answer 1", "shorter than asked"),
        ("--same-answer", "every prompt the same answer"),
    ] {
        let server = mock(&format!("--itl-ms 1 {option}"));
        let folder = project("driver = \"openai\"");
        let output = run(folder.path(), &["--target", "openai", "--base-url", &server.base_url()]);
        let doubts = report(&output)["cases"][0]["doubts"].to_string();
        assert!(doubts.contains(says), "{option}: {doubts}");
    }
}

/// Every byte that a run left behind: what it printed, and every file below `folder`.
fn left_behind(output: &Output, folder: &Path) -> String {
    let mut all = String::from_utf8_lossy(&output.stdout).into_owned();
    all.push_str(&String::from_utf8_lossy(&output.stderr));
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => folders.push(entry),
                false => all.push_str(&String::from_utf8_lossy(&std::fs::read(entry).unwrap())),
            }
        }
    }
    all
}

#[test]
fn a_key_that_the_server_echoes_is_left_nowhere() {
    // In plain letters, in base64 and in hexadecimal.
    const SPELLINGS: [&str; 3] =
        ["open/sesame+1", "b3Blbi9zZXNhbWUrMQ", "6f70656e2f736573616d652b31"];
    let echo = format!("{{\"error\":{{\"message\":\"bad key {}\"}}}}", SPELLINGS.join(" "));
    let refusal = Script::plain("401 Unauthorized", "application/json", echo.as_bytes());
    let models = Script::json(&recorded("vllm-0.32.0-cpu-models.json"));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let routes = [("/v1/models", models), ("/v1/chat/completions", refusal)];
    let server = runtime.block_on(Replay::start(routes));
    let folder = project("driver = \"openai\"");
    let output = command(folder.path(), &["--target", "openai", "--base-url", &server.base_url()])
        .args(["--api-key-env", "TOKGATE_TEST_KEY", "--save-baseline", "b"])
        .env("TOKGATE_TEST_KEY", SPELLINGS[0])
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    let bearer = format!("authorization: bearer {}", SPELLINGS[0]);
    assert!(server.asked().iter().all(|asked| asked.head.contains(&bearer)));
    let all = left_behind(&output, folder.path());
    assert!(all.contains("bad key [key] [key]"), "{all}");
    for spelling in SPELLINGS {
        assert!(!all.contains(spelling), "{spelling}");
    }
}

//! tokgate held against the truth of the mock server.

use crate::mock::{class, mock, tokgate};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokgate::mock::{Deed, Server};

/// tokgate against a mock server: what it said of its requests, and what really happened.
struct Held {
    report: Value,
    /// In the order in which they were sent.
    requests: Vec<Value>,
    server: Server,
}

/// Long enough for every answer on the busiest machine.
const LONG_S: u32 = 60;

fn hold(server: Server, endpoint: &str, workload: &str) -> Held {
    hold_for(server, endpoint, workload, LONG_S)
}

/// The same with requests that may take `timeout_s`.
fn hold_for(server: Server, endpoint: &str, workload: &str, timeout_s: u32) -> Held {
    let folder = tempfile::tempdir().unwrap();
    let scenario = format!(
        "schema = 1\n[target]\ndriver = \"openai\"\nendpoint = \"{endpoint}\"\n\
         [dataset]\nprompt_tokens = 16\noutput_tokens = 12\n[run]\ntimeout_s = {timeout_s}\n\
         [[case]]\nname = \"own\"\nkind = \"generation\"\nworkload = {{ {workload}, warmup = 1 }}\n"
    );
    std::fs::write(folder.path().join("own.toml"), scenario).unwrap();
    let output = tokgate()
        .current_dir(folder.path())
        .env("TOKGATE_RESULTS", folder.path().join("r"))
        .args(["run", "own.toml", "--format", "json", "--target", "openai"])
        .args(["--base-url", &server.base_url()])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{told}"));
    let raw = std::fs::read_dir(folder.path().join("r/raw")).unwrap();
    let lines: String =
        raw.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap()).collect();
    let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut requests: Vec<Value> = lines.filter(|line| line["kind"] == "request").collect();
    requests.sort_by_key(|request| request["sent"].as_u64());
    Held { report, requests, server }
}

impl Held {
    /// What tokgate says of its requests, each beside what really happened: only where one
    /// followed the other is their order the same.
    fn pairs(&self) -> Vec<(&Value, Deed)> {
        let deeds = self.deeds();
        let said: Vec<String> = self.requests.iter().map(|it| it["outcome"].to_string()).collect();
        assert_eq!(self.requests.len(), deeds.len(), "{said:#?} {deeds:#?}");
        self.requests.iter().zip(deeds).collect()
    }

    /// What the server has in its book; a request that the client left is there a moment later.
    fn deeds(&self) -> Vec<Deed> {
        let asked = Instant::now();
        loop {
            let deeds = self.server.truth().requests.unwrap();
            if deeds.len() >= self.requests.len() || asked.elapsed() > Duration::from_secs(30) {
                return deeds;
            }
            std::thread::yield_now();
        }
    }

    fn case(&self) -> &Value {
        &self.report["cases"][0]
    }
}

fn said_class(request: &Value) -> &str {
    match request["outcome"]["is"].as_str().unwrap() {
        "failed" => request["outcome"]["class"].as_str().unwrap(),
        other => other,
    }
}

/// Nanoseconds from sending to the first event with tokens.
fn said_ttft(request: &Value) -> u64 {
    let events = request["events"].as_array().unwrap();
    let first = events.iter().find(|event| event["kind"] == "content").unwrap();
    first["at"].as_u64().unwrap() - request["sent"].as_u64().unwrap()
}

#[test]
fn tokgate_counts_the_tokens_that_were_sent_and_no_token_before_it_was() {
    for endpoint in ["chat", "completions"] {
        let held = hold(mock("--jitter 0.2"), endpoint, "concurrency = 1, requests = 8");
        for (request, deed) in held.pairs() {
            assert_eq!(request["usage"]["completion_tokens"], deed.completion_tokens, "{request}");
            assert_eq!(request["usage"]["prompt_tokens"], deed.prompt_tokens);
            let truth = (deed.ttft_s.unwrap() * 1e9) as u64;
            assert!(said_ttft(request) >= truth, "{request} {deed:?}");
        }
        assert_eq!(held.case()["requests"]["succeeded"], 8);
        assert_eq!(held.case()["metrics"]["output_tokens"]["mean"], 12.0);
    }
}

#[test]
fn tokgate_names_every_fault_as_the_truth_does() {
    for faults in [
        ["status-500", "status-429", "truncated", "reset", "error-in-stream"],
        ["error-object", "out-of-memory", "malformed-json", "bad-chunk", "html"],
        ["redirect", "huge-line", "huge-head", "gzip", "close-before-head"],
        ["lying-length", "no-done", "bytes-after-done", "slow-bytes", "empty"],
    ] {
        let faults: String = faults.iter().map(|fault| format!("--fault {fault}=0.19 ")).collect();
        let held = hold(mock(&faults), "chat", "concurrency = 1, requests = 25");
        for (request, deed) in held.pairs() {
            assert_eq!(
                said_class(request),
                class(&deed),
                "{:?} {}",
                deed.planned,
                request["outcome"]
            );
        }
    }
}

#[test]
fn tokgate_names_what_hangs() {
    let faults = "--fault hang-before-head=0.4 --fault hang-in-stream=0.4";
    let held = hold_for(mock(faults), "chat", "concurrency = 4, requests = 4", 2);
    let said =
        |class: &str| held.requests.iter().filter(|it| said_class(it) == class).count() as u64;
    assert_eq!(held.deeds().len(), 5, "four and a warm-up");
    let truth = held.server.truth().counts;
    assert_eq!(said("success"), truth.successes);
    for (class, count) in truth.failures {
        assert_eq!(said(class), count, "{class}: {:?}", held.requests);
    }
}

#[test]
fn many_streams_at_once_lose_no_token() {
    let server = mock("--slots 5 --write-bytes 7 --fault status-503=0.2");
    let held = hold(server, "chat", "concurrency = 16, requests = 64");
    let truth = held.server.truth();
    let said: u64 =
        held.requests.iter().filter_map(|it| it["usage"]["completion_tokens"].as_u64()).sum();
    assert_eq!(said, truth.tokens.completion);
    let failed = held.requests.iter().filter(|it| said_class(it) == "status").count() as u64;
    assert_eq!(Some(&failed), truth.counts.failures.get("status"));
}

//! The shipped program against what llama.cpp and vLLM really sent, over a real socket.

use crate::support::replay::{Asked, Replay, Script, events, recorded};
use crate::support::undisturbed;
use serde_json::Value;
use std::process::{Command, Output};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A scenario of a user's own: four requests, one after the other.
const OWN: &str = r#"
schema = 1
[target]
driver = "openai"
[dataset]
prompt_tokens = 16
output_tokens = 24
[[case]]
name = "own"
kind = "generation"
workload = { concurrency = 1, requests = 4, warmup = 1 }
"#;

/// A run of the program against a server that plays one script for every request.
struct Played {
    folder: TempDir,
    output: Output,
    asked: Vec<Asked>,
}

/// What a server is and what it plays.
struct Server<'a> {
    /// Beginning of its recorded files' names.
    engine: &'a str,
    endpoint: &'a str,
    script: Script,
}

impl Server<'_> {
    /// Serves on a runtime of its own while the program runs; every connection is bounded in time.
    fn measured_with(self, arguments: &[&str]) -> Played {
        let file = |what: &str| Script::json(&recorded(&format!("{}-{what}.json", self.engine)));
        let path = match self.endpoint {
            "chat" => "/v1/chat/completions",
            _ => "/v1/completions",
        };
        let routes =
            [("/v1/models", file("models")), ("/version", file("version")), (path, self.script)];
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(Replay::start(routes));
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("own.toml"), OWN).unwrap();
        let endpoint = format!("target.endpoint=\"{}\"", self.endpoint);
        let base_url = server.base_url();
        let output = undisturbed(|| {
            Command::new(env!("CARGO_BIN_EXE_tokgate"))
                .current_dir(folder.path())
                .env("TOKGATE_RESULTS", folder.path().join("r"))
                .env("TOKGATE_CACHE_DIR", folder.path().join("cache"))
                .args(["run", "own.toml", "--format", "json", "--target", "openai"])
                .args(["--base-url", &base_url, "--set", &endpoint])
                .args(arguments)
                .output()
                .unwrap()
        });
        Played { folder, output, asked: server.asked() }
    }
}

/// A recorded stream, an event a write.
fn stream<'a>(engine: &'a str, endpoint: &'a str) -> Server<'a> {
    let kind = if endpoint == "chat" { "chat" } else { "compl" };
    let reply = recorded(&format!("{engine}-{kind}-usage.txt"));
    Server { engine, endpoint, script: Script::stream(events(&reply)) }
}

const LLAMA: &str = "llamacpp-xllamacpp";
const VLLM: &str = "vllm-0.32.0-cpu";

impl Played {
    fn report(&self) -> Value {
        let told = String::from_utf8_lossy(&self.output.stderr);
        serde_json::from_slice(&self.output.stdout).unwrap_or_else(|_| panic!("{told}"))
    }

    fn exit(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// The measured requests as their raw lines say them.
    fn requests(&self) -> Vec<Value> {
        let raw = std::fs::read_dir(self.folder.path().join("r/raw")).unwrap();
        let text: String =
            raw.map(|it| std::fs::read_to_string(it.unwrap().path()).unwrap()).collect();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["kind"] == "request" && line["phase"] == "measured").collect()
    }

    /// Everything that must hold for a reply that the server counted as `tokens`.
    fn assert_measured(&self, platform: &str, tokens: u64) {
        let report = self.report();
        let case = &report["cases"][0];
        assert_eq!(case["target"]["platform"], platform, "{case}");
        assert_eq!(case["requests"]["succeeded"], 4, "{case}");
        assert_eq!(case["requests"]["failed"], 0);
        let requests = self.requests();
        assert_eq!(requests.len(), 4);
        for request in &requests {
            assert_eq!(request["usage"]["completion_tokens"], tokens, "{request}");
            assert_eq!(request["usage"]["counted"], "server");
        }
        let p50 = |metric: &str| case["metrics"][metric]["p50"]["value"].as_f64().unwrap();
        assert!(p50("ttfr") <= p50("ttft"), "{case}");
        assert!(p50("ttft") <= p50("e2e"));
    }
}

fn kinds(request: &Value) -> Vec<&str> {
    let events = request["events"].as_array().unwrap();
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

#[test]
fn a_chat_is_measured_by_the_servers_own_count() {
    stream(LLAMA, "chat").measured_with(&[]).assert_measured("llama-cpp", 24);
    stream(VLLM, "chat").measured_with(&[]).assert_measured("vllm-serve", 24);
}

#[test]
fn completions_are_measured_by_the_servers_own_count() {
    let llama = stream(LLAMA, "completions").measured_with(&["--output-tokens", "16"]);
    llama.assert_measured("llama-cpp", 16);
    let vllm = stream(VLLM, "completions").measured_with(&["--output-tokens", "16"]);
    vllm.assert_measured("vllm-serve", 16);
    let posted = |asked: &&Asked| asked.line.starts_with("POST /v1/completions ");
    assert_eq!(vllm.asked.iter().filter(posted).count(), 5, "four requests and a warm-up");
}

#[test]
fn the_first_response_is_the_role_and_the_first_token_is_content() {
    for engine in [LLAMA, VLLM] {
        for request in stream(engine, "chat").measured_with(&[]).requests() {
            assert_eq!(kinds(&request)[..2], ["other", "content"], "{engine}");
            let at = |event: usize| request["events"][event]["at"].as_u64().unwrap();
            assert!(at(0) <= at(1));
        }
    }
}

#[test]
fn refused_requests_are_failures_with_their_class_and_exit_3() {
    for (engine, error, status) in [
        (LLAMA, "err-too-long", "400 Bad Request"),
        (VLLM, "err-too-long", "400 Bad Request"),
        (VLLM, "err-unknown-model", "404 Not Found"),
    ] {
        let body = recorded(&format!("{engine}-{error}.txt"));
        let script = Script::plain(status, "application/json", &body);
        let played = Server { engine, endpoint: "chat", script }.measured_with(&[]);
        let report = played.report();
        let case = &report["cases"][0];
        assert_eq!(played.exit(), Some(3), "{case}");
        assert_eq!(report["conclusion"], "invalid");
        assert_eq!(case["requests"]["succeeded"], 0, "{case}");
        assert_eq!(case["requests"]["failed"], 4);
        let failure = &case["failures"][0];
        assert_eq!(failure["class"], "status");
        assert!(failure["message"].as_str().unwrap().starts_with(status), "{failure}");
        assert!(case["metrics"]["ttft"].is_null(), "a failed request enters no latency: {case}");
    }
}

#[test]
fn a_model_that_the_server_does_not_have_exits_2_and_names_those_it_has() {
    let played = stream(VLLM, "chat").measured_with(&["--model", "no-such-model"]);
    let told = String::from_utf8_lossy(&played.output.stderr);
    assert_eq!(played.exit(), Some(2), "{told}");
    assert!(told.contains("no-such-model") && told.contains("smollm2"), "{told}");
}

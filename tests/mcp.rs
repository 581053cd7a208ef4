//! Questions of agents by the program: the Model Context Protocol as lines, and what becomes of bad ones.
#![cfg(feature = "mcp")]

use crate::faces::{code, command};
use crate::support::choices;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tempfile::TempDir;

/// Long enough for any answer; only a hang takes it.
const PATIENCE: Duration = Duration::from_secs(120);
const TOOLS: [&str; 5] = ["list", "estimate", "compare", "recommend", "history"];

/// A client that has shaken hands.
struct Client {
    program: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    asked: i64,
}

/// How the program ended.
struct Ended {
    code: Option<i32>,
    /// What came on standard output and was no answer that was waited for.
    left: Vec<String>,
    stderr: String,
}

impl Client {
    /// A client of the program in a folder, before any word.
    fn silent(folder: &Path) -> Self {
        let mut command = command(folder, &["mcp", "--results-dir", "r"]);
        let streams = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut program = streams.spawn().unwrap();
        let (sender, lines) = channel();
        let output = BufReader::new(program.stdout.take().unwrap());
        std::thread::spawn(move || {
            output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
        });
        Self { input: program.stdin.take(), program, lines, asked: 0 }
    }

    fn of(folder: &Path) -> (Self, Value) {
        let mut client = Self::silent(folder);
        let hello = client.ask(
            "initialize",
            json!({
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": { "name": "a test", "version": "0" },
            }),
        );
        client
            .write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        (client, hello)
    }

    fn write(&mut self, line: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
        input.flush().unwrap();
    }

    /// The whole reply to a request.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = self.asked;
        self.write(
            &json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string(),
        );
        let reply = self.next();
        assert_eq!((&reply["jsonrpc"], &reply["id"]), (&json!("2.0"), &json!(id)), "{reply}");
        reply
    }

    fn next(&self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).expect("a reply comes");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    /// What a tool says: its text and its figures.
    fn call(&mut self, tool: &str, arguments: Value) -> (String, Value) {
        let reply = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        let result = &reply["result"];
        assert_ne!(result["isError"], json!(true), "{reply}");
        (text_of(result), result["structuredContent"].clone())
    }

    /// Why a tool says nothing.
    fn refused(&mut self, tool: &str, arguments: Value) -> String {
        let reply = self.ask("tools/call", json!({ "name": tool, "arguments": arguments }));
        assert_eq!(reply["result"]["isError"], json!(true), "{reply}");
        text_of(&reply["result"])
    }

    fn end(mut self) -> Ended {
        drop(self.input.take());
        let left = std::iter::from_fn(|| match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the program does not end with its input"),
        });
        let left = left.collect();
        let mut stderr = String::new();
        self.program.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        Ended { code: self.program.wait().unwrap().code(), left, stderr }
    }
}

fn text_of(result: &Value) -> String {
    let [content] = result["content"].as_array().unwrap().as_slice() else { panic!("{result}") };
    assert_eq!(content["type"], "text");
    content["text"].as_str().unwrap().to_owned()
}

fn filled() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    choices::fill(&folder.path().join("r"));
    folder
}

fn names(list: &Value, key: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|it| it[key].as_str().unwrap().to_owned()).collect()
}

fn close(value: &Value, expected: f64) -> bool {
    value.as_f64().is_some_and(|value| (value - expected).abs() < 1e-3 * expected)
}

#[test]
fn a_client_is_told_who_answers_and_what_can_be_asked() {
    let folder = filled();
    let (mut client, hello) = Client::of(folder.path());
    assert_eq!(hello["result"]["serverInfo"]["name"], "tokgate");
    assert_eq!(hello["result"]["serverInfo"]["version"], env!("CARGO_PKG_VERSION"));
    assert!(hello["result"]["capabilities"]["tools"].is_object(), "{hello}");
    let instructions = hello["result"]["instructions"].as_str().unwrap();
    assert!(TOOLS.iter().all(|tool| instructions.contains(tool)), "{instructions}");

    let reply = client.ask("tools/list", json!({}));
    let tools = reply["result"]["tools"].as_array().unwrap();
    assert_eq!(names(&reply["result"]["tools"], "name"), TOOLS);
    for tool in tools {
        let description = tool["description"].as_str().unwrap();
        assert!(description.contains("second") || description.contains("US dollars"), "{tool}");
        let schema = &tool["inputSchema"];
        assert_eq!(
            (&schema["type"], &schema["additionalProperties"]),
            (&json!("object"), &json!(false))
        );
        let properties = schema["properties"].as_object().unwrap();
        let told = |it: &Value| it["description"].as_str().is_some_and(|it| !it.is_empty());
        assert!(!properties.is_empty() && properties.values().all(told), "{schema}");
        assert_eq!(tool["annotations"]["readOnlyHint"], json!(true));
    }
    let ended = client.end();
    assert_eq!((ended.code, ended.left.len()), (Some(0), 0), "{}", ended.stderr);
}

#[test]
fn the_page_names_every_tool_and_argument_and_its_settings_are_taken() {
    let folder = filled();
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/AGENTS.md"));
    let page = page.unwrap();
    let (mut client, _) = Client::of(folder.path());
    let reply = client.ask("tools/list", json!({}));
    client.end();
    for tool in reply["result"]["tools"].as_array().unwrap() {
        let arguments = tool["inputSchema"]["properties"].as_object().unwrap().keys();
        for name in arguments.map(String::as_str).chain(tool["name"].as_str()) {
            assert!(page.contains(&format!("`{name}`")), "the page does not say `{name}`");
        }
    }
    let settings = page.split("```json").nth(1).and_then(|it| it.split("```").next()).unwrap();
    let settings: Value = serde_json::from_str(settings).unwrap();
    let server = &settings["mcpServers"]["tokgate"];
    assert_eq!(server["command"], "tokgate");
    let words = server["args"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
    let words: Vec<&str> = words.chain(["--help"]).collect();
    assert_eq!(code(&command(folder.path(), &words).output().unwrap()), Some(0));
}

#[test]
fn each_tool_answers_with_figures_and_a_text() {
    let folder = filled();
    let (mut client, _) = Client::of(folder.path());

    let (text, list) = client.call("list", json!({}));
    let models = names(&list["rows"], "model");
    assert_eq!((list["total"].as_u64(), models.len()), (Some(6), 6), "{list}");
    assert!(text.contains("gemma3:4b") && text.contains("google/gemma-3-4b-it"), "{text}");
    let (_, epochs) = client.call("list", json!({ "model": "google/gemma-3-4b-it", "limit": 4 }));
    assert_eq!((&epochs["total"], epochs["rows"].as_array().unwrap().len()), (&json!(6), 4));

    // 50 000 / 0.52 = 96 153.8 s = 26.7094 h, at 1.04 USD an hour 27.78 USD.
    let (text, answer) =
        client.call("estimate", json!({ "model": "gemma3:4b", "requests": 50_000 }));
    let estimate = &answer["estimates"][0];
    assert!(
        close(&estimate["time_s"], 96_153.846) && close(&estimate["cost"]["usd"], 27.7778),
        "{answer}"
    );
    assert!(text.contains("26.7 hours"), "{text}");
    let (_, dearer) = client.call(
        "estimate",
        json!({ "model": "gemma3:4b", "requests": 50_000, "hourly_cost_usd": 10 }),
    );
    assert!(close(&dearer["estimates"][0]["cost"]["usd"], 267.094), "{dearer}");

    let gemma = json!({ "requests": [50_000, 200_000], "platform": "ollama", "gpu_type": "g2-gpu-rtx4000a2-s", "task_category": "coding" });
    let (_, compared) = client.call("compare", gemma);
    assert_eq!(names(&compared["models"], "model"), ["gemma3:4b", "gemma3:12b"]);
    assert!(close(&compared["models"][0]["speedup"], 0.52 / 0.23), "{compared}");
    let (text, compared) = client.call("compare", json!({ "sort_by": "cost_efficiency" }));
    assert_eq!(compared["configurations"][0]["model"], "gemma3:1b");
    assert_eq!(compared["tasks_mixed"], json!(true));
    assert!(text.contains("MIXED TASKS"), "{text}");

    let wish = json!({ "task_category": "coding", "context_tokens": 40_000, "budget": "1-3", "prefer": "smallest" });
    let (text, advised) = client.call("recommend", wish);
    let top: Vec<_> = advised["top"].as_array().unwrap().iter().collect();
    assert!(!top.is_empty() && top.iter().all(|it| it["configuration"]["model"] != "gemma3:1b"));
    assert!(text.contains("a single run"), "{text}");

    let (text, history) = client.call("history", json!({ "metric": "ttft.p50", "limit": 2 }));
    let series = &history["series"][0];
    assert_eq!(
        (&history["unit"], &series["entries_total"]),
        (&json!("seconds"), &json!(3)),
        "{history}"
    );
    assert_eq!(series["entries"].as_array().unwrap().len(), 2);
    assert!(text.contains("ttft.p50: 3 entries"), "{text}");
    client.end();
}

#[test]
fn what_is_asked_wrongly_is_answered_by_what_to_ask() {
    let folder = filled();
    let (mut client, _) = Client::of(folder.path());
    for (tool, arguments, told) in [
        ("estimate", json!({ "model": "gemma3:4b" }), "`requests` is missing"),
        ("estimate", json!({ "requests": "many" }), "a whole number from 1"),
        ("estimate", json!({ "requests": 5, "modle": "gemma3:4b" }), "did you mean `model`?"),
        ("estimate", json!({ "requests": 5, "model": "gemma3:4" }), "did you mean `gemma3:"),
        ("estimate", json!({ "requests": 5, "model": "nobody's" }), "the tool `list`"),
        ("list", json!({ "platform": "nobody's" }), "ask with fewer"),
        ("compare", json!({ "sort_by": "speed" }), "tokens_per_sec"),
        ("compare", json!({ "requests": 5 }), "a list of"),
        ("recommend", json!({ "budget": "1 USD" }), "under-1"),
        ("history", json!({ "metric": "ttft" }), "`metric`: "),
        ("history", json!({ "metric": "tok_z" }), "did you mean `tok_s`?"),
        ("history", json!({ "metric": "tok_s", "case": "no such" }), "no VALID epoch"),
    ] {
        let said = client.refused(tool, arguments.clone());
        assert!(said.contains(told), "{tool} {arguments}: {said}");
    }
    let reply = client.ask("tools/call", json!({ "name": "delete", "arguments": {} }));
    let error = &reply["error"];
    assert_eq!(error["code"], json!(-32602), "{reply}");
    assert!(error["message"].as_str().unwrap().contains("list, estimate"), "{reply}");
    // It still answers.
    client.call("list", json!({}));
    client.end();
}

#[test]
fn questions_that_come_at_once_are_all_answered() {
    let folder = filled();
    let (mut client, _) = Client::of(folder.path());
    for id in 100..120 {
        let params = json!({ "name": "compare", "arguments": { "requests": [id] } });
        client.write(
            &json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
                .to_string(),
        );
    }
    let mut answered: Vec<i64> =
        (100..120).map(|_| client.next()["id"].as_i64().unwrap()).collect();
    answered.sort_unstable();
    assert_eq!(answered, (100..120).collect::<Vec<_>>());
    client.end();
}

#[test]
fn nothing_is_made_where_nothing_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("r")).unwrap();
    let (mut client, _) = Client::of(folder.path());
    for (tool, arguments) in [("list", json!({})), ("history", json!({ "metric": "tok_s" }))] {
        let said = client.refused(tool, arguments);
        assert!(
            said.contains("nothing was measured yet") && said.contains("tokgate run"),
            "{said}"
        );
    }
    client.end();
    assert_eq!(std::fs::read_dir(folder.path().join("r")).unwrap().count(), 0);
}

#[test]
fn answers_change_no_byte_of_the_results() {
    let folder = filled();
    let database = folder.path().join("r/tokgate.sqlite");
    let before = std::fs::read(&database).unwrap();
    let (mut client, _) = Client::of(folder.path());
    for (tool, arguments) in [
        ("list", json!({})),
        ("estimate", json!({ "requests": 1 })),
        ("compare", json!({})),
        ("recommend", json!({})),
        ("history", json!({ "metric": "tok_s" })),
    ] {
        client.call(tool, arguments);
    }
    client.end();
    assert_eq!(std::fs::read(&database).unwrap(), before);
}

#[test]
fn the_end_of_input_ends_it_whatever_was_said_before() {
    let folder = filled();
    let ended = Client::silent(folder.path()).end();
    assert_eq!((ended.code, ended.left.len()), (Some(0), 0), "{}", ended.stderr);

    let mut babbling = Client::silent(folder.path());
    babbling.write("hello?");
    babbling.write("{\"jsonrpc\":\"2.0\"");
    let ended = babbling.end();
    // Whatever it answers is a line of the protocol.
    assert!(
        ended.left.iter().all(|line| serde_json::from_str::<Value>(line).is_ok()),
        "{:?}",
        ended.left
    );
    assert!(ended.code.is_some(), "{}", ended.stderr);
}

#[test]
fn a_line_without_an_end_ends_it_and_says_so() {
    let folder = filled();
    let (mut client, _) = Client::of(folder.path());
    client.call("list", json!({}));
    // It may end before all of it is written.
    drop(client.input.as_mut().unwrap().write_all(&vec![b'a'; 3 << 20]));
    let ended = client.end();
    assert_eq!((ended.code, ended.left.len()), (Some(2), 0), "{}", ended.stderr);
    assert!(ended.stderr.contains("more than 1 MiB"), "{}", ended.stderr);
}

#[test]
fn a_folder_that_is_not_there_is_told_before_any_word() {
    let folder = tempfile::tempdir().unwrap();
    let output = command(folder.path(), &["mcp", "--results-dir", "nowhere"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(code(&output), Some(2));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere"));
}

//! Alerts through the whole program: where they are told, who is told, and what that changes.

use crate::faces::{code, command, text, with_scenario};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Output;
use std::sync::mpsc::{Receiver, channel};

/// A fifth of the requests fails. What the machine does meanwhile is left out.
const FAILING: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.1, error_rate = 0.2 }
[alerts]
ignore = ["resource", "performance"]
[[case]]
name = "failing"
kind = "generation"
dataset = { prompt_tokens = 8, output_tokens = 4 }
workload = { requests = 100, warmup = 0 }
"#;

/// Nothing fails, and a goal that nobody reaches is missed.
const SLOW: &str = r#"
schema = 1
[target]
driver = "simulated"
simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.1 }
[validity]
steal = 1.0
others_cpu = 1.0
gap_s = 600
send_lag_s = 600
client_busy = 1.0
clock_moved_s = 3600
swapped_mib = 1000000
[alerts]
only = ["performance"]
[[case]]
name = "slow"
kind = "generation"
dataset = { prompt_tokens = 8, output_tokens = 4 }
workload = { requests = 20, warmup = 0 }
goals = { tok_s = ">= 1000000" }
"#;

const RUN: [&str; 4] = ["run", "case.toml", "--results-dir", "r"];

fn json_of(folder: &Path) -> (Output, Value) {
    let output = command(folder, &[&RUN[..], &["--format", "json"]].concat()).output().unwrap();
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    (output, report)
}

/// `rule level` of every row of the table.
fn rows(folder: &Path) -> Vec<String> {
    let connection = rusqlite::Connection::open(folder.join("r/tokgate.sqlite")).unwrap();
    let mut query = connection.prepare("SELECT rule, level FROM alerts").unwrap();
    let row = |row: &rusqlite::Row<'_>| {
        Ok(format!("{} {}", row.get::<_, String>(0)?, row.get::<_, String>(1)?))
    };
    query.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn planted_failures_are_told_in_the_terminal_the_json_the_database_and_the_document() {
    let folder = with_scenario(FAILING);
    let output = command(folder.path(), &RUN).output().unwrap();
    let told = text(&output.stdout);
    assert!(told.contains("\nalerts\n  red    stability error_rate\n"), "{told}");
    assert!(!told.contains('\u{1b}'), "colour without a terminal: {told}");

    let (_, report) = json_of(folder.path());
    let case = &report["cases"][0];
    let alert = &case["alerts"][0];
    assert_eq!(case["alerts"].as_array().unwrap().len(), 1, "{}", case["alerts"]);
    assert_eq!((&alert["rule"], &alert["level"]), (&"error_rate".into(), &"red".into()));
    let failed = case["requests"]["failed"].as_u64().unwrap();
    let message = alert["message"].as_str().unwrap();
    assert!(failed > 5 && message.starts_with(&format!("{failed} of 100 requests")), "{message}");
    assert_eq!(alert["test_id"], case["epochs"][0]["test_id"]);
    let levels = serde_json::json!(
        { "performance": "green", "resource": "green", "stability": "red" }
    );
    assert_eq!(report["alert_levels"], levels);

    assert_eq!(rows(folder.path()), ["error_rate red", "error_rate red"]);
    let path = format!("r/reports/{}.json", alert["test_id"].as_str().unwrap());
    let document = std::fs::read_to_string(folder.path().join(path)).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["alerts"][0], *alert);

    let run_id = report["run_id"].as_str().unwrap();
    let show = command(folder.path(), &["show", run_id, "--results-dir", "r"]).output().unwrap();
    assert!(text(&show.stdout).contains("red    stability error_rate"), "{}", text(&show.stdout));
}

#[test]
fn a_scenario_that_ignores_them_has_none() {
    let folder =
        with_scenario(&FAILING.replace("\"performance\"]", "\"performance\", \"error_rate\"]"));
    let (_, report) = json_of(folder.path());
    assert_eq!(report["cases"][0]["alerts"], serde_json::json!([]));
    assert_eq!(rows(folder.path()), [""; 0]);
}

/// Takes every POST, answers it with `status`, and passes on what was said.
fn hook(status: &'static str) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/s3cret", listener.local_addr().unwrap());
    let (heard, told) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let head: Vec<String> = reader
                .by_ref()
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            let length =
                |line: &String| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok();
            let mut body = vec![0; head.iter().find_map(length).unwrap_or(0)];
            reader.read_exact(&mut body).unwrap();
            heard.send(format!("{}\n{}", head[0], text(&body))).unwrap();
            write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                .unwrap();
        }
    });
    (address, told)
}

/// The slow scenario with a configuration beside it.
fn slow(configuration: &str) -> tempfile::TempDir {
    let folder = with_scenario(SLOW);
    std::fs::write(folder.path().join("tokgate.toml"), configuration).unwrap();
    folder
}

#[cfg(unix)]
#[test]
fn a_command_and_a_webhook_are_told_once_and_of_the_same() {
    let (address, told) = hook("200 OK");
    let folder =
        slow("[alerts]\ncommand = [\"sh\", \"-c\", \"cat >> heard\"]\nwebhook_env = \"A_HOOK\"\n");
    let output = command(folder.path(), &RUN).env("A_HOOK", &address).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let heard = std::fs::read_to_string(folder.path().join("heard")).unwrap();
    let notice: Value = serde_json::from_str(&heard).unwrap();
    assert_eq!((&notice["level"], &notice["exit"]), (&"red".into(), &0.into()));
    assert_eq!(notice["alerts"][0]["rule"], "token_throughput");
    assert_eq!(told.recv().unwrap(), format!("POST /s3cret HTTP/1.1\n{heard}"));
    assert!(told.try_recv().is_err(), "told twice");
    assert!(!text(&output.stderr).contains("not told"), "{}", text(&output.stderr));
}

#[cfg(unix)]
#[test]
fn whoever_cannot_be_told_changes_nothing_but_a_line_of_warning() {
    let (address, told) = hook("500 Oh");
    let folder =
        slow("[alerts]\ncommand = [\"sh\", \"-c\", \"exit 7\"]\nwebhook_env = \"A_HOOK\"\n");
    let output = command(folder.path(), &RUN).env("A_HOOK", &address).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let warned = text(&output.stderr);
    let warnings: Vec<&str> = warned.lines().filter(|line| line.contains("not told")).collect();
    assert_eq!(warnings.len(), 2, "{warned}");
    assert!(warnings[0].contains("`sh` ended with exit status: 7"), "{warned}");
    assert!(warnings[1].contains("`A_HOOK`") && warnings[1].contains("status 500"), "{warned}");
    assert!(!format!("{warned}{}", text(&output.stdout)).contains("s3cret"));
    told.recv().unwrap();
    assert_eq!(rows(folder.path()), ["token_throughput red"]);
    let output = command(folder.path(), &RUN).env_remove("A_HOOK").output().unwrap();
    assert_eq!(code(&output), Some(0));
    assert!(text(&output.stderr).contains("`A_HOOK`, which `webhook_env` names, holds no address"));
}

#[cfg(unix)]
#[test]
fn a_target_that_is_not_there_at_all_is_told_too() {
    let folder = slow("[alerts]\ncommand = [\"sh\", \"-c\", \"cat >> heard\"]\n");
    let plain = SLOW.replace("simulation = { ttft_ms = 2, itl_ms = 1, jitter = 0.1 }", "");
    let text_of = plain.replace("\"simulated\"", "\"openai\"");
    std::fs::write(folder.path().join("case.toml"), text_of).unwrap();
    // Port 9 of the loopback range: the discard service, which nobody runs.
    let arguments = [&RUN[..], &["--base-url", "http://127.0.0.1:9/v1"]].concat();
    let output = command(folder.path(), &arguments).output().unwrap();
    assert_eq!(code(&output), Some(3), "{}", text(&output.stderr));
    let heard = std::fs::read_to_string(folder.path().join("heard")).unwrap();
    let notice: Value = serde_json::from_str(&heard).unwrap();
    assert_eq!((&notice["level"], &notice["alerts"]), (&"red".into(), &serde_json::json!([])));
    assert_eq!(notice["unmeasured"][0]["case"], "case/slow");
    assert!(notice["unmeasured"][0]["why"].as_str().unwrap().contains("connect"), "{notice}");
}

#[cfg(unix)]
#[test]
fn nobody_is_told_of_a_run_without_alerts() {
    let folder =
        slow("[alerts]\ncommand = [\"sh\", \"-c\", \"cat >> heard\"]\nmin_level = \"yellow\"\n");
    let reached = SLOW.replace(">= 1000000", ">= 1");
    std::fs::write(folder.path().join("case.toml"), reached).unwrap();
    let output = command(folder.path(), &RUN).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert_eq!(rows(folder.path()), [""; 0]);
    assert!(!folder.path().join("heard").exists());
    assert!(!text(&output.stdout).contains("alerts"), "{}", text(&output.stdout));
}

#[test]
fn what_is_wrong_with_the_configuration_is_told_before_the_load() {
    let folder = slow("[alerts]\nwebhook_env = \"https://hooks.example.com/s3cret\"\n");
    let output = command(folder.path(), &RUN).output().unwrap();
    assert_eq!(code(&output), Some(2));
    let told = text(&output.stderr);
    assert!(told.contains("tokgate.toml") && told.contains("no name of an environment"), "{told}");
    assert!(!told.contains("s3cret"), "{told}");
    assert!(!folder.path().join("r").exists());
}

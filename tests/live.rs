//! Looking on at a run from other processes: what is seen while it goes on, that a killed one is told from
//! one that goes on, and that whoever comes back finds neither gap nor repeat.

use crate::faces::{code, with_scenario};
use crate::mock::mock;
use crate::support::calls::{Running, call, told};
use crate::support::served::Served;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokgate::live::{Ended, Point, SCHEMA_VERSION, Snapshot, State};
use tokgate_core::goal::Grade;
use tokgate_core::verdict::Conclusion;

/// Longest wait for what comes within a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A baseline that is recorded here.
const RECORDED: &str = "baseline/recorded/cpu-2c-amd-epyc/quick.json";

/// A run of some seconds against a server at this address.
fn scenario(base_url: &str) -> TempDir {
    with_scenario(&format!(
        "schema = 1\n[target]\ndriver = \"openai\"\nbase_url = \"{base_url}\"\n[run]\nepochs = 2\n\
         [[case]]\nname = \"chat\"\nkind = \"generation\"\n\
         dataset = {{ prompt_tokens = 16, output_tokens = 8 }}\n\
         workload = {{ concurrency = 2, requests = 400, warmup = 2 }}\n\
         [case.goals]\n\"ttft.p50\" = \"< 5 s\"\n"
    ))
}

/// The events of a run as they are sent.
struct Events(BufReader<TcpStream>);

#[derive(Debug)]
struct Event {
    id: Option<u64>,
    name: String,
    data: Value,
}

impl Events {
    fn of(served: &Served, run: &str, last: Option<u64>) -> Self {
        let mut socket = served.connect();
        let last = last.map(|last| format!("last-event-id: {last}\r\n")).unwrap_or_default();
        let host = served.address();
        let request = format!(
            "GET /v1/live/{run}/events HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{last}\r\n"
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut events = Self(BufReader::new(socket));
        while !events.line().unwrap().is_empty() {}
        events
    }

    /// A line; `None` at the end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let length = self.0.read_line(&mut line).unwrap_or(0);
        (length > 0).then(|| line.trim_end().to_owned())
    }

    /// The next event; `None` at the end. Lines of chunks and heartbeats are passed over.
    fn next(&mut self) -> Option<Event> {
        let (mut id, mut name) = (None, String::new());
        loop {
            let line = self.line()?;
            match line.split_once(": ") {
                Some(("id", text)) => id = text.parse().ok(),
                Some(("event", text)) => name = text.to_owned(),
                Some(("data", text)) => {
                    return Some(Event { id, name, data: serde_json::from_str(text).unwrap() });
                }
                Some(_) | None => {}
            }
        }
    }
}

fn numbers(event: &Event) -> Vec<u64> {
    event.data["points"].as_array().unwrap().iter().map(|it| it["seq"].as_u64().unwrap()).collect()
}

/// Waits until something is so.
fn until<T>(mut found: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match found() {
            Some(found) => return found,
            None => assert!(Instant::now() < end, "nothing came"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The only run that is told of, once it is in this state.
fn seen(served: &Served, state: &str) -> Value {
    until(|| {
        let runs = served.object("/v1/live")["runs"].clone();
        runs.as_array()?.iter().find(|run| run["state"] == state).cloned()
    })
}

fn name(run: &Value) -> String {
    run["run_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_run_is_seen_as_it_goes_on_and_whoever_comes_back_finds_neither_gap_nor_repeat() {
    let server = mock("--itl-ms 2");
    let folder = scenario(&server.base_url());
    std::fs::create_dir(folder.path().join("r")).unwrap();
    let served = Served::start(folder.path(), &[]);
    let running = Running::start(folder.path(), &["run", "case.toml"]);
    let run = name(&seen(&served, "running"));
    // One who never reads is in nobody's way.
    let _stalled = Events::of(&served, &run, None);
    let mut events = Events::of(&served, &run, None);
    let first = events.next().unwrap();
    assert_eq!(
        (first.name.as_str(), first.data["run_id"].as_str()),
        ("snapshot", Some(run.as_str()))
    );
    let mut all = numbers(&first);
    for _ in 0..2 {
        let tick = events.next().unwrap();
        assert_eq!((tick.name.as_str(), tick.id), ("tick", numbers(&tick).last().copied()));
        all.extend(numbers(&tick));
    }
    drop(events);
    // Something happens meanwhile.
    until(|| {
        (served.object(&format!("/v1/live/{run}"))["seq"].as_u64() > all.last().copied())
            .then_some(())
    });
    let mut events = Events::of(&served, &run, all.last().copied());
    let mut last = None;
    while let Some(event) = events.next() {
        assert_eq!(event.name, "tick", "{event:?}");
        all.extend(numbers(&event));
        last = Some(event);
    }
    let expected: Vec<u64> = (1..=all.len() as u64).collect();
    assert_eq!(all, expected);
    let last = last.unwrap();
    assert_eq!(last.data["run"]["state"], "ended", "{last:?}");
    let finished = &last.data["run"]["finished"][0];
    assert_eq!((&finished["attempted"], &finished["failed"]), (&800.into(), &0.into()));
    assert_eq!(finished["goals"][0]["level"], "green");
    drop(running.rest());
}

#[test]
fn a_killed_run_is_interrupted_for_everybody_and_nobody_waits_for_it() {
    let server = mock("--itl-ms 50");
    let folder = scenario(&server.base_url());
    std::fs::create_dir(folder.path().join("r")).unwrap();
    let served = Served::start(folder.path(), &[]);
    let running = Running::start(folder.path(), &["run", "case.toml"]);
    let run = name(&seen(&served, "running"));
    let mut events = Events::of(&served, &run, None);
    running.killed();
    let told_of = until(|| {
        let event = events.next()?;
        let run = if event.name == "tick" { &event.data["run"] } else { &event.data };
        (run["state"] == "interrupted").then(|| run.clone())
    });
    assert_eq!(told_of["end"], Value::Null);
    seen(&served, "interrupted");
    let watched = call(folder.path(), &["watch", &run]);
    assert_eq!(code(&watched), Some(3));
    assert!(told(&watched).contains("interrupted"), "{}", told(&watched));
    let nothing = call(folder.path(), &["watch"]);
    assert_eq!(code(&nothing), Some(4), "{}", told(&nothing));
}

#[test]
fn watching_says_each_change_in_a_line_and_ends_with_the_run() {
    let server = mock("--itl-ms 2");
    let folder = scenario(&server.base_url());
    let running = Running::start(folder.path(), &["run", "case.toml"]);
    until(|| (code(&call(folder.path(), &["watch", "--once"])) == Some(0)).then_some(()));
    let watched = call(folder.path(), &["watch"]);
    let text = told(&watched);
    // A loaded machine may have ended the run before it was looked at again.
    if code(&watched) == Some(0) {
        assert!(text.contains("case/chat epoch 2 of 2: measured"), "{text}");
        assert!(text.contains("done case/chat: "), "{text}");
        assert!(text.lines().last().unwrap().starts_with("ended, exit"), "{text}");
    }
    drop(running.rest());
}

/// A run that is over, of so many moments.
pub(crate) fn told_run(results: &Path, run: &str, moments: u64, end: bool) -> PathBuf {
    let point = |seq| Point { seq, at_us: 1_763_806_272_000_000 + seq as i64, ..Point::default() };
    let ended = Ended { exit: 0, conclusion: Conclusion::Held, grade: Grade::Good };
    let snapshot = Snapshot {
        schema_version: SCHEMA_VERSION,
        run_id: run.to_owned(),
        scenario: "quick".to_owned(),
        machine: "rtx-4090-x1".to_owned(),
        started_us: 1_763_806_272_000_000,
        at_us: 1_763_806_272_000_000 + moments as i64,
        seq: moments,
        state: if end { State::Ended } else { State::Running },
        end: end.then_some(ended),
        points: (1..=moments).map(point).collect(),
        ..Snapshot::default()
    };
    let path = results.join("live").join(format!("{run}.json"));
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, serde_json::to_vec(&snapshot).unwrap()).unwrap();
    path
}

#[test]
fn of_a_run_that_is_over_only_what_was_missed_is_told_and_to_who_missed_nothing_nothing() {
    let folder = tempfile::tempdir().unwrap();
    told_run(&folder.path().join("r"), "run-0", 9, true);
    let served = Served::start(folder.path(), &[]);
    let mut events = Events::of(&served, "run-0", Some(6));
    assert_eq!(numbers(&events.next().unwrap()), [7, 8, 9]);
    assert!(events.next().is_none());
    let mut events = Events::of(&served, "run-0", Some(77));
    assert_eq!(events.next().unwrap().name, "snapshot", "that number is of no moment of it");
    let over = served.ask("GET", "/v1/live/run-0/events", &["last-event-id: 9"]);
    assert_eq!((over.code, over.body.as_str()), (204, ""));
    for unknown in ["/v1/live/run-1/events", "/v1/live/..%2frun-0/events", "/v1/live/run-1"] {
        assert_eq!(served.get(unknown).code, 404, "{unknown}");
    }
}

#[test]
fn a_file_that_is_none_of_ours_is_a_fault_and_hides_no_other_run() {
    let folder = tempfile::tempdir().unwrap();
    told_run(&folder.path().join("r"), "run-0", 1, true);
    std::fs::write(folder.path().join("r/live/run-1.json"), "{\"schema_version\":1,\"run_id\"")
        .unwrap();
    let served = Served::start(folder.path(), &[]);
    let answer = served.get("/v1/live/run-1/events");
    assert!(answer.code == 500 && !answer.body.contains("run-1.json"), "{answer:?}");
    assert_eq!(served.object("/v1/live")["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn the_page_is_open_and_says_nothing_what_was_measured_wants_the_token() {
    let folder = tempfile::tempdir().unwrap();
    told_run(&folder.path().join("r"), "run-0", 1, true);
    std::fs::write(folder.path().join("token"), "0123456789abcdef".repeat(4)).unwrap();
    let served = Served::start(folder.path(), &["--token-file", "token"]);
    for path in ["/", "/runs/run-0", "/assets/live.js", "/assets/charts.js", "/assets/style.css"] {
        let answer = served.get(path);
        assert_eq!(answer.code, 200, "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert!(!answer.body.contains("rtx-4090"), "{path}");
    }
    for path in ["/v1/live", "/v1/live/run-0", "/v1/live/run-0/events", "/v1/runs", "/runs/a/b"] {
        assert_eq!(served.get(path).code, 401, "{path}");
    }
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_server_while_somebody_looks_on() {
    let folder = tempfile::tempdir().unwrap();
    told_run(&folder.path().join("r"), "run-0", 3, false);
    let served = Served::start(folder.path(), &[]);
    let mut events = Events::of(&served, "run-0", None);
    assert_eq!(events.next().unwrap().data["state"], "interrupted");
    let pid = rustix::process::Pid::from_raw(served.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(served.ended(), Some(0));
    assert!(events.next().is_none());
}

#[cfg(unix)]
#[test]
fn the_machine_alone_is_seen_and_kept_and_handed_out_and_is_not_interrupted_by_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), &["--monitor-only"]);
    let run = until(|| {
        let run = served.object("/v1/live")["runs"][0].clone();
        (run["alone"] == true && run["telemetry"]["memory_bytes"].is_u64()).then_some(run)
    });
    assert_eq!(run["state"], "running");
    let pid = rustix::process::Pid::from_raw(served.pid().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(served.ended(), Some(0));
    let told_of = call(folder.path(), &["watch", &name(&run)]);
    assert_eq!(code(&told_of), Some(0), "{}", told(&told_of));
    for file in ["seen.csv", "seen.json"] {
        let output = call(folder.path(), &["export", "--telemetry", file]);
        assert_eq!(code(&output), Some(0), "{}", told(&output));
    }
    let csv = std::fs::read_to_string(folder.path().join("seen.csv")).unwrap();
    assert!(csv.starts_with("at_us,cpu,memory_bytes,") && csv.lines().count() > 1, "{csv}");
    let json = std::fs::read(folder.path().join("seen.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["moments"].as_array().unwrap().len(), csv.lines().count() - 1);
    let again = call(folder.path(), &["export", "--telemetry", "seen.csv"]);
    assert_eq!(code(&again), Some(2), "nothing is overwritten: {}", told(&again));
}

#[test]
fn a_baseline_is_shown_by_the_middle_of_its_epochs_and_a_mistyped_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("r")).unwrap();
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join(RECORDED);
    let served = Served::start(folder.path(), &["--baseline-file", recorded.to_str().unwrap()]);
    let told_of = served.object("/v1/baseline");
    let text = std::fs::read_to_string(&recorded).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let first = &told_of["metrics"][0];
    let (case, metric) = (first["case_id"].as_str().unwrap(), first["metric"].as_str().unwrap());
    let epochs = file["cases"][case][metric]["epochs"].as_array().unwrap();
    let mut values: Vec<f64> = epochs.iter().map(|it| it["value"].as_f64().unwrap()).collect();
    values.sort_by(f64::total_cmp);
    let middle = f64::midpoint(values[(values.len() - 1) / 2], values[values.len() / 2]);
    assert!((first["value"].as_f64().unwrap() - middle).abs() < 1e-9 * middle, "{first}");
    let wrong = call(folder.path(), &["serve", "--port", "0", "--baseline-file", "nowhere.json"]);
    assert_eq!(code(&wrong), Some(2), "{}", told(&wrong));
}

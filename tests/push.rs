//! Runs pushed to a `tokgate serve` that keeps them.

use crate::faces::{code, command, text, with_scenario};
use crate::kill::{MANY, few};
use crate::store::fixture::{keep_case, open};
use crate::support::calls::{ends, told};
use crate::support::served::{Answer, Served};
use crate::support::undisturbed;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokgate::store::outbox::waiting;
use tokgate::store::{Fingerprint, Layout};

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
/// The variable that holds it for who pushes.
const VARIABLE: &str = "TOKGATE_PUSH_TOKEN";

/// A folder that a server keeps runs in.
fn keeper() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("write.token"), TOKEN).unwrap();
    folder
}

fn keeping(folder: &Path, arguments: &[&str]) -> Served {
    Served::start(folder, &[&["--write-token-file", "write.token"], arguments].concat())
}

fn with_token(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = command(folder, arguments);
    command.env(VARIABLE, TOKEN);
    command
}

/// Measures in a folder, and pushes to an address.
fn pushed(folder: &Path, address: &str, more: &[&str]) -> Output {
    let all = [&["run", "case.toml", "--results-dir", "r", "--push", address], more].concat();
    undisturbed(|| with_token(folder, &all).output().unwrap())
}

fn place(served: &Served) -> String {
    format!("http://{}", served.address())
}

/// What waits in the outbox of a folder.
fn left(folder: &Path) -> usize {
    waiting(&Layout::new(folder.join("r"))).unwrap().len()
}

/// All rows of a query, as text.
fn rows(folder: &Path, asked: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(folder.join("r/tokgate.sqlite")).unwrap();
    let mut statement = database.prepare(asked).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| {
        let cells = (0..columns).map(|at| format!("{:?}", row.get_ref(at).unwrap()));
        Ok(cells.collect::<Vec<_>>().join("|"))
    };
    statement.query_map([], row).unwrap().map(Result::unwrap).collect()
}

/// Both folders have the same lines, and the same rows but for the numbers of the epochs.
fn is_same(measured: &Path, kept: &Path) {
    let layouts = [measured, kept].map(|folder| Layout::new(folder.join("r")));
    let [files, there] = layouts.each_ref().map(|layout| layout.raw_files().unwrap());
    assert_eq!(files.len(), there.len());
    for (one, other) in files.iter().zip(&there) {
        assert_eq!(one.file_name(), other.file_name());
        assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap());
    }
    for asked in [
        "SELECT * FROM runs ORDER BY run_id",
        "SELECT * FROM cases ORDER BY run_id, case_id, arm",
        "SELECT * FROM metrics ORDER BY run_id, case_id, arm, metric, stat",
        "SELECT * FROM verdicts ORDER BY run_id, case_id, arm, metric",
        "SELECT * FROM alerts ORDER BY run_id, case_id",
        "SELECT test_id, run_id, validity, tok_s, ttft_p50_s FROM benchmark_results ORDER BY test_id",
        "SELECT * FROM machines",
    ] {
        assert_eq!(rows(measured, asked), rows(kept, asked), "{asked}");
    }
}

#[test]
fn a_run_that_is_pushed_is_there_with_its_verdicts_when_it_has_ended() {
    let (measured, kept) = (with_scenario(&few()), keeper());
    let served = keeping(kept.path(), &[]);
    let output = pushed(measured.path(), &place(&served), &["--save-baseline", "before"]);
    assert_eq!(code(&output), Some(0), "{}", told(&output));
    assert!(told(&output).contains(&format!("pushed  {}", place(&served))), "{}", told(&output));
    let output = pushed(measured.path(), &place(&served), &["--baseline", "before"]);
    assert!(matches!(code(&output), Some(0 | 1)), "{}", told(&output));
    assert_eq!((left(measured.path()), rows(kept.path(), "SELECT * FROM runs").len()), (0, 2));
    is_same(measured.path(), kept.path());
    assert!(!rows(kept.path(), "SELECT * FROM verdicts").is_empty());
    // It is asked for like one that was measured there.
    let run = &served.object("/v1/runs?limit=1")["runs"][0];
    let shown = served.object(&format!("/v1/runs/{}", run["run_id"].as_str().unwrap()));
    assert_eq!(shown["cases"].as_array().unwrap().len(), 2, "{shown}");
    ends(kept.path(), &["list"], 0);
    ends(kept.path(), &["db", "check"], 0);
    assert!(kept.path().join("r/analysis/summary.json").exists());
    assert!(kept.path().join("r/reports/COMPARISON.md").exists());
}

#[test]
fn what_was_measured_while_the_server_was_away_is_pushed_later() {
    let (measured, kept) = (with_scenario(&few()), keeper());
    let proxy = Proxy::start();
    let name = proxy.listener.to_string();
    let address = format!("http://{name}");
    let output = pushed(measured.path(), &address, &[]);
    let said = told(&output);
    assert_eq!(code(&output), Some(0), "{said}");
    assert!(said.contains("not pushed") && said.contains("store deliver --push"), "{said}");
    assert!(!said.contains(TOKEN), "{said}");
    assert_eq!(left(measured.path()), 1);
    let served = keeping(kept.path(), &["--allow-host", &name]);
    proxy.turn_to(served.address());
    let deliver = ["store", "deliver", "--results-dir", "r", "--push", &address];
    let output = with_token(measured.path(), &deliver).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", told(&output));
    assert!(text(&output.stdout).contains("runs 1; new: 4 files"), "{}", told(&output));
    assert_eq!(left(measured.path()), 0);
    is_same(measured.path(), kept.path());
    let again = with_token(measured.path(), &deliver).output().unwrap();
    assert!(text(&again.stdout).contains("nothing waits"), "{}", told(&again));
}

#[test]
fn a_result_of_another_tool_is_pushed_by_its_name() {
    let (measured, kept) = (tempfile::tempdir().unwrap(), keeper());
    let served = keeping(kept.path(), &[]);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/imports/earlier/rows.json");
    ends(measured.path(), &["import", file.to_str().unwrap()], 0);
    for run in rows(measured.path(), "SELECT run_id FROM runs") {
        let run = run.trim_start_matches("Text(").trim_end_matches(')');
        let bytes = run.trim_matches(['[', ']']).split(", ").map(|byte| byte.parse().unwrap());
        let run = String::from_utf8(bytes.collect()).unwrap();
        let deliver = ["store", "deliver", &run, "--results-dir", "r", "--push", &place(&served)];
        let output = with_token(measured.path(), &deliver).output().unwrap();
        assert_eq!(code(&output), Some(0), "{}", told(&output));
    }
    is_same(measured.path(), kept.path());
    let models = served.object("/v1/benchmarks/models");
    assert!(models["total"].as_u64().unwrap() > 0, "{models}");
}

#[test]
fn a_server_that_is_killed_while_it_takes_a_run_has_it_whole_in_the_end() {
    let (measured, kept) =
        (with_scenario(&MANY.replace("requests = 6,", "requests = 200,")), keeper());
    let proxy = Proxy::start();
    let name = proxy.listener.to_string();
    let served = keeping(kept.path(), &["--allow-host", &name]);
    proxy.turn_to(served.address());
    let address = format!("http://{name}");
    let run = ["run", "case.toml", "--results-dir", "r", "--push", &address];
    let mut running = with_token(measured.path(), &run);
    let running = running.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // In the middle of a file.
    proxy.wait_for(300_000);
    drop(served);
    let served = keeping(kept.path(), &["--allow-host", &name]);
    proxy.turn_to(served.address());
    let output = running.wait_with_output().unwrap();
    assert!(matches!(code(&output), Some(0 | 3)), "{}", told(&output));
    if left(measured.path()) > 0 {
        // It came back too late for the last try: then it is brought by the next one.
        let deliver = ["store", "deliver", "--results-dir", "r", "--push", &address];
        let output = with_token(measured.path(), &deliver).output().unwrap();
        assert_eq!(code(&output), Some(0), "{}", told(&output));
    }
    is_same(measured.path(), kept.path());
    ends(kept.path(), &["db", "check"], 0);
}

#[test]
fn who_measures_and_is_killed_leaves_a_note_and_loses_nothing() {
    let (measured, kept) = (with_scenario(MANY), keeper());
    let served = keeping(kept.path(), &[]);
    let address = place(&served);
    // Where there is no token, nothing is begun.
    let refused = ends(measured.path(), &["run", "case.toml", "--push", &address], 2);
    assert!(refused.contains(VARIABLE) && !measured.path().join("r/raw").exists(), "{refused}");
    let mut child = with_token(
        measured.path(),
        &["run", "case.toml", "--results-dir", "r", "--push", &address, "--format", "jsonl"],
    )
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().contains("\"case_done\"")).unwrap().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(left(measured.path()), 1);
    let deliver = ["store", "deliver", "--results-dir", "r", "--push", &address];
    let output = with_token(measured.path(), &deliver).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", told(&output));
    assert_eq!(left(measured.path()), 0);
    let asked = "SELECT test_id FROM benchmark_results ORDER BY test_id";
    assert_eq!(rows(measured.path(), asked), rows(kept.path(), asked));
}

#[test]
fn many_push_at_the_same_time_and_everything_is_there_once() {
    let kept = keeper();
    let served = keeping(kept.path(), &[]);
    let address = place(&served);
    let folders: Vec<TempDir> = (0..4).map(|_| with_scenario(&few())).collect();
    std::thread::scope(|scope| {
        for folder in &folders {
            scope.spawn(|| {
                let output = pushed(folder.path(), &address, &[]);
                assert!(matches!(code(&output), Some(0 | 3)), "{}", told(&output));
            });
        }
    });
    let runs = |folder: &Path| rows(folder, "SELECT run_id FROM runs").len();
    assert_eq!(folders.iter().map(|it| left(it.path())).sum::<usize>(), 0);
    let measured: usize = folders.iter().map(|it| runs(it.path())).sum();
    assert_eq!(runs(kept.path()), measured);
    ends(kept.path(), &["db", "check"], 0);
}

/// A folder with one measured case, and its first file.
fn one() -> (TempDir, String, Fingerprint, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(&folder.path().join("r")), 0, "one");
    let path = Layout::new(folder.path().join("r")).raw_files().unwrap().remove(0);
    let test_id = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let (file, bytes) = (Fingerprint::of_file(&path).unwrap(), std::fs::read(&path).unwrap());
    (folder, test_id, file, bytes)
}

fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.code, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    for inside in ["SELECT", "sqlite", "/tmp", ".jsonl", "src/", "panicked", TOKEN] {
        assert!(!answer.body.contains(inside), "{inside}: {answer:?}");
    }
}

/// Puts a text with this token.
fn put(served: &Served, path: &str, token: &str, body: &str) -> Answer {
    let host = served.address();
    served.send(&format!(
        "PUT {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n{body}",
        body.len()
    ))
}

#[test]
fn nothing_is_taken_without_the_write_token_and_the_other_one_is_none() {
    let (_measured, test_id, file, bytes) = one();
    let body = String::from_utf8(bytes).unwrap();
    let path = format!("/v1/push/epochs/{test_id}?bytes={}&sha256={}", file.bytes, file.sha256);
    let kept = keeper();
    std::fs::write(kept.path().join("read.token"), TOKEN.replace('0', "f")).unwrap();
    let closed = Served::start(kept.path(), &["--monitor-only"]);
    is_problem(&put(&closed, &path, TOKEN, &body), 405);
    let served = keeping(kept.path(), &["--token-file", "read.token"]);
    for token in ["", &TOKEN.replace('0', "f"), &TOKEN[1..]] {
        is_problem(&put(&served, &path, token, &body), 401);
    }
    let host = format!("host: {}\r\nauthorization: Bearer {TOKEN}\r\n", served.address());
    for (line, status) in [
        ("origin: https://evil.example\r\ncontent-length: 0\r\n", 403),
        ("sec-fetch-site: cross-site\r\ncontent-length: 0\r\n", 403),
        ("transfer-encoding: chunked\r\n", 400),
        ("content-length: 1048577\r\n", 413),
        ("content-length: 1\r\ncontent-length: 2\r\n", 400),
    ] {
        let answer =
            served.send(&format!("PUT {path} HTTP/1.1\r\n{host}{line}connection: close\r\n\r\n"));
        assert_eq!(answer.code, status, "{line}: {answer:?}");
    }
    // The write token opens nothing else.
    let bearer = format!("authorization: Bearer {TOKEN}");
    is_problem(&served.ask("GET", "/v1/runs", &[&bearer]), 401);
    is_problem(&served.ask("PUT", "/v1/runs", &[&bearer, "content-length: 0"]), 405);
    is_problem(&served.ask("POST", &path, &[&bearer, "content-length: 0"]), 405);
    is_problem(&served.ask("DELETE", &path, &[&bearer]), 405);
    assert!(!kept.path().join("r/incoming").exists());
    let answer = put(&served, &path, TOKEN, &body);
    assert_eq!((answer.code, answer.body), (200, format!("{{\"bytes\":{}}}", file.bytes)));
    let end = format!("{bearer}\r\ncontent-length: 0");
    let answer = served.ask("POST", "/v1/push/runs/run-0", &[&end]);
    assert_eq!((answer.code, answer.body.as_str()), (200, "{\"epochs\":1,\"cases\":1}"));
    is_problem(&served.ask("POST", "/v1/push/runs/run-9", &[&end]), 404);
}

#[test]
fn what_is_not_as_it_was_announced_is_told_and_not_kept() {
    let (_measured, test_id, file, bytes) = one();
    let body = String::from_utf8(bytes).unwrap();
    let kept = keeper();
    let served = keeping(kept.path(), &[]);
    let at = |name: &str, rest: &str| format!("/v1/push/epochs/{name}?{rest}");
    let fine = format!("bytes={}&sha256={}", file.bytes, file.sha256);
    for (path, status) in [
        (at("..%2f..%2fx", &fine), 400),
        (at("%00", &fine), 400),
        (at(".hidden", &fine), 400),
        (at("another", &fine), 422),
        (at(&test_id, "bytes=1"), 400),
        (at(&test_id, &format!("bytes=0&sha256={}", file.sha256)), 400),
        (at(&test_id, &format!("bytes={}&sha256=x", file.bytes)), 400),
        (at(&test_id, &format!("bytes=99999999999999&sha256={}", file.sha256)), 400),
        (at(&test_id, &format!("{fine}&offset=-1")), 400),
        (at(&test_id, &format!("{fine}&more=1")), 400),
        (at(&test_id, &format!("bytes={}&sha256={}", file.bytes - 1, file.sha256)), 400),
        (at(&test_id, &format!("bytes={}&sha256={}", file.bytes, "0".repeat(64))), 422),
    ] {
        is_problem(&put(&served, &path, TOKEN, &body), status);
    }
    assert_eq!(Layout::new(kept.path().join("r")).raw_files().unwrap().len(), 0);
    assert_eq!(put(&served, &at(&test_id, &fine), TOKEN, &body).code, 200);
}

#[test]
fn an_address_that_would_show_the_token_to_others_is_refused() {
    let folder = with_scenario(&few());
    for (address, says) in [
        ("http://bench.example.org", "https://"),
        ("http://10.0.0.7:4080", "https://"),
        ("ftp://127.0.0.1", "neither"),
        ("bench", "no address"),
        ("https://me:hunter2@bench.example.org", "user"),
        ("https://bench.example.org/?token=x", "query"),
    ] {
        let run = ["run", "case.toml", "--results-dir", "r", "--push", address];
        let output = with_token(folder.path(), &run).output().unwrap();
        let said = told(&output);
        assert!(code(&output) == Some(2) && said.contains(says), "{address}: {said}");
        assert!(!said.contains("hunter2") && !said.contains(TOKEN), "{said}");
    }
    assert!(!folder.path().join("r/raw").exists());
    let kept = keeper();
    let served = ["serve", "--write-token-file", "write.token", "--store"];
    let team = [&served[..], &["postgres://a@127.0.0.1:1/b"]].concat();
    let output = command(kept.path(), &team).output().unwrap();
    assert_eq!(code(&output), Some(2), "{}", told(&output));
}

#[test]
fn what_a_strange_server_answers_is_told_fit_to_be_shown_and_the_run_is_kept() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 12\r\nconnection: close\r\n\r\n{\"bytes\":99}".to_owned(),
        format!("HTTP/1.1 403 No\r\nconnection: close\r\n\r\n{{\"detail\":\"\u{1b}[2J {TOKEN}\"}}"),
        "HTTP/1.1 307 There\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
        "nonsense\r\n\r\n".to_owned(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        keep_case(&mut open(&folder.path().join("r")), 0, "one");
        let address = answering(answer.clone());
        let deliver = ["store", "deliver", "run-0", "--results-dir", "r", "--push", &address];
        let output = with_token(folder.path(), &deliver).output().unwrap();
        let said = told(&output);
        assert_eq!(code(&output), Some(5), "{answer}: {said}");
        assert!(!said.contains(TOKEN) && !said.contains('\u{1b}'), "{said}");
        assert_eq!(left(folder.path()), 1, "{answer}: {said}");
    }
}

/// A server that answers every request with this.
fn answering(answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            // Who asks may be gone.
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    address
}

/// What lies between who pushes and a server, which another one may take the place of.
struct Proxy {
    listener: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    sent: Arc<AtomicUsize>,
}

impl Proxy {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (target, sent) =
            (Arc::<Mutex<Option<SocketAddr>>>::default(), Arc::<AtomicUsize>::default());
        let (to, count) = (Arc::clone(&target), Arc::clone(&sent));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (to, count) = (*to.lock().unwrap(), Arc::clone(&count));
                // Where nobody listens, the connection ends.
                if let (Ok(from), Some(Ok(to))) = (stream, to.map(TcpStream::connect)) {
                    carry(&from, &to, count);
                    carry(&to, &from, Arc::default());
                }
            }
        });
        Self { listener: address, target, sent }
    }

    fn turn_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap() = Some(target);
    }

    /// Waits until so many bytes were pushed.
    fn wait_for(&self, bytes: usize) {
        while self.sent.load(Ordering::Relaxed) < bytes {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Carries what comes on one connection to another one, and the end of it.
fn carry(from: &TcpStream, to: &TcpStream, count: Arc<AtomicUsize>) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let mut bytes = vec![0; 16 << 10];
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            count.fetch_add(length, Ordering::Relaxed);
            if to.write_all(&bytes[..length]).is_err() {
                break;
            }
        }
        // Either may be gone.
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    });
}

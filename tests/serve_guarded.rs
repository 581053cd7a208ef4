//! The REST API among strangers: who may ask, what is too much, what is never told, and how it ends.

use crate::faces::{code, command, text};
use crate::store::fixture::{keep_case, open};
use crate::support::served::{Answer, Served};
use std::io::{Read, Write};
use tempfile::TempDir;

const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn measured() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(&folder.path().join("r")), 0, "token_throughput");
    folder
}

/// That an answer is a problem of this status, and tells nothing of what is inside.
fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.code, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
    let problem = answer.json();
    assert_eq!(problem["status"], status);
    for key in ["type", "title", "detail", "instance"] {
        assert!(!problem[key].as_str().unwrap().is_empty(), "{answer:?}");
    }
    for inside in ["SELECT", "sqlite", "/tmp", ".jsonl", "src/", "panicked", "rusqlite"] {
        assert!(!answer.body.contains(inside), "{inside}: {answer:?}");
    }
}

#[test]
fn a_name_that_is_not_this_machines_is_misdirected() {
    let folder = measured();
    let served = Served::start(folder.path(), &["--allow-host", "bench.example.org"]);
    let port = served.address().port();
    let ask = |host: &str| {
        let lines = format!("GET /healthz HTTP/1.1\r\n{host}connection: close\r\n\r\n");
        served.send(&lines)
    };
    for good in [
        format!("host: localhost:{port}\r\n"),
        format!("Host: 127.0.0.1:{port}\r\n"),
        format!("host: [::1]:{port}\r\n"),
        "host: bench.example.org\r\n".to_owned(),
    ] {
        assert_eq!(ask(&good).code, 200, "{good}");
    }
    for bad in [
        "host: evil.example\r\n".to_owned(),
        format!("host: evil.example:{port}\r\n"),
        "host: localhost\r\n".to_owned(),
        format!("host: localhost.evil.example:{port}\r\n"),
        "host:\r\n".to_owned(),
    ] {
        is_problem(&ask(&bad), 421);
    }
    is_problem(&ask(""), 400);
    is_problem(&ask(&format!("host: localhost:{port}\r\nhost: localhost:{port}\r\n")), 400);
    let absolute =
        format!("GET http://evil.example/healthz HTTP/1.1\r\nhost: localhost:{port}\r\n");
    is_problem(&served.send(&format!("{absolute}connection: close\r\n\r\n")), 421);
}

#[test]
fn pages_of_other_places_may_not_ask_and_get_no_leave() {
    let folder = measured();
    let served = Served::start(folder.path(), &[]);
    for line in [
        "sec-fetch-site: cross-site",
        "origin: https://evil.example",
        "origin: null",
        "origin: http://localhost:3000",
    ] {
        is_problem(&served.ask("GET", "/v1/runs", &[line]), 403);
    }
    let own = format!("origin: http://{}", served.address());
    for line in [own.as_str(), "sec-fetch-site: same-origin", "sec-fetch-site: none"] {
        let answer = served.ask("GET", "/v1/runs", &[line]);
        assert_eq!(answer.code, 200, "{line}");
        assert!(!answer.head.contains("access-control"), "{answer:?}");
    }
    for path in ["/v1/runs", "/docs", "/nothing"] {
        let answer = served.get(path);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    }
    assert!(!served.get("/docs").body.contains("<script"));
}

#[test]
fn what_is_not_get_or_head_is_told_what_is_allowed() {
    let folder = measured();
    let served = Served::start(folder.path(), &[]);
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT2", "get"] {
        let answer = served.ask(method, "/v1/runs", &[]);
        is_problem(&answer, 405);
        assert_eq!(answer.header("allow"), Some("get, head"), "{method}");
    }
}

#[test]
fn names_are_looked_up_and_lead_to_no_file() {
    let folder = measured();
    std::fs::write(folder.path().join("r/secret.json"), "\"secret\"").unwrap();
    let served = Served::start(folder.path(), &[]);
    for name in [
        "..%2f..%2fetc%2fpasswd",
        "..%2Fsecret.json",
        "%2e%2e/secret.json",
        "../../secret.json",
        "run-0%00",
        "%00",
        "C:%5Csecret.json",
        "%ef%bc%8f",
        "..%c0%af",
        "%ff",
        "secret",
    ] {
        for list in ["/v1/runs/", "/v1/cases/", "/v1/benchmarks/models/"] {
            let answer = served.get(&format!("{list}{name}"));
            assert!(matches!(answer.code, 400 | 404), "{name}: {answer:?}");
            is_problem(&answer, answer.code);
        }
    }
    assert_eq!(served.get("/v1/runs/run-0").code, 200);
}

#[test]
fn what_is_asked_is_bound_and_never_read_as_a_question_to_the_database() {
    let folder = measured();
    let served = Served::start(folder.path(), &[]);
    for text in
        ["'%20OR%20'1'='1", "x'%3B%20DROP%20TABLE%20runs%3B%20--", "%25", "%25%25%25", "*", "%22"]
    {
        let runs = served.object(&format!("/v1/runs?machine={text}"));
        assert!(runs["runs"].as_array().unwrap().is_empty(), "{text}");
        let epochs = served.object(&format!("/v1/history?metric=tok_s&case={text}"));
        assert!(epochs["epochs"].as_array().unwrap().is_empty(), "{text}");
        is_problem(&served.get(&format!("/v1/history?metric={text}")), 400);
        is_problem(&served.get(&format!("/v1/runs?cursor={text}")), 400);
        is_problem(&served.get(&format!("/v1/alerts?level={text}")), 400);
        is_problem(
            &served.get(&format!("/v1/benchmarks/estimate?model={text}&num_requests=1")),
            404,
        );
    }
    assert_eq!(served.object("/v1/runs")["runs"].as_array().unwrap().len(), 1);
}

#[test]
fn too_much_is_refused_and_never_becomes_something_else() {
    let folder = measured();
    let served = Served::start(folder.path(), &[]);
    for query in [
        "limit=1000000000",
        "limit=-1",
        "limit=0",
        "limit=1e3",
        "limit=",
        "limit=1&limit=2",
        "order=started_us",
        "since=now",
        "cursor=x",
    ] {
        is_problem(&served.get(&format!("/v1/runs?{query}")), 400);
    }
    for count in ["0", "-5", "1e18", "99999999999999999999999", "NaN"] {
        let path = format!("/v1/benchmarks/compare?num_requests={count}");
        is_problem(&served.get(&path), 400);
    }
    is_problem(&served.get("/v1/benchmarks/compare"), 400);
    let long = "x".repeat(9000);
    is_problem(&served.get(&format!("/v1/runs?machine={long}")), 414);
    is_problem(&served.get(&format!("/v1/runs/{long}")), 414);
    let huge = "x".repeat(1 << 20);
    for refused in [
        served.get(&format!("/v1/runs?machine={huge}")),
        served.ask("GET", "/v1/runs", &[&format!("x-huge: {huge}")]),
    ] {
        assert!(matches!(refused.code, 0 | 414 | 431), "{}", refused.code);
    }
    is_problem(&served.ask("GET", "/v1/runs", &["content-length: 100000000"]), 413);
    is_problem(&served.ask("GET", "/v1/runs", &["transfer-encoding: chunked"]), 400);
    let both = served.ask("GET", "/v1/runs", &["content-length: 5", "transfer-encoding: chunked"]);
    assert_eq!(both.code, 400, "{both:?}");
    assert_eq!(served.get("/v1/runs").code, 200);
}

#[test]
fn nonsense_and_silence_end_and_others_are_answered_meanwhile() {
    let folder = measured();
    let served = Served::start(folder.path(), &[]);
    let mut slow = served.connect();
    slow.write_all(b"GET /v1/runs HTTP/1.1\r\nhost: ").unwrap();
    let mut silent = served.connect();
    for nonsense in
        ["\r\n\r\n\r\n", "\u{0}\u{1}\u{2}", "GET\r\n\r\n", "GET /v1/runs HTTP/9.9\r\n\r\n"]
    {
        let answer = served.send(nonsense);
        assert!(matches!(answer.code, 0 | 400 | 505), "{answer:?}");
    }
    assert_eq!(served.get("/v1/runs").code, 200);
    // Both are closed by the server: the reads come to an end.
    for socket in [&mut slow, &mut silent] {
        let mut rest = Vec::new();
        let ended = socket.read_to_end(&mut rest).map_err(|error| error.kind());
        let timed_out = [std::io::ErrorKind::WouldBlock, std::io::ErrorKind::TimedOut];
        assert!(!ended.is_err_and(|kind| timed_out.contains(&kind)));
    }
}

#[test]
fn more_connections_than_there_is_room_for_wait_their_turn() {
    let folder = measured();
    let served = Served::start(folder.path(), &[]);
    let silent: Vec<_> = (0..300).map(|_| served.connect()).collect();
    assert_eq!(served.get("/v1/runs").code, 200);
    drop(silent);
}

#[test]
fn other_addresses_want_a_token_and_a_token_wants_length() {
    let folder = measured();
    let serve = |arguments: &[&str]| {
        let all = [&["serve", "--port", "0", "--results-dir", "r"], arguments].concat();
        command(folder.path(), &all).output().unwrap()
    };
    let open = serve(&["--bind", "0.0.0.0"]);
    assert_eq!(code(&open), Some(2));
    assert!(text(&open.stderr).contains("--token-file"), "{}", text(&open.stderr));
    std::fs::write(folder.path().join("short"), "secret-word\n").unwrap();
    let short = serve(&["--bind", "0.0.0.0", "--token-file", "short"]);
    assert_eq!(code(&short), Some(2));
    let said = text(&short.stderr);
    assert!(said.contains("32") && !said.contains("secret-word"), "{said}");
    assert_eq!(code(&serve(&["--token-file", "nowhere"])), Some(2));
    assert_eq!(code(&serve(&["--allow-host", "http://x"])), Some(2));
}

#[test]
fn with_a_token_only_who_shows_it_is_answered() {
    let folder = measured();
    std::fs::write(folder.path().join("token"), format!("{TOKEN}\n")).unwrap();
    let served = Served::start(folder.path(), &["--bind", "0.0.0.0", "--token-file", "token"]);
    let host = format!("host: 127.0.0.1:{}", served.address().port());
    let ask = |path: &str, line: &str| {
        served.send(&format!("GET {path} HTTP/1.1\r\n{host}\r\nconnection: close\r\n{line}\r\n"))
    };
    let shown = format!("authorization: Bearer {TOKEN}\r\n");
    let wrong = format!("authorization: Bearer {}x\r\n", &TOKEN[1..]);
    let long = format!("authorization: Bearer {}\r\n", "x".repeat(5000));
    for line in ["", wrong.as_str(), long.as_str(), &format!("{shown}{wrong}")] {
        let answer = ask("/v1/runs", line);
        is_problem(&answer, 401);
        assert!(answer.header("www-authenticate").unwrap().starts_with("bearer"), "{answer:?}");
    }
    for path in ["/healthz", "/metrics", "/openapi.json", "/docs"] {
        assert_eq!((ask(path, "").code, ask(path, &shown).code), (401, 200), "{path}");
    }
    let counted = ask("/metrics", &shown).body;
    assert!(counted.contains("tokgate_http_refused_tokens_total 8"), "{counted}");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_in_order_with_connections_open() {
    let folder = measured();
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
        let served = Served::start(folder.path(), &[]);
        let mut open = served.connect();
        let request = format!("GET /v1/runs HTTP/1.1\r\nhost: {}\r\n\r\n", served.address());
        open.write_all(request.as_bytes()).unwrap();
        let mut first = [0; 15];
        open.read_exact(&mut first).unwrap();
        let pid = rustix::process::Pid::from_raw(served.pid().cast_signed()).unwrap();
        rustix::process::kill_process(pid, signal).unwrap();
        assert_eq!(served.ended(), Some(0));
        // Told: the connection ends in order.
        open.read_to_end(&mut Vec::new()).unwrap();
    }
    let files: Vec<_> = std::fs::read_dir(folder.path().join("r")).unwrap().collect();
    assert!(
        files.iter().all(|file| !file.as_ref().unwrap().path().ends_with("tokgate.sqlite-wal"))
    );
}

#[test]
fn a_rebuild_runs_beside_it_and_is_served_afterwards() {
    let folder = measured();
    let served = Served::start(folder.path(), &[]);
    let before = served.object("/v1/runs/run-0");
    let rebuilt = command(folder.path(), &["rebuild", "--results-dir", "r"]).output().unwrap();
    assert_eq!(code(&rebuilt), Some(0), "{}", text(&rebuilt.stderr));
    assert_eq!(served.object("/v1/runs/run-0"), before);
}

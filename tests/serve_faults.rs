//! The REST API and clients that get HTTP wrong, on purpose or not: old, odd, huge, slow, double.

use crate::faces::{code, command};
use crate::store::fixture::{head, keep_case, open};
use crate::support::served::{Answer, Served};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::io::{Read, Write};
use std::net::TcpStream;
use tempfile::TempDir;

/// Every list that has pages.
const LISTS: [&str; 5] = [
    "/v1/runs?limit=1",
    "/v1/cases?limit=1",
    "/v1/cases/quick/token_throughput?limit=1",
    "/v1/history?metric=tok_s&limit=1",
    "/v1/alerts?limit=1",
];

fn measured(runs: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(&folder.path().join("r"));
    (0..runs).for_each(|run| keep_case(&mut store, run, "token_throughput"));
    folder
}

fn request(served: &Served, method: &str, path: &str, lines: &str) -> String {
    format!("{method} {path} HTTP/1.1\r\nhost: {}\r\n{lines}\r\n", served.address())
}

/// All that comes back until the server closes.
fn everything(served: &Served, sent: &str) -> String {
    let mut socket = served.connect();
    let _ = socket.write_all(sent.as_bytes());
    let mut bytes = Vec::new();
    let _ = socket.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.code, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{answer:?}");
}

#[test]
fn a_head_is_what_a_get_says_before_its_body() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    for path in ["/v1/runs", "/healthz", "/docs", "/openapi.json", "/v1/benchmarks/models"] {
        let (get, head) = (served.get(path), served.ask("HEAD", path, &[]));
        assert_eq!((head.code, head.body.as_str()), (200, ""), "{path}");
        for name in ["content-type", "content-length", "etag", "content-security-policy"] {
            assert_eq!(head.header(name), get.header(name), "{path}: {name}");
        }
    }
    assert_eq!(served.ask("HEAD", "/nothing", &[]).code, 404);
}

#[test]
fn an_older_http_is_answered_and_its_connection_closed() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    let asked = format!("GET /v1/runs HTTP/1.0\r\nhost: {}\r\n\r\n", served.address());
    let answer = served.send(&asked);
    assert_eq!(answer.json()["runs"].as_array().unwrap().len(), 1);
    // Without a name nobody knows whom it calls.
    is_refused(&served.send("GET /v1/runs HTTP/1.0\r\n\r\n"), 400);
}

#[test]
fn a_whole_address_counts_where_it_is_ours() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    let whole = format!("http://{}/v1/runs", served.address());
    assert_eq!(served.ask("GET", &whole, &[]).code, 200);
    for other in
        ["http://evil.example/v1/runs", "https://evil.example:443/", "http:///v1/runs", "*"]
    {
        let answer = served.ask("GET", other, &[]);
        assert!(matches!(answer.code, 0 | 400 | 404 | 421), "{other}: {answer:?}");
    }
}

#[test]
fn what_two_could_read_as_different_requests_ends_the_connection() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    let second = request(&served, "GET", "/metrics", "connection: close\r\n");
    for (lines, body) in [
        (
            format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", 5 + second.len()),
            "0\r\n\r\n",
        ),
        ("transfer-encoding: chunked\r\ncontent-length: 5\r\n".to_owned(), "0\r\n\r\n"),
        ("transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".to_owned(), "0\r\n\r\n"),
        ("transfer-encoding: xchunked\r\n".to_owned(), "0\r\n\r\n"),
        ("transfer-encoding : chunked\r\n".to_owned(), "0\r\n\r\n"),
        ("content-length: 5\r\ncontent-length: 6\r\n".to_owned(), "hello"),
        ("content-length: +5\r\n".to_owned(), "hello"),
        ("content-length: 5, 5\r\n".to_owned(), "hello"),
        ("content-length: 5\r\n".to_owned(), "hello"),
    ] {
        let first = request(&served, "GET", "/v1/runs", &lines);
        let told = everything(&served, &format!("{first}{body}{second}"));
        assert_eq!(told.matches("HTTP/1.1 ").count(), 1, "{lines}: {told}");
        assert!(told.starts_with("HTTP/1.1 4"), "{lines}: {told}");
        assert!(!told.contains("tokgate_runs"), "{lines}: {told}");
    }
}

#[test]
fn requests_in_one_go_are_answered_in_their_order() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    let all: String =
        ["/v1/runs", "/nothing", "/healthz"].map(|path| request(&served, "GET", path, "")).concat();
    let last = request(&served, "GET", "/v1/cases", "connection: close\r\n");
    let told = everything(&served, &format!("{all}{last}"));
    let codes: Vec<&str> = told.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    assert_eq!(codes, ["200", "404", "200", "200"]);
}

#[test]
fn no_list_is_ordered_or_narrowed_by_words_of_the_client() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    for list in LISTS {
        assert_eq!(served.get(list).code, 200, "{list}");
        for added in [
            "sort=started_us",
            "sort_by=1%3BDROP%20TABLE%20runs",
            "order=(SELECT%201)",
            "offset=1000000000",
            "page=2",
            "limit%5B%5D=1",
            "where=1%3D1",
            "__proto__=1",
        ] {
            is_refused(&served.get(&format!("{list}&{added}")), 400);
        }
    }
}

#[test]
fn a_place_to_go_on_from_is_bound_whatever_it_says() {
    let folder = measured(2);
    let served = Served::start(folder.path(), &[]);
    for place in [
        "9.' OR '1'='1",
        "9223372036854775807.x'; DROP TABLE runs; --",
        "-9223372036854775808.%%%%",
        "0.\u{0}",
        "1.\u{10ffff}",
    ] {
        for list in LISTS {
            let cursor = URL_SAFE_NO_PAD.encode(place);
            let answer = served.get(&format!("{list}&cursor={cursor}"));
            assert!(matches!(answer.code, 200 | 404), "{list}, {place}: {answer:?}");
        }
    }
    let too_large = URL_SAFE_NO_PAD.encode("9223372036854775808.x");
    is_refused(&served.get(&format!("/v1/runs?cursor={too_large}")), 400);
    assert_eq!(served.object("/v1/runs")["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn hundreds_of_headers_and_parameters_are_refused() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    let headers: String = (0..500).map(|n| format!("x-{n}: 1\r\n")).collect();
    let many = served.send(&request(&served, "GET", "/v1/runs", &headers));
    assert!(matches!(many.code, 0 | 400 | 431), "{many:?}");
    let twice = "&machine=a".repeat(400);
    is_refused(&served.get(&format!("/v1/runs?limit=1{twice}")), 400);
    assert_eq!(served.get("/v1/runs").code, 200);
}

#[test]
fn who_sends_a_body_bit_by_bit_is_answered_before_it_has_come() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    let mut slow = served.connect();
    let head = request(&served, "POST", "/v1/runs", "content-length: 100000000\r\n");
    slow.write_all(head.as_bytes()).unwrap();
    slow.write_all(b"{").unwrap();
    // The rest never comes, and the connection ends all the same.
    let mut told = Vec::new();
    slow.read_to_end(&mut told).unwrap();
    let told = String::from_utf8_lossy(&told).into_owned();
    assert!(told.starts_with("HTTP/1.1 4"), "{told}");
}

#[test]
fn who_never_reads_holds_nobody_up() {
    let folder = measured(3);
    let served = Served::start(folder.path(), &[]);
    let greedy: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut socket = served.connect();
            socket.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
            let asked = request(&served, "GET", "/openapi.json", "").repeat(200);
            // It is full at some point: the server waits for a reader, too.
            let _ = socket.write_all(asked.as_bytes());
            socket
        })
        .collect();
    for _ in 0..20 {
        assert_eq!(served.get("/v1/runs").code, 200);
    }
    drop(greedy);
}

#[test]
fn what_is_written_taken_out_or_rebuilt_meanwhile_is_seen_by_the_next_question() {
    let folder = measured(1);
    let served = Served::start(folder.path(), &[]);
    let model = head(0, "token_throughput", 0).target.model;
    let path = format!("/v1/benchmarks/models/{model}?limit=1000");
    let total = || served.object(&path)["total"].as_u64().unwrap();
    let status = || served.object("/v1/status")["epochs"].as_u64().unwrap();
    assert_eq!((total(), status()), (2, 2));
    keep_case(&mut open(&folder.path().join("r")), 1, "token_throughput");
    assert_eq!((total(), status()), (4, 4));
    let tokgate = |arguments: &[&str]| {
        let all = [arguments, &["--results-dir", "r"]].concat();
        assert_eq!(code(&command(folder.path(), &all).output().unwrap()), Some(0), "{all:?}");
    };
    tokgate(&["rm", "run-0"]);
    assert_eq!((total(), status()), (2, 2));
    keep_case(&mut open(&folder.path().join("r")), 2, "token_throughput");
    assert_eq!((total(), status()), (4, 4));
    let gone = head(2, "token_throughput", 0).test_id;
    std::fs::remove_file(folder.path().join(format!("r/raw/{gone}.jsonl"))).unwrap();
    tokgate(&["rebuild"]);
    assert_eq!((total(), status()), (3, 3));
}

//! A small S3 that fails as it is told, for one bucket: PUT, GET, HEAD, DELETE, lists and uploads in parts.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How it fails.
#[derive(Debug, Default, Clone)]
pub(crate) struct Faults {
    /// So many writes are answered with 503 first.
    pub(crate) unavailable: u32,
    /// So many writes are kept first, and never answered.
    pub(crate) unanswered: u32,
    /// Every write is refused.
    pub(crate) is_closed: bool,
    /// No upload in parts is ever completed.
    pub(crate) is_torn: bool,
    /// The first that completes an upload in parts is never answered.
    pub(crate) loses_completion: bool,
}

/// What it keeps.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<(String, u32), Vec<u8>>,
    pub(crate) aborted: u32,
    pub(crate) faults: Faults,
}

pub(crate) struct Bucket {
    pub(crate) url: String,
    pub(crate) kept: Arc<Mutex<Kept>>,
}

struct Asked {
    method: String,
    key: String,
    query: String,
    is_new: bool,
    body: Vec<u8>,
}

struct Reply {
    status: &'static str,
    body: Vec<u8>,
}

impl Bucket {
    /// Serves until the tests end.
    pub(crate) fn start(faults: Faults) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Arc::new(Mutex::new(Kept { faults, ..Kept::default() }));
        let shared = kept.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = shared.clone();
                std::thread::spawn(move || while answer(&stream, &shared).is_some() {});
            }
        });
        Self { url, kept }
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.kept.lock().unwrap().objects.keys().cloned().collect()
    }
}

/// Answers one request; `None` where nothing follows.
fn answer(stream: &TcpStream, kept: &Mutex<Kept>) -> Option<()> {
    let asked = asked(&mut BufReader::new(stream))?;
    let is_head = asked.method == "HEAD";
    let reply = kept.lock().unwrap().reply(asked)?;
    let head = format!(
        "HTTP/1.1 {}\r\ncontent-length: {}\r\netag: \"e\"\r\nlast-modified: Mon, 30 Nov 2026 00:00:00 GMT\r\n\r\n",
        reply.status,
        reply.body.len()
    );
    let mut stream = stream;
    stream.write_all(head.as_bytes()).ok()?;
    if !is_head {
        stream.write_all(&reply.body).ok()?;
    }
    Some(())
}

fn asked(stream: &mut BufReader<&TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let key = path.trim_start_matches("/bucket").trim_start_matches('/').replace("%25", "%");
    let (mut length, mut is_new) = (0, false);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).ok()?;
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(said) = header.strip_prefix("content-length:") {
            length = said.trim().parse().ok()?;
        }
        is_new |= header.starts_with("if-none-match:");
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    let key = key.replace("%3D", "=");
    Some(Asked { method, key, query: query.to_owned(), is_new, body })
}

fn ok(body: impl Into<Vec<u8>>) -> Option<Reply> {
    Some(Reply { status: "200 OK", body: body.into() })
}

fn bad(status: &'static str) -> Option<Reply> {
    let body = b"<Error><Code>Planned</Code><Message>as the test says</Message></Error>".to_vec();
    Some(Reply { status, body })
}

impl Kept {
    fn reply(&mut self, asked: Asked) -> Option<Reply> {
        let is_write = matches!(asked.method.as_str(), "PUT" | "POST");
        if is_write && self.faults.is_closed {
            return bad("403 Forbidden");
        }
        if is_write && self.faults.unavailable > 0 {
            self.faults.unavailable -= 1;
            return bad("503 Service Unavailable");
        }
        let is_last = asked.method == "POST" && asked.query.starts_with("uploadId");
        let reply = self.done(asked);
        if is_last && std::mem::take(&mut self.faults.loses_completion) {
            return None;
        }
        if is_write && self.faults.unanswered > 0 {
            self.faults.unanswered -= 1;
            return None;
        }
        reply
    }

    fn done(&mut self, asked: Asked) -> Option<Reply> {
        let Asked { method, key, query, is_new, body } = asked;
        let value = |name: &str| {
            query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
        };
        match (method.as_str(), value("partNumber")) {
            ("PUT", Some(number)) => {
                self.parts.insert((key, number.parse().ok()?), body);
                ok("")
            }
            ("PUT", None) if is_new && self.objects.contains_key(&key) => {
                bad("412 Precondition Failed")
            }
            ("PUT", None) => {
                self.objects.insert(key, body);
                ok("")
            }
            ("POST", _) if query.starts_with("uploads") => ok(
                "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
            ),
            ("POST", _) if self.faults.is_torn => bad("400 Bad Request"),
            // Completed before, or taken back.
            ("POST", _) if self.parts.is_empty() => bad("404 Not Found"),
            ("POST", _) => {
                let parts = std::mem::take(&mut self.parts);
                self.objects.insert(key, parts.into_values().flatten().collect());
                ok(
                    "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
                )
            }
            ("DELETE", _) => {
                self.aborted += u32::from(value("uploadId").is_some());
                self.parts.clear();
                ok("")
            }
            (_, _) if query.contains("list-type") => ok(self.list()),
            (_, _) => match self.objects.get(&key) {
                Some(object) => ok(object.clone()),
                None => bad("404 Not Found"),
            },
        }
    }

    fn list(&self) -> String {
        let each = self.objects.iter().map(|(key, object)| {
            format!(
                "<Contents><Key>{key}</Key><Size>{}</Size>\
                 <LastModified>2026-11-30T00:00:00.000Z</LastModified><ETag>\"e\"</ETag></Contents>",
                object.len()
            )
        });
        format!("<ListBucketResult>{}</ListBucketResult>", each.collect::<String>())
    }
}

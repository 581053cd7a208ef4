//! The six APIs played over real HTTP/1.1: what is stored is searched exactly, and a request that
//! the real server would refuse is refused.

use super::store::{Refused, Store};
use super::{chroma, elastic, milvus, qdrant, weaviate};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The key that a server asks for, where it asks for one: a variable that every test has.
pub(super) const KEY_FROM: &str = "CARGO_PKG_NAME";

/// Where a server goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// The second part of the rows is refused with 500.
    Ingest,
    /// An answer ends before its length.
    Torn,
    /// An answer is no JSON.
    NoJson,
    /// An answer has nothing where the neighbours should be.
    Empty,
    /// A search is not answered.
    Hang,
    /// One neighbour is missing.
    TooFew,
    /// A neighbour was never sent.
    Stranger,
    /// Each answer ends its connection.
    HangsUp,
    /// Everything needs a key.
    Locked,
}

/// A request.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// What a request was for, as far as faults go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Ingest,
    Search,
    Other,
}

/// An answer.
pub(super) struct Told {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) about: About,
}

impl Told {
    pub(super) fn ok(body: Value) -> Self {
        Self { status: 200, body, about: About::Other }
    }

    pub(super) fn about(self, about: About) -> Self {
        Self { about, ..self }
    }
}

impl Asked {
    /// The parts of the path.
    pub(super) fn parts(&self) -> Vec<&str> {
        self.path.trim_matches('/').split('/').collect()
    }

    /// The body, by the fields that the real server knows.
    pub(super) fn json<T: serde::de::DeserializeOwned>(&self) -> Result<T, Refused> {
        if self.header("content-type") != Some("application/json") {
            return Err(Refused::bad("content-type is not application/json"));
        }
        serde_json::from_slice(&self.body).map_err(|error| Refused::bad(&error.to_string()))
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// A running server.
pub(super) struct Server {
    pub(super) port: u16,
    pub(super) store: Arc<Mutex<Store>>,
}

impl Server {
    pub(super) fn start(preset: &'static str, fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let store = Arc::new(Mutex::new(Store { fault: Some(fault), ..Store::default() }));
        let shared = Arc::clone(&store);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let store = Arc::clone(&shared);
                std::thread::spawn(move || drop(serve(stream, preset, fault, &store)));
            }
        });
        Self { port, store }
    }

    /// The names of the collections that are there.
    pub(super) fn collections(&self) -> Vec<String> {
        self.store.lock().unwrap().collections.keys().cloned().collect()
    }
}

fn serve(
    stream: TcpStream,
    preset: &str,
    fault: Fault,
    store: &Mutex<Store>,
) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (mut read, mut write) = (BufReader::new(stream.try_clone()?), stream);
    while let Some(asked) = request(&mut read)? {
        let told = answered(preset, fault, &mut store.lock().unwrap(), &asked);
        if !put(&mut write, &told, fault)? {
            break;
        }
    }
    Ok(())
}

fn request(read: &mut impl BufRead) -> std::io::Result<Option<Asked>> {
    let mut line = String::new();
    if read.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        read.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap())];
    read.read_exact(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Ok(Some(Asked { method, path: path.to_owned(), query: query.to_owned(), headers, body }))
}

fn answered(preset: &str, fault: Fault, store: &mut Store, asked: &Asked) -> Told {
    let (header, key) = match preset {
        "qdrant" => ("api-key", String::new()),
        "chroma" => ("x-chroma-token", String::new()),
        "elasticsearch" => ("authorization", "ApiKey ".to_owned()),
        "opensearch" => ("authorization", "Basic ".to_owned()),
        _ => ("authorization", "Bearer ".to_owned()),
    };
    let key = key + &std::env::var(KEY_FROM).unwrap();
    if fault == Fault::Locked && asked.header(header) != Some(&key) {
        let body = Value::from(format!("who is {:?}?", asked.header(header)));
        return Told { status: 401, body, about: About::Other };
    }
    let told = match preset {
        "qdrant" => qdrant::answer(store, asked),
        "milvus" => milvus::answer(store, asked),
        "weaviate" => weaviate::answer(store, asked),
        "chroma" => chroma::answer(store, asked),
        "elasticsearch" => elastic::answer(store, asked, elastic::Flavour::Elasticsearch),
        "opensearch" => elastic::answer(store, asked, elastic::Flavour::OpenSearch),
        other => panic!("{other} is not played"),
    };
    let mut told = told.unwrap_or_else(|refused| match preset {
        // Milvus says with 200 what went wrong.
        "milvus" => Told::ok(serde_json::json!({ "code": 1100, "message": refused.message })),
        _ => Told { status: refused.status, body: refused.message.into(), about: About::Other },
    });
    if fault == Fault::Ingest && told.about == About::Ingest && store.parts > 1 {
        told = Told { status: 500, body: "disk is full".into(), about: About::Ingest };
    }
    told
}

/// Writes an answer; false where the connection ends.
fn put(write: &mut TcpStream, told: &Told, fault: Fault) -> std::io::Result<bool> {
    let is_search = told.about == About::Search;
    if fault == Fault::Hang && is_search {
        // Until the other end is tired of waiting.
        let _ = write.read(&mut [0]);
        return Ok(false);
    }
    let body = match fault {
        Fault::NoJson if is_search => "<html>".to_owned(),
        Fault::Empty if is_search => "{\"status\":\"ok\",\"code\":0}".to_owned(),
        _ => told.body.to_string(),
    };
    let length = body.len() + usize::from(fault == Fault::Torn && is_search);
    let end = if fault == Fault::HangsUp { "connection: close\r\n" } else { "" };
    write!(
        write,
        "HTTP/1.1 {} X\r\n{end}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
        told.status
    )?;
    Ok(!(fault == Fault::Torn && is_search) && fault != Fault::HangsUp)
}

//! A GitHub on loopback that keeps comments, pull requests, check runs and branches, and fails as it is told
//! to.
//!
//! It answers one request a connection, and no connection lives longer than [`LIFETIME`].

use super::depot::Depot;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::spawn;
use std::time::Duration;

/// Longest life of a connection.
const LIFETIME: Duration = Duration::from_secs(30);
/// The repository that it has.
pub(crate) const REPOSITORY: &str = "o/r";
/// The only token that it takes.
pub(crate) const TOKEN: &str = "ghs_0123456789abcdef";

/// How a request fails.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// What is asked: the method and a part of the address.
    pub(crate) of: (&'static str, &'static str),
    /// Whether it is done before it fails.
    pub(crate) done: bool,
    /// What is said; where nothing is, the connection ends.
    pub(crate) reply: Option<Refusal>,
}

/// What is said of a request that fails.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// The status.
    pub(crate) status: u16,
    /// Further headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The message.
    pub(crate) message: &'static str,
}

impl Refusal {
    /// Without further headers.
    pub(crate) fn plain(status: u16, message: &'static str) -> Self {
        Self { status, headers: Vec::new(), message }
    }
}

/// Something that somebody else does.
pub(crate) type Act = fn(&mut Depot);

/// What it has.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Comments by pull request, as GitHub writes them.
    pub(crate) comments: Vec<(u64, Value)>,
    /// Open pull requests, and `owner:branch` of each.
    pub(crate) pulls: Vec<(String, Value)>,
    /// Branches, commits and files.
    pub(crate) depot: Depot,
    /// Check runs.
    pub(crate) checks: Vec<Value>,
    /// What somebody else does right after a request whose address has this part.
    pub(crate) meanwhile: Option<(&'static str, Act)>,
    /// What fails next.
    pub(crate) faults: VecDeque<Fault>,
    /// Method and address of everything it was asked.
    pub(crate) asked: Vec<String>,
    /// Who the token is of; a token of Actions where nobody is named.
    pub(crate) user: Option<String>,
    /// Items of a page.
    pub(crate) per_page: usize,
    ids: u64,
}

/// The server; it ends with this.
pub(crate) struct Fake {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

struct Request {
    method: String,
    path: String,
    head: String,
    body: Value,
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Value,
}

impl Fake {
    /// A server with nothing on it.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> =
            Arc::new(Mutex::new(State { per_page: 50, ids: 100, ..State::default() }));
        let shared = Arc::downgrade(&state);
        spawn(move || {
            for socket in listener.incoming() {
                let (Some(state), Ok(socket)) = (shared.upgrade(), socket) else { return };
                spawn(move || serve(socket, &state));
            }
        });
        Self { address, state }
    }

    /// The base of its API, with a path as an enterprise's has.
    pub(crate) fn base(&self) -> String {
        format!("http://{}/api/v3", self.address)
    }

    /// Looks at what it has, or changes it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// A comment of somebody's on pull request 7.
    pub(crate) fn commented(&self, author: &str, body: &str) -> u64 {
        self.with(|state| state.comment(7, author, body))
    }

    /// An open pull request from `owner:branch` at a commit.
    pub(crate) fn opened(&self, number: u64, head: &str, sha: &str) {
        let branch = head.split_once(':').unwrap().1;
        let head_json = json!({ "sha": sha, "ref": branch });
        let pull = json!({ "number": number, "state": "open", "head": head_json });
        self.with(|state| state.pulls.push((head.to_owned(), pull)));
    }

    /// The next request of this kind fails.
    pub(crate) fn fails(&self, fault: Fault) {
        self.with(|state| state.faults.push_back(fault));
    }

    /// The bodies of the comments of one author on pull request 7.
    pub(crate) fn bodies(&self, author: &str) -> Vec<String> {
        self.with(|state| {
            let own = state
                .comments
                .iter()
                .filter(|(pull, it)| *pull == 7 && it["user"]["login"].as_str() == Some(author));
            own.map(|(_, it)| it["body"].as_str().unwrap().to_owned()).collect()
        })
    }

    /// How often it was asked something that begins so.
    pub(crate) fn times(&self, beginning: &str) -> usize {
        self.with(|state| state.asked.iter().filter(|it| it.starts_with(beginning)).count())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.state = Arc::default();
        // The listener looks up when somebody comes.
        drop(TcpStream::connect(self.address));
    }
}

fn serve(mut socket: TcpStream, state: &Mutex<State>) {
    socket.set_read_timeout(Some(LIFETIME)).unwrap();
    socket.set_write_timeout(Some(LIFETIME)).unwrap();
    let Some(request) = read(&mut socket) else { return };
    let reply = state.lock().unwrap().answer(&request);
    let Some(Reply { status, headers, body }) = reply else { return };
    let body = body.to_string();
    let mut text = format!(
        "HTTP/1.1 {status} Some\r\ncontent-type: application/json\r\nconnection: close\r\n\
         content-length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    // A client that went away is its own business.
    drop(socket.write_all(format!("{text}\r\n{body}").as_bytes()));
}

fn read(socket: &mut TcpStream) -> Option<Request> {
    let (mut bytes, mut some) = (Vec::new(), [0; 16 << 10]);
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let read = socket.read(&mut some).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&some[..read]);
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase().strip_prefix("content-length: ")?.trim().parse().ok()
    });
    let whole: usize = head_end + length.unwrap_or(0);
    while bytes.len() < whole {
        let read = socket.read(&mut some).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&some[..read]);
    }
    let mut words = head.split(' ');
    Some(Request {
        method: words.next()?.to_owned(),
        path: words.next()?.to_owned(),
        body: serde_json::from_slice(&bytes[head_end..]).unwrap_or_default(),
        head,
    })
}

impl State {
    /// Whom comments are of that come with the token.
    fn author(&self) -> String {
        self.user.clone().unwrap_or_else(|| "github-actions[bot]".to_owned())
    }

    fn comment(&mut self, pull: u64, author: &str, body: &str) -> u64 {
        self.ids += 1;
        let id = self.ids;
        let comment = json!({ "id": id, "user": { "login": author }, "body": body });
        self.comments.push((pull, comment));
        id
    }

    fn answer(&mut self, request: &Request) -> Option<Reply> {
        let Request { method, path, head, .. } = request;
        self.asked.push(format!("{method} {path}"));
        let is_of = |it: &Fault| it.of.0 == method && path.contains(it.of.1);
        let fault = self.faults.iter().position(is_of).and_then(|at| self.faults.remove(at));
        let Some(Fault { done, reply, .. }) = fault else {
            let allowed = head.to_lowercase().contains(&format!("authorization: bearer {TOKEN}"));
            let reply = match allowed {
                true => self.route(request),
                false => refusal(401, "Bad credentials"),
            };
            if let Some((_, act)) = self.meanwhile.take_if(|(part, _)| path.contains(*part)) {
                act(&mut self.depot);
            }
            return Some(reply);
        };
        if done {
            self.route(request);
        }
        let Refusal { status, headers, message } = reply?;
        Some(Reply { status, headers, body: json!({ "message": message }) })
    }

    fn route(&mut self, request: &Request) -> Reply {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        let number = |text: &str| text.parse::<u64>().unwrap_or_default();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", ["api", "v3", "user"]) => match &self.user {
                Some(login) => found(json!({ "login": login })),
                None => refusal(403, "Resource not accessible by integration"),
            },
            (method, ["api", "v3", "repos", "o", "r", rest @ ..]) => match (method, rest) {
                ("POST", ["pulls"]) => self.open_pull(&request.body),
                ("PATCH", ["pulls", id]) => {
                    let id = number(id);
                    let one = self.pulls.iter_mut().find(|(_, it)| it["number"] == id);
                    let Some((_, one)) = one else { return refusal(404, "Not Found") };
                    one["body"] = request.body["body"].clone();
                    found(one.clone())
                }
                ("GET", ["issues", pull, "comments"]) => {
                    let pull = number(pull);
                    let own = self.comments.iter().filter(|(on, _)| *on == pull);
                    self.page(own.map(|(_, comment)| comment.clone()).collect(), query)
                }
                ("POST", ["issues", pull, "comments"]) => {
                    let body = request.body["body"].as_str().unwrap();
                    self.comment(number(pull), &self.author(), body);
                    Reply { status: 201, ..found(self.comments.last().unwrap().1.clone()) }
                }
                ("PATCH" | "POST", ["issues", "comments", id]) => {
                    let id = number(id);
                    let one = self.comments.iter_mut().find(|(_, it)| it["id"] == id);
                    let Some((_, one)) = one else { return refusal(404, "Not Found") };
                    one["body"] = request.body["body"].clone();
                    found(one.clone())
                }
                ("GET", ["pulls"]) => {
                    let head = decoded(value(query, "head").unwrap());
                    let is_own =
                        |(from, it): &&(String, Value)| *from == head && it["state"] == "open";
                    let own = self.pulls.iter().filter(is_own);
                    self.page(own.map(|(_, pull)| pull.clone()).collect(), query)
                }
                ("GET", ["pulls", id]) => {
                    let id = number(id);
                    let one = self.pulls.iter().find(|(_, it)| it["number"] == id);
                    one.map_or_else(|| refusal(404, "Not Found"), |(_, it)| found(it.clone()))
                }
                ("GET", ["commits", sha, "check-runs"]) => {
                    let name = decoded(value(query, "check_name").unwrap());
                    let is_own = |it: &&Value| it["head_sha"] == *sha && it["name"] == name;
                    let own: Vec<&Value> = self.checks.iter().filter(is_own).collect();
                    found(json!({ "total_count": own.len(), "check_runs": own }))
                }
                ("POST", ["check-runs"]) => {
                    self.ids += 1;
                    let mut check = request.body.clone();
                    check["id"] = json!(self.ids);
                    self.checks.push(check.clone());
                    Reply { status: 201, ..found(check) }
                }
                ("PATCH", ["check-runs", id]) => {
                    let id = number(id);
                    let one = self.checks.iter_mut().find(|it| it["id"] == id);
                    let Some(one) = one else { return refusal(404, "Not Found") };
                    *one = request.body.clone();
                    one["id"] = json!(id);
                    found(one.clone())
                }
                (method, rest) => match self.depot.answer(method, rest, query, &request.body) {
                    Ok(body) => found(body),
                    Err((status, message)) => refusal(status, message),
                },
            },
            _ => refusal(404, "Not Found"),
        }
    }

    /// Opens a pull request from a branch, of which there may be one for each other branch.
    fn open_pull(&mut self, body: &Value) -> Reply {
        let [head, base] = ["head", "base"].map(|key| body[key].as_str().unwrap());
        let branches = &self.depot.branches;
        let (Some(sha), Some(_)) = (branches.get(head).cloned(), branches.get(base)) else {
            return refusal(422, "Validation Failed");
        };
        let from = format!("o:{head}");
        let is_there = |(other, it): &(String, Value)| {
            *other == from && it["state"] == "open" && it["base"]["ref"] == base
        };
        if self.pulls.iter().any(is_there) {
            return refusal(422, "A pull request already exists");
        }
        self.ids += 1;
        let pull = json!({
            "number": self.ids,
            "state": "open",
            "title": body["title"],
            "body": body["body"],
            "head": { "sha": sha, "ref": head, "repo": { "full_name": REPOSITORY } },
            "base": { "ref": base },
        });
        self.pulls.push((from, pull.clone()));
        Reply { status: 201, ..found(pull) }
    }

    fn page(&self, items: Vec<Value>, query: &str) -> Reply {
        let page: usize = value(query, "page").unwrap().parse().unwrap();
        let more = items.len() > page * self.per_page;
        let own: Vec<Value> =
            items.into_iter().skip((page - 1) * self.per_page).take(self.per_page).collect();
        let link = "<https://elsewhere.example/?page=9>; rel=\"next\"".to_owned();
        let headers = if more { vec![("link", link)] } else { Vec::new() };
        Reply { headers, ..found(Value::Array(own)) }
    }
}

fn found(body: Value) -> Reply {
    Reply { status: 200, headers: Vec::new(), body }
}

fn refusal(status: u16, message: &str) -> Reply {
    Reply { status, headers: Vec::new(), body: json!({ "message": message }) }
}

fn value<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            byte => byte,
        });
    }
    String::from_utf8(out).unwrap()
}

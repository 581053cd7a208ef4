//! GitHub over HTTP, by octocrab: its connections, its TLS and its care for where a token goes. Its
//! retries are switched off, since they post twice, and its models are not used, since they change with
//! its releases.

use super::check::CheckRun;
use super::forge::{Check, Comment, Forge, Page, Pull, Repository, Trouble};
use super::reply::{Headers, Reply, brief};
use http_body_util::{BodyExt, Limited};
use octocrab::Octocrab;
use octocrab::service::middleware::retry::RetryConfig;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::error::Error;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::time::timeout;

/// Items of a page. The longest comments, each character spelled out in six, fill half of [`LARGEST`].
const PER_PAGE: usize = 50;
/// Most bytes of a reply.
const LARGEST: usize = 40 << 20;

/// How GitHub is reached.
pub struct Access<'a> {
    /// The base of its API, as `GITHUB_API_URL` has it.
    pub base: &'a str,
    /// Who we are. In no message, and in no `Debug`.
    pub token: String,
    /// The repository.
    pub repository: Repository,
    /// How long a call may take.
    pub deadline: Duration,
}

/// Why GitHub cannot be asked at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// The base is none.
    #[error("`{}` is no address of an API: write `https://HOST`, with a path where there is one", .0.escape_debug())]
    Base(String),
    /// The token would be seen by anybody.
    #[error("`{0}` would carry the token in the clear; use https://")]
    Clear(String),
    /// The token is none.
    #[error("the token is empty or has characters that no token has; copy it again")]
    Token,
    /// The client cannot be made.
    #[error("no client can be made: {0}; are the machine's CA certificates installed?")]
    Client(String),
}

/// A client of GitHub's API for one repository.
pub struct Client {
    runtime: Runtime,
    octocrab: Octocrab,
    token: String,
    repository: Repository,
    deadline: Duration,
}

/// What is asked.
#[derive(Clone, Copy)]
pub(super) enum Verb<'a> {
    Get,
    Post(&'a Value),
    Patch(&'a Value),
}

impl Client {
    /// A client; nothing is asked yet.
    ///
    /// # Errors
    /// When the base or the token cannot be right, or the machine has no certificates.
    pub fn new(access: Access<'_>) -> Result<Self, AccessError> {
        let Access { base, token, repository, deadline } = access;
        let base = checked(base)?;
        let token = token.trim().to_owned();
        if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
            return Err(AccessError::Token);
        }
        let failed = |error: &(dyn Error + 'static)| AccessError::Client(chain(error));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| failed(&error))?;
        let inside = runtime.enter();
        let builder = Octocrab::builder()
            .base_uri(base)
            .map_err(|error| failed(&error))?
            .add_retry_config(RetryConfig::None)
            .personal_token(token.clone());
        let octocrab = builder.build().map_err(|error| failed(&error))?;
        drop(inside);
        Ok(Self { runtime, octocrab, token, repository, deadline })
    }

    /// One call, within the deadline.
    pub(super) fn ask(&self, verb: Verb<'_>, path: &str) -> Result<Reply, Trouble> {
        let asking = async { timeout(self.deadline, self.exchange(verb, path)).await };
        self.runtime.block_on(asking).unwrap_or_else(|_| {
            let seconds = self.deadline.as_secs_f64();
            Err(Trouble::Lost(format!("no answer within {seconds} s")))
        })
    }

    async fn exchange(&self, verb: Verb<'_>, path: &str) -> Result<Reply, Trouble> {
        let sent = match verb {
            Verb::Get => self.octocrab._get(path).await,
            Verb::Post(body) => self.octocrab._post(path, Some(body)).await,
            Verb::Patch(body) => self.octocrab._patch(path, Some(body)).await,
        };
        let (head, body) = sent.map_err(|error| self.lost(&error))?.into_parts();
        let text = |name: &str| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let headers = Headers {
            retry_after: text("retry-after"),
            remaining: text("x-ratelimit-remaining"),
            reset: text("x-ratelimit-reset"),
            link: text("link"),
        };
        let whole = Limited::new(body, LARGEST).collect().await;
        let body = whole.map_err(|error| self.lost(&*error))?.to_bytes();
        let body = self.hidden(&String::from_utf8_lossy(&body)).into_bytes();
        Ok(Reply { status: head.status.as_u16(), headers, body })
    }

    fn lost(&self, error: &(dyn Error + 'static)) -> Trouble {
        Trouble::Lost(brief(&self.hidden(&chain(error))))
    }

    /// A text without our token, which whoever answers may quote.
    fn hidden(&self, text: &str) -> String {
        text.replace(&self.token, "(the token)")
    }

    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<(Reply, T), Trouble> {
        let reply = self.ask(Verb::Get, path)?;
        let said = reply.read()?;
        Ok((reply, said))
    }

    fn page<J: DeserializeOwned, T: From<J>>(&self, path: &str) -> Result<Page<T>, Trouble> {
        let (reply, items) = self.get::<Vec<J>>(path)?;
        let more = reply.headers.goes_on().unwrap_or(items.len() >= PER_PAGE);
        Ok(Page { items: items.into_iter().map(T::from).collect(), more })
    }

    /// The address of something in the repository.
    pub(super) fn path(&self, rest: &str) -> String {
        format!("{}/{rest}", self.whole())
    }

    /// The address of the repository itself.
    pub(super) fn whole(&self) -> String {
        format!("/repos/{}", self.repository)
    }
}

/// The base without a slash at its end, where a token may go there.
fn checked(base: &str) -> Result<String, AccessError> {
    let base = base.trim().trim_end_matches('/');
    let no = || AccessError::Base(base.to_owned());
    let (scheme, rest) = base.split_once("://").ok_or_else(no)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]".contains(c);
    if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(plain) {
        return Err(no());
    }
    match scheme {
        "https" => Ok(base.to_owned()),
        "http" if is_loopback(rest) => Ok(base.to_owned()),
        "http" => Err(AccessError::Clear(base.to_owned())),
        _ => Err(no()),
    }
}

fn is_loopback(rest: &str) -> bool {
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(inner) => inner.split(']').next(),
        None => authority.split(':').next(),
    };
    host.is_some_and(|host| {
        host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
    })
}

/// An error and its causes, each once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| (*error).source());
    causes.map(ToString::to_string).fold(String::new(), |text, cause| {
        match (text.is_empty(), text.contains(&cause)) {
            (true, _) => cause,
            (false, true) => text,
            (false, false) => format!("{text}: {cause}"),
        }
    })
}

/// Text as a value in an address.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                write!(out, "%{byte:02X}").ok();
            }
        }
        out
    })
}

#[derive(Deserialize)]
struct UserJson {
    login: String,
}

#[derive(Deserialize)]
struct CommentJson {
    id: u64,
    user: Option<UserJson>,
    body: Option<String>,
}

impl From<CommentJson> for Comment {
    fn from(json: CommentJson) -> Self {
        let author = json.user.map(|user| user.login);
        Self { id: json.id, author, body: json.body.unwrap_or_default() }
    }
}

#[derive(Deserialize)]
pub(super) struct PullJson {
    number: u64,
    head: HeadJson,
    base: Option<BaseJson>,
    body: Option<String>,
}

#[derive(Deserialize)]
struct HeadJson {
    sha: String,
    #[serde(rename = "ref")]
    branch: String,
    repo: Option<RepoJson>,
}

#[derive(Deserialize)]
struct RepoJson {
    full_name: String,
}

#[derive(Deserialize)]
struct BaseJson {
    #[serde(rename = "ref")]
    branch: String,
}

impl From<PullJson> for Pull {
    fn from(json: PullJson) -> Self {
        let PullJson { number, head, base, body } = json;
        Self {
            number,
            head_sha: head.sha,
            head_branch: head.branch,
            head_repository: head.repo.map(|repo| repo.full_name),
            base_branch: base.map(|base| base.branch),
            body: body.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize)]
struct ChecksJson {
    check_runs: Vec<CheckJson>,
}

#[derive(Deserialize)]
struct CheckJson {
    id: u64,
    external_id: Option<String>,
}

impl Forge for Client {
    fn login(&self) -> Result<Option<String>, Trouble> {
        match self.get("/user") {
            Ok((_, UserJson { login })) => Ok(Some(login)),
            // A token of Actions or of an app belongs to no user.
            Err(Trouble::Refused { status: 403, .. }) => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    fn comments(&self, pull: u64, page: u32) -> Result<Page<Comment>, Trouble> {
        let list = format!("issues/{pull}/comments?per_page={PER_PAGE}&page={page}");
        self.page::<CommentJson, _>(&self.path(&list))
    }

    fn create(&self, pull: u64, body: &str) -> Result<Comment, Trouble> {
        let path = self.path(&format!("issues/{pull}/comments"));
        let reply = self.ask(Verb::Post(&json!({ "body": body })), &path)?;
        reply.read::<CommentJson>().map(Comment::from)
    }

    fn update(&self, comment: u64, body: &str) -> Result<Comment, Trouble> {
        let path = self.path(&format!("issues/comments/{comment}"));
        let reply = self.ask(Verb::Patch(&json!({ "body": body })), &path)?;
        reply.read::<CommentJson>().map(Comment::from)
    }

    fn pull(&self, number: u64) -> Result<Pull, Trouble> {
        let (_, json) = self.get::<PullJson>(&self.path(&format!("pulls/{number}")))?;
        Ok(json.into())
    }

    fn open_pulls(&self, head: &str, page: u32) -> Result<Page<Pull>, Trouble> {
        let head = encoded(head);
        let list = format!("pulls?state=open&head={head}&per_page={PER_PAGE}&page={page}");
        self.page::<PullJson, _>(&self.path(&list))
    }

    fn checks(&self, sha: &str, name: &str, page: u32) -> Result<Page<Check>, Trouble> {
        let name = encoded(name);
        let list = format!(
            "commits/{sha}/check-runs?check_name={name}&filter=all&per_page={PER_PAGE}&page={page}"
        );
        let (reply, json) = self.get::<ChecksJson>(&self.path(&list))?;
        let more = reply.headers.goes_on().unwrap_or(json.check_runs.len() >= PER_PAGE);
        let check = |one: CheckJson| Check { id: one.id, external_id: one.external_id };
        Ok(Page { items: json.check_runs.into_iter().map(check).collect(), more })
    }

    fn create_check(&self, check: &CheckRun<'_>) -> Result<(), Trouble> {
        let reply = self.ask(Verb::Post(&check.json()), &self.path("check-runs"))?;
        reply.read::<Value>().map(drop)
    }

    fn update_check(&self, id: u64, check: &CheckRun<'_>) -> Result<(), Trouble> {
        let path = self.path(&format!("check-runs/{id}"));
        let reply = self.ask(Verb::Patch(&check.json()), &path)?;
        reply.read::<Value>().map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_in_the_clear_but_to_this_machine() {
        for good in [
            "https://api.github.com",
            "https://git.example.org:8443/api/v3/",
            "http://127.0.0.1:80/api/v3",
            "http://[::1]:80",
            "http://localhost",
        ] {
            assert_eq!(checked(good).unwrap(), good.trim_end_matches('/'));
        }
        assert!(matches!(checked("http://api.github.com"), Err(AccessError::Clear(_))));
        assert!(matches!(checked("http://127.0.0.1.example.org"), Err(AccessError::Clear(_))));
        for bad in ["", "api.github.com", "ftp://x", "https:///x", "https://a@b", "https://x/?y"] {
            assert!(matches!(checked(bad), Err(AccessError::Base(_))), "{bad}");
        }
    }

    #[test]
    fn a_token_that_could_end_a_header_is_refused_without_being_told() {
        let access = |token: &str| Access {
            base: "http://127.0.0.1:9",
            token: token.to_owned(),
            repository: "a/b".parse().unwrap(),
            deadline: Duration::from_secs(1),
        };
        for bad in ["", " ", "a\r\nx: y", "a b", "ä"] {
            let error = Client::new(access(bad)).map(drop).unwrap_err();
            assert_eq!(error, AccessError::Token);
        }
    }

    #[test]
    fn a_branch_stays_one_value_in_an_address() {
        assert_eq!(encoded("me:a&head=b/ü#1"), "me%3Aa%26head%3Db%2F%C3%BC%231");
    }
}

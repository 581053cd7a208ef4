//! What GitHub says of the event that started a workflow, read as text of strangers: the branch of a
//! fork is called whatever its owner likes.

use super::forge::is_name;
use serde::Deserialize;
use tokgate_core::diagnostic::escape;

/// Largest event that is read; GitHub makes none above this.
pub const LARGEST_EVENT: u64 = 25 << 20;
/// Most bytes of a branch's name; git's own limit is lower on most systems.
const LONGEST_BRANCH: usize = 1024;

/// An event, as far as it tells which pull request it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A pull request itself.
    Pull(PullEvent),
    /// A workflow that ended, of which only what GitHub itself says is believed.
    WorkflowRun(Origin),
    /// Anything else: it is about none.
    Other,
}

/// What the event of a pull request says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullEvent {
    /// The repository of the pull request, as `owner/name`.
    pub repository: String,
    /// Its number.
    pub number: u64,
    /// The commit that it would merge.
    pub head_sha: String,
    /// Whether that is of another repository.
    pub from_fork: bool,
}

/// Where a workflow run comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The repository that the workflow ran in, as `owner/name`.
    pub repository: String,
    /// Whose branch it ran for.
    pub owner: String,
    /// The branch.
    pub branch: String,
    /// The commit.
    pub head_sha: String,
    /// Whether that is of another repository.
    pub from_fork: bool,
    /// Its number among all runs, by which it has a page.
    pub run: Option<u64>,
}

/// Why an event cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Larger than any.
    #[error("it has more than {LARGEST_EVENT} bytes")]
    TooLarge,
    /// Not what such an event is.
    #[error("it is not what GitHub writes of such an event ({0})")]
    Shape(String),
    /// A part of it cannot be what it should.
    #[error("its {what} cannot be one: `{}`", escape(.text).chars().take(80).collect::<String>())]
    Part {
        /// Which.
        what: &'static str,
        /// What it says.
        text: String,
    },
    /// The fork was deleted.
    #[error("the repository that it comes from is gone")]
    Gone,
}

#[derive(Deserialize)]
struct RepositoryJson {
    full_name: String,
    owner: OwnerJson,
}

#[derive(Deserialize)]
struct OwnerJson {
    login: String,
}

#[derive(Deserialize)]
struct PullJson {
    repository: RepositoryJson,
    pull_request: PullRequestJson,
}

#[derive(Deserialize)]
struct PullRequestJson {
    number: u64,
    head: HeadJson,
}

#[derive(Deserialize)]
struct HeadJson {
    sha: String,
    repo: Option<RepositoryJson>,
}

#[derive(Deserialize)]
struct RunJson {
    repository: RepositoryJson,
    workflow_run: WorkflowRunJson,
}

#[derive(Deserialize)]
struct WorkflowRunJson {
    id: Option<u64>,
    head_sha: String,
    head_branch: String,
    head_repository: Option<RepositoryJson>,
}

impl Event {
    /// The event of this name, as its file has it.
    ///
    /// # Errors
    /// When it is too large, not of its shape, or names what cannot be.
    pub fn read(name: &str, bytes: &[u8]) -> Result<Self, EventError> {
        if bytes.len() as u64 > LARGEST_EVENT {
            return Err(EventError::TooLarge);
        }
        match name {
            "pull_request" | "pull_request_target" | "pull_request_review" => {
                of_pull(parsed(bytes)?).map(Self::Pull)
            }
            "workflow_run" => of_run(parsed(bytes)?).map(Self::WorkflowRun),
            _ => Ok(Self::Other),
        }
    }
}

fn parsed<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, EventError> {
    serde_json::from_slice(bytes).map_err(|error| EventError::Shape(escape(&error.to_string())))
}

fn of_pull(json: PullJson) -> Result<PullEvent, EventError> {
    let PullJson { repository, pull_request: PullRequestJson { number, head } } = json;
    let from_fork = head.repo.is_none_or(|repo| repo.full_name != repository.full_name);
    if number == 0 {
        return Err(EventError::Part { what: "number", text: "0".to_owned() });
    }
    Ok(PullEvent {
        repository: repository.full_name,
        number,
        head_sha: commit(head.sha)?,
        from_fork,
    })
}

fn of_run(json: RunJson) -> Result<Origin, EventError> {
    let RunJson { repository, workflow_run: run } = json;
    let head = run.head_repository.ok_or(EventError::Gone)?;
    let part = |what, text: &str| EventError::Part { what, text: text.to_owned() };
    if !is_name(&head.owner.login) {
        return Err(part("owner", &head.owner.login));
    }
    if run.head_branch.is_empty() || run.head_branch.len() > LONGEST_BRANCH {
        return Err(part("branch", &run.head_branch));
    }
    Ok(Origin {
        from_fork: head.full_name != repository.full_name,
        repository: repository.full_name,
        owner: head.owner.login,
        branch: run.head_branch,
        head_sha: commit(run.head_sha)?,
        run: run.id,
    })
}

fn commit(text: String) -> Result<String, EventError> {
    let is_one = matches!(text.len(), 40 | 64) && text.chars().all(|c| c.is_ascii_hexdigit());
    if is_one { Ok(text) } else { Err(EventError::Part { what: "commit", text }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn repository(name: &str) -> Value {
        let owner = name.split('/').next();
        json!({ "full_name": name, "owner": { "login": owner } })
    }

    fn pull(head: Value) -> Vec<u8> {
        let head = json!({ "sha": "a".repeat(40), "repo": head });
        let pull = json!({ "number": 7, "head": head, "title": "x" });
        json!({ "repository": repository("o/r"), "pull_request": pull }).to_string().into_bytes()
    }

    #[test]
    fn a_pull_request_of_a_fork_is_told_from_one_of_the_repository() {
        let is_fork = |head| match Event::read("pull_request", &pull(head)) {
            Ok(Event::Pull(event)) => event.from_fork,
            other => panic!("{other:?}"),
        };
        assert!(!is_fork(repository("o/r")));
        assert!(is_fork(repository("me/r")));
        assert!(is_fork(Value::Null));
        assert_eq!(Event::read("push", b"no JSON at all"), Ok(Event::Other));
    }

    #[test]
    fn a_workflow_run_names_whose_branch_and_commit_it_is() {
        let run = |branch: &str, head: Value| {
            let run = json!({
                "head_sha": "b".repeat(40), "head_branch": branch, "head_repository": head,
                "pull_requests": [{ "number": 1 }],
            });
            let event = json!({ "repository": repository("o/r"), "workflow_run": run });
            Event::read("workflow_run", event.to_string().as_bytes())
        };
        let Ok(Event::WorkflowRun(origin)) = run("a/b&c", repository("me/r")) else { panic!() };
        assert_eq!((origin.owner.as_str(), origin.branch.as_str()), ("me", "a/b&c"));
        assert!(origin.from_fork);
        assert_eq!(run("a", Value::Null), Err(EventError::Gone));
        let long = run(&"a".repeat(1025), repository("me/r"));
        assert!(matches!(long, Err(EventError::Part { what: "branch", .. })));
        let owner = run("a", repository("a:b/r"));
        assert!(matches!(owner, Err(EventError::Part { what: "owner", .. })));
    }

    #[test]
    fn what_is_no_event_is_refused_in_words() {
        let deep = "[".repeat(100_000);
        let wrong = String::from_utf8(pull(Value::Null)).unwrap();
        let wrong = [
            deep.as_str(),
            "",
            "{}",
            &wrong.replace("7", "-7"),
            &wrong.replace("7", "\"7\""),
            &wrong.replace("7", "0"),
            &wrong.replace("aaaa", "main"),
        ];
        for text in wrong {
            assert!(Event::read("pull_request", text.as_bytes()).is_err(), "{text:.40}");
        }
        let large = vec![b' '; usize::try_from(LARGEST_EVENT).unwrap() + 1];
        assert_eq!(Event::read("pull_request", &large), Err(EventError::TooLarge));
    }
}

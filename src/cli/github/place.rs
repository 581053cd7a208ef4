//! Where a comment belongs: which repository, pull request and commit. The event of the workflow says so,
//! and where it does, nothing else is believed: what a run of a fork leaves behind is the fork's word.

use crate::github::{Event, LARGEST_EVENT, Origin, PullEvent, Repository};
use crate::report::markdown::Link;
use anyhow::{Context, Result, bail};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// What the command line says of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) repo: Option<&'a str>,
    pub(super) pull: Option<u64>,
    pub(super) sha: Option<&'a str>,
    /// The commit that was measured, where an artifact is told.
    pub(super) head: Option<&'a str>,
}

/// Where a comment belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The commit, where anybody says.
    pub(super) sha: Option<String>,
    /// The commit that was measured, where somebody says, or why the event that should does not.
    pub(super) head: Result<Option<String>, String>,
    /// Whether the code that was measured is of another repository.
    pub(super) from_fork: bool,
    /// The page of the workflow run that measured, where it is another than this.
    pub(super) measured: Option<Link>,
    /// Where to, or why nowhere.
    pub(super) target: Result<Target, String>,
}

/// A pull request in a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) repository: Repository,
    pub(super) pull: Which,
}

/// Which pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Which {
    /// This one.
    Number(u64),
    /// The one that this workflow run is of; GitHub has to be asked.
    Of(Origin),
}

impl Place {
    /// The place by the command line and the event.
    ///
    /// # Errors
    /// When the command line names no repository, or says of a `workflow_run` what its event says.
    pub(super) fn of(wanted: &Wanted<'_>) -> Result<Self> {
        let name = variable("GITHUB_EVENT_NAME").unwrap_or_default();
        if name == "workflow_run" && (wanted.pull.is_some() || wanted.sha.is_some()) {
            bail!(
                "a workflow on `workflow_run` learns from its event which pull request and commit it is \
                 about, since anything else may be made up by a fork; leave --pr and --sha out"
            );
        }
        let Some(repo) = wanted.repo else {
            bail!("in which repository is the pull request? Say it by --repo OWNER/NAME");
        };
        let repository: Repository = repo.parse()?;
        let place = match event(&name) {
            Ok(Event::Pull(event)) => of_pull(wanted, repository, event),
            Ok(Event::WorkflowRun(origin)) => of_run(wanted, repository, origin)?,
            Ok(Event::Other) => {
                let why = "this event is about no pull request; name one by --pr".to_owned();
                by_hand(wanted, repository, why)
            }
            Err(why) if name == "workflow_run" => nowhere(wanted, why),
            Err(why) => by_hand(wanted, repository, why),
        };
        Ok(place)
    }

    /// What would be done, for a run that does nothing.
    pub(super) fn told(&self) -> String {
        match &self.target {
            Err(why) => format!("nothing would be posted: {why}"),
            Ok(Target { repository, pull: Which::Number(number) }) => {
                format!("this would stand on pull request {number} of {repository}")
            }
            Ok(Target { repository, pull: Which::Of(origin) }) => format!(
                "this would stand on the pull request of {repository} from {}'s branch `{}` at {}",
                origin.owner,
                origin.branch.escape_debug(),
                origin.head_sha
            ),
        }
    }
}

fn of_pull(wanted: &Wanted<'_>, repository: Repository, event: PullEvent) -> Place {
    let PullEvent { repository: of, number, head_sha, from_fork } = event;
    if wanted.pull.is_some_and(|pull| pull != number) {
        let why = format!("the event is of pull request {number}");
        return by_hand(wanted, repository, why);
    }
    let sha = Some(wanted.commit().unwrap_or(head_sha));
    let (head, pull) = (Ok(wanted.head.map(str::to_owned)), Which::Number(number));
    Place { sha, head, from_fork, measured: None, target: in_its_own(repository, &of, pull) }
}

fn of_run(wanted: &Wanted<'_>, repository: Repository, origin: Origin) -> Result<Place> {
    let Origin { repository: of, head_sha, from_fork, run, .. } = origin.clone();
    if let Some(head) = wanted.head.filter(|head| *head != head_sha) {
        bail!(
            "the event is of commit {head_sha}, and --head names `{}`: leave it out, since anything that \
             the event does not say may be made up by a fork",
            head.escape_debug()
        );
    }
    let measured = run.and_then(|run| page_of(variable("GITHUB_REPOSITORY"), run.to_string()));
    let target = in_its_own(repository, &of, Which::Of(origin));
    Ok(Place { head: Ok(Some(head_sha.clone())), sha: Some(head_sha), from_fork, measured, target })
}

/// The number of a pull request means another one in another repository.
fn in_its_own(repository: Repository, of: &str, pull: Which) -> Result<Target, String> {
    match repository.is(of) {
        true => Ok(Target { repository, pull }),
        false => Err(format!("the event is of `{}` and not of {repository}", of.escape_debug())),
    }
}

/// As the command line says; `why` not, where it does not.
fn by_hand(wanted: &Wanted<'_>, repository: Repository, why: String) -> Place {
    let sha = wanted.commit().or_else(|| variable("GITHUB_SHA"));
    let target = wanted.pull.map(|pull| Target { repository, pull: Which::Number(pull) });
    let head = Ok(wanted.head.map(str::to_owned));
    Place { sha, head, from_fork: false, measured: None, target: target.ok_or(why) }
}

fn nowhere(wanted: &Wanted<'_>, why: String) -> Place {
    let sha = wanted.commit().or_else(|| variable("GITHUB_SHA"));
    let head = wanted.head.map(|head| Some(head.to_owned()));
    let head = head.ok_or_else(|| format!("which commit was measured is not known: {why}"));
    Place { sha, head, from_fork: false, measured: None, target: Err(why) }
}

impl Wanted<'_> {
    /// The commit that the comment is about.
    fn commit(&self) -> Option<String> {
        self.sha.or(self.head).map(str::to_owned)
    }
}

/// The event of this name.
fn event(name: &str) -> Result<Event, String> {
    let Some(path) = variable("GITHUB_EVENT_PATH") else {
        return match name {
            "workflow_run" => Err("GITHUB_EVENT_PATH names no file of the event".to_owned()),
            _ => Ok(Event::Other),
        };
    };
    let bytes = bounded(Path::new(&path))
        .map_err(|error| format!("the event in {path} cannot be read: {error}"))?;
    Event::read(name, &bytes).map_err(|error| format!("the event in {path} is of no use: {error}"))
}

/// A file's bytes; one more than may be where there are more.
fn bounded(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_EVENT + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// An environment variable that says something.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// Whether this is a step of a workflow.
pub(super) fn is_action() -> bool {
    variable("GITHUB_ACTIONS").as_deref() == Some("true")
}

/// The page at an address that somebody named.
///
/// # Errors
/// When it is none.
pub(super) fn link(address: &str) -> Result<Link> {
    let no = || format!("`{}` is no address that can be linked to", address.escape_debug());
    Link::new(address).with_context(no)
}

/// The page of this workflow run.
pub(super) fn page() -> Option<Link> {
    page_of(variable("GITHUB_REPOSITORY"), variable("GITHUB_RUN_ID")?)
}

fn page_of(repository: Option<String>, run: String) -> Option<Link> {
    let server = variable("GITHUB_SERVER_URL")?;
    Link::new(&format!("{server}/{}/actions/runs/{run}", repository?))
}

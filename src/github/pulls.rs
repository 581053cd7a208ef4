//! Which pull request a workflow run is of. The event does not say for forks, and what the run leaves
//! behind is the fork's word: so GitHub is asked for the branch, and the commit has to be the same.

use super::asking::Asking;
use super::event::Origin;
use super::forge::{Pull, Trouble};
use tokgate_core::diagnostic::line;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The one.
    One(u64),
    /// None that is certain, for this reason.
    None(String),
}

/// The one open pull request whose branch and commit are those of the workflow run.
///
/// # Errors
/// When GitHub refuses, asks to wait for too long, or is not there.
pub fn pull_of(asking: &Asking<'_>, origin: &Origin) -> Result<Found, Trouble> {
    let Origin { owner, branch, head_sha, .. } = origin;
    let head = format!("{owner}:{branch}");
    // What GitHub does not understand of a question it leaves out: the branch is looked at here, too.
    let of_branch = |pull: &Pull| pull.head_branch == *branch;
    let pulls = asking.all(|forge, page| forge.open_pulls(&head, page), of_branch)?;
    let head = line(&head);
    let at_commit: Vec<&Pull> = pulls.iter().filter(|pull| pull.head_sha == *head_sha).collect();
    Ok(match (pulls.len(), at_commit.as_slice()) {
        (_, [one]) => Found::One(one.number),
        (0, _) => Found::None(format!("no open pull request is from `{head}`")),
        (_, []) => Found::None(format!(
            "the pull request from `{head}` is no longer at {head_sha}, which this run is of"
        )),
        (_, several) => Found::None(format!(
            "{} pull requests from `{head}` are at {head_sha}: which of them is meant is not known",
            several.len()
        )),
    })
}

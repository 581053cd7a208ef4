//! What we ask of GitHub, in our own words: no type of a client's stands here, since theirs change.

use super::branches::Branches;
use super::check::CheckRun;
use super::patience::Hint;
use std::fmt;
use std::str::FromStr;

/// A repository, checked: both names can stand in an address as they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    owner: String,
    name: String,
}

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` names no repository: write OWNER/NAME, as in its address", .0.escape_debug())]
pub struct NoRepository(String);

impl FromStr for Repository {
    type Err = NoRepository;

    fn from_str(text: &str) -> Result<Self, NoRepository> {
        let no = || NoRepository(text.to_owned());
        let (owner, name) = text.split_once('/').ok_or_else(no)?;
        match is_name(owner) && is_name(name) {
            true => Ok(Self { owner: owner.to_owned(), name: name.to_owned() }),
            false => Err(no()),
        }
    }
}

/// Whether a text is written as GitHub writes the names of owners and repositories.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    (1..=100).contains(&text.len()) && text.chars().all(plain) && !matches!(text, "." | "..")
}

impl Repository {
    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Whether `other` names the same: GitHub does not tell capitals apart.
    #[must_use]
    pub fn is(&self, other: &str) -> bool {
        self.to_string().eq_ignore_ascii_case(other)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.owner, self.name)
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What stands on it.
    pub items: Vec<T>,
    /// Whether there is another page behind it.
    pub more: bool,
}

/// A comment on a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number.
    pub id: u64,
    /// Who wrote it; absent where the account is gone.
    pub author: Option<String>,
    /// What it says.
    pub body: String,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Its number.
    pub number: u64,
    /// The commit that it would merge.
    pub head_sha: String,
    /// The branch that it would merge, in its own repository.
    pub head_branch: String,
    /// That repository, `OWNER/NAME`; absent where it is gone.
    pub head_repository: Option<String>,
    /// The branch that it would merge it into.
    pub base_branch: Option<String>,
    /// What it says.
    pub body: String,
}

/// A check run that is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its number.
    pub id: u64,
    /// What whoever made it calls it.
    pub external_id: Option<String>,
}

/// Why GitHub did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// Nobody knows whether it did: no reply came, one that cannot be read, or a failure of its own.
    #[error("GitHub did not answer as it should: {0}")]
    Lost(String),
    /// It was asked several times for what changes nothing, and never answered.
    #[error("GitHub did not answer as it should, time and again: {0}")]
    Away(String),
    /// It did nothing, and asks to come back later.
    #[error("GitHub asks to come back later: {why}")]
    Limited {
        /// When.
        hint: Hint,
        /// What it said.
        why: String,
    },
    /// It did nothing, and we do not wait for as long as it asks.
    #[error("GitHub asks to wait {asked_s} s, and only {left_s} s are left to wait: {why}")]
    TooLong {
        /// What it asks for, seconds.
        asked_s: u64,
        /// What may still be waited, seconds.
        left_s: u64,
        /// What it said.
        why: String,
    },
    /// It did nothing, and will not.
    #[error("GitHub refused ({status}): {why}{}", advice(*.status))]
    Refused {
        /// The status of its answer.
        status: u16,
        /// What it said.
        why: String,
    },
    /// There is more of something than we look through.
    #[error("{0}")]
    TooMuch(String),
}

/// What to do about a refusal.
fn advice(status: u16) -> &'static str {
    match status {
        401 => "; the token is wrong or expired",
        403 => {
            "; a comment needs the permission `pull-requests: write`, a check run `checks: write`, a \
             proposal `contents: write`, `pull-requests: write` and a repository whose settings let Actions \
             open pull requests; in a run for a fork's pull request no token has them: post from a \
             workflow on `workflow_run` (docs/GITHUB.md)"
        }
        404 | 410 => "; there is no such thing, or the token may not see it",
        _ => "",
    }
}

/// GitHub, as far as we need it, for one repository.
pub trait Forge: Branches {
    /// The name of who the token is of; `None` where it is of a kind that may not ask.
    fn login(&self) -> Result<Option<String>, Trouble>;

    /// The comments on a pull request, the oldest first; pages count from 1.
    fn comments(&self, pull: u64, page: u32) -> Result<Page<Comment>, Trouble>;

    /// Writes a new comment.
    fn create(&self, pull: u64, body: &str) -> Result<Comment, Trouble>;

    /// Replaces what a comment says.
    fn update(&self, comment: u64, body: &str) -> Result<Comment, Trouble>;

    /// One pull request.
    fn pull(&self, number: u64) -> Result<Pull, Trouble>;

    /// The open pull requests from `owner:branch`; pages count from 1.
    fn open_pulls(&self, head: &str, page: u32) -> Result<Page<Pull>, Trouble>;

    /// The check runs of this name at a commit; pages count from 1.
    fn checks(&self, sha: &str, name: &str, page: u32) -> Result<Page<Check>, Trouble>;

    /// Makes a check run.
    fn create_check(&self, check: &CheckRun<'_>) -> Result<(), Trouble>;

    /// Replaces what a check run says.
    fn update_check(&self, id: u64, check: &CheckRun<'_>) -> Result<(), Trouble>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_that_leaves_its_place_in_an_address_is_none() {
        assert!("tokgate/tokgate.rs".parse::<Repository>().unwrap().is("TokGate/tokgate.rs"));
        for bad in ["", "a", "a/", "/b", "a/b/c", "../b", "a/..", "a/b?c", "a b/c", "a/b#", "ä/b"]
        {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }
}

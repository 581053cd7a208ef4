//! A machine's proposed baselines as one pull request: one commit on a branch of our own, which the next
//! proposal replaces. Nobody else's commit, and nobody else's pull request, is touched.

use super::asking::Asking;
use super::branches::{Commit, File, NewCommit, NewPull};
use super::forge::{Pull, Repository, Trouble};
use super::sticky::says_the_same;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use tokgate_core::diagnostic::line;

/// What names the machine in the message of a commit of ours.
const MACHINE: &str = "Tokgate-Proposal: ";
/// What names the files there: whoever amends the commit keeps the message, and not the files.
const TREE: &str = "Tokgate-Tree: ";

/// The branch of a machine's proposals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    machine: String,
}

/// Why a machine has none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the machine `{}` cannot be part of a branch's name: letters, digits, `.`, `_` and `-`, no `..`, and neither `.` nor `.lock` at its end; name one with TOKGATE_MACHINE, and measure again", .0.escape_debug()
)]
pub struct NoBranch(String);

impl Branch {
    /// The branch of a machine.
    ///
    /// # Errors
    /// When git has no branch of such a name.
    pub fn of(machine: &str) -> Result<Self, NoBranch> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let odd = machine.is_empty()
            || !machine.chars().all(plain)
            || machine.starts_with('.')
            || machine.contains("..")
            || machine.ends_with('.')
            || machine.ends_with(".lock");
        if odd {
            Err(NoBranch(machine.to_owned()))
        } else {
            Ok(Self { machine: machine.to_owned() })
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("tokgate/baseline/{}", self.machine)
    }

    /// What a commit of ours says that is of these files.
    fn message(&self, subject: &str, tree: &str) -> String {
        format!("{subject}\n\n{MACHINE}{}\n{TREE}{tree}\n", self.machine)
    }

    /// Whether a commit is ours, as we made it.
    fn made(&self, commit: &Commit) -> bool {
        let says = |key: &str, value: &str| {
            commit.message.lines().any(|line| line.strip_prefix(key) == Some(value))
        };
        says(MACHINE, &self.machine) && says(TREE, &commit.tree)
    }
}

/// What is proposed.
#[derive(Debug, Clone, Copy)]
pub struct Proposal<'a> {
    /// The repository that the branch is in.
    pub repository: &'a Repository,
    /// The branch that it is for; the repository's own choice if none.
    pub base: Option<&'a str>,
    /// The branch that it is on.
    pub branch: &'a Branch,
    /// The files.
    pub files: &'a [File],
    /// The title of the pull request, and of the commit.
    pub title: &'a str,
    /// What the pull request says; its first line is the marker by which we know it again.
    pub body: &'a str,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proposed {
    /// There was no pull request of it.
    Opened(u64),
    /// There was one, which proposes or says something new.
    Updated(u64),
    /// There was one, which proposes and says the same.
    Kept(u64),
    /// The branch that it is for has these files already.
    Nothing {
        /// That branch.
        base: String,
        /// A pull request of ours that is open all the same.
        open: Option<u64>,
    },
    /// It would take somebody's work away, or has no place; in words, with what to do.
    Refused(String),
}

/// Puts the proposal on its branch, and opens the pull request or updates the one that is open.
///
/// What may have been done without a reply is looked up before it is done again, so that there is one
/// commit and one pull request at the end, whatever was lost.
///
/// # Errors
/// When GitHub refuses, asks to wait for too long, or is not there.
pub fn propose(asking: &Asking<'_>, proposal: &Proposal<'_>) -> Result<Proposed, Trouble> {
    let base = match proposal.base {
        Some(base) => base.to_owned(),
        None => asking.read(|forge| forge.default_branch())?,
    };
    let (wrote, opened) = (Cell::new(false), Cell::new(false));
    let attempt = Attempt { asking, proposal, base: &base, wrote: &wrote, opened: &opened };
    asking.until_told(|| attempt.run())
}

/// One try, and what those before it may have done.
struct Attempt<'a> {
    asking: &'a Asking<'a>,
    proposal: &'a Proposal<'a>,
    base: &'a str,
    /// Whether anything was written, or may have been.
    wrote: &'a Cell<bool>,
    /// Whether a pull request was opened, or may have been.
    opened: &'a Cell<bool>,
}

impl Attempt<'_> {
    fn run(&self) -> Result<Proposed, Trouble> {
        let Some(tip) = self.tip(self.base)? else {
            return Ok(Proposed::Refused(self.no_base()));
        };
        let pull = match self.own(self.pulls()?) {
            Ok(pull) => pull,
            Err(why) => return Ok(Proposed::Refused(why)),
        };
        let onto = self.asking.read(|forge| forge.commit(&tip))?.tree;
        // What nobody's branch is at changes nothing, so that it is made again where the reply is lost.
        let tree = self.asking.read(|forge| forge.create_tree(&onto, self.proposal.files))?;
        if tree == onto {
            let open = pull.map(|pull| pull.number);
            return Ok(Proposed::Nothing { base: self.base.to_owned(), open });
        }
        if let Some(why) = self.stale(&tip)? {
            return Ok(Proposed::Refused(why));
        }
        match self.put_branch(&tip, &tree)? {
            Some(why) => Ok(Proposed::Refused(why)),
            None => self.put_pull(pull),
        }
    }

    fn name(&self) -> String {
        self.proposal.branch.name()
    }

    fn tip(&self, branch: &str) -> Result<Option<String>, Trouble> {
        self.asking.read(|forge| forge.tip(branch))
    }

    fn no_base(&self) -> String {
        format!(
            "{} has no branch `{}` to propose for, or the token may not see it; name one by --base-branch",
            self.proposal.repository,
            line(self.base)
        )
    }

    /// The open pull requests from our branch, whatever they are for.
    fn pulls(&self) -> Result<Vec<Pull>, Trouble> {
        let (repository, branch) = (self.proposal.repository, self.name());
        let head = format!("{}:{branch}", repository.owner());
        // What GitHub does not understand of a question it leaves out: it is looked at here, too.
        let is_from_it = |pull: &Pull| {
            let from = pull.head_repository.as_deref();
            pull.head_branch == branch && from.is_some_and(|from| repository.is(from))
        };
        self.asking.all(|forge, page| forge.open_pulls(&head, page), is_from_it)
    }

    /// The one of them that is ours, or why none of them may be.
    fn own(&self, pulls: Vec<Pull>) -> Result<Option<Pull>, String> {
        let is_for = |pull: &Pull| pull.base_branch.as_deref() == Some(self.base);
        let (mut here, mut elsewhere): (Vec<Pull>, Vec<Pull>) = pulls.into_iter().partition(is_for);
        match (here.pop(), elsewhere.pop()) {
            (Some(pull), _) if first_line(&pull.body) != first_line(self.proposal.body) => {
                Err(format!(
                    "pull request {} is from `{}` and does not begin as ours do: close it, or remove its \
                     text but for the line\n{}",
                    pull.number,
                    self.name(),
                    first_line(self.proposal.body).unwrap_or_default()
                ))
            }
            (Some(pull), _) => Ok(Some(pull)),
            (None, Some(pull)) => {
                let there = pull.base_branch.as_deref().unwrap_or_default();
                Err(format!(
                    "pull request {} from `{}` is for `{}` and not for `{}`: close it, or name that branch \
                     by --base-branch",
                    pull.number,
                    self.name(),
                    line(there),
                    line(self.base)
                ))
            }
            (None, None) => Ok(None),
        }
    }

    /// Why the proposal says of something else what it would change: the base has other files than those that
    /// it was compared with.
    fn stale(&self, tip: &str) -> Result<Option<String>, Trouble> {
        let files = self.proposal.files;
        let folders: BTreeSet<&str> =
            files.iter().filter_map(|file| Some(file.path.rsplit_once('/')?.0)).collect();
        let mut there = BTreeMap::new();
        for folder in folders {
            there.extend(self.asking.read(|forge| forge.folder(folder, tip))?);
        }
        let is_other = |file: &&File| {
            let there = there.get(&file.path);
            there != file.replaces.as_ref() && there != Some(&file.blob)
        };
        Ok(files.iter().find(is_other).map(|file| {
            format!(
                "{} on `{}` is not what the proposal was compared with: check that branch out as it is now, \
                 and call `tokgate baseline propose` again",
                file.path,
                line(self.base)
            )
        }))
    }

    /// Puts the branch to a commit of this tree on `tip`, if it is not there; or says why not.
    fn put_branch(&self, tip: &str, tree: &str) -> Result<Option<String>, Trouble> {
        let (branch, before) = (self.name(), self.tip(&self.name())?);
        if let Some(head) = &before {
            let commit = self.asking.read(|forge| forge.commit(head))?;
            match self.asking.read(|forge| forge.ahead(tip, head))? {
                // All that it has is merged.
                Some(0) => {}
                Some(1) if !self.proposal.branch.made(&commit) => {
                    return Ok(Some(self.strange(head)));
                }
                Some(1) if commit.tree == tree => return Ok(None),
                Some(1) => {}
                Some(_) | None => return Ok(Some(self.strange(head))),
            }
        }
        let Proposal { title, branch: own, .. } = self.proposal;
        let message = own.message(title, tree);
        let new = NewCommit { tree, parent: tip, message: &message };
        let sha = self.asking.read(|forge| forge.create_commit(&new))?;
        if self.tip(&branch)? != before {
            return Ok(Some(format!(
                "somebody moved `{branch}` meanwhile: look at it, and call again"
            )));
        }
        self.wrote.set(true);
        self.asking.once(|forge| match before {
            None => forge.create_branch(&branch, &sha),
            Some(_) => forge.move_branch(&branch, &sha),
        })?;
        Ok(None)
    }

    fn strange(&self, head: &str) -> String {
        format!(
            "the branch `{}` is at {head}, which is not one commit of ours on `{}`, and would be lost: merge \
             what is on it or move it elsewhere, delete the branch, and call again",
            self.name(),
            line(self.base)
        )
    }

    fn put_pull(&self, pull: Option<Pull>) -> Result<Proposed, Trouble> {
        let Proposal { title, body, .. } = *self.proposal;
        let Some(pull) = pull else {
            let new = NewPull { head: &self.name(), base: self.base, title, body };
            self.opened.set(true);
            let pull = self.asking.once(|forge| forge.create_pull(&new))?;
            return Ok(Proposed::Opened(pull.number));
        };
        if !says_the_same(&pull.body, body) {
            self.wrote.set(true);
            self.asking.once(|forge| forge.update_pull(pull.number, body))?;
        }
        Ok(match (self.opened.get(), self.wrote.get()) {
            (true, _) => Proposed::Opened(pull.number),
            (false, true) => Proposed::Updated(pull.number),
            (false, false) => Proposed::Kept(pull.number),
        })
    }
}

fn first_line(body: &str) -> Option<&str> {
    body.lines().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_git_has_no_branch_for_is_refused() {
        assert_eq!(Branch::of("rtx-4090-x1").unwrap().name(), "tokgate/baseline/rtx-4090-x1");
        for bad in ["", "a b", "a/b", "a..b", ".a", "a.", "a.lock", "a~1", "ä"] {
            assert!(Branch::of(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_commit_is_ours_by_its_machine_and_its_files_together() {
        let branch = Branch::of("m").unwrap();
        let commit = |message: &str, tree: &str| Commit {
            tree: tree.to_owned(),
            message: message.to_owned(),
        };
        let ours = branch.message("Refresh", "0a");
        assert!(branch.made(&commit(&ours, "0a")));
        assert!(branch.made(&commit(ours.trim_end(), "0a")));
        assert!(!branch.made(&commit(&ours, "0b")), "amended");
        assert!(!Branch::of("n").unwrap().made(&commit(&ours, "0a")));
        assert!(!branch.made(&commit("Tokgate-Proposal: m", "0a")));
        assert!(!branch.made(&commit(&ours.replace("Tokgate-", "> Tokgate-"), "0a")));
    }
}

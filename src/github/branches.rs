//! Branches, commits and pull requests of GitHub's, as far as a proposal needs them: what we ask, and the
//! same asked over HTTP.

use super::client::{Client, PullJson, Verb, encoded};
use super::forge::{Pull, Trouble};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;

/// Digits of a commit's or a tree's name, by SHA-1 and by SHA-256.
const DIGITS: [usize; 2] = [40, 64];

/// A file of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its path from the root of the repository, with `/`.
    pub path: String,
    /// What it says.
    pub text: String,
    /// What git calls that.
    pub blob: String,
    /// What git calls the one that it was compared with; `None` where there was none.
    pub replaces: Option<String>,
}

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The files that it is of.
    pub tree: String,
    /// What it says.
    pub message: String,
}

/// A commit that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewCommit<'a> {
    /// The files that it is of.
    pub tree: &'a str,
    /// The commit that it follows.
    pub parent: &'a str,
    /// What it says.
    pub message: &'a str,
}

/// A pull request that is to be opened.
#[derive(Debug, Clone, Copy)]
pub struct NewPull<'a> {
    /// The branch that it would merge.
    pub head: &'a str,
    /// The branch that it would merge it into.
    pub base: &'a str,
    /// Its title.
    pub title: &'a str,
    /// What it says.
    pub body: &'a str,
}

/// The branches of one repository, and the pull requests from them.
pub trait Branches {
    /// The branch that the repository names where nobody names another.
    fn default_branch(&self) -> Result<String, Trouble>;

    /// The commit that a branch is at; `None` where there is no such branch.
    fn tip(&self, branch: &str) -> Result<Option<String>, Trouble>;

    /// One commit.
    fn commit(&self, sha: &str) -> Result<Commit, Trouble>;

    /// How many commits `head` has that `base` has not; `None` where they have none in common.
    fn ahead(&self, base: &str, head: &str) -> Result<Option<u64>, Trouble>;

    /// The files of a folder in a commit, by their paths, and what git calls each; none where there is no such
    /// folder.
    fn folder(&self, path: &str, sha: &str) -> Result<BTreeMap<String, String>, Trouble>;

    /// The tree `onto` with these files in it. No branch is of it yet.
    fn create_tree(&self, onto: &str, files: &[File]) -> Result<String, Trouble>;

    /// A commit that no branch is at yet.
    fn create_commit(&self, commit: &NewCommit<'_>) -> Result<String, Trouble>;

    /// Makes a branch at a commit.
    fn create_branch(&self, branch: &str, sha: &str) -> Result<(), Trouble>;

    /// Puts a branch to a commit, whatever it was at.
    fn move_branch(&self, branch: &str, sha: &str) -> Result<(), Trouble>;

    /// Opens a pull request.
    fn create_pull(&self, pull: &NewPull<'_>) -> Result<Pull, Trouble>;

    /// Replaces what a pull request says.
    fn update_pull(&self, number: u64, body: &str) -> Result<Pull, Trouble>;
}

#[derive(Deserialize)]
struct RepositoryJson {
    default_branch: String,
}

/// The name of a commit or a tree, checked: it becomes a part of an address.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Sha(String);

impl TryFrom<String> for Sha {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        let is_one = DIGITS.contains(&text.len()) && text.chars().all(|c| c.is_ascii_hexdigit());
        if is_one { Ok(Self(text)) } else { Err("a hash is no hash") }
    }
}

#[derive(Deserialize)]
struct ObjectJson {
    sha: Sha,
}

#[derive(Deserialize)]
struct RefJson {
    object: ObjectJson,
}

#[derive(Deserialize)]
struct CommitJson {
    tree: ObjectJson,
    message: String,
}

#[derive(Deserialize)]
struct EntryJson {
    path: String,
    sha: Sha,
}

#[derive(Deserialize)]
struct ComparisonJson {
    ahead_by: u64,
}

impl Branches for Client {
    fn default_branch(&self) -> Result<String, Trouble> {
        let path = self.whole();
        let (_, json) = self.get::<RepositoryJson>(&path)?;
        Ok(json.default_branch)
    }

    fn tip(&self, branch: &str) -> Result<Option<String>, Trouble> {
        let path = self.path(&format!("git/ref/heads/{}", in_path(branch)));
        let found = if_there(self.get::<RefJson>(&path))?;
        Ok(found.map(|(_, json)| json.object.sha.0))
    }

    fn commit(&self, sha: &str) -> Result<Commit, Trouble> {
        let (_, json) = self.get::<CommitJson>(&self.path(&format!("git/commits/{sha}")))?;
        Ok(Commit { tree: json.tree.sha.0, message: json.message })
    }

    fn ahead(&self, base: &str, head: &str) -> Result<Option<u64>, Trouble> {
        let path = self.path(&format!("compare/{base}...{head}?per_page=1"));
        let found = if_there(self.get::<ComparisonJson>(&path))?;
        Ok(found.map(|(_, json)| json.ahead_by))
    }

    fn folder(&self, path: &str, sha: &str) -> Result<BTreeMap<String, String>, Trouble> {
        let path = self.path(&format!("contents/{}?ref={sha}", in_path(path)));
        let entries = if_there(self.get::<Vec<EntryJson>>(&path))?.map(|(_, entries)| entries);
        Ok(entries.into_iter().flatten().map(|entry| (entry.path, entry.sha.0)).collect())
    }

    fn create_tree(&self, onto: &str, files: &[File]) -> Result<String, Trouble> {
        let entry = |file: &File| json!({ "path": file.path, "mode": "100644", "type": "blob", "content": file.text });
        let entries: Vec<_> = files.iter().map(entry).collect();
        let body = json!({ "base_tree": onto, "tree": entries });
        let reply = self.ask(Verb::Post(&body), &self.path("git/trees"))?;
        reply.read::<ObjectJson>().map(|json| json.sha.0)
    }

    fn create_commit(&self, commit: &NewCommit<'_>) -> Result<String, Trouble> {
        let NewCommit { tree, parent, message } = commit;
        let body = json!({ "message": message, "tree": tree, "parents": [parent] });
        let reply = self.ask(Verb::Post(&body), &self.path("git/commits"))?;
        reply.read::<ObjectJson>().map(|json| json.sha.0)
    }

    fn create_branch(&self, branch: &str, sha: &str) -> Result<(), Trouble> {
        let body = json!({ "ref": format!("refs/heads/{branch}"), "sha": sha });
        let reply = self.ask(Verb::Post(&body), &self.path("git/refs"))?;
        reply.read::<RefJson>().map(drop)
    }

    fn move_branch(&self, branch: &str, sha: &str) -> Result<(), Trouble> {
        let path = self.path(&format!("git/refs/heads/{}", in_path(branch)));
        let reply = self.ask(Verb::Patch(&json!({ "sha": sha, "force": true })), &path)?;
        reply.read::<RefJson>().map(drop)
    }

    fn create_pull(&self, pull: &NewPull<'_>) -> Result<Pull, Trouble> {
        let NewPull { head, base, title, body } = pull;
        let body = json!({ "head": head, "base": base, "title": title, "body": body });
        let reply = self.ask(Verb::Post(&body), &self.path("pulls"))?;
        reply.read::<PullJson>().map(Pull::from)
    }

    fn update_pull(&self, number: u64, body: &str) -> Result<Pull, Trouble> {
        let path = self.path(&format!("pulls/{number}"));
        let reply = self.ask(Verb::Patch(&json!({ "body": body })), &path)?;
        reply.read::<PullJson>().map(Pull::from)
    }
}

/// What was found; `None` where GitHub says that there is no such thing.
fn if_there<T>(found: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match found {
        Err(Trouble::Refused { status: 404, .. }) => Ok(None),
        found => found.map(Some),
    }
}

/// The name of a branch in an address, where its slashes stay.
fn in_path(branch: &str) -> String {
    branch.split('/').map(encoded).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_keeps_its_slashes_in_an_address_and_nothing_else() {
        assert_eq!(in_path("tokgate/baseline/a.b_c-1"), "tokgate/baseline/a.b_c-1");
        assert_eq!(in_path("x?y/#z%"), "x%3Fy/%23z%25");
    }

    #[test]
    fn a_hash_that_would_lead_elsewhere_is_not_read() {
        let read = |text: &str| serde_json::from_value::<ObjectJson>(json!({ "sha": text }));
        assert!(read(&"0a".repeat(20)).is_ok() && read(&"0a".repeat(32)).is_ok());
        for bad in ["", "main", "../../x", &"0g".repeat(20), &"0".repeat(41)] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}

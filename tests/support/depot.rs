//! What the fake GitHub has of git: branches, commits, and trees of whole texts.

use serde_json::{Value, json};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// Texts by their paths.
pub(crate) type Tree = BTreeMap<String, String>;
/// What was asked for, or a status and a message.
pub(crate) type Answer = Result<Value, (u16, &'static str)>;

/// A commit.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    pub(crate) tree: String,
    pub(crate) message: String,
    pub(crate) parents: Vec<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Depot {
    /// The commit of each branch.
    pub(crate) branches: BTreeMap<String, String>,
    commits: BTreeMap<String, Commit>,
    trees: BTreeMap<String, Tree>,
}

impl Depot {
    /// A commit on a branch, of what it had and these files; the branch is made where there is none.
    pub(crate) fn push(&mut self, branch: &str, message: &str, files: &[(&str, &str)]) -> String {
        let parents: Vec<String> = self.branches.get(branch).cloned().into_iter().collect();
        let before = parents.first().map(|parent| self.commits[parent].tree.clone());
        let mut tree = before.map_or_else(Tree::new, |tree| self.trees[&tree].clone());
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        tree.extend(files);
        let tree = self.keep_tree(tree);
        let sha = self.keep_commit(Commit { tree, message: message.to_owned(), parents });
        self.branches.insert(branch.to_owned(), sha.clone());
        sha
    }

    /// The files of a branch.
    pub(crate) fn files(&self, branch: &str) -> &Tree {
        &self.trees[&self.tip(branch).tree]
    }

    /// The commit of a branch.
    pub(crate) fn tip(&self, branch: &str) -> &Commit {
        &self.commits[&self.branches[branch]]
    }

    /// Puts a commit of the same message and parents, and other files, in the place of a branch's.
    pub(crate) fn amend(&mut self, branch: &str, path: &str, text: &str) {
        let Commit { tree, message, parents } = self.tip(branch).clone();
        let mut files = self.trees[&tree].clone();
        files.insert(path.to_owned(), text.to_owned());
        let tree = self.keep_tree(files);
        let sha = self.keep_commit(Commit { tree, message, parents });
        self.branches.insert(branch.to_owned(), sha);
    }

    /// What is reachable from a branch, as names of commits.
    pub(crate) fn history(&self, sha: &str) -> BTreeSet<String> {
        let mut all = BTreeSet::new();
        let mut next = vec![sha.to_owned()];
        while let Some(sha) = next.pop() {
            next.extend(self.commits[&sha].parents.iter().cloned());
            all.insert(sha);
        }
        all
    }

    /// How many commits a branch has that another has not.
    pub(crate) fn ahead(&self, base: &str, branch: &str) -> usize {
        let [base, head] = [base, branch].map(|branch| self.history(&self.branches[branch]));
        head.difference(&base).count()
    }

    fn keep_tree(&mut self, tree: Tree) -> String {
        let sha = name(&("tree", &tree));
        self.trees.insert(sha.clone(), tree);
        sha
    }

    /// Commits have dates, so that none is another's.
    fn keep_commit(&mut self, commit: Commit) -> String {
        let sha = name(&("commit", self.commits.len(), &commit.tree, &commit.message));
        self.commits.insert(sha.clone(), commit);
        sha
    }

    /// Answers as GitHub does of one repository, whose default branch is `main`.
    pub(crate) fn answer(
        &mut self,
        method: &str,
        path: &[&str],
        query: &str,
        body: &Value,
    ) -> Answer {
        match (method, path) {
            ("GET", ["contents", folder @ ..]) => {
                self.listed(&folder.join("/"), query.strip_prefix("ref=").unwrap())
            }
            ("GET", []) => Ok(json!({ "default_branch": "main" })),
            ("GET", ["git", "ref", "heads", branch @ ..]) => self.reference(&branch.join("/")),
            ("GET", ["git", "commits", sha]) => {
                let commit = self.commits.get(*sha).ok_or(NOT_FOUND)?;
                Ok(json!({ "sha": sha, "tree": { "sha": commit.tree }, "message": commit.message }))
            }
            ("GET", ["compare", both]) => self.compared(both.split_once("...").unwrap()),
            ("POST", ["git", "trees"]) => self.tree(body),
            ("POST", ["git", "commits"]) => self.commit(body),
            ("POST", ["git", "refs"]) => {
                let branch = text(&body["ref"]).strip_prefix("refs/heads/").unwrap();
                match self.branches.contains_key(branch) {
                    true => Err((422, "Reference already exists")),
                    false => self.put(branch, text(&body["sha"])),
                }
            }
            ("PATCH", ["git", "refs", "heads", branch @ ..]) => {
                let (branch, sha) = (branch.join("/"), text(&body["sha"]));
                let before = self.branches.get(&branch).ok_or(NOT_FOUND)?;
                match body["force"] == true || self.history(sha).contains(before) {
                    true => self.put(&branch, sha),
                    false => Err((422, "Update is not a fast forward")),
                }
            }
            _ => Err(NOT_FOUND),
        }
    }

    fn reference(&self, branch: &str) -> Answer {
        let sha = self.branches.get(branch).ok_or(NOT_FOUND)?;
        Ok(json!({ "ref": format!("refs/heads/{branch}"), "object": { "sha": sha } }))
    }

    /// The files right below a folder in a commit.
    fn listed(&self, folder: &str, sha: &str) -> Answer {
        let commit = self.commits.get(sha).ok_or(NOT_FOUND)?;
        let files = self.trees[&commit.tree].iter();
        let inside = files
            .filter(|(path, _)| path.rsplit_once('/').is_some_and(|(parent, _)| parent == folder));
        let entries: Vec<Value> = inside
            .map(|(path, text)| {
                let blob = git2::Oid::hash_object(git2::ObjectType::Blob, text.as_bytes()).unwrap();
                json!({ "path": path, "sha": blob.to_string(), "type": "file" })
            })
            .collect();
        if entries.is_empty() { Err(NOT_FOUND) } else { Ok(json!(entries)) }
    }

    fn put(&mut self, branch: &str, sha: &str) -> Answer {
        if !self.commits.contains_key(sha) {
            return Err((422, "Object does not exist"));
        }
        self.branches.insert(branch.to_owned(), sha.to_owned());
        self.reference(branch)
    }

    fn compared(&self, (base, head): (&str, &str)) -> Answer {
        let (base, head) = (self.history(base), self.history(head));
        match base.is_disjoint(&head) {
            true => Err((404, "No common ancestor")),
            false => Ok(json!({ "ahead_by": head.difference(&base).count() })),
        }
    }

    fn tree(&mut self, body: &Value) -> Answer {
        let mut tree = self.trees.get(text(&body["base_tree"])).ok_or(NOT_FOUND)?.clone();
        for entry in body["tree"].as_array().unwrap() {
            assert_eq!((&entry["mode"], &entry["type"]), (&"100644".into(), &"blob".into()));
            tree.insert(text(&entry["path"]).to_owned(), text(&entry["content"]).to_owned());
        }
        Ok(json!({ "sha": self.keep_tree(tree) }))
    }

    fn commit(&mut self, body: &Value) -> Answer {
        let parents = body["parents"].as_array().unwrap().iter().map(|it| text(it).to_owned());
        let commit = Commit {
            tree: text(&body["tree"]).to_owned(),
            message: text(&body["message"]).to_owned(),
            parents: parents.collect(),
        };
        let known = |sha: &String| self.commits.contains_key(sha);
        match self.trees.contains_key(&commit.tree) && commit.parents.iter().all(known) {
            true => Ok(json!({ "sha": self.keep_commit(commit) })),
            false => Err((422, "Tree or parent does not exist")),
        }
    }
}

const NOT_FOUND: (u16, &str) = (404, "Not Found");

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Forty digits that the same thing has again.
fn name(thing: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    thing.hash(&mut hasher);
    format!("{:040x}", hasher.finish())
}

//! Which commit is being measured, and the files of another. Read through libgit2: no git program,
//! no hooks, no shell.

use anyhow::{Result, anyhow};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Largest file that is read of a commit; the baseline files, which are all that is, are smaller.
const LARGEST_BLOB: usize = 64 << 20;

/// A commit and whether the tree differs from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// The full hash.
    pub id: String,
    /// Whether tracked files were changed.
    pub dirty: bool,
}

impl Commit {
    /// The commit checked out at `folder`; `None` outside a repository or before its first commit.
    #[must_use]
    pub fn at(folder: &Path) -> Option<Self> {
        let repository = git2::Repository::discover(folder).ok()?;
        let id = repository.head().ok()?.peel_to_commit().ok()?.id().to_string();
        let mut options = git2::StatusOptions::new();
        options.include_untracked(false).exclude_submodules(true);
        // A tree that cannot be read is not known to be clean.
        let dirty = repository.statuses(Some(&mut options)).map_or(true, |all| !all.is_empty());
        Some(Self { id, dirty })
    }
}

impl std::fmt::Display for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.id, if self.dirty { "-dirty" } else { "" })
    }
}

/// The full hash of the commit that `reference` names in the repository around `folder`.
///
/// # Errors
/// When there is no repository, or it has no such commit.
pub fn resolve(folder: &Path, reference: &str) -> Result<String> {
    let repository = open(folder)?;
    let object = repository.revparse_single(reference);
    let commit = object.and_then(|object| object.peel_to_commit()).map_err(|error| {
        let why = error.message();
        anyhow!("git knows no commit `{reference}` here ({why}); fetch it, or name another")
    })?;
    Ok(commit.id().to_string())
}

/// Writes the files of a commit into `into`, which is kept where it is there already. They are the
/// files alone: no `.git`, no submodules, and no filter or hook of the repository is run.
///
/// # Errors
/// When there is no such commit, or the files cannot be written.
pub fn checkout(folder: &Path, commit: &str, into: &Path) -> Result<()> {
    if into.join(COMPLETE).exists() {
        return Ok(());
    }
    std::fs::create_dir_all(into)?;
    let repository = open(folder)?;
    let tree = repository.find_commit(git2::Oid::from_str(commit)?)?.tree()?;
    let mut options = git2::build::CheckoutBuilder::new();
    options.target_dir(into).force().recreate_missing(true).update_index(false);
    options.disable_filters(true);
    repository.checkout_tree(tree.as_object(), Some(&mut options))?;
    Ok(std::fs::write(into.join(COMPLETE), "")?)
}

/// Where `folder` lies in its repository, relative to the repository's own folder.
///
/// # Errors
/// When there is no repository with files around it.
pub fn place_of(folder: &Path) -> Result<PathBuf> {
    let repository = open(folder)?;
    let root = repository.workdir().ok_or_else(|| anyhow!("a bare repository has no files"))?;
    let (root, folder) = (root.canonicalize()?, folder.canonicalize()?);
    Ok(folder.strip_prefix(&root).map(Path::to_owned).unwrap_or_default())
}

/// What git calls a file that says this.
///
/// # Errors
/// When git cannot tell.
pub fn blob_of(text: &str) -> Result<String> {
    Ok(git2::Oid::hash_object(git2::ObjectType::Blob, text.as_bytes())?.to_string())
}

/// The commit that a change is judged by: where the history of `head`, or of what is checked out, meets
/// `reference`. That holds for a branch, a detached commit, and the merge that a forge makes of a
/// pull request to test it.
///
/// # Errors
/// When git does not know `reference`, or the clone is too shallow to tell.
pub fn base_of(folder: &Path, reference: &str, head: Option<&str>) -> Result<String> {
    let repository = open(folder)?;
    let shallow = repository.is_shallow();
    let deepen = "the clone is shallow: fetch the whole history (`git fetch --unshallow`, or \
                  `fetch-depth: 0` of actions/checkout)";
    let tip = resolve(folder, reference).map_err(|error| match shallow {
        true => anyhow!("{error}; {deepen}"),
        false => error,
    })?;
    let (head, what) = match head {
        Some(head) => (git2::Oid::from_str(head)?, format!("commit {head}")),
        None => (repository.head()?.peel_to_commit()?.id(), "what is checked out".to_owned()),
    };
    let meets = repository.merge_base(head, git2::Oid::from_str(&tip)?);
    let base = meets.map_err(|_| match shallow {
        true => anyhow!("the history here does not reach `{reference}`: {deepen}"),
        false => anyhow!("{what} has no commit in common with `{reference}`"),
    })?;
    Ok(base.to_string())
}

/// A file that is not as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edited {
    /// Its path in the repository.
    pub path: String,
    /// `added`, `removed` or `changed`.
    pub how: &'static str,
}

/// The files below `places`, in the repository, that are otherwise than in `commit`: in the head,
/// in the index or in the tree as it lies here, new files among them.
///
/// # Errors
/// When git cannot compare them.
pub fn edited(folder: &Path, commit: &str, places: &[PathBuf]) -> Result<Vec<Edited>> {
    let repository = open(folder)?;
    let tree = tree_of(&repository, commit)?;
    let mut options = below(places);
    options.include_untracked(true).recurse_untracked_dirs(true);
    let diff = repository.diff_tree_to_workdir_with_index(Some(&tree), Some(&mut options))?;
    Ok(files_of(&diff))
}

/// The files below `places`, in the repository, that are otherwise in the commit `head` than in
/// `commit`, whatever is checked out. Both are full hashes.
///
/// # Errors
/// When one of them is not here.
pub fn edited_between(
    folder: &Path,
    commit: &str,
    head: &str,
    places: &[PathBuf],
) -> Result<Vec<Edited>> {
    let repository = open(folder)?;
    let [before, after] = [tree_of(&repository, commit)?, tree_of(&repository, head)?];
    let mut options = below(places);
    let diff = repository.diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options))?;
    Ok(files_of(&diff))
}

fn tree_of<'a>(repository: &'a git2::Repository, commit: &str) -> Result<git2::Tree<'a>> {
    Ok(repository.find_commit(git2::Oid::from_str(commit)?)?.tree()?)
}

fn below(places: &[PathBuf]) -> git2::DiffOptions {
    let mut options = git2::DiffOptions::new();
    options.disable_pathspec_match(true);
    for place in places {
        options.pathspec(place);
    }
    options
}

fn files_of(diff: &git2::Diff<'_>) -> Vec<Edited> {
    let edited = diff.deltas().filter_map(|delta| {
        let how = match delta.status() {
            git2::Delta::Added | git2::Delta::Untracked | git2::Delta::Copied => "added",
            git2::Delta::Deleted => "removed",
            git2::Delta::Unmodified | git2::Delta::Ignored => return None,
            _ => "changed",
        };
        let file = delta.new_file().path().or(delta.old_file().path())?;
        Some(Edited { path: file.display().to_string(), how })
    });
    edited.collect()
}

/// Stands in a checkout once all of its files do.
const COMPLETE: &str = ".tokgate-checkout";

fn open(folder: &Path) -> Result<git2::Repository> {
    git2::Repository::discover(folder)
        .map_err(|_| anyhow!("{} lies in no git repository", folder.display()))
}

/// The text of a file in a commit, as git names it: `main:path/in/the/repository`. `None` where
/// `folder` is in no repository, or it has nothing of that name.
///
/// # Errors
/// In words, when what is there is no text of a file.
pub fn text_at(folder: &Path, spec: &str) -> Result<Option<String>, String> {
    let Ok(repository) = git2::Repository::discover(folder) else { return Ok(None) };
    let Ok(object) = repository.revparse_single(spec) else { return Ok(None) };
    let blob = object.as_blob().ok_or_else(|| format!("{spec} is no file"))?;
    if blob.size() > LARGEST_BLOB {
        return Err(format!("{spec} is larger than {LARGEST_BLOB} bytes"));
    }
    let text = std::str::from_utf8(blob.content()).map_err(|_| format!("{spec} is no text"))?;
    Ok(Some(text.to_owned()))
}

/// How many commits ago each of `wanted` was, by full hash: along the first parents of the commit
/// checked out at `folder`, which itself is 0. What is not among them is left out.
#[must_use]
pub fn ages(folder: &Path, wanted: &BTreeSet<String>) -> BTreeMap<String, usize> {
    walk(folder, wanted).unwrap_or_default()
}

fn walk(folder: &Path, wanted: &BTreeSet<String>) -> Result<BTreeMap<String, usize>, git2::Error> {
    let repository = git2::Repository::discover(folder)?;
    let mut commits = repository.revwalk()?;
    commits.simplify_first_parent()?;
    commits.push_head()?;
    let mut found = BTreeMap::new();
    for (age, id) in commits.enumerate() {
        // Where a shallow clone ends, the rest is not known.
        let Ok(id) = id else { break };
        let id = id.to_string();
        if wanted.contains(&id) {
            found.insert(id, age);
        }
        if found.len() == wanted.len() {
            break;
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A repository with two commits of one file.
    fn repository() -> (tempfile::TempDir, [String; 2]) {
        let folder = tempfile::tempdir().unwrap();
        let repository = git2::Repository::init(folder.path()).unwrap();
        let commits = ["one", "two"].map(|text| {
            std::fs::create_dir_all(folder.path().join("src")).unwrap();
            std::fs::write(folder.path().join("src/file"), text).unwrap();
            commit(&repository, text)
        });
        (folder, commits)
    }

    fn commit(repository: &git2::Repository, message: &str) -> String {
        let mut index = repository.index().unwrap();
        index.add_all(["."], git2::IndexAddOption::DEFAULT, None).unwrap();
        let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
        index.write().unwrap();
        let me = git2::Signature::now("me", "me@localhost").unwrap();
        let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<&git2::Commit<'_>> = parent.iter().collect();
        repository.commit(Some("HEAD"), &me, &me, message, &tree, &parents).unwrap().to_string()
    }

    #[test]
    fn a_commit_is_checked_out_beside_the_tree_which_stays_as_it_is() {
        let (folder, [one, two]) = repository();
        std::fs::write(folder.path().join("src/file"), "changed").unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        for (commit, text) in [(&one, "one"), (&two, "two")] {
            let into = elsewhere.path().join(commit);
            checkout(folder.path(), commit, &into).unwrap();
            assert_eq!(std::fs::read_to_string(into.join("src/file")).unwrap(), text);
            assert!(!into.join(".git").exists());
        }
        assert_eq!(std::fs::read_to_string(folder.path().join("src/file")).unwrap(), "changed");
        assert!(Commit::at(folder.path()).unwrap().dirty, "and its index is as it was");
    }

    #[test]
    fn a_checkout_that_was_cut_off_is_made_whole() {
        let (folder, [one, _]) = repository();
        let into = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(into.path().join("src")).unwrap();
        std::fs::write(into.path().join("src/file"), "o").unwrap();
        checkout(folder.path(), &one, into.path()).unwrap();
        assert_eq!(std::fs::read_to_string(into.path().join("src/file")).unwrap(), "one");
    }

    #[test]
    fn a_head_that_is_not_checked_out_is_compared_by_its_tree_alone() {
        let (folder, [one, two]) = repository();
        let places = ["src", ".github"].map(PathBuf::from);
        std::fs::create_dir(folder.path().join(".github")).unwrap();
        std::fs::write(folder.path().join(".github/new"), "lies here").unwrap();
        let told = |all: Vec<Edited>| -> Vec<String> {
            all.into_iter().map(|one| format!("{} {}", one.path, one.how)).collect()
        };
        let between = edited_between(folder.path(), &one, &two, &places).unwrap();
        assert_eq!(told(between), ["src/file changed"]);
        let here = edited(folder.path(), &two, &places).unwrap();
        assert_eq!(told(here), [".github/new added"]);
        assert_eq!(base_of(folder.path(), &two, Some(&one)).unwrap(), one);
        assert_eq!(base_of(folder.path(), &two, None).unwrap(), two);
    }

    #[test]
    fn a_text_is_called_as_git_calls_it() {
        assert_eq!(blob_of("").unwrap(), "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    }

    #[test]
    fn names_of_commits_are_resolved_and_others_refused() {
        let (folder, [one, two]) = repository();
        assert_eq!(resolve(folder.path(), "HEAD").unwrap(), two);
        assert_eq!(resolve(folder.path(), "HEAD~1").unwrap(), one);
        assert_eq!(resolve(folder.path(), &one[..10]).unwrap(), one);
        let error = resolve(folder.path(), "nowhere").unwrap_err().to_string();
        assert!(error.contains("`nowhere`"), "{error}");
        let none = tempfile::tempdir().unwrap();
        assert!(
            resolve(none.path(), "HEAD").unwrap_err().to_string().contains("no git repository")
        );
    }
}

//! Who judges a change: the commit that it is made to. Baselines, thresholds, scenarios and settings
//! are read from there; what the change edits of them is listed, and does not count.

use crate::cli::face::Face;
use crate::git::{self, Edited};
use anyhow::{Result, anyhow, bail};
use std::path::{Path, PathBuf};
use tokgate_core::diagnostic::line;

/// What decides, below the project's folder.
const RULES: [&str; 4] = ["baseline", "scenarios", "tokgate.toml", "hardware.toml"];
/// What decides who runs it with what, in the repository's folder.
const WORKFLOWS: [&str; 2] = [".github", ".gitlab-ci.yml"];

/// Variables in which other people's programs name the base, and what stands before the name.
const SAID_BY_CI: [(&str, &str); 5] = [
    ("GITHUB_BASE_REF", "origin/"),
    ("CI_MERGE_REQUEST_DIFF_BASE_SHA", ""),
    ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "origin/"),
    ("CHANGE_TARGET", "origin/"),
    ("BITBUCKET_PR_DESTINATION_BRANCH", "origin/"),
];

/// The commit that decides, and what the change would have changed of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) struct Referee {
    /// The full hash.
    pub(in crate::cli) base: String,
    /// Files of the rules that the change edits.
    pub(in crate::cli) edited: Vec<Edited>,
}

impl Referee {
    /// The referee of the commit `head`, or of what is checked out at `root`.
    ///
    /// # Errors
    /// When nobody says what the change is made to, or git cannot tell where that is, or has no such head.
    pub(super) fn of(root: &Path, named: Option<&str>, head: Option<&str>) -> Result<Self> {
        let reference = reference(named, |name| std::env::var(name).ok())?;
        let head = head.map(|head| measured(root, head)).transpose()?;
        let base = git::base_of(root, &reference, head.as_deref())?;
        let project = git::place_of(root)?;
        let rules = RULES.iter().map(|place| project.join(place));
        let places: Vec<PathBuf> = rules.chain(WORKFLOWS.iter().map(PathBuf::from)).collect();
        let edited = match &head {
            Some(head) => git::edited_between(root, &base, head, &places)?,
            None => git::edited(root, &base, &places)?,
        };
        Ok(Self { base, edited })
    }

    /// Says who judges, and what is not taken from the change.
    pub(in crate::cli) fn tell(&self, face: &Face) {
        face.tell(&format!(
            "judged by commit {}: its baselines, scenarios, thresholds and settings",
            self.base
        ));
        for Edited { path, how } in &self.edited {
            face.tell(&line(&format!("  not taken from the change: {path} ({how})")));
        }
    }
}

/// The full hash of the commit that was measured.
fn measured(root: &Path, head: &str) -> Result<String> {
    git::resolve(root, head).map_err(|_| {
        anyhow!(
            "the commit that was measured, `{}`, is not here: fetch it without checking it out \
             (`git fetch origin {}`), or name another by `--head`",
            head.escape_debug(),
            shlex::try_quote(head).unwrap_or_default(),
        )
    })
}

fn reference(named: Option<&str>, variable: impl Fn(&str) -> Option<String>) -> Result<String> {
    if let Some(named) = named {
        return Ok(named.to_owned());
    }
    let said = SAID_BY_CI.iter().find_map(|(name, before)| {
        let value = variable(name).filter(|value| !value.is_empty())?;
        Some(format!("{before}{value}"))
    });
    match said {
        Some(reference) => Ok(reference),
        None => bail!(
            "what is the change made to? name the branch or commit by `--base`, such as \
             `--base origin/main`"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_is_what_is_named_else_what_the_ci_says() {
        let github = |name: &str| (name == "GITHUB_BASE_REF").then(|| "main".to_owned());
        assert_eq!(reference(Some("v1"), github).unwrap(), "v1");
        assert_eq!(reference(None, github).unwrap(), "origin/main");
        let empty = |_: &str| Some(String::new());
        assert!(reference(None, empty).unwrap_err().to_string().contains("--base"));
    }
}

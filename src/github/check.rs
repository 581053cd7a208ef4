//! A check run: a conclusion at a commit, under a name that stays, with the same text as the comment.

use super::asking::Asking;
use super::forge::{Check, Trouble};
use serde_json::{Value, json};
use tokgate_core::verdict::Conclusion;

/// Annotations that GitHub takes at once.
pub const MOST_ANNOTATIONS: usize = 50;

/// How a check run ends, in GitHub's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// `success`
    Success,
    /// `failure`
    Failure,
    /// `neutral`
    Neutral,
}

impl Outcome {
    /// What a conclusion is in GitHub's words. What may not be judged fails: nothing is known of it.
    #[must_use]
    pub fn of(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::Held => Self::Success,
            Conclusion::Regressed | Conclusion::Invalid => Self::Failure,
            Conclusion::Inconclusive => Self::Neutral,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Neutral => "neutral",
        }
    }
}

/// A remark at a line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// The file, from the root of the repository.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What is said.
    pub message: String,
}

/// What a check run says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckRun<'a> {
    /// The gate; the check is called `tokgate / <id>`.
    pub gate: &'a str,
    /// The commit.
    pub sha: &'a str,
    /// The run that is told: the same run updates its own check.
    pub run: &'a str,
    /// How it ends.
    pub outcome: Outcome,
    /// A line.
    pub title: &'a str,
    /// Markdown.
    pub summary: &'a str,
    /// The page that its name links to.
    pub link: Option<&'a str>,
    /// Remarks; of more than [`MOST_ANNOTATIONS`] the first are told.
    pub annotations: &'a [Annotation],
}

impl CheckRun<'_> {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> String {
        format!("tokgate / {}", self.gate)
    }

    /// As GitHub takes it.
    pub(super) fn json(&self) -> Value {
        let annotations = self.annotations.iter().take(MOST_ANNOTATIONS).map(|one| {
            json!({
                "path": one.path,
                "start_line": one.line,
                "end_line": one.line,
                "annotation_level": "failure",
                "message": one.message,
            })
        });
        let mut object = json!({
            "name": self.name(),
            "head_sha": self.sha,
            "external_id": self.run,
            "status": "completed",
            "conclusion": self.outcome.as_str(),
            "output": {
                "title": self.title,
                "summary": self.summary,
                "annotations": annotations.collect::<Vec<_>>(),
            },
        });
        if let Some(link) = self.link {
            object["details_url"] = json!(link);
        }
        object
    }
}

/// Makes the check run, or updates the one that this run has made already.
///
/// # Errors
/// When GitHub refuses, asks to wait for too long, or is not there.
pub fn put(asking: &Asking<'_>, check: &CheckRun<'_>) -> Result<(), Trouble> {
    let name = check.name();
    let is_own = |one: &Check| one.external_id.as_deref() == Some(check.run);
    asking.until_told(|| {
        let own = asking.all(|forge, page| forge.checks(check.sha, &name, page), is_own)?;
        match own.first() {
            Some(own) => asking.once(|forge| forge.update_check(own.id, check)),
            None => asking.once(|forge| forge.create_check(check)),
        }
    })
}

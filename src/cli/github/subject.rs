//! What is told: a stored run, what another job measured, or that this could not be judged.

use super::comment::Args;
use super::place::{Place, link, page};
use super::remarks::remarks;
use crate::cli::exit::exit_of;
use crate::cli::face::Face;
use crate::cli::gate::{Asked, Referee, Rejudged, judge_again};
use crate::cli::options::Options;
use crate::cli::show::stored;
use crate::cli::team;
use crate::cli::{report, verdict};
use crate::github::{Annotation, Outcome};
use crate::paired::Comparison;
use crate::project::Project;
use crate::report::comment::{self, Context, Judge, Past};
use crate::report::markdown::Link;
use crate::report::marker::Marker;
use crate::report::unjudged::{self, Unjudged};
use crate::report::workflow::{outputs, unjudged as outputs_of_unjudged};
use crate::store::FileStore;
use anyhow::{Result, anyhow, bail};
use std::collections::BTreeSet;
use std::path::Path;
use tokgate_core::case::CaseId;
use tokgate_core::diagnostic::line;
use tokgate_core::report::Report;
use tokgate_core::run::Arm;
use tokgate_core::verdict::{Conclusion, Exit};

/// The gate of an artifact, where nobody names it: whether or not it can be judged, it is the same one.
const GATE: &str = "gate";
/// What an artifact calls its run is its own word, so that its check has a name of ours.
const ARTIFACT: &str = "artifact";

/// What is told.
pub(super) enum Subject {
    /// A judgement.
    Judged(Box<Judged>),
    /// That there is none.
    Unjudged {
        /// Why, on one line.
        why: String,
        /// How judging ended.
        exit: Exit,
    },
}

/// A judgement, and whose it is.
pub(super) struct Judged {
    report: Report,
    /// Who judged; absent where the verdicts are those of the run itself.
    referee: Option<Referee>,
}

/// What is written where.
pub(super) struct Told {
    /// A line for the check run.
    pub(super) title: String,
    pub(super) outcome: Outcome,
    /// The name of the check run's run.
    pub(super) run: String,
    pub(super) comment: String,
    pub(super) summary: String,
    pub(super) outputs: String,
    pub(super) remarks: Vec<Annotation>,
    /// How the program ends, whatever becomes of telling it.
    pub(super) exit: Exit,
}

impl Subject {
    /// The run or the artifact that was named.
    ///
    /// # Errors
    /// When there is no such run, or it cannot be read. An artifact that cannot be judged is a subject, too.
    pub(super) fn of(args: &Args, place: &Place, project: &Project, face: &Face) -> Result<Self> {
        let judged = match (&args.run, &args.artifact) {
            (Some(run), _) => Judged { report: read(run, args, project, face)?, referee: None },
            (None, Some(folder)) => match judge(folder, args, place, face) {
                Ok(Rejudged { report, referee }) => Judged { report, referee: Some(referee) },
                Err(error) => {
                    let (why, exit) = (line(&format!("{error:#}")), exit_of(&error));
                    return Ok(Self::Unjudged { why, exit });
                }
            },
            (None, None) => bail!("what is to be told? name a run, or `--artifact DIR`"),
        };
        Ok(Self::Judged(Box::new(judged)))
    }

    /// Of which gate it is, where nobody says.
    pub(super) fn gate(&self) -> &str {
        match self {
            Self::Judged(judged) if judged.referee.is_none() => &judged.report.scenario,
            Self::Judged(_) | Self::Unjudged { .. } => GATE,
        }
    }

    /// The texts; `past` is asked for what is known of earlier runs.
    pub(super) fn told(
        &self,
        words: &Words<'_>,
        project: &Project,
        past: impl FnOnce(&Report) -> Past,
    ) -> Told {
        match self {
            Self::Judged(judged) => judged.told(words, project, &past(&judged.report)),
            Self::Unjudged { why, exit } => unjudged(why, *exit, words),
        }
    }
}

/// What is said beside the judgement.
pub(super) struct Words<'a> {
    pub(super) marker: &'a Marker,
    pub(super) link: Option<&'a Link>,
    pub(super) from_fork: bool,
    /// Ends each output of the step.
    pub(super) delimiter: &'a str,
}

impl Judged {
    fn told(&self, words: &Words<'_>, project: &Project, past: &Past) -> Told {
        let Self { report, referee } = self;
        let command = self.command();
        let context = Context {
            marker: words.marker,
            link: words.link,
            command: &command,
            from_fork: words.from_fork,
            judge: referee.as_ref().map(judge_of),
            past,
        };
        let run = if referee.is_some() { ARTIFACT } else { report.run_id.as_str() };
        Told {
            title: comment::title(report),
            outcome: Outcome::of(report.conclusion),
            run: run.to_owned(),
            comment: comment::comment(report, &context),
            summary: comment::job_summary(report, &context),
            outputs: outputs(report, words.delimiter),
            remarks: remarks(report, project),
            exit: Exit::Held,
        }
    }

    /// What measures the same again; of pairs without a referee, what judges them again: their sides are
    /// not kept in words.
    fn command(&self) -> String {
        let Self { report, referee } = self;
        let is_paired = report.cases.iter().any(|case| case.pairs.is_some());
        let words: Vec<&str> = match (referee, is_paired) {
            (Some(referee), _) => {
                let base = ["--base", referee.base.as_str()];
                ["tokgate", "gate"].into_iter().chain(scenarios(report)).chain(base).collect()
            }
            (None, true) => vec!["tokgate", "verdict", &report.run_id],
            (None, false) => vec!["tokgate", "run", &report.scenario],
        };
        shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
    }
}

fn judge_of(referee: &Referee) -> Judge<'_> {
    Judge { base: &referee.base, edited: &referee.edited }
}

/// The scenarios that the report is about.
fn scenarios(report: &Report) -> BTreeSet<&str> {
    let measured = report.cases.iter().map(|case| &case.case.id);
    let unmeasured = report.unmeasured.iter().map(|one| &one.case);
    measured.chain(unmeasured).map(CaseId::scenario).collect()
}

fn unjudged(why: &str, exit: Exit, words: &Words<'_>) -> Told {
    let text = Unjudged { marker: words.marker, why, link: words.link };
    Told {
        title: unjudged::TITLE.to_owned(),
        outcome: Outcome::of(Conclusion::Invalid),
        run: ARTIFACT.to_owned(),
        comment: text.comment(),
        summary: text.summary(),
        outputs: outputs_of_unjudged(exit, words.delimiter),
        remarks: Vec::new(),
        exit,
    }
}

/// The page that is linked to: the one that was named, that of the run that measured, or this run's.
///
/// # Errors
/// When what was named is no address.
pub(super) fn page_of(named: Option<&str>, place: &Place) -> Result<Option<Link>> {
    Ok(match named {
        Some(address) => Some(link(address)?),
        None => place.measured.clone().or_else(page),
    })
}

fn judge(folder: &Path, args: &Args, place: &Place, face: &Face) -> Result<Rejudged> {
    let head = place.head.clone().map_err(|why| anyhow!(why))?;
    let options = Options {
        strict: args.strict,
        results_dir: args.results_dir.clone(),
        ..Options::default()
    };
    let asked = Asked {
        folder,
        base: args.base.as_deref(),
        head: head.as_deref(),
        scenarios: &args.scenario,
        options: &options,
    };
    judge_again(&asked, face)
}

/// A stored run as it was judged: pairs by their raw epochs, any other by the verdicts kept with it.
fn read(run: &str, args: &Args, project: &Project, face: &Face) -> Result<Report> {
    let layout = team::layout(project, args.results_dir.as_deref())?;
    let Some(epochs) = stored(&FileStore::open(layout.clone())?, run, face)? else {
        bail!("no run is called `{run}`; `tokgate list` shows what there is");
    };
    let is_paired = epochs.iter().any(|epoch| epoch.run.head.arm == Arm::Base);
    match is_paired.then(|| Comparison::of(epochs.clone())).flatten() {
        Some(pairs) => verdict::in_pairs(&pairs, project.root.as_deref(), &layout, args.strict),
        None => report::kept(epochs, run, args.strict),
    }
}

//! `tokgate history METRIC`: where a metric changed over many commits, and whether it crept.

use crate::cli::face::Face;
use crate::cli::team;
use crate::git;
use crate::history::{self, Anchor, Anchored, Question, Series};
use crate::project::Project;
use crate::report::history::{json, series};
use crate::store::{FileStore, PastOf};
use anyhow::{Result, anyhow, bail};
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use tokgate_core::case::Tolerance;
use tokgate_core::day::Day;
use tokgate_core::metric::{Metric, MetricRef};
use tokgate_core::verdict::Exit;

/// Where a metric changed over many commits, and whether it crept; it fails nobody.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The metric as scenarios name it: ttft.p50, tok_s
    metric: String,
    /// Only cases with this in their name
    #[arg(long, value_name = "FILTER")]
    case: Option<String>,
    /// Only what began since then: 30d, 8w, or a day such as 2026-11-01
    #[arg(long, value_name = "30d|DATE")]
    since: Option<String>,
    /// Only what was measured on this machine
    #[arg(long, value_name = "KEY")]
    machine: Option<String>,
    /// What the latest entries are compared with: a commit, a tag, a run
    #[arg(long, value_name = "COMMIT|RUN")]
    anchor: Option<String>,
    /// How far the metric may creep; 5 %, or 1 pp of a share, where nothing is said
    #[arg(long, value_name = "\"5 %\"")]
    budget: Option<String>,
    /// One JSON object instead of text
    #[arg(long)]
    json: bool,
    /// Folder of results
    #[arg(long, env = "TOKGATE_RESULTS", value_name = "DIR")]
    results_dir: Option<PathBuf>,
}

/// Reads all that was measured of the metric, looks for changes, and tells.
///
/// # Errors
/// When the metric, the time or the budget is none, the anchor was never measured, or the store
/// cannot be read.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let here = std::env::current_dir()?;
    let project = Project::find(&here);
    let repository = project.root.as_deref().unwrap_or(&here);
    let question = question(args, repository)?;
    let layout = team::layout(&project, args.results_dir.as_deref())?;
    let PastOf { epochs, notes } = FileStore::open(layout)?.past(question.metric)?;
    notes.iter().for_each(|note| face.tell(note));
    let ages = git::ages(repository, &history::commits(&epochs));
    let all = history::series(epochs, &question, &ages);
    refuse_unknown(&all, &question)?;
    if args.json {
        face.say(&json(&all, &question, &notes).to_string());
    } else {
        all.iter().for_each(|one| face.say(&series(one, &question, face.out)));
    }
    if all.is_empty() {
        face.tell(&nothing(args));
        return Ok(Exit::Nothing);
    }
    Ok(Exit::Held)
}

fn question(args: &Args, repository: &Path) -> Result<Question> {
    let metric = metric(&args.metric)?;
    let anchor = args
        .anchor
        .clone()
        .map(|name| Anchor { commit: git::resolve(repository, &name).ok(), name });
    Ok(Question {
        metric,
        case: args.case.clone(),
        machine: args.machine.clone(),
        since_us: args.since.as_deref().map(|since| began(since, Timestamp::now())).transpose()?,
        anchor,
        budget: budget(args.budget.as_deref(), metric.metric)?,
    })
}

/// The metric of this name, or what was probably meant.
pub(super) fn metric(name: &str) -> Result<MetricRef> {
    name.parse::<MetricRef>().map_err(|error| match error.help(name) {
        Some(help) => anyhow!("{error}; {help}"),
        None => anyhow!("{error}"),
    })
}

/// The moment from which on something counts, microseconds since 1970.
pub(super) fn began(since: &str, now: Timestamp) -> Result<i64> {
    const DAY_US: i64 = 86_400_000_000;
    if let Ok(day) = since.parse::<Day>() {
        return Ok(day.begin_us());
    }
    let (number, days) = match since.strip_suffix('w') {
        Some(weeks) => (weeks, 7),
        None => (since.strip_suffix('d').unwrap_or_default(), 1),
    };
    match number.parse::<u16>() {
        Ok(number) => Ok(now.as_microsecond() - i64::from(number) * days * DAY_US),
        Err(_) => bail!(
            "--since {since}: write days or weeks such as `30d` or `8w`, or a day such as `2026-11-01`"
        ),
    }
}

fn budget(written: Option<&str>, metric: &Metric) -> Result<Tolerance> {
    let Some(text) = written else { return Ok(history::usual_budget(metric)) };
    let form = Tolerance::form(metric.unit);
    Tolerance::parse(text, metric.unit)
        .ok_or_else(|| anyhow!("--budget \"{text}\": expected {form}"))
}

/// An anchor that no series knows is a mistake rather than a gap.
fn refuse_unknown(all: &[Series], question: &Question) -> Result<()> {
    let Some(Anchor { name, .. }) = &question.anchor else { return Ok(()) };
    let known = all.iter().any(|one| one.anchored != Anchored::Absent);
    match known || all.is_empty() {
        true => Ok(()),
        false => bail!(
            "--anchor {name}: no commit and no run of that name was measured for {}; `tokgate list` shows the runs",
            question.metric
        ),
    }
}

fn nothing(args: &Args) -> String {
    let narrowed = args.case.is_some() || args.machine.is_some() || args.since.is_some();
    let help = match narrowed {
        true => "ask for more by leaving out --case, --machine or --since",
        false => "`tokgate list --epochs` shows what was measured, and whether it was VALID",
    };
    format!("no VALID epoch has {}; {help}", args.metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_days_or_weeks_ago_or_a_day() {
        let now: Timestamp = "2026-12-31T12:00:00Z".parse().unwrap();
        let day = |text: &str| Day::of_us(began(text, now).unwrap()).to_string();
        assert_eq!((day("30d"), day("2w")), ("2026-12-01".to_owned(), "2026-12-17".to_owned()));
        assert_eq!(day("2026-11-01"), "2026-11-01");
        for wrong in ["", "d", "30", "-1d", "3m", "99999d", "2026-02-30"] {
            assert!(began(wrong, now).unwrap_err().to_string().contains("30d"), "{wrong}");
        }
    }
}

//! How the metrics of a run went over the commits before it, for its page.

use crate::figure::{Figure, of_history};
use crate::git;
use crate::history::{self, Question, Series, usual_budget};
use crate::project::Project;
use crate::store::{FileStore, Layout};
use anyhow::Result;
use std::collections::BTreeSet;
use tokgate_core::metric::{self, MetricRef, Stat};
use tokgate_core::report::Report;

/// Metrics whose past is looked at: the head of every raw file that has one is read.
const MOST_METRICS: usize = 3;
/// Figures of it in a page.
const MOST_FIGURES: usize = 6;
/// Entries from which on there is something to see.
const FEWEST: usize = 3;

/// The figures of the metrics that were judged, or else of those that count most, where there are enough
/// entries.
///
/// # Errors
/// When the store cannot be read.
pub(super) fn figures(layout: &Layout, report: &Report) -> Result<Vec<Figure>> {
    let here = std::env::current_dir()?;
    let repository = Project::find(&here).root.unwrap_or(here);
    let store = FileStore::open(layout.clone())?;
    let mut figures = Vec::new();
    for metric in metrics(report) {
        let past = store.past(metric)?.epochs;
        let ages = git::ages(&repository, &history::commits(&past));
        let question = Question {
            metric,
            case: None,
            machine: Some(report.machine.0.clone()),
            since_us: None,
            anchor: None,
            budget: usual_budget(metric.metric),
        };
        let all = history::series(past, &question, &ages);
        let told =
            all.iter().filter(|series| series.entries.len() >= FEWEST && is_of(report, series));
        figures.extend(told.filter_map(|series| of_history(series, metric)));
    }
    figures.truncate(MOST_FIGURES);
    Ok(figures)
}

/// Whether a series is of a case of the run, and of what was measured in it.
fn is_of(report: &Report, series: &Series) -> bool {
    report.cases.iter().any(|case| {
        case.case.id.0 == series.key.case
            && case.target.model == series.key.model
            && case.target.platform == series.key.platform
    })
}

fn metrics(report: &Report) -> Vec<MetricRef> {
    let judged = report.cases.iter().flat_map(|case| &case.verdicts).map(|judged| judged.metric);
    let mut judged: Vec<MetricRef> = judged.collect::<BTreeSet<_>>().into_iter().collect();
    if judged.is_empty() {
        let median = |metric| MetricRef { metric, stat: Stat::P50 };
        let usual =
            [MetricRef::value(&metric::TOK_S), median(&metric::TTFT), median(&metric::QUERY)];
        let has =
            |one: &MetricRef| report.cases.iter().any(|case| case.summary.estimate(*one).is_some());
        judged.extend(usual.iter().filter(|one| has(one)));
    }
    judged.truncate(MOST_METRICS);
    judged
}

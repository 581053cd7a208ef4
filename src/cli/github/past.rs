//! What the metrics that are not fine were before, by the results that are kept here.

use crate::cli::face::Face;
use crate::cli::team;
use crate::git;
use crate::history::{self, Key};
use crate::project::Project;
use crate::report::comment::{Past, troubled};
use crate::store::{FileStore, Layout, PastOf};
use anyhow::Result;
use std::collections::BTreeSet;
use std::path::Path;
use tokgate_core::case::CaseId;
use tokgate_core::diagnostic::line;
use tokgate_core::metric::MetricRef;
use tokgate_core::report::Report;
use tokgate_core::run::Head;

/// What is known of the metrics that are not fine, without the report's own run and commit. Nothing,
/// where no results are kept; a comment is none the worse for it.
pub(super) fn past(report: &Report, project: &Project, results: &Path, face: &Face) -> Past {
    let layout = match team::meant(project) {
        Ok(Some(team)) => Layout::new(results).of_team(team),
        Ok(None) => Layout::new(results),
        Err(error) => {
            face.tell(&line(&format!("there is no history to show: {error:#}")));
            return Past::new();
        }
    };
    if !layout.has_index() {
        return Past::new();
    }
    read(report, project, layout).unwrap_or_else(|error| {
        face.tell(&line(&format!("there is no history to show: {error:#}")));
        Past::new()
    })
}

fn read(report: &Report, project: &Project, layout: Layout) -> Result<Past> {
    let wanted = troubled(report);
    let metrics: BTreeSet<MetricRef> = wanted.iter().map(|(_, metric)| *metric).collect();
    let store = FileStore::open(layout)?;
    let repository = project.root.clone().map_or_else(std::env::current_dir, Ok)?;
    let mut past = Past::new();
    for metric in metrics {
        let PastOf { mut epochs, .. } = store.past(metric)?;
        epochs.retain(|epoch| !is_of(report, &epoch.head));
        let ages = git::ages(&repository, &history::commits(&epochs));
        for (key, values) in history::values(&epochs, &ages) {
            let named = (CaseId(key.case.clone()), metric);
            if wanted.contains(&named) && is_asked(report, &key) {
                past.insert(named, values);
            }
        }
    }
    Ok(past)
}

/// Whether an epoch is of what the report is about.
fn is_of(report: &Report, head: &Head) -> bool {
    let commit = &report.environment.commit;
    head.run_id == report.run_id || (commit.is_some() && *commit == head.environment.commit)
}

/// Whether the series is of the report's machine and target. Of a case that was not measured, any
/// target's is.
fn is_asked(report: &Report, key: &Key) -> bool {
    let case = report.cases.iter().find(|case| case.case.id.0 == key.case);
    let same = |(platform, model): (&str, &str)| key.platform == platform && key.model == model;
    let target = case.map(|case| (case.target.platform.as_str(), case.target.model.as_str()));
    key.machine == report.machine.0 && target.is_none_or(same)
}

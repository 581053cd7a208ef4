//! Pages for people: the one that is written after every run, and those that `tokgate report --html` writes.
//!
//! What stands in them is `report::html`'s business.

use crate::cli::face::Face;
use crate::cli::past;
use crate::cli::report::{STDOUT, put};
use crate::report::html::{self, Figures, Page};
use crate::session::MeasuredCase;
use crate::store::{Layout, atomic};
use anyhow::Result;
use std::path::Path;
use tokgate_core::case::CaseId;
use tokgate_core::report::Report;
use tokgate_core::run::Run;
use tokgate_core::verdict::Judged;

/// A stored run, as it is told.
pub(super) struct Told {
    /// What was decided.
    pub(super) report: Report,
    /// What that rests on.
    pub(super) cases: Vec<(MeasuredCase, Vec<Judged>)>,
}

/// Writes the page of a run that was just measured, and says where. `None` where nothing was measured, or
/// the scenario wants none.
///
/// # Errors
/// When it cannot be written.
pub(super) fn after_run(
    layout: &Layout,
    report: &Report,
    measured: &[MeasuredCase],
) -> Result<Option<String>> {
    if !report.cases.iter().any(|case| case.case.run.html_report) {
        return Ok(None);
    }
    let path = layout.page_file(&report.run_id);
    atomic::write(&path, page(layout, report, measured.iter())?.as_bytes())?;
    Ok(Some(path.display().to_string()))
}

/// Writes the page of a stored run, or of several side by side.
///
/// # Errors
/// When it cannot be written.
pub(super) fn write(
    layout: &Layout,
    told: &[Told],
    file: Option<&Path>,
    face: &Face,
) -> Result<()> {
    let (text, usual) = match told {
        [one] => {
            let text = page(layout, &one.report, one.cases.iter().map(|(case, _)| case))?;
            (text, layout.page_file(&one.report.run_id))
        }
        several => {
            let reports: Vec<Report> = several.iter().map(|one| one.report.clone()).collect();
            (html::comparison(&reports), layout.side_by_side_file())
        }
    };
    let path = file.unwrap_or(&usual);
    put(path, &text, face)?;
    if path.as_os_str() != STDOUT {
        face.say(&format!("wrote {}", path.display()));
    }
    Ok(())
}

fn page<'a>(
    layout: &Layout,
    report: &Report,
    measured: impl Iterator<Item = &'a MeasuredCase> + Clone,
) -> Result<String> {
    let epochs = |case: &CaseId| -> &[Run] {
        measured.clone().find(|one| one.head().case.id == *case).map_or(&[], |one| &one.epochs)
    };
    let mut figures = Figures::of(report, &epochs);
    figures.run.extend(past::figures(layout, report)?);
    Ok(html::page(&Page { report, figures: &figures }))
}

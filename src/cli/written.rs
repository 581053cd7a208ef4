//! The documents that are written beside the raw lines, for other tools.
//!
//! What stands in them is `report::documents`' business; here they are put down, whole or not.

use crate::report::documents;
use crate::session::MeasuredCase;
use crate::store::{FileStore, Kept, KeptImport, Layout, atomic};
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::Path;
use tokgate_core::imported::Imported;
use tokgate_core::report::Report;
use tokgate_core::summary::summarize;

/// The metadata of each epoch of a case.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn metadata(layout: &Layout, case: &MeasuredCase) -> Result<()> {
    for run in &case.epochs {
        let test_id = &run.head.test_id;
        let raw = layout.raw_file(test_id).display().to_string();
        let summary = summarize(std::slice::from_ref(run));
        put(&layout.metadata_file(test_id), &documents::metadata(run, &summary, &raw))?;
    }
    Ok(())
}

/// Keeps a result of another tool, with its metadata.
///
/// # Errors
/// When it cannot be kept.
pub(super) fn keep(store: &mut FileStore, result: &Imported) -> Result<Kept> {
    let kept = store.keep_imported(result)?;
    let (Kept::New(test_id) | Kept::Known(test_id)) = &kept;
    // Whoever was killed in between left a result without it.
    if !store.layout().metadata_file(test_id).exists()
        && let Some(result) = store.imported(test_id)?
    {
        imported(store.layout(), &result)?;
    }
    Ok(kept)
}

/// The metadata of a result of another tool.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn imported(layout: &Layout, kept: &KeptImport) -> Result<()> {
    let KeptImport { test_id, run_id, started_us, result } = kept;
    let raw_path = layout.raw_file(test_id).display().to_string();
    let named =
        documents::ImportedAs { test_id, run_id, started_us: *started_us, raw_path: &raw_path };
    put(&layout.metadata_file(test_id), &documents::imported_metadata(result, named))
}

/// The results: the whole run's under its id, each case's under its epochs'. Nothing where
/// nothing was measured.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn results(layout: &Layout, report: &Report) -> Result<()> {
    if report.cases.is_empty() {
        return Ok(());
    }
    put(&layout.report_file(&report.run_id), &documents::result_document(report))?;
    for case in &report.cases {
        let alone = documents::result_document(&report.only(case));
        for epoch in &case.epochs {
            put(&layout.report_file(&epoch.test_id), &alone)?;
        }
    }
    Ok(())
}

fn put(path: &Path, document: &Value) -> Result<()> {
    let text =
        serde_json::to_string_pretty(document).context("a document cannot be written as JSON")?;
    Ok(atomic::write(path, format!("{text}\n").as_bytes())?)
}

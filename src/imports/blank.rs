//! A result of which nothing is known yet.

use crate::imports::UNKNOWN;
use serde_json::Value;
use tokgate_core::imported::{Imported, ImportedHardware, ImportedModel, Source};
use tokgate_core::metric::Kind;
use tokgate_core::run::Requests;

/// A generation by nobody knows what, with what is kept of its entry.
pub(super) fn blank(source: Source, entry: Value) -> Imported {
    Imported {
        source,
        measured_us: None,
        platform: UNKNOWN.to_owned(),
        engine: String::new(),
        endpoint: None,
        model: ImportedModel { name: UNKNOWN.to_owned(), ..ImportedModel::default() },
        hardware: ImportedHardware::default(),
        kind: Kind::Generation,
        benchmark_type: UNKNOWN.to_owned(),
        task_category: None,
        workers: None,
        requests: Requests::default(),
        window_s: None,
        figures: Vec::new(),
        invalid: Vec::new(),
        samples: Vec::new(),
        notes: String::new(),
        entry,
    }
}

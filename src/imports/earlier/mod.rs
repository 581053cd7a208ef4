//! The files of the scripts that people had before, and our own exports.
//!
//! What each column becomes is in `docs/IMPORT_EARLIER.md`.

mod database;
mod draft;
mod entries;
mod export;
mod instance_csv;
mod instances;
mod latencies;
mod metadata;
mod moment;
mod ours;
mod report;
mod rest;
mod rows;

use crate::imports::Format;
pub(super) use ours::digest_of;

/// What can be read, what is told most surely first.
pub(super) const FORMATS: &[Format] = &[
    export::JSON,
    export::CSV,
    database::FORMAT,
    metadata::FORMAT,
    report::FORMAT,
    instances::FORMAT,
    instance_csv::FORMAT,
    rest::FORMAT,
    latencies::FORMAT,
];

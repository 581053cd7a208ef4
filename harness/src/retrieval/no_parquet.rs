//! What stands for [`super::parquet`] in a build without it: a refusal that says how to have it.

use std::fs::File;
use std::ops::Range;

/// No table is ever opened.
pub(super) struct Table {
    pub(super) rows: u64,
    pub(super) dimensions: usize,
    never: std::convert::Infallible,
}

/// Whoever would take a row: its number, and its components.
type Take<'a> = dyn FnMut(u64, &[f32]) -> Result<(), String> + 'a;

impl Table {
    /// Refuses.
    pub(super) fn open(_: File, _: Option<&str>) -> Result<Self, String> {
        Err("this build reads no `.parquet` files; build with `--features parquet`, or write the \
             column as `.npy`"
            .to_owned())
    }

    /// Cannot be called.
    pub(super) fn read(&self, _: &[Range<u64>], _: &mut Take<'_>) -> Result<(), String> {
        match self.never {}
    }
}

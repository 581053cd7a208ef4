//! The page of a run's report, as it was written: read for who asks for it from elsewhere.

use crate::store::atomic::{FileError, doing};
use crate::store::ids::is_plain;
use crate::store::layout::Layout;
use std::io::{Error, ErrorKind, Read};

/// Largest page that is handed on, bytes; ours have less than five million.
const LARGEST: u64 = 32 << 20;

/// The page of this run's report; `None` where none was written.
///
/// # Errors
/// When it is there and cannot be read.
pub fn report_page(layout: &Layout, run_id: &str) -> Result<Option<String>, FileError> {
    // No path is made of what is no plain name.
    if !is_plain(run_id) {
        return Ok(None);
    }
    let path = layout.reports().join(format!("{run_id}.html"));
    let file = match std::fs::File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.map_err(doing("open", &path))?,
    };
    let mut page = String::new();
    let length = file.take(LARGEST + 1).read_to_string(&mut page).map_err(doing("read", &path))?;
    match length as u64 > LARGEST {
        true => Err(doing("read", &path)(Error::from(ErrorKind::FileTooLarge))),
        false => Ok(Some(page)),
    }
}

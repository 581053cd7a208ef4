//! `text`: a prompt a line. A prompt of several lines belongs into a file of JSON lines.

use super::lines::Lines;
use super::{FileError, Written, add};
use crate::dataset::Message;

pub(super) fn read(lines: &mut Lines<'_>) -> Result<Vec<Written>, FileError> {
    let mut entries = Vec::new();
    while let Some(line) = lines.next() {
        add(&mut entries, Written::whole(vec![Message::user(line.text.trim())], None))?;
    }
    Ok(entries)
}

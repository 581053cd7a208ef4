//! What is kept without a load beside it (imported, analysed, merged), brought to the team's store where one is
//! meant.

use crate::cli::face::Face;
use crate::store::Layout;
use crate::store::team::{self, Team};
use tokgate_core::diagnostic::line;

/// Notes runs for a team's store, and brings them there. What cannot be brought is told and waits: it is kept.
pub(super) fn bring(store: Option<&Team>, layout: &Layout, runs: &[String], face: &Face) {
    let Some(store) = store.filter(|_| !runs.is_empty()) else { return };
    let why = match team::bring(layout, store, runs) {
        Ok(delivered) => match delivered.left.first() {
            None => {
                face.tell(&format!("delivered to {}", store.place()));
                return;
            }
            Some(first) => format!("{first} ({} in all)", delivered.left.len()),
        },
        Err(error) => error.to_string(),
    };
    face.tell(&line(&format!(
        "not delivered: {why}; it is kept here, and `tokgate store deliver` or the end of the next run brings it"
    )));
}

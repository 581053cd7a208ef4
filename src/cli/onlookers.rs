//! Whoever looks on while something is measured: what they are told of the run, and that a run goes on
//! where they cannot be told.

use crate::cli::face::Face;
use crate::live::{About, Feed};
use crate::session::Identity;
use crate::store::Layout;
use std::collections::BTreeSet;
use tokgate_core::case::CaseId;

/// Which run they are told of.
pub(super) fn about(identity: &Identity, planned: &[CaseId], cases: Option<usize>) -> About {
    let scenarios: BTreeSet<&str> = planned.iter().map(CaseId::scenario).collect();
    About {
        run_id: identity.run_id.clone(),
        scenario: scenarios.into_iter().collect::<Vec<_>>().join("+"),
        machine: identity.machine.0.clone(),
        commit: identity.environment.commit.clone(),
        started_us: identity.started_us,
        cases,
        alone: false,
    }
}

/// Tells them, where they can be told: nobody who measures waits for that.
pub(super) fn feed(layout: &Layout, about: About, face: &Face) -> Feed {
    Feed::start(layout, about).unwrap_or_else(|error| {
        face.tell(&format!("nobody can look on: {error}"));
        Feed::none()
    })
}

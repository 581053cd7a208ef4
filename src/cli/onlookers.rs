//! Whoever looks on while something is measured: what they are told of the run, and that a run goes on
//! where they cannot be told.

use crate::cli::face::Face;
use crate::live::{About, Feed};
use crate::session::Identity;
use crate::store::Layout;
use std::collections::BTreeSet;
use tokgate_core::case::{Case, CaseId};
use tokgate_core::workload::Shard;

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
        part: None,
    }
}

/// Which worker's part of a run they are told of: by a name of its own, since several may share a folder.
pub(super) fn about_part(identity: &Identity, cases: &[Case], part: Shard) -> About {
    let planned: Vec<CaseId> = cases.iter().map(|case| case.id.clone()).collect();
    let whole = about(identity, &planned, Some(cases.len()));
    let run_id = format!("{}-worker-{}", whole.run_id, part.index());
    About { run_id, part: Some(part), ..whole }
}

/// Tells them, where they can be told: nobody who measures waits for that.
pub(super) fn feed(layout: &Layout, about: About, face: &Face) -> Feed {
    Feed::start(layout, about).unwrap_or_else(|error| {
        face.tell(&format!("nobody can look on: {error}"));
        Feed::none()
    })
}

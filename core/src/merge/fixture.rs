//! Workers for the tests of merging.

use super::attempt::{Attempt, Part, Skew};
use crate::case::Case;
use crate::record::Record;
use crate::run::{ClientCost, Ending};
use crate::summary::fixture::{run, success};
use crate::validity::Validity;
use crate::workload::Workload;

/// A measured request of this number.
pub(super) fn numbered(ordinal: u64) -> Record {
    Record { ordinal, ..success(ordinal % 1000) }
}

/// A case that is loaded so.
pub(super) fn case(workload: Workload) -> Case {
    Case { workload, ..run(Vec::new()).head.case }
}

/// Records dealt to so many workers, in their order.
pub(super) fn dealt(
    records: &[Record],
    owner: impl Fn(u64) -> usize,
    workers: usize,
) -> Vec<Vec<Record>> {
    let mut parts = vec![Vec::new(); workers];
    records.iter().for_each(|record| parts[owner(record.ordinal)].push(record.clone()));
    parts
}

/// Worker `worker` of `of`, with one epoch, which went well.
pub(super) fn attempt(worker: u32, of: u32) -> Attempt {
    let part = Part {
        head: run(Vec::new()).head,
        ending: Ending::Completed,
        validity: Validity::Valid,
        after: None,
        client: Some(ClientCost { cpu_s: f64::from(worker), wall_s: 10.0 }),
        telemetry: Vec::new(),
        late_s: Some(0.001),
        origin_ns: 1_000_000 * u64::from(worker),
    };
    Attempt {
        worker,
        of,
        name: format!("attempt-{worker}"),
        tokgate: "1.0.0".to_owned(),
        protocol: 1,
        plan: "plan".to_owned(),
        host: format!("host-{worker}"),
        clock: Some(Skew { skew_s: 0.0, uncertainty_s: 0.001 }),
        parts: Some(vec![part]),
    }
}

/// All of so many workers.
pub(super) fn attempts(of: u32) -> Vec<Attempt> {
    (0..of).map(|worker| attempt(worker, of)).collect()
}

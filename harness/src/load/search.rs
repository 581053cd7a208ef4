//! The search for the breaking point: levels are tried one after another, and the one that was found
//! is measured.

use super::{Load, Stage};
use tokgate_core::record::{Phase, Record};
use tokgate_core::stress::{Level, Span, Trials};
use tokgate_core::time::Offset;
use tokgate_core::workload::{BreakingPoint, Closed, Next};

impl Load<'_> {
    /// Tries levels until the search is over. What is measured, in the end, is the highest level
    /// that holds.
    pub(super) async fn search(&self, plan: &BreakingPoint) {
        let mut trials = Trials::new(plan.search());
        let mut number = 0;
        while !self.should_stop() {
            match trials.next() {
                Next::Try(level) => {
                    trials.add(self.attempt(plan, level, number).await);
                    number += 1;
                }
                Next::Done(found) => {
                    let stage = Stage::of(Phase::Measured);
                    self.closed(&Closed::timed(found.holds.max(1), plan.step_s), stage).await;
                    return;
                }
            }
        }
    }

    async fn attempt(&self, plan: &BreakingPoint, level: u32, number: u32) -> Level {
        let stage = Stage { phase: Phase::Probe, trial: Some(number) };
        self.closed(&Closed::timed(level, plan.step_s), stage).await;
        let records = self.tried.take();
        let records: Vec<&Record> = records.iter().collect();
        let nothing = Span { start: Offset::ZERO, end: Offset::ZERO };
        let span = Span::of_trial(&records, plan.step_s).unwrap_or(nothing);
        Level::of(level, &records, span, &self.epoch.case.slos)
    }
}

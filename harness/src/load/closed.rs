//! Closed loops: each worker sends when its last batch is answered.

use super::{Load, Place, Stage};
use futures_util::future::join_all;
use std::cell::Cell;
use std::time::Duration;
use tokgate_core::time::Offset;
use tokgate_core::workload::Closed;

impl Load<'_> {
    /// Each worker releases a batch, waits for all of its answers, thinks, and goes on, until enough
    /// was sent or the time is over; what is in flight then is waited for.
    pub(super) async fn closed(&self, plan: &Closed, stage: Stage) {
        let (start, first) = (self.clock.now(), self.next.get());
        let end = plan.requests.map(|requests| first + u64::from(requests));
        let work = Work { load: self, plan, stage, start, first, end, batches: Cell::new(0) };
        let mine = self.epoch.part.shard.pick(plan.concurrency);
        join_all(mine.map(|worker| work.of(worker))).await;
    }
}

/// What the workers of a closed loop share.
struct Work<'a> {
    load: &'a Load<'a>,
    plan: &'a Closed,
    stage: Stage,
    start: Offset,
    /// The number of the first request.
    first: u64,
    /// The number of the request after the last one.
    end: Option<u64>,
    /// How many batches these workers have released.
    batches: Cell<u64>,
}

impl Work<'_> {
    async fn of(&self, worker: u32) {
        let thinks = Duration::from_secs_f64(self.plan.think_time_s);
        let mut thought = Duration::ZERO;
        while self.turn(worker).await {
            if !thought.is_zero() {
                tokio::time::sleep(thought).await;
            }
            if !self.batch(worker).await {
                return;
            }
            thought = thinks;
        }
    }

    /// Waits until the plan has work for this worker; false once it never will again.
    async fn turn(&self, worker: u32) -> bool {
        while !self.load.should_stop() {
            let at_s = self.load.clock.now().seconds_since(self.start);
            let Some(workers) = self.plan.workers_at(at_s) else { return false };
            if workers > f64::from(worker) {
                return true;
            }
            let level = f64::from(worker);
            let next = self.plan.shape.as_ref().and_then(|shape| shape.next_above(level, at_s));
            let Some(next) = next else { return false };
            // At least one tick, so that rounding cannot make it spin.
            let wait = Duration::from_secs_f64((next - at_s).max(0.001));
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.load.epoch.stop.requested() => return false,
            }
        }
        false
    }

    /// Sends the worker's next requests at one instant and waits for their ends; false when there
    /// is none left to send.
    async fn batch(&self, worker: u32) -> bool {
        let (released, batch) = (self.batches.get(), u64::from(self.plan.batch));
        let number = self.load.epoch.part.shard.dealt(released, self.plan.concurrency);
        let Some(first) = number.map(|number| self.first + number * batch) else { return false };
        let end = self.end.map_or(first + batch, |last| last.min(first + batch));
        if first >= end || self.load.should_stop() {
            return false;
        }
        self.batches.set(released + 1);
        self.load.next.set(end);
        let (stage, due) = (self.stage, self.load.clock.now());
        let place = |ordinal| Place { ordinal, worker, stage, due };
        match end - first {
            1 => self.load.one(place(first)).await,
            _ => drop(join_all((first..end).map(|ordinal| self.load.one(place(ordinal)))).await),
        }
        true
    }
}

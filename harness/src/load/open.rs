//! Open loops: requests are sent when they are due, whether or not earlier ones are answered.

use super::{Load, Place, Stage};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokgate_core::record::Phase;
use tokgate_core::time::Offset;
use tokgate_core::workload::Open;
use tokio::sync::Semaphore;

impl Load<'_> {
    /// Sends every arrival when it is due by the clock of the epoch, so that lateness does not add
    /// up, and none is left out: one that is late is sent at once, and measured from when it was due.
    pub(super) async fn open(&self, plan: &Open, start: Offset) {
        let mine = |most| self.epoch.part.shard.pick(most).count();
        let slots = Semaphore::new(plan.max_in_flight.map_or(Semaphore::MAX_PERMITS, mine));
        let mut due = self.arrivals.iter().peekable();
        let mut in_flight = FuturesUnordered::new();
        loop {
            let next = due.peek().filter(|_| !self.should_stop());
            let at = next.map(|arrival| Offset(start.0 + arrival.at.0));
            tokio::select! {
                biased;
                () = self.reach(at), if at.is_some() => {
                    if let (Some(arrival), Some(due)) = (due.next(), at) {
                        let stage = Stage::of(Phase::Measured);
                        let place = Place { ordinal: arrival.ordinal, worker: 0, stage, due };
                        in_flight.push(self.in_a_slot(place, &slots));
                    }
                }
                Some(()) = in_flight.next() => {}
                else => return,
            }
        }
    }

    /// Waits until `due`, or for a stop.
    pub(super) async fn reach(&self, due: Option<Offset>) {
        let Some(due) = due else { return };
        tokio::select! {
            biased;
            () = self.pacer.until(self.clock, due) => {}
            () = self.epoch.stop.requested() => {}
        }
    }

    /// Sends a request once there is a slot for it.
    async fn in_a_slot(&self, place: Place, slots: &Semaphore) {
        let slot = tokio::select! {
            biased;
            slot = slots.acquire() => slot.ok(),
            () = self.epoch.stop.requested() => None,
        };
        // Without a slot the load was stopped, which the epoch's ending says.
        if slot.is_some() {
            self.one(place).await;
        }
    }
}

//! What stands between a load and its target, or beside its samplers, to count and to look on. Both do
//! next to nothing, since both are where something is being measured.

use super::snapshot::Telemetry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokgate_core::failure::Failure;
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity, TelemetrySample};
use tokgate_harness::driver::{Answer, BoxFuture, Driver, Request};
use tokgate_harness::recorder::Reply;
use tokgate_harness::telemetry::{Moment, Sampler};

/// A driver that counts what is sent: one addition a request.
pub struct Counting<'a> {
    driver: &'a dyn Driver,
    sent: Arc<AtomicU64>,
}

impl<'a> Counting<'a> {
    pub(super) fn new(driver: &'a dyn Driver, sent: Arc<AtomicU64>) -> Self {
        Self { driver, sent }
    }
}

impl Driver for Counting<'_> {
    fn identity(&self) -> TargetIdentity {
        self.driver.identity()
    }

    fn preparation(&self) -> Preparation {
        self.driver.preparation()
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        self.driver.after()
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.driver.send(request, reply)
    }
}

/// Sees what the samplers before it have read, on their thread.
pub(super) struct Onlooker(pub(super) Arc<Mutex<Telemetry>>);

impl Sampler for Onlooker {
    fn sample(&mut self, _: &Moment<'_>, into: &mut TelemetrySample) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Telemetry::of(into);
    }
}

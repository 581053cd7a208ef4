//! A driver to a server that we started: the same, and what the start tells.

use super::server::Running;
use crate::driver::{Answer, Driver, Request};
use crate::recorder::Reply;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use tokgate_core::failure::Failure;
use tokgate_core::run::{Preparation, TargetAfter, TargetIdentity};

/// The driver, with the server's settings and load time.
pub(crate) struct Launched<D> {
    driver: D,
    settings: BTreeMap<String, Value>,
    load_s: Option<f64>,
}

impl<D: Driver> Launched<D> {
    /// `driver` speaks to `server`.
    pub(crate) fn new(driver: D, server: &Running) -> Self {
        Self { driver, settings: server.settings(), load_s: server.load_s }
    }

    /// What the server says of itself goes before what its command line says.
    fn with_settings(&self, mut identity: TargetIdentity) -> TargetIdentity {
        for (name, value) in &self.settings {
            identity.config.entry(name.clone()).or_insert_with(|| value.clone());
        }
        identity
    }
}

impl<D: Driver> Driver for Launched<D> {
    fn identity(&self) -> TargetIdentity {
        self.with_settings(self.driver.identity())
    }

    fn preparation(&self) -> Preparation {
        Preparation { model_load_s: self.load_s, ..self.driver.preparation() }
    }

    fn after(&self) -> BoxFuture<'_, TargetAfter> {
        async {
            let TargetAfter { first, last, preparation, inserted } = self.driver.after().await;
            let (first, last) = (self.with_settings(first), self.with_settings(last));
            TargetAfter { first, last, preparation, inserted }
        }
        .boxed()
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.driver.send(request, reply)
    }
}

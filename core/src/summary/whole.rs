//! An epoch whose requests have been counted: what the formulas that give one value an epoch look at.

use super::seen::Seen;
use crate::run::{
    ClientCost, Ending, Head, Preparation, Run, TargetAfter, TelemetrySample, Window,
};

/// An epoch without its requests, and what those say together.
#[derive(Debug, Clone)]
pub struct Whole<'a> {
    /// Who it is.
    pub head: &'a Head,
    /// The machine while measuring.
    pub telemetry: &'a [TelemetrySample],
    /// How it ended.
    pub ending: &'a Ending,
    /// The target afterwards.
    pub after: Option<&'a TargetAfter>,
    /// What the load cost us.
    pub client: Option<ClientCost>,
    /// What its requests say together.
    pub seen: Seen,
}

impl<'a> Whole<'a> {
    /// An epoch with its requests in memory.
    #[must_use]
    pub fn of(run: &'a Run) -> Self {
        Self::with(run, Seen::of(run))
    }

    /// An epoch whose requests were `seen` elsewhere; those of `run` are not looked at.
    pub(super) fn with(run: &'a Run, seen: Seen) -> Self {
        let Run { head, records: _, telemetry, ending, after, client } = run;
        Self { head, telemetry, ending, after: after.as_ref(), client: *client, seen }
    }

    /// What had to happen before the first request.
    #[must_use]
    pub fn preparation(&self) -> &'a Preparation {
        let known_later = self.after.and_then(|after| after.preparation.as_ref());
        known_later.unwrap_or(&self.head.preparation)
    }

    /// The length of the window in seconds, T in the formulas.
    #[must_use]
    pub fn window_s(&self) -> Option<f64> {
        self.seen.window.map(Window::seconds)
    }

    /// What the machine said while the measured requests ran: [`Window::watched`].
    #[must_use]
    pub fn watched(&self) -> &'a [TelemetrySample] {
        self.seen.window.map_or(&[], |window| window.watched(self.telemetry))
    }
}

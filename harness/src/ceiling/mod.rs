//! What this machine's client can take at most: our own driver against a server that does nothing.
//!
//! The load generator is one thread. What it costs an event, in CPU time of that thread, says how
//! many events it could take if the target were infinitely fast, whether or not this server is.

mod null_server;

use crate::driver::OpenError;
use crate::measure::{Epoch, Harness};
use crate::part::Part;
use crate::stop::Stop;
pub use null_server::Delivery;
use null_server::NullServer;
use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;
use tokgate_core::case::Case;
use tokgate_core::record::{Outcome, Record};
use tokgate_core::scenario::{Facts, Scenario, Surroundings, plan};

/// How long the load goes on, as a scenario says it: long enough for tens of thousands of events,
/// short enough to wait.
const LASTS: &str = "duration_s = 1.5";

const SCENARIO: &str = r#"
schema = 1
[target]
driver = "openai"
model = "null"
[dataset]
prompt_tokens = 8
output_tokens = 256
[[case]]
name = "ceiling"
kind = "generation"
workload = { concurrency = 64, HOW_MUCH, warmup = 0 }
"#;

/// What the client took from a server that does nothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ceiling {
    /// Requests that were answered to their end.
    pub requests: u64,
    /// Requests that were not.
    pub failed: u64,
    /// Events of the former.
    pub events: u64,
    /// How long it took, seconds.
    pub seconds: f64,
    /// CPU time of the client's thread, seconds; `None` where the platform does not tell.
    pub cpu_s: Option<f64>,
}

/// Why there is no ceiling to tell.
#[derive(Debug, thiserror::Error)]
pub enum CeilingError {
    /// No socket or no runtime.
    #[error("cannot serve on the loopback interface: {0}")]
    Serve(#[from] io::Error),
    /// Our own server was not understood.
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// Drives the null server for a moment.
///
/// # Errors
/// When nothing can be served or asked on the loopback interface.
pub fn measure(delivery: Delivery) -> Result<Ceiling, CeilingError> {
    drive(delivery, LASTS)
}

/// Sends as much as a workload says in `how_much`.
fn drive(delivery: Delivery, how_much: &str) -> Result<Ceiling, CeilingError> {
    let server = NullServer::start(delivery)?;
    let mut case = case(how_much);
    case.target.base_url = Some(server.base_url());
    let mut harness = Harness::new()?;
    let stop = Stop::default();
    let case = harness.prepare(&case)?;
    let driver = harness.open(&case, &stop)?;
    let epoch = Epoch {
        case: &case,
        driver: &*driver,
        salt: "ceiling",
        number: 0,
        part: Part::WHOLE,
        stop: &stop,
    };
    Ok(std::thread::scope(|scope| {
        let (sink, records) = channel();
        // The writer's place: records are taken off the client's thread, and kept by nobody.
        let counted = scope.spawn(move || Counts::of(records));
        let began = Instant::now();
        let cost = harness.measure(&epoch, Vec::new(), &sink).client;
        let seconds = cost.map_or(began.elapsed().as_secs_f64(), |cost| cost.wall_s);
        drop(sink);
        let Counts { requests, failed, events } = counted.join().unwrap_or_default();
        Ceiling { requests, failed, events, seconds, cpu_s: cost.map(|cost| cost.cpu_s) }
    }))
}

fn case(how_much: &str) -> Case {
    let text = SCENARIO.replace("HOW_MUCH", how_much);
    let scenario = Scenario::parse("null", "null.toml", &text, &Surroundings::closed(&|_| None))
        .expect("the scenario is a constant and well-formed");
    let cases = plan(&scenario, &Facts::default());
    cases.expect("the scenario is a constant and can be planned").remove(0)
}

impl Ceiling {
    /// Events a second, as they came.
    #[must_use]
    pub fn events_s(&self) -> f64 {
        self.events as f64 / self.seconds
    }

    /// Requests a second, as they were answered.
    #[must_use]
    pub fn requests_s(&self) -> f64 {
        self.requests as f64 / self.seconds
    }

    /// How busy the client's thread was, 0 to 1.
    #[must_use]
    pub fn cpu_share(&self) -> Option<f64> {
        self.cpu_s.map(|cpu| cpu / self.seconds)
    }

    /// CPU time of the client's thread for a million events, seconds.
    #[must_use]
    pub fn cpu_s_per_million(&self) -> Option<f64> {
        self.cpu_s.filter(|_| self.events > 0).map(|cpu| cpu / self.events as f64 * 1e6)
    }

    /// Events a second that a client's thread could take which had nothing to wait for.
    #[must_use]
    pub fn limit_events_s(&self) -> Option<f64> {
        self.cpu_s_per_million().filter(|cpu| *cpu > 0.0).map(|cpu| 1e6 / cpu)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    requests: u64,
    failed: u64,
    events: u64,
}

impl Counts {
    fn of(records: Receiver<Record>) -> Self {
        let mut counts = Self::default();
        for record in records {
            if record.counts() {
                counts.requests += 1;
                counts.events += record.events.len() as u64;
            } else if matches!(record.outcome, Outcome::Failed(_)) {
                counts.failed += 1;
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_thread_takes_no_more_than_its_cpu_time_allows() {
        let half_busy =
            Ceiling { requests: 100, failed: 0, events: 25_600, seconds: 2.0, cpu_s: Some(1.0) };
        assert_eq!((half_busy.events_s(), half_busy.requests_s()), (12_800.0, 50.0));
        assert_eq!(half_busy.cpu_share(), Some(0.5));
        assert_eq!(half_busy.cpu_s_per_million(), Some(39.0625));
        assert_eq!(half_busy.limit_events_s(), Some(25_600.0));
        let silent = Ceiling { events: 0, ..half_busy };
        assert_eq!((silent.cpu_s_per_million(), silent.limit_events_s()), (None, None));
    }

    #[test]
    fn the_client_understands_the_server_that_does_nothing() {
        for delivery in [Delivery::AtOnce, Delivery::OneByOne] {
            let ceiling = drive(delivery, "requests = 100").unwrap();
            assert_eq!((ceiling.requests, ceiling.failed), (100, 0));
            assert_eq!(ceiling.events, 100 * null_server::EVENTS);
        }
    }

    #[test]
    fn the_load_of_the_ceiling_goes_by_time() {
        assert_eq!(case(LASTS).workload.duration_s(), Some(1.5));
    }
}

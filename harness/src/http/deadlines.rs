//! How long a target may keep us waiting at each stage of a request.

use std::future::Future;
use std::time::Duration;
use tokgate_core::case::Case;
use tokgate_core::failure::{Failure, FailureClass};

/// A connection that takes longer than this is not going to be made.
const LONGEST_CONNECT_S: f64 = 10.0;
/// The response head and the first token may take nearly as long as the whole request, so that
/// these deadlines only give the failure its name and fail nothing that would have been in time.
const BEFORE_THE_TOTAL: f64 = 0.98;
/// A stream that is silent for half of the time that the whole request has, hangs.
const LONGEST_GAP: f64 = 0.5;

/// The stages' deadlines; all are finite. The whole request's own is applied by `measure`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Deadlines {
    /// Name lookup, TCP and TLS together.
    pub(crate) connect: Duration,
    /// From sending to the response head.
    pub(crate) head: Duration,
    /// From the response head to the first content.
    pub(crate) first_token: Duration,
    /// Between two reads once there was content.
    pub(crate) gap: Duration,
}

impl Deadlines {
    /// The stages of a case's requests: as it says, else by the time that the whole request has.
    pub(crate) fn of(case: &Case) -> Self {
        let (said, timeout_s) = (case.target.deadlines, case.run.timeout_s);
        // Scenarios hold positive numbers; what no `Duration` can hold is as good as for ever.
        let seconds = |said: Option<f64>, usual: f64| {
            Duration::try_from_secs_f64(said.unwrap_or(usual)).unwrap_or(Duration::MAX)
        };
        Self {
            connect: seconds(said.connect_s, timeout_s.min(LONGEST_CONNECT_S)),
            head: seconds(said.head_s, timeout_s * BEFORE_THE_TOTAL),
            first_token: seconds(said.first_token_s, timeout_s * BEFORE_THE_TOTAL),
            gap: seconds(said.gap_s, timeout_s * LONGEST_GAP),
        }
    }
}

/// Waits for `work`, at most for `limit`; past it the request failed as `class`.
pub(crate) async fn within<T>(
    limit: Duration,
    class: FailureClass,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = |_| Failure::new(class, format!("nothing within {} s", limit.as_secs_f64()));
    tokio::time::timeout(limit, work).await.map_err(late)?
}

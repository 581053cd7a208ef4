//! How long a target may keep us waiting at each stage of a request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokgate_core::case::Case;
use tokgate_core::failure::{Failure, FailureClass};
use tokio::time::{Instant, Sleep, sleep};

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
    Watch::start().within(limit, class, work).await
}

/// The deadlines of one request, one after the other. They share a timer: one that is set anew for
/// each read would cost more than the read's own bookkeeping.
pub(crate) struct Watch(Pin<Box<Sleep>>);

impl Watch {
    /// Nothing is due yet.
    pub(crate) fn start() -> Self {
        Self(Box::pin(sleep(Duration::MAX)))
    }

    /// Waits for `work`, at most for `limit`; past it the request failed as `class`.
    pub(crate) async fn within<T>(
        &mut self,
        limit: Duration,
        class: FailureClass,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        // What no `Instant` can hold is never due.
        let Some(due) = Instant::now().checked_add(limit) else { return work.await };
        if due < self.0.deadline() {
            self.0.as_mut().reset(due);
        }
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done),
            Poll::Pending => self.poll_due(due, cx).map(|()| Err(late(limit, class))),
        })
        .await
    }

    /// Ready at `due`. The timer may ring before, for an earlier deadline that was kept; only then
    /// it is set anew.
    fn poll_due(&mut self, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.0.as_mut().poll(cx));
            if self.0.deadline() >= due {
                return Poll::Ready(());
            }
            self.0.as_mut().reset(due);
        }
    }
}

fn late(limit: Duration, class: FailureClass) -> Failure {
    Failure::new(class, format!("nothing within {} s", limit.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_stage_has_its_whole_time_and_no_more() {
        let mut watch = Watch::start();
        let started = Instant::now();
        let kept = async {
            sleep(SECOND * 4).await;
            Ok(())
        };
        watch.within(SECOND * 5, FailureClass::TimeoutHead, kept).await.unwrap();
        let missed = watch.within(SECOND * 5, FailureClass::TimeoutGap, pending::<Result<(), _>>());
        assert_eq!(missed.await.unwrap_err().class, FailureClass::TimeoutGap);
        assert_eq!(started.elapsed().as_secs(), 9);
        let missed = watch.within(SECOND, FailureClass::TimeoutGap, pending::<Result<(), _>>());
        assert!(missed.await.is_err());
        assert_eq!(started.elapsed().as_secs(), 10);
    }
}

//! Which part of a load is sent here, and when all parts begin.
//!
//! What a part sends follows from the plan ([`Shard`]); that the parts begin together, from the clocks of
//! their hosts: nobody is asked, and nothing is between the load and its target.

use std::time::SystemTime;
use tokgate_core::time::Offset;
use tokgate_core::workload::Shard;

/// A part of a load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Which.
    pub shard: Shard,
    /// When all parts begin to measure, by the wall clock; absent where this one waits for nobody.
    pub start: Option<SystemTime>,
}

impl Part {
    /// All of it, at once.
    pub const WHOLE: Self = Self { shard: Shard::WHOLE, start: None };
}

impl Default for Part {
    fn default() -> Self {
        Self::WHOLE
    }
}

/// When a load began to be measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Begun {
    /// The beginning that all parts share, by the epoch's clock; the moment itself of one that is late.
    pub at: Offset,
    /// By how much this part was late, seconds; absent where there was nothing to be late for.
    pub late_s: Option<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{Answer, Driver, Payload, Request};
    use crate::measure::{Epoch, Harness, Measured};
    use crate::recorder::Reply;
    use crate::stop::Stop;
    use futures_util::future::BoxFuture;
    use std::sync::Mutex;
    use std::sync::mpsc::channel;
    use std::time::Duration;
    use tokgate_core::case::{Case, Workload};
    use tokgate_core::failure::Failure;
    use tokgate_core::record::{EventKind, Phase, Record};
    use tokgate_core::run::{Ending, TargetIdentity};
    use tokgate_core::workload::{Arrivals, Closed, Open, Shape, Spacing};

    /// Answers after a while that differs from request to request, and remembers what was asked.
    #[derive(Default)]
    struct Noting(Mutex<Vec<(u64, String)>>);

    impl Driver for Noting {
        fn identity(&self) -> TargetIdentity {
            TargetIdentity::default()
        }

        fn send<'a>(
            &'a self,
            request: &'a Request,
            reply: &'a Reply,
        ) -> BoxFuture<'a, Result<Answer, Failure>> {
            let Payload::Prompt { messages, max_tokens, .. } = &request.payload else {
                panic!("a prompt was expected: {:?}", request.payload);
            };
            let asked = (request.seed, format!("{messages:?} {max_tokens}"));
            self.0.lock().unwrap().push(asked);
            Box::pin(async move {
                tokio::time::sleep(Duration::from_millis(100 + 37 * (request.ordinal % 7))).await;
                reply.arrived();
                reply.event(EventKind::Content, Some(1));
                Ok(Answer::default())
            })
        }
    }

    fn measure(part: Part, workload: &Workload, stop: &Stop) -> (Vec<Record>, Measured, Noting) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();
        let driver = Noting::default();
        let case = Case { workload: workload.clone(), ..crate::test_case() };
        let (sink, records) = channel();
        let epoch = Epoch { case: &case, driver: &driver, salt: "run", number: 0, part, stop };
        let measured = Harness::on(runtime).measure(&epoch, Vec::new(), &sink);
        drop(sink);
        (records.iter().collect(), measured, driver)
    }

    fn part(index: u32, of: u32) -> Part {
        Part { shard: Shard::new(index, of).unwrap(), start: None }
    }

    /// What the parts of a load send together.
    #[derive(Debug, Default, PartialEq)]
    struct Sent {
        /// Whether each request is measured, and its number.
        places: Vec<(bool, u64)>,
        /// The seeds and texts that the target was asked.
        asked: Vec<(u64, String)>,
    }

    fn sent(of: u32, workload: &Workload) -> Sent {
        let Sent { mut places, mut asked } = Sent::default();
        for index in 0..of {
            let (records, _, driver) = measure(part(index, of), workload, &Stop::default());
            places.extend(records.iter().map(|it| (it.phase == Phase::Measured, it.ordinal)));
            asked.extend(driver.0.into_inner().unwrap());
        }
        places.sort_unstable();
        asked.sort_unstable();
        Sent { places, asked }
    }

    fn open(max_in_flight: Option<u32>) -> Workload {
        let shape = Shape::constant(20.0, 3.0);
        let arrivals = Arrivals::Rate { shape, spacing: Spacing::Poisson, requests: None };
        Workload::Open(Open { arrivals, warmup: 5, max_in_flight })
    }

    #[test]
    fn parts_of_a_load_send_together_exactly_what_the_whole_sends() {
        let thinking = Closed { think_time_s: 0.3, ..Closed::counted(4, 2, 50, 3) };
        let loads = [
            Workload::closed(5, 3, 100, 7),
            Workload::closed(2, 1, 31, 0),
            Workload::Closed(thinking),
            open(Some(9)),
            open(None),
        ];
        for workload in loads {
            let whole = sent(1, &workload);
            assert!(whole.places.len() > 20, "{whole:?}");
            for of in [2, 3, 8] {
                assert_eq!(sent(of, &workload), whole, "{of} parts of {workload:?}");
            }
        }
    }

    #[test]
    fn senders_are_split_exactly_and_keep_their_numbers() {
        let workload = Workload::closed(5, 1, 60, 0);
        let senders = |index| {
            let (records, ..) = measure(part(index, 3), &workload, &Stop::default());
            let senders: std::collections::BTreeSet<u32> =
                records.iter().map(|record| record.worker).collect();
            senders.into_iter().collect::<Vec<u32>>()
        };
        assert_eq!([senders(0), senders(1), senders(2)], [vec![0, 3], vec![1, 4], vec![2]]);
    }

    #[test]
    fn what_a_part_takes_of_a_load_that_goes_by_time_has_no_gap() {
        let workload = Workload::Closed(Closed::timed(5, 2.0));
        for index in 0..3 {
            let (records, ..) = measure(part(index, 3), &workload, &Stop::default());
            let mut taken: Vec<u64> = records.iter().map(|record| record.ordinal).collect();
            taken.sort_unstable();
            let shard = Shard::new(index, 3).unwrap();
            let dealt: Vec<u64> =
                (0..taken.len() as u64).filter_map(|nth| shard.dealt(nth, 5)).collect();
            assert!(taken.len() > 5);
            assert_eq!(taken, dealt);
        }
    }

    #[test]
    fn a_part_without_senders_sends_nothing_and_has_ended() {
        let workload = Workload::closed(2, 1, 20, 4);
        let (records, measured, _) = measure(part(2, 3), &workload, &Stop::default());
        assert_eq!((records, measured.ending), (Vec::new(), Ending::Completed));
    }

    #[test]
    fn the_limit_on_requests_in_flight_is_split_exactly() {
        let most = |part| {
            let (records, ..) = measure(part, &open(Some(4)), &Stop::default());
            let starts = records.iter().filter(|it| it.phase == Phase::Measured);
            let ends: Vec<(Offset, Offset)> = starts.map(|it| (it.sent, it.done)).collect();
            let at = |moment: Offset| {
                ends.iter().filter(|(sent, done)| *sent <= moment && moment < *done).count()
            };
            ends.iter().map(|(sent, _)| at(*sent)).max().unwrap()
        };
        assert_eq!([most(part(0, 3)), most(part(1, 3)), most(part(2, 3))], [2, 1, 1]);
        assert_eq!(most(Part::WHOLE), 4);
    }

    #[test]
    fn a_load_begins_when_all_of_its_parts_do() {
        let start = Some(SystemTime::now() + Duration::from_secs(3600));
        let part = Part { start, ..Part::WHOLE };
        let (records, measured, _) = measure(part, &Workload::closed(1, 1, 1, 1), &Stop::default());
        let begun = measured.begun.unwrap();
        // The warm-up is before, by nearly an hour; the load is not.
        assert!(records[0].sent.seconds() < 60.0 && records[1].sent >= begun.at, "{records:?}");
        assert!(begun.at.seconds() > 3_000.0, "{begun:?}");
    }

    #[test]
    fn a_part_that_comes_after_the_beginning_begins_at_once_and_says_how_late() {
        let start = Some(SystemTime::now() - Duration::from_secs(3600));
        let (records, measured, _) =
            measure(Part { start, ..part(1, 2) }, &open(None), &Stop::default());
        let begun = measured.begun.unwrap();
        assert!(begun.late_s.unwrap() >= 3600.0, "{begun:?}");
        // Its requests are due as far from its own beginning as the plan has them from the common one.
        let Workload::Open(Open { arrivals, .. }) = open(None) else { unreachable!() };
        let planned = arrivals.plan(crate::test_case().run.seed, &[], Shard::new(1, 2).unwrap());
        let measured = records.iter().filter(|it| it.phase == Phase::Measured);
        let mut due: Vec<u64> = measured.map(|it| it.due.0 - begun.at.0).collect();
        due.sort_unstable();
        let planned: Vec<u64> = planned.unwrap().iter().map(|arrival| arrival.at.0).collect();
        assert_eq!(due, planned);
    }

    #[test]
    fn who_is_stopped_before_the_beginning_sends_nothing_and_was_not_late() {
        let stop = Stop::default();
        stop.request();
        let start = Some(SystemTime::now() + Duration::from_secs(3600));
        let part = Part { start, ..Part::WHOLE };
        let (records, measured, _) = measure(part, &Workload::closed(1, 1, 5, 0), &stop);
        assert_eq!((records, measured.ending), (Vec::new(), Ending::Interrupted));
        assert_eq!(measured.begun.and_then(|begun| begun.late_s), Some(0.0));
    }
}

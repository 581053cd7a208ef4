//! A library that may hang, kept on a thread of its own: what it does not say in time is missing from
//! that sample, and delays nothing else.

use super::gpus::{Nvml, Reading, Silence};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use tokgate_core::environment::Gpu;

/// How long a GPU may take to answer: most of the usual interval between samples, since reading its
/// processes takes a driver tens of milliseconds.
const DEADLINE: Duration = Duration::from_millis(80);

/// The library behind its thread. One that hangs leaves the thread behind.
pub(super) struct Apart {
    count: u32,
    facts: Vec<Option<Gpu>>,
    questions: Sender<Question>,
    answers: Receiver<Result<Reading, Silence>>,
    /// Whether an answer is to come that nobody waits for any more.
    is_owed: bool,
    deadline: Duration,
}

struct Question {
    index: u32,
    thoroughly: bool,
}

impl Apart {
    /// Moves it to a thread of its own.
    pub(super) fn new(nvml: Box<dyn Nvml>) -> Self {
        Self::with_deadline(nvml, DEADLINE)
    }

    fn with_deadline(mut nvml: Box<dyn Nvml>, deadline: Duration) -> Self {
        let count = nvml.count();
        let facts = (0..count).map(|index| nvml.facts(index)).collect();
        let (questions, asked) = channel::<Question>();
        let (said, answers) = channel();
        std::thread::spawn(move || {
            for Question { index, thoroughly } in asked {
                if said.send(nvml.read(index, thoroughly)).is_err() {
                    return;
                }
            }
        });
        Self { count, facts, questions, answers, is_owed: false, deadline }
    }
}

impl Nvml for Apart {
    fn count(&self) -> u32 {
        self.count
    }

    fn facts(&self, index: u32) -> Option<Gpu> {
        self.facts.get(index as usize)?.clone()
    }

    fn read(&mut self, index: u32, thoroughly: bool) -> Result<Reading, Silence> {
        if self.is_owed && self.answers.try_recv().is_err() {
            return Err(Silence::Late);
        }
        let asked = self.questions.send(Question { index, thoroughly });
        let answer = asked.ok().and_then(|()| self.answers.recv_timeout(self.deadline).ok());
        self.is_owed = answer.is_none();
        answer.unwrap_or(Err(Silence::Late))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::sync_channel;

    /// Answers the first question, and the second when it is let go.
    struct Hanging {
        asked: u32,
        go: Receiver<()>,
    }

    impl Nvml for Hanging {
        fn count(&self) -> u32 {
            1
        }

        fn facts(&self, _: u32) -> Option<Gpu> {
            None
        }

        fn read(&mut self, _: u32, _: bool) -> Result<Reading, Silence> {
            self.asked += 1;
            if self.asked == 2 {
                let _ = self.go.recv();
            }
            let mut reading = Reading::default();
            reading.sample.sm_clock_mhz = Some(self.asked);
            Ok(reading)
        }
    }

    #[test]
    fn what_hangs_is_late_until_it_answers_and_a_late_answer_is_no_sample() {
        let (let_go, go) = sync_channel(0);
        // A deadline that only a hanging library passes, and one that it passes at once.
        let mut apart =
            Apart::with_deadline(Box::new(Hanging { asked: 0, go }), Duration::from_secs(60));
        let clock = |answer: Result<Reading, Silence>| answer.map(|it| it.sample.sm_clock_mhz);
        assert_eq!(clock(apart.read(0, false)), Ok(Some(1)));
        apart.deadline = Duration::ZERO;
        for _ in 0..3 {
            assert_eq!(clock(apart.read(0, false)), Err(Silence::Late));
        }
        let_go.send(()).unwrap();
        apart.deadline = Duration::from_secs(60);
        let answered = (0..1_000).find_map(|_| {
            let answer = clock(apart.read(0, false)).ok();
            if answer.is_none() {
                std::thread::sleep(Duration::from_millis(5));
            }
            answer
        });
        assert_eq!(answered, Some(Some(3)), "the second answer was of another time");
    }
}

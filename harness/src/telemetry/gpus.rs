//! NVIDIA's GPUs: what is made of what their library says. Who speaks for the library is behind a
//! trait, so that all of this can be tried without a GPU.

use super::processes::Family;
use super::{Moment, Sampler};
use std::collections::BTreeSet;
use tokgate_core::environment::Gpu;
use tokgate_core::run::{GpuSample, TelemetrySample};

/// Samples in a row that a GPU may leave unanswered before it counts as lost: one may fail while a
/// driver is busy.
const UNANSWERED: u32 = 3;

/// What NVML says: the library itself, or a trace of what it said.
pub(super) trait Nvml: Send {
    /// How many GPUs it shows.
    fn count(&self) -> u32;

    /// What does not change of one of them; `None` when it does not answer.
    fn facts(&self, index: u32) -> Option<Gpu>;

    /// What one of them says now. `thoroughly` asks for its energy and its processes, too, which is
    /// dear.
    fn read(&mut self, index: u32, thoroughly: bool) -> Result<Reading, Silence>;
}

/// What a GPU said.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Reading {
    /// Its numbers; whose processes are on it is not decided here.
    pub(super) sample: GpuSample,
    /// The processes that compute on it; absent where nobody asked or was told.
    pub(super) processes: Option<Vec<u32>>,
}

/// Why a GPU said nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Silence {
    /// The driver says that it is gone.
    Lost,
    /// Any other error.
    Unanswered,
    /// Its answer has not come in time: the driver is busy, or hangs.
    Late,
}

/// Samples every GPU that NVML shows.
pub(super) struct Gpus {
    nvml: Box<dyn Nvml>,
    cards: Vec<Card>,
}

/// What is known of one GPU from earlier samples.
#[derive(Debug, Default)]
struct Card {
    /// The processes that were there when it was first asked.
    first: Option<BTreeSet<u32>>,
    answered: bool,
    unanswered: u32,
}

impl Gpus {
    /// `None` without a GPU.
    pub(super) fn new(nvml: Box<dyn Nvml>) -> Option<Self> {
        let cards: Vec<Card> = (0..nvml.count()).map(|_| Card::default()).collect();
        (!cards.is_empty()).then_some(Self { nvml, cards })
    }
}

impl Sampler for Gpus {
    fn sample(&mut self, moment: &Moment<'_>, into: &mut TelemetrySample) {
        for (index, card) in (0..).zip(&mut self.cards) {
            into.gpus.push(match self.nvml.read(index, moment.thorough) {
                Ok(reading) => card.says(reading, moment.family),
                Err(silence) => card.is_silent(silence),
            });
        }
    }
}

impl Card {
    fn says(&mut self, reading: Reading, family: &Family) -> GpuSample {
        (self.answered, self.unanswered) = (true, 0);
        let foreign_processes = reading.processes.map(|found| self.foreign(found, family));
        GpuSample { foreign_processes, ..reading.sample }
    }

    fn is_silent(&mut self, silence: Silence) -> GpuSample {
        self.unanswered += u32::from(silence == Silence::Unanswered);
        let lost = match silence {
            Silence::Lost => true,
            Silence::Late => false,
            Silence::Unanswered => self.answered && self.unanswered >= UNANSWERED,
        };
        GpuSample { lost, ..GpuSample::default() }
    }

    /// How many of the processes belong to others. Where the target's are not known, and for those
    /// that are numbered otherwise than ours (from inside a container the driver may show the
    /// host's), those that were there at first are taken for the target's.
    fn foreign(&mut self, found: Vec<u32>, family: &Family) -> u32 {
        let found: BTreeSet<u32> = found.into_iter().collect();
        let first = self.first.get_or_insert_with(|| found.clone());
        let is_foreign = |pid: &&u32| {
            let can_tell = family.target().is_some() && family.sees(**pid);
            !family.has(**pid) && (can_tell || !first.contains(pid))
        };
        u32::try_from(found.iter().filter(is_foreign).count()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;
    use crate::telemetry::processes::Place;
    use tokgate_core::time::Offset;

    /// Says one thing after the other.
    struct Script(Vec<Result<Reading, Silence>>);

    impl Nvml for Script {
        fn count(&self) -> u32 {
            1
        }

        fn facts(&self, _: u32) -> Option<Gpu> {
            None
        }

        fn read(&mut self, _: u32, _: bool) -> Result<Reading, Silence> {
            self.0.remove(0)
        }
    }

    fn with(processes: &[u32]) -> Result<Reading, Silence> {
        Ok(Reading { processes: Some(processes.to_vec()), ..Reading::default() })
    }

    /// What is sampled while we are process 10, and 20 and 30 are others.
    fn sampled(place: Place, script: Vec<Result<Reading, Silence>>) -> Vec<GpuSample> {
        let proc = FakeProc::new();
        [10, 20, 30].iter().for_each(|pid| proc.process(*pid, 1, 0));
        let mut family = Family::of(proc.path(), place, 10);
        family.refresh(Offset(0));
        let samples = script.len();
        let mut gpus = Gpus::new(Box::new(Script(script))).unwrap();
        let mut sample = || {
            let mut into = TelemetrySample::default();
            gpus.sample(&Moment { thorough: true, family: &family }, &mut into);
            into.gpus.remove(0)
        };
        (0..samples).map(|_| sample()).collect()
    }

    fn foreign(place: Place, script: Vec<Result<Reading, Silence>>) -> Vec<Option<u32>> {
        sampled(place, script).iter().map(|gpu| gpu.foreign_processes).collect()
    }

    #[test]
    fn a_neighbour_is_who_is_neither_the_target_nor_us() {
        let script = vec![with(&[20]), with(&[10, 20, 30])];
        assert_eq!(foreign(Place::Launched(20), script), [Some(0), Some(1)]);
    }

    #[test]
    fn a_neighbour_that_was_there_first_is_one_where_the_target_is_known() {
        assert_eq!(foreign(Place::Launched(20), vec![with(&[20, 30])]), [Some(1)]);
        assert_eq!(foreign(Place::Somewhere, vec![with(&[20, 30])]), [Some(0)]);
    }

    #[test]
    fn who_comes_later_is_a_neighbour_where_the_target_is_not_known() {
        let script = vec![with(&[20]), with(&[20, 30]), with(&[20])];
        assert_eq!(foreign(Place::Somewhere, script), [Some(0), Some(1), Some(0)]);
    }

    #[test]
    fn a_process_of_another_namespace_is_judged_by_when_it_came() {
        let script = vec![with(&[7_000_001]), with(&[7_000_001, 7_000_002])];
        assert_eq!(foreign(Place::Launched(20), script), [Some(0), Some(1)]);
    }

    fn lost(script: Vec<Result<Reading, Silence>>) -> Vec<bool> {
        sampled(Place::Elsewhere, script).iter().map(|gpu| gpu.lost).collect()
    }

    #[test]
    fn a_gpu_that_the_driver_calls_lost_is_lost_at_once() {
        assert_eq!(lost(vec![with(&[]), Err(Silence::Lost), with(&[])]), [false, true, false]);
    }

    #[test]
    fn a_gpu_that_answers_no_more_is_lost_after_a_few_samples() {
        let error = || Err(Silence::Unanswered);
        let script = vec![with(&[]), error(), error(), error()];
        assert_eq!(lost(script), [false, false, false, true]);
        assert_eq!(lost(vec![error(); 5]), [false; 5], "it never answered");
    }
}

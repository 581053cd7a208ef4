//! When the events of an answer are due: the plan, never the truth.

use super::luck::Luck;
use super::options::Options;
use std::time::Duration;

/// An option that is no time.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{0} is out of range: write a number from 0 up, and no time longer than a day")]
pub struct NoTime(&'static str);

/// A day: whatever is longer is a mistake.
const LONGEST_MS: f64 = 86_400e3;

/// The planned pace, in checked units.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schedule {
    ttft: Duration,
    embed: Duration,
    per_prompt_token: Duration,
    itl: Duration,
    stall: Duration,
    stall_every: u32,
    jitter: f64,
}

impl Schedule {
    /// The pace that the options ask for.
    ///
    /// # Errors
    /// When a time is negative, too long or no number.
    pub(super) fn new(options: &Options) -> Result<Self, NoTime> {
        let slow_down = checked("--slow-down", options.slow_down)?;
        let time = |option, ms: f64| milliseconds(option, checked(option, ms)? * slow_down);
        Ok(Self {
            ttft: time("--ttft-ms", options.ttft_ms)?,
            embed: time("--embed-ms", options.embed_ms)?,
            per_prompt_token: time("--prefill-ms-per-token", options.prefill_ms_per_token)?,
            itl: time("--itl-ms", options.itl_ms)?,
            stall: time("--stall-ms", options.stall_ms)?,
            stall_every: options.stall_every,
            jitter: checked("--jitter", options.jitter)?,
        })
    }

    /// From the start of the work to the first event.
    pub(super) fn first(&self, prompt_tokens: u64, luck: &mut Luck) -> Duration {
        let prefill = self.per_prompt_token.mul_f64(prompt_tokens as f64);
        self.shaken(self.ttft + prefill, luck)
    }

    /// From the start of the work to the vectors.
    pub(super) fn embed(&self, luck: &mut Luck) -> Duration {
        self.shaken(self.embed, luck)
    }

    /// The gap with this number, the first after the first event being 1.
    pub(super) fn gap(&self, number: u32, luck: &mut Luck) -> Duration {
        match self.stall_every > 0 && number.is_multiple_of(self.stall_every) {
            true => self.stall,
            false => self.shaken(self.itl, luck),
        }
    }

    /// A time with log-normal jitter, whose median is the time itself.
    fn shaken(&self, time: Duration, luck: &mut Luck) -> Duration {
        if self.jitter == 0.0 {
            return time;
        }
        let shaken = time.as_secs_f64() * (self.jitter * luck.normal()).exp();
        Duration::from_secs_f64(shaken.min(LONGEST_MS / 1e3))
    }
}

fn checked(option: &'static str, value: f64) -> Result<f64, NoTime> {
    (0.0..=LONGEST_MS).contains(&value).then_some(value).ok_or(NoTime(option))
}

/// A time that an option gives in milliseconds.
///
/// # Errors
/// When it is negative, too long or no number.
pub(super) fn milliseconds(option: &'static str, ms: f64) -> Result<Duration, NoTime> {
    Ok(Duration::from_secs_f64(checked(option, ms)? / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(arguments: &str) -> Schedule {
        Schedule::new(&Options::from_arguments(arguments).unwrap()).unwrap()
    }

    #[test]
    fn every_nth_gap_is_a_stall_and_all_are_slowed_down() {
        let schedule = schedule("--itl-ms 2 --stall-every 3 --stall-ms 50 --slow-down 2");
        let mut luck = Luck::new(0, 0);
        let gaps: Vec<u128> = (1..=6).map(|it| schedule.gap(it, &mut luck).as_millis()).collect();
        assert_eq!(gaps, [4, 4, 100, 4, 4, 100]);
    }

    #[test]
    fn the_prompt_adds_its_share_to_the_first_token() {
        let schedule = schedule("--ttft-ms 10 --prefill-ms-per-token 0.5");
        assert_eq!(schedule.first(100, &mut Luck::new(0, 0)), Duration::from_millis(60));
    }

    #[test]
    fn jitter_keeps_the_median() {
        let schedule = schedule("--itl-ms 10 --jitter 0.3");
        let mut luck = Luck::new(9, 0);
        let below = |_: &u32| schedule.gap(1, &mut luck) < Duration::from_millis(10);
        let count = (0..10_000).filter(below).count();
        assert!((4_800..5_200).contains(&count), "{count}");
    }

    #[test]
    fn what_is_no_time_is_refused_by_name() {
        let options = Options::from_arguments("--itl-ms=-1").unwrap();
        let error = Schedule::new(&options).unwrap_err();
        assert!(error.to_string().starts_with("--itl-ms is out of range"), "{error}");
        let options = Options { ttft_ms: f64::NAN, ..Options::default() };
        assert!(Schedule::new(&options).is_err());
    }
}

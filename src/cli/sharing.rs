//! The options by which one process sends its part of a load that others send with it: which part, when all
//! begin, and where the rows go. What is wrong with them is said before anything is sent.

use crate::cli::options::Options;
use crate::cli::run::{Format, Told};
use anyhow::{Result, anyhow, bail};
use clap::Args;
use jiff::Timestamp;
use tokgate_core::workload::Shard;

/// The number of a pod of an Indexed Job, from 0; Kubernetes sets it.
const JOB_INDEX: &str = "JOB_COMPLETION_INDEX";
/// The number of a task of a Slurm step, from 0, and how many there are.
const SLURM: (&str, &str) = ("SLURM_PROCID", "SLURM_NTASKS");
/// What the part is taken from whoever starts the workers by.
const AUTO: &str = "auto";
/// Longest time that an epoch may be given, seconds: a week.
const LONGEST_SLOT_S: f64 = 604_800.0;
/// Longest time that a worker waits for the start, seconds: a week. Further off, a date was mistyped, and no merge
/// believes such a clock.
const LONGEST_WAIT_S: f64 = 604_800.0;

/// Which part of the load is sent here.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "A load that several processes send together")]
pub(super) struct Sharing {
    /// Send this part of the load, from 0: `2/8` is the third of eight; `auto` takes it from Kubernetes
    /// (JOB_COMPLETION_INDEX with `--shards`) or Slurm (SLURM_PROCID of SLURM_NTASKS)
    #[arg(long, value_name = "I/N|auto")]
    shard: Option<String>,
    /// How many parts there are, where JOB_COMPLETION_INDEX says which is sent here
    #[arg(long, env = "TOKGATE_SHARDS", value_name = "N")]
    shards: Option<u32>,
    /// When all begin, by the clock: 2026-12-01T12:00:00Z
    #[arg(long, value_name = "TIME")]
    start_at: Option<String>,
    /// Where all put their rows: a folder, file://, s3://, gs:// or az://
    #[arg(long, value_name = "URL")]
    out: Option<String>,
    /// How long each epoch has, from its beginning to the next one's [default: its planned length and 30 s]
    #[arg(long, value_name = "SECONDS", value_parser = slot)]
    slot: Option<f64>,
}

/// One worker of a load that several processes send together.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Worker {
    /// Which part it sends.
    pub(super) shard: Shard,
    /// When all begin.
    pub(super) start: Timestamp,
    /// Where all put their rows.
    pub(super) out: String,
    /// How long each epoch has, seconds, where that is said.
    pub(super) slot: Option<f64>,
}

impl Worker {
    /// Refuses a start that is further off than anybody waits.
    ///
    /// # Errors
    /// When it is.
    pub(super) fn refuse_far(&self, now: Timestamp) -> Result<()> {
        let ahead_s = self.start.duration_since(now).as_secs_f64();
        match ahead_s > LONGEST_WAIT_S {
            true => bail!(
                "`--start-at {}` is {:.0} days ahead, and a worker waits for {:.0} at most: is the date right?",
                self.start,
                ahead_s / 86_400.0,
                LONGEST_WAIT_S / 86_400.0
            ),
            false => Ok(()),
        }
    }
}

impl Sharing {
    /// Which worker this process is; `None` where it sends the whole load. `environment` tells the variables
    /// of whoever started it.
    ///
    /// # Errors
    /// When one of the three is missing or wrong, or stands beside an option of who judges.
    pub(super) fn worker(
        &self,
        environment: impl Fn(&str) -> Option<String>,
        options: &Options,
        told: Told,
    ) -> Result<Option<Worker>> {
        let Some(shard) = self.shard(environment)? else {
            return self.refuse_rest();
        };
        let missing = |option, what| {
            anyhow!(
                "part {shard} of a load, and `{option}` is not there: {what} `--shard`, `--start-at` and `--out` come \
                 together, and every worker is given the same two"
            )
        };
        let start = self.start_at.as_deref();
        let start = start.ok_or_else(|| missing("--start-at", "when do all workers begin?"))?;
        let out = self.out.clone().filter(|out| !out.is_empty());
        let out = out.ok_or_else(|| missing("--out", "where do all workers put their rows?"))?;
        refuse_judging(options, told)?;
        Ok(Some(Worker { shard, start: moment(start)?, out, slot: self.slot }))
    }

    fn shard(&self, environment: impl Fn(&str) -> Option<String>) -> Result<Option<Shard>> {
        let set = |name: &str| environment(name).filter(|value| !value.is_empty());
        let written = self.shard.as_deref().filter(|text| *text != AUTO);
        match (written, self.shards) {
            (Some(text), shards) => {
                let shard: Shard = text.parse()?;
                match shards.is_some_and(|of| of != shard.of()) {
                    true => bail!(
                        "`--shard {shard}`, and `--shards` says another number: leave one out"
                    ),
                    false => Ok(Some(shard)),
                }
            }
            (None, Some(of)) => match set(JOB_INDEX) {
                Some(index) => numbers(JOB_INDEX, &index, "--shards", &of.to_string()).map(Some),
                None => bail!(
                    "`--shards {of}` (or TOKGATE_SHARDS), and {JOB_INDEX} does not say which part is sent \
                     here: write `--shard 0/{of}`, or start it as an Indexed Job"
                ),
            },
            (None, None) if self.shard.is_none() => Ok(None),
            (None, None) => match (set(SLURM.0), set(SLURM.1), set(JOB_INDEX)) {
                (Some(index), Some(of), _) => numbers(SLURM.0, &index, SLURM.1, &of).map(Some),
                (_, _, Some(_)) => bail!(
                    "`--shard auto`, and {JOB_INDEX} is there without the number of parts: add `--shards N` \
                     (or TOKGATE_SHARDS), which is the Job's `completions`"
                ),
                (_, _, None) => bail!(
                    "`--shard auto`, and neither {JOB_INDEX} (Kubernetes) nor {} and {} (Slurm's `srun`) \
                     are set: write `--shard I/N`",
                    SLURM.0,
                    SLURM.1
                ),
            },
        }
    }

    /// The rest of the options says nothing of a whole load.
    fn refuse_rest(&self) -> Result<Option<Worker>> {
        let given = [
            ("--start-at", self.start_at.is_some()),
            ("--out", self.out.is_some()),
            ("--slot", self.slot.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => bail!(
                "`{option}` is for a load that several processes send together: say which part is sent here with \
                 `--shard I/N`, or with `--shards N` in an Indexed Job, whose {JOB_INDEX} is the part"
            ),
            None => Ok(None),
        }
    }
}

/// A worker judges nothing, compares nothing and goes on with nothing: all that is said of the whole.
fn refuse_judging(options: &Options, told: Told) -> Result<()> {
    let given = [
        ("--baseline", options.baseline.is_some()),
        ("--baseline-lenient", options.baseline_lenient.is_some()),
        ("--save-baseline", options.save_baseline.is_some()),
        ("--strict", options.strict),
        ("--push", options.push.is_some()),
        ("--compare", told.compare),
        ("--format", told.format != Format::Table),
    ];
    if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given) {
        bail!(
            "`{option}` speaks of the whole load, and a worker sends a part of it: leave it out here; \
             `tokgate merge` stores all parts as one run"
        );
    }
    match options.no_store {
        true => bail!(
            "`--no-store` keeps nothing, and the raw lines of a part are what can be put again when `--out` \
             is not there for a while: leave it out"
        ),
        false => Ok(()),
    }
}

/// The part that two variables name.
fn numbers(index_of: &str, index: &str, of_of: &str, of: &str) -> Result<Shard> {
    format!("{index}/{of}").parse().map_err(|_| {
        anyhow!("{index_of} says `{index}` and {of_of} `{of}`, which is no part of a load: parts count from 0")
    })
}

/// A moment that is the same for everybody.
fn moment(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|_| {
        let time = Timestamp::from_second(1_796_126_400).expect("a moment of 2026");
        anyhow!(
            "`--start-at {text}` is no moment that all workers share: write date, time and zone, such as \
             {time} or 2026-12-01T13:00:00+01:00; `date -u -d '+2 minutes' +%FT%TZ` makes one to hand to all"
        )
    })
}

fn slot(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= LONGEST_SLOT_S => Ok(seconds),
        Ok(_) | Err(_) => Err(format!("expected seconds, above 0 and at most {LONGEST_SLOT_S}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(shard: Option<&str>, shards: Option<u32>) -> Sharing {
        Sharing {
            shard: shard.map(str::to_owned),
            shards,
            start_at: Some("2026-12-01T12:00:00Z".to_owned()),
            out: Some("out".to_owned()),
            slot: None,
        }
    }

    fn worker(sharing: &Sharing, set: &[(&str, &str)]) -> Result<Option<Worker>, String> {
        let environment = |name: &str| {
            set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let worker = sharing.worker(environment, &Options::default(), Told::default());
        worker.map_err(|error| error.to_string())
    }

    fn shard(sharing: &Sharing, set: &[(&str, &str)]) -> Result<String, String> {
        worker(sharing, set)
            .map(|worker| worker.map_or("whole".to_owned(), |it| it.shard.to_string()))
    }

    const KUBERNETES: [(&str, &str); 1] = [("JOB_COMPLETION_INDEX", "2")];
    const SLURM_STEP: [(&str, &str); 2] = [("SLURM_PROCID", "3"), ("SLURM_NTASKS", "4")];

    #[test]
    fn the_part_is_written_or_taken_from_who_starts_the_workers() {
        assert_eq!(shard(&given(Some("2/8"), None), &[]), Ok("2/8".to_owned()));
        assert_eq!(shard(&given(Some("2/8"), Some(8)), &KUBERNETES), Ok("2/8".to_owned()));
        assert_eq!(shard(&given(None, Some(8)), &KUBERNETES), Ok("2/8".to_owned()));
        assert_eq!(shard(&given(Some("auto"), Some(8)), &KUBERNETES), Ok("2/8".to_owned()));
        assert_eq!(shard(&given(Some("auto"), None), &SLURM_STEP), Ok("3/4".to_owned()));
    }

    #[test]
    fn a_part_that_nobody_names_is_refused_with_what_to_do() {
        let refused = |shard_: Option<&str>, shards, set: &[(&str, &str)], word: &str| {
            let told = shard(&given(shard_, shards), set).unwrap_err();
            assert!(told.contains(word), "{told}");
        };
        refused(Some("8/8"), None, &[], "`8/8` is no part of a load");
        refused(Some("2/8"), Some(9), &[], "leave one out");
        refused(None, Some(8), &[], "`--shard 0/8`");
        refused(None, Some(2), &KUBERNETES, "no part of a load");
        refused(Some("auto"), None, &KUBERNETES, "`--shards N`");
        refused(Some("auto"), None, &[], "write `--shard I/N`");
        refused(Some("auto"), None, &SLURM_STEP[..1], "SLURM_NTASKS");
    }

    #[test]
    fn the_three_come_together_or_not_at_all() {
        let none = Sharing::default();
        assert_eq!(worker(&none, &[]), Ok(None));
        // Whoever runs in a Job or a step without asking for a part sends the whole.
        assert_eq!(worker(&none, &SLURM_STEP), Ok(None));
        let told = worker(&given(None, None), &[]).unwrap_err();
        assert!(told.contains("--start-at") && told.contains("--shard I/N"), "{told}");
        // A Job whose number of parts was forgotten.
        let told = worker(&given(None, None), &KUBERNETES).unwrap_err();
        assert!(told.contains("`--shards N` in an Indexed Job"), "{told}");
        let slot = Sharing { slot: Some(3.0), ..Sharing::default() };
        assert!(worker(&slot, &[]).unwrap_err().contains("`--slot`"));
        let alone = Sharing { out: None, ..given(Some("0/2"), None) };
        assert!(worker(&alone, &[]).unwrap_err().contains("`--out` is not there"));
        let alone = Sharing { start_at: None, ..given(Some("0/2"), None) };
        assert!(worker(&alone, &[]).unwrap_err().contains("`--start-at` is not there"));
    }

    #[test]
    fn only_a_moment_that_all_share_is_one() {
        let at = |text: &str| {
            worker(&Sharing { start_at: Some(text.to_owned()), ..given(Some("0/2"), None) }, &[])
        };
        let told = |text: &str| at(text).map(|it| it.map(|it| it.start.to_string()));
        assert_eq!(told("2026-12-01T13:00:00+01:00"), Ok(Some("2026-12-01T12:00:00Z".to_owned())));
        for wrong in ["+30s", "now", "12:00", "2026-12-01T12:00:00", "in 5 minutes", ""] {
            let told = at(wrong).unwrap_err();
            assert!(told.contains("date, time and zone"), "{told}");
        }
    }

    #[test]
    fn nobody_waits_for_more_than_a_week() {
        let worker = worker(&given(Some("0/2"), None), &[]).unwrap().unwrap();
        let from = |now: &str| worker.refuse_far(now.parse().unwrap()).map_err(|it| it.to_string());
        assert_eq!(from("2026-11-24T12:00:00Z"), Ok(()));
        assert_eq!(from("2027-01-01T00:00:00Z"), Ok(()));
        let told = from("2025-12-01T12:00:00Z").unwrap_err();
        assert!(told.contains("365 days ahead") && told.contains("the date"), "{told}");
    }

    #[test]
    fn what_speaks_of_the_whole_is_not_for_a_part() {
        let refused = |options: Options, told: Told, option: &str| {
            let worker = given(Some("0/2"), None).worker(|_| None, &options, told);
            let why = worker.unwrap_err().to_string();
            assert!(why.contains(&format!("`{option}`")), "{why}");
        };
        let some = || Some("x".to_owned());
        refused(Options { baseline: some(), ..Options::default() }, Told::default(), "--baseline");
        let lenient = Options { baseline_lenient: some(), ..Options::default() };
        refused(lenient, Told::default(), "--baseline-lenient");
        let saved = Options { save_baseline: some(), ..Options::default() };
        refused(saved, Told::default(), "--save-baseline");
        refused(Options { push: some(), ..Options::default() }, Told::default(), "--push");
        refused(Options { strict: true, ..Options::default() }, Told::default(), "--strict");
        refused(Options { no_store: true, ..Options::default() }, Told::default(), "--no-store");
        refused(Options::default(), Told { compare: true, ..Told::default() }, "--compare");
        let json = Told { format: Format::Json, ..Told::default() };
        refused(Options::default(), json, "--format");
    }
}

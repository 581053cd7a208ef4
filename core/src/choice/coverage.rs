//! What was measured so far, and what is missing.

use super::configuration::{Configuration, configurations};
use super::measured::{Hardware, Measured, On};
use super::reliance::Confidence;
use crate::hardware::Catalogue;
use serde::Serialize;
use std::collections::{BTreeSet, HashSet};

/// What was measured so far, and what is missing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Epochs.
    pub epochs: u64,
    /// Their runs.
    pub runs: u64,
    /// Their models.
    pub models: u64,
    /// What was measured how often, by hardware, model and task.
    pub configurations: Vec<Configuration>,
    /// How many of them may be relied on how far.
    pub confidence: Breakdown,
    /// How many of them are stale.
    pub stale: u64,
    /// When anything was measured last, microseconds since 1970.
    pub last_us: Option<i64>,
    /// Instances that the catalogue knows.
    pub gpu_types_known: u64,
    /// Those of them that were measured.
    pub gpu_types_tested: Vec<String>,
    /// Those that were not.
    pub gpu_types_missing: Vec<String>,
    /// Hardware that was measured and is no instance of the catalogue.
    pub other_hardware: Vec<String>,
}

/// How many configurations may be relied on how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Breakdown {
    /// Three runs and more.
    pub high: u64,
    /// Two.
    pub medium: u64,
    /// One.
    pub low: u64,
}

/// What `rows` cover of what `catalogue` knows. Time is microseconds since 1970.
#[must_use]
pub fn coverage(rows: &[Measured], catalogue: &Catalogue, now_us: i64) -> Coverage {
    let known: BTreeSet<&str> = catalogue.instance_names().collect();
    let on: BTreeSet<On<'_>> = rows.iter().map(Measured::on).collect();
    let hardware: Vec<Hardware> = on.into_iter().map(On::hardware).collect();
    let is_known = |hardware: &&Hardware| matches!(hardware, Hardware::Instance(name) if known.contains(name.as_str()));
    let names = |of: Vec<&Hardware>| of.into_iter().map(Hardware::to_string).collect::<Vec<_>>();
    let (tested, other): (Vec<_>, Vec<_>) = hardware.iter().partition(is_known);
    let tested = names(tested);
    let missing = known.iter().filter(|name| !tested.iter().any(|it| it == *name));
    let configurations = configurations(rows, now_us).all;
    Coverage {
        epochs: rows.len() as u64,
        runs: count(rows, |row| &row.run_id),
        models: count(rows, |row| &row.model),
        confidence: Breakdown::of(&configurations),
        stale: configurations.iter().filter(|it| it.is_stale).count() as u64,
        configurations,
        last_us: rows.iter().map(|row| row.started_us).max(),
        gpu_types_known: known.len() as u64,
        gpu_types_missing: missing.map(|name| (*name).to_owned()).collect(),
        gpu_types_tested: tested,
        other_hardware: names(other),
    }
}

fn count<'a>(rows: &'a [Measured], of: impl Fn(&'a Measured) -> &'a str) -> u64 {
    rows.iter().map(of).collect::<HashSet<_>>().len() as u64
}

impl Breakdown {
    fn of(configurations: &[Configuration]) -> Self {
        configurations.iter().fold(Self::default(), |mut all, one| {
            match one.confidence {
                Confidence::High => all.high += 1,
                Confidence::Medium => all.medium += 1,
                Confidence::Low => all.low += 1,
            }
            all
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{NOW_US, in_run, row};

    fn on(instance: &str, run: &str, days_ago: i64) -> Measured {
        let instance = Some(instance.to_owned());
        in_run(run, days_ago, Measured { instance, ..row("m", 1.0) })
    }

    #[test]
    fn tested_and_missing_are_the_catalogue_and_the_rest_stands_beside() {
        let shipped = Catalogue::shipped();
        let rows = [
            on("g6.xlarge", "a", 40),
            on("g6.xlarge", "b", 35),
            on("g1-gpu-rtx6000-2", "c", 3),
            on("nobody's", "d", 2),
            in_run("d", 1, row("n", 1.0)),
        ];
        let found = coverage(&rows, &shipped, NOW_US);
        assert_eq!(found.gpu_types_tested, ["g1-gpu-rtx6000-2", "g6.xlarge"]);
        assert_eq!(found.other_hardware, ["nobody's", "cpu-16c-test"]);
        let known = found.gpu_types_tested.len() + found.gpu_types_missing.len();
        assert_eq!(found.gpu_types_known, known as u64);
        assert!(found.gpu_types_missing.iter().any(|name| name == "g5.xlarge"));
        assert_eq!((found.epochs, found.runs, found.models), (5, 4, 2));
        assert_eq!(found.confidence, Breakdown { high: 0, medium: 1, low: 3 });
        assert_eq!((found.stale, found.last_us), (1, Some(rows[4].started_us)));
    }

    #[test]
    fn an_instance_that_a_user_prices_anew_is_still_one() {
        let own = "as_of = \"2026-11\"\n[[instance]]\nname = \"g6.xlarge\"\ngpu = \"L4\"\ngpus = 1\n\
                   vram_gb = 24\nprice_per_hour_usd = 0.7\n";
        let both = Catalogue::shipped().under(Catalogue::parse(own).unwrap());
        let known = |catalogue: &Catalogue| coverage(&[], catalogue, NOW_US).gpu_types_known;
        assert_eq!(known(&both), known(&Catalogue::shipped()));
        assert_eq!(coverage(&[], &both, NOW_US).last_us, None);
    }
}

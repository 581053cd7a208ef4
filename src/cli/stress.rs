//! `tokgate stress`: what the target sustains, by one of the scenarios that come with tokgate.

use crate::cli::face::Face;
use crate::cli::options::Options;
use crate::cli::run::{self, Format, Told};
use anyhow::Result;
use tokgate_core::verdict::Exit;

/// Stress a target: levels of load, a ramp, a spike; or look for its breaking point.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// How long it takes in all, seconds [default: 300; a day of production: 1800]
    #[arg(long, value_name = "S", value_parser = positive)]
    duration: Option<f64>,
    /// The most workers [default: 50; for a breaking point: 200]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max_concurrency: Option<u32>,
    /// Look for the most workers that the target sustains
    #[arg(long, conflicts_with = "production_load")]
    breaking_point: bool,
    /// Hold half of this machine's free memory beside the load
    #[arg(long)]
    memory_stress: bool,
    /// Keep every core of this machine busy beside the load
    #[arg(long)]
    cpu_stress: bool,
    /// A day's course of requests, compressed
    #[arg(long, conflicts_with = "max_concurrency")]
    production_load: bool,
    /// How the result is written to stdout
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    options: Options,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds.is_finite() && seconds > 0.0 => Ok(seconds),
        Ok(_) | Err(_) => Err("expected seconds, more than 0".to_owned()),
    }
}

/// The levels of workers, as far as they go.
const LEVELS: [u32; 11] = [1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000];
/// The highest of them where nothing is said.
const MOST: u32 = 50;
/// Seconds of everything where nothing is said.
const DURATION_S: f64 = 300.0;
/// Cells of the stress scenario beside the levels: the ramp and the spike.
const SHAPES: usize = 2;
/// Trials of a search for the breaking point, about: ten to a hundred workers, confirmed.
const TRIALS: f64 = 15.0;
/// Shortest trial that shows more than its own beginning, seconds.
const SHORTEST_STEP_S: f64 = 1.0;

/// Measures and reports.
///
/// # Errors
/// When what was written cannot be run, or results cannot be kept.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let mut options = args.options.clone();
    // Before what the user sets, which is stronger.
    options.set.splice(0..0, args.settings());
    let told = Told { format: args.format, ..Told::default() };
    run::scenario(args.scenario(), told, &options, face)
}

impl Args {
    fn scenario(&self) -> &'static str {
        match (self.breaking_point, self.production_load) {
            (true, _) => "breaking_point",
            (false, true) => "production_load",
            (false, false) => "stress",
        }
    }

    fn settings(&self) -> Vec<String> {
        let mut settings = match self.scenario() {
            "breaking_point" => self.search(),
            "production_load" => self.day(),
            _ => self.levels(),
        };
        if self.memory_stress {
            settings.push("pressure.memory_share=0.5".to_owned());
        }
        if self.cpu_stress {
            let cores = std::thread::available_parallelism().map_or(1, usize::from);
            settings.push(format!("pressure.cpu_workers={cores}"));
        }
        settings
    }

    fn search(&self) -> Vec<String> {
        let most = self.max_concurrency.map(|most| format!("workload.max_concurrency={most}"));
        let step = self.duration.map(|duration| {
            format!("workload.step_s={}", (duration / TRIALS).max(SHORTEST_STEP_S))
        });
        most.into_iter().chain(step).collect()
    }

    fn day(&self) -> Vec<String> {
        self.duration
            .map(|duration| format!("workload.duration_s={duration}"))
            .into_iter()
            .collect()
    }

    /// Every cell has the same share of the time.
    fn levels(&self) -> Vec<String> {
        if self.duration.is_none() && self.max_concurrency.is_none() {
            return Vec::new();
        }
        let most = self.max_concurrency.unwrap_or(MOST);
        let below = LEVELS.into_iter().filter(|level| *level < most);
        let levels: Vec<String> = below.chain([most]).map(|level| level.to_string()).collect();
        let each = self.duration.unwrap_or(DURATION_S) / (levels.len() + SHAPES) as f64;
        let mut settings = vec![
            format!("concurrency=[{}]", levels.join(",")),
            format!("workload.duration_s={each:.3}"),
        ];
        if most > 1 {
            settings.push(format!("workload.peak_concurrency={most}"));
            settings.push(format!("workload.base_concurrency={}", (most / 10).max(1)));
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Args {
        let words = std::iter::once("stress").chain(line.split_whitespace());
        Alone::try_parse_from(words).unwrap().args
    }

    #[test]
    fn the_time_is_shared_by_the_levels_and_the_two_shapes() {
        let settings = args("--duration 600 --max-concurrency 100").settings();
        assert_eq!(settings[0], "concurrency=[1,5,10,20,50,100]");
        assert_eq!(settings[1], "workload.duration_s=75.000");
        assert_eq!(settings[2], "workload.peak_concurrency=100");
    }

    #[test]
    fn a_breaking_point_is_looked_for_up_to_the_most_workers() {
        let args = args("--breaking-point --max-concurrency 64");
        assert_eq!(
            (args.scenario(), args.settings()),
            ("breaking_point", vec!["workload.max_concurrency=64".to_owned()])
        );
    }

    #[test]
    fn nothing_said_is_the_scenario_as_it_is() {
        assert_eq!(args("").settings(), [""; 0]);
        assert_eq!(args("--production-load").scenario(), "production_load");
        assert_eq!(args("--memory-stress").settings(), ["pressure.memory_share=0.5"]);
    }
}

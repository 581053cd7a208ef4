//! NVML played from a trace, for tests of everything above it without a GPU: a file of JSON lines,
//! which `TOKGATE_NVML_REPLAY` names.
//!
//! The first line says where the trace is from and which GPUs it has; each further one what they
//! said at one moment. What is between two lines is interpolated where it is continuous. Nothing
//! of it is of this machine, and the result says so.

use super::gpus::{Nvml, Reading, Silence};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokgate_core::environment::Gpu;
use tokgate_core::run::GpuSample;

/// The variable that names the trace.
pub(super) const VARIABLE: &str = "TOKGATE_NVML_REPLAY";

/// Why there is nothing to replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file cannot be read.
    #[error("{VARIABLE} names {path}, which cannot be read ({error})")]
    Read {
        /// The file.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("{VARIABLE}: line {line} of {path} is no line of a trace ({why})")]
    Line {
        /// The file.
        path: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    /// Where the trace is from.
    trace: String,
    /// From where it goes on once it has ended, seconds.
    repeat_from_s: f64,
    /// Its GPUs.
    gpus: Vec<Gpu>,
}

/// What the GPUs said at one moment.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    at_s: f64,
    gpus: Vec<Said>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Said {
    #[serde(flatten)]
    sample: GpuSample,
    #[serde(default)]
    processes: Vec<u32>,
}

/// A trace, and when its playing began.
#[derive(Debug, Clone)]
pub(super) struct Replay {
    head: Head,
    lines: Vec<Line>,
    began: Instant,
}

impl Replay {
    /// The trace that the environment names; `None` where it names none.
    ///
    /// # Errors
    /// When it names one that is none.
    pub(super) fn asked_for() -> Result<Option<Self>, ReplayError> {
        match std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            Some(path) => Self::open(&PathBuf::from(path)).map(Some),
            None => Ok(None),
        }
    }

    fn open(path: &Path) -> Result<Self, ReplayError> {
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ReplayError::Read { path: shown.clone(), error })?;
        let mut replay = Self::parse(&text).map_err(|(line, why)| ReplayError::Line {
            path: shown,
            line,
            why,
        })?;
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        for gpu in &mut replay.head.gpus {
            gpu.settings.replayed = Some(format!("{file}: {}", replay.head.trace));
        }
        Ok(replay)
    }

    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let mut lines = (1..).zip(text.lines());
        let (number, head) = lines.next().ok_or((1, "the file is empty".to_owned()))?;
        let head: Head = read(number, head)?;
        let mut said: Vec<Line> = Vec::new();
        for (number, line) in lines {
            let line: Line = read(number, line)?;
            if line.gpus.len() != head.gpus.len() {
                return Err((number, format!("{} GPUs are announced", head.gpus.len())));
            }
            if said.last().is_some_and(|last| last.at_s >= line.at_s) {
                return Err((number, "its time is not after the one before".to_owned()));
            }
            said.push(line);
        }
        let last_s = said.last().map_or(0.0, |line| line.at_s);
        match said.len() {
            0 | 1 => Err((2, "a trace has two moments at least".to_owned())),
            _ if !(0.0..last_s).contains(&head.repeat_from_s) => {
                Err((1, "`repeat_from_s` is outside the trace".to_owned()))
            }
            _ => Ok(Self { head, lines: said, began: Instant::now() }),
        }
    }

    /// What GPU `index` said `at_s` after the beginning; `None` where it was lost.
    fn at(&self, index: usize, at_s: f64) -> Option<Said> {
        let (within_s, rounds) = self.place(at_s);
        let after = self.lines.partition_point(|line| line.at_s <= within_s);
        let now = &self.lines[after.saturating_sub(1)];
        let next = &self.lines[after.min(self.lines.len() - 1)];
        let step_s = next.at_s - now.at_s;
        let share = if step_s > 0.0 { ((within_s - now.at_s) / step_s).max(0.0) } else { 0.0 };
        let (now, next) = (&now.gpus[index], &next.gpus[index]);
        let between = |now: Option<f64>, next: Option<f64>| {
            Some(now.zip(next).map_or(now?, |(now, next)| now + share * (next - now)))
        };
        let mut said = now.clone();
        said.sample.power_w = between(now.sample.power_w, next.sample.power_w);
        said.sample.energy_j = between(now.sample.energy_j, next.sample.energy_j)
            .map(|joules| joules + rounds * self.joules_of_a_round(index));
        (!said.sample.lost).then_some(said)
    }

    /// Where in the trace a moment is, and how often it was repeated before.
    fn place(&self, at_s: f64) -> (f64, f64) {
        let end_s = self.lines.last().map_or(0.0, |line| line.at_s);
        let round_s = end_s - self.head.repeat_from_s;
        let rounds = ((at_s - self.head.repeat_from_s) / round_s).floor().max(0.0);
        (at_s - rounds * round_s, rounds)
    }

    fn joules_of_a_round(&self, index: usize) -> f64 {
        let joules = |line: &Line| line.gpus[index].sample.energy_j.unwrap_or_default();
        let begin = self.lines.iter().find(|line| line.at_s >= self.head.repeat_from_s);
        self.lines.last().map_or(0.0, joules) - begin.map_or(0.0, joules)
    }
}

fn read<T: serde::de::DeserializeOwned>(number: usize, line: &str) -> Result<T, (usize, String)> {
    serde_json::from_str(line).map_err(|error| (number, error.to_string()))
}

impl Nvml for Replay {
    fn count(&self) -> u32 {
        u32::try_from(self.head.gpus.len()).unwrap_or(u32::MAX)
    }

    fn facts(&self, index: u32) -> Option<Gpu> {
        self.head.gpus.get(index as usize).cloned()
    }

    fn read(&mut self, index: u32, thoroughly: bool) -> Result<Reading, Silence> {
        let at_s = self.began.elapsed().as_secs_f64();
        let Said { mut sample, processes } = self.at(index as usize, at_s).ok_or(Silence::Lost)?;
        sample.energy_j = sample.energy_j.filter(|_| thoroughly);
        Ok(Reading { sample, processes: thoroughly.then_some(processes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        r#"{"trace": "synthetic", "repeat_from_s": 1, "gpus": [{"name": "H", "vram_bytes": 9}]}"#;
    const LINES: [&str; 3] = [
        r#"{"at_s": 0, "gpus": [{"power_w": 70, "energy_j": 0, "utilization": 0}]}"#,
        r#"{"at_s": 1, "gpus": [{"power_w": 70, "energy_j": 70, "utilization": 1, "processes": [5]}]}"#,
        r#"{"at_s": 3, "gpus": [{"power_w": 270, "energy_j": 410, "utilization": 0}]}"#,
    ];

    fn replay() -> Replay {
        Replay::parse(&[&[HEAD], &LINES[..]].concat().join("\n")).unwrap()
    }

    fn energy(at_s: f64) -> f64 {
        replay().at(0, at_s).unwrap().sample.energy_j.unwrap()
    }

    #[test]
    fn power_and_energy_are_continuous_and_the_rest_holds_until_the_next_line() {
        let said = replay().at(0, 2.0).unwrap();
        assert_eq!(said.sample.power_w, Some(170.0));
        assert_eq!(said.sample.energy_j, Some(240.0));
        assert_eq!((said.sample.utilization, said.processes), (Some(1.0), vec![5]));
    }

    #[test]
    fn a_trace_goes_on_from_its_load_and_its_counter_never_falls() {
        assert_eq!(replay().at(0, 3.5).unwrap().sample.utilization, Some(1.0));
        assert!((energy(3.5) - (410.0 + 85.0)).abs() < 1e-9);
        assert!((energy(5.5) - (750.0 + 85.0)).abs() < 1e-9);
        assert_eq!(energy(0.0), 0.0);
    }

    #[test]
    fn what_is_no_trace_is_refused_with_its_line() {
        let line = |text: String| Replay::parse(&text).unwrap_err().0;
        assert_eq!(line(String::new()), 1);
        assert_eq!(line(format!("{HEAD}\n{}\n{}", LINES[1], LINES[0])), 3);
        assert_eq!(line(format!("{HEAD}\n{}\nnonsense", LINES[0])), 3);
        assert_eq!(line(HEAD.to_owned()), 2);
    }

    #[test]
    fn a_lost_gpu_says_nothing() {
        let lost = LINES[1].replace("\"power_w\": 70,", "\"lost\": true,");
        let replay = Replay::parse(&[HEAD, LINES[0], &lost, LINES[2]].join("\n")).unwrap();
        assert!(replay.at(0, 0.5).is_some() && replay.at(0, 1.5).is_none());
    }
}

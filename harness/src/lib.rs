//! The measuring half of tokgate: the only package with a clock and with sockets towards targets.
//!
//! A [`driver::Driver`] says *what* came, the [`recorder::Reply`] says *when*, a workload says
//! when to send, and `measure` puts them together. What does not live here, on purpose:
//! baselines, verdicts, SQLite, the terminal, the command line.

pub mod alarm;
pub mod ceiling;
mod checksum;
pub mod clock;
mod cost;
mod counting;
mod datafile;
pub mod driver;
pub mod drivers;
pub mod http;
mod inputs;
pub mod launch;
mod load;
pub mod machine;
pub mod measure;
mod pacer;
pub mod part;
pub mod pressure;
pub mod recorder;
pub mod retrieval;
pub mod stop;
pub mod telemetry;
mod texts;
pub mod wire;

/// A small generation case for the tests of this package.
#[cfg(test)]
pub(crate) fn test_case() -> tokgate_core::case::Case {
    use tokgate_core::case::{
        Case, CaseId, Dataset, DriverKind, Gate, PromptSet, Requires, RunSettings, Target, Workload,
    };
    Case {
        id: CaseId::new("test", "case", &[]),
        kind: tokgate_core::metric::Kind::Generation,
        target: Target::of(DriverKind::Simulated),
        dataset: Dataset::Prompts(PromptSet::synthetic(16, 8)),
        workload: Workload::closed(1, 1, 10, 0),
        retrieval: None,
        embedding: None,
        rag: None,
        run: RunSettings {
            epochs: 1,
            timeout_s: 60.0,
            seed: 42,
            salt: true,
            telemetry_interval_s: 0.1,
            energy_interval_s: 1.0,
            server_metrics: false,
            dcgm_url: None,
            spike_of: "itl".to_owned(),
            html_report: true,
        },
        requires: Requires::default(),
        goals: Vec::new(),
        pressure: None,
        slos: Vec::new(),
        gate: Gate::default(),
        validity: tokgate_core::validity::Limits::default(),
        quality: tokgate_core::quality::Settings::default(),
        alerts: tokgate_core::alert::Settings::default(),
        benchmark_type: "single".to_owned(),
        notes: String::new(),
    }
}

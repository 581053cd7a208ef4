//! `tokgate doctor`: what this machine has, what is missing, what would make numbers noisy.

use crate::cli::ceiling;
use crate::cli::face::Face;
use crate::project::Project;
use crate::servers;
use crate::store::{FileStore, Layout, Store};
use anyhow::Result;
use std::path::Path;
use tokgate_core::environment::Environment;
use tokgate_core::goal::Level;
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Exit;
use tokgate_harness::telemetry::steal_since_boot;

/// Load average per core above which something else is clearly running.
const BUSY_LOAD: f64 = 0.5;

/// Steal since boot above which the machine is known to be shared.
const WORTH_NAMING: f64 = 0.01;

/// What this machine has, what is missing, what would make numbers noisy.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where results live.
    #[arg(long, env = "TOKGATE_RESULTS")]
    results_dir: Option<std::path::PathBuf>,
    /// Also measure how many events a second this machine's client can take; some seconds
    #[arg(long)]
    ceiling: bool,
}

/// One line: how it stands, what was looked at, what was found, what to do.
pub(super) struct Finding {
    level: Level,
    what: &'static str,
    found: String,
}

pub(super) fn fine(what: &'static str, found: impl Into<String>) -> Finding {
    Finding { level: Level::Green, what, found: found.into() }
}

pub(super) fn note(what: &'static str, found: impl Into<String>) -> Finding {
    Finding { level: Level::Yellow, what, found: found.into() }
}

fn bad(what: &'static str, found: impl Into<String>) -> Finding {
    Finding { level: Level::Red, what, found: found.into() }
}

/// Prints the findings.
///
/// # Errors
/// When the results folder cannot be named.
pub(super) fn run(args: &Args, face: &Face) -> Result<Exit> {
    let environment = tokgate_harness::machine::detect();
    let here = std::env::current_dir()?;
    let project = Project::find(&here);
    let results = args.results_dir.clone().map_or_else(|| project.results(), Ok)?;
    let mut findings = machine(&environment);
    findings.extend(noise(&environment));
    findings.extend([embedded(), servers(), git(&here), storage(&results)]);
    if args.ceiling {
        findings.extend(ceiling::findings());
    }
    for finding in &findings {
        face.say(&format!("{} {:<10} {}", face.mark(finding.level), finding.what, finding.found));
    }
    let broken = findings.iter().any(|finding| finding.level == Level::Red);
    Ok(if broken { Exit::Storage } else { Exit::Held })
}

fn machine(environment: &Environment) -> Vec<Finding> {
    let memory = |bytes: u64| Unit::Bytes.show(bytes as f64);
    let mut findings = vec![
        fine(
            "machine",
            format!("{} (preset {})", environment.machine(), environment.hardware_preset()),
        ),
        fine("cpu", format!("{} × {}", environment.cpu_count, environment.cpu_model)),
        fine(
            "memory",
            format!(
                "{}, {} available",
                memory(environment.memory_bytes),
                memory(environment.memory_available_bytes)
            ),
        ),
    ];
    findings.extend(
        environment
            .gpus
            .iter()
            .map(|gpu| fine("gpu", format!("{}, {}", gpu.name, memory(gpu.vram_bytes)))),
    );
    if environment.gpus.is_empty() {
        findings.push(note(
            "gpu",
            "none that NVML shows: no GPU metrics, no energy; scenarios that need one are skipped",
        ));
    }
    findings
}

fn noise(environment: &Environment) -> Vec<Finding> {
    [load(environment), steal(), governor()].into_iter().flatten().collect()
}

fn load(environment: &Environment) -> Option<Finding> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    let load: f64 = text.split_whitespace().next()?.parse().ok()?;
    let per_core = load / f64::from(environment.cpu_count.max(1));
    Some(match per_core > BUSY_LOAD {
        true => note(
            "load",
            format!(
                "{load:.1} runnable on {} cores: end what else is running before you measure",
                environment.cpu_count
            ),
        ),
        false => fine("load", format!("{load:.1} runnable on {} cores", environment.cpu_count)),
    })
}

fn steal() -> Option<Finding> {
    let share = steal_since_boot()?;
    Some(match share > WORTH_NAMING {
        true => note(
            "steal",
            format!(
                "{:.1} % of CPU time since boot went to other guests: compare side by side",
                share * 100.0
            ),
        ),
        false => fine("steal", "none worth naming since boot"),
    })
}

fn governor() -> Option<Finding> {
    let path = "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor";
    let governor = std::fs::read_to_string(path).ok()?;
    let governor = governor.trim();
    Some(match governor {
        "performance" => fine("governor", governor),
        other => note(
            "governor",
            format!("{other}: `cpupower frequency-set -g performance` makes clocks steady"),
        ),
    })
}

fn embedded() -> Finding {
    match (cfg!(feature = "embedded"), cfg!(feature = "cuda"), cfg!(feature = "metal")) {
        (true, true, _) => fine("embedded", "built in, with CUDA"),
        (true, _, true) => fine("embedded", "built in, with Metal"),
        (true, false, false) => {
            fine("embedded", "built in, on the CPU (features `cuda` and `metal` use a GPU)")
        }
        (false, ..) => note(
            "embedded",
            "not in this build: only servers can be measured; build with `--features embedded`",
        ),
    }
}

fn servers() -> Finding {
    match servers::listening() {
        found if found.is_empty() => {
            note("servers", "none on the usual local ports: driver `auto` means the embedded model")
        }
        found => fine(
            "servers",
            found
                .iter()
                .map(|server| format!("{} at {}", server.name, server.base_url))
                .collect::<Vec<_>>()
                .join(", "),
        ),
    }
}

fn git(here: &Path) -> Finding {
    match crate::git::Commit::at(here) {
        Some(commit) if commit.dirty => {
            note("git", format!("{commit}: results will say that the tree was changed"))
        }
        Some(commit) => fine("git", commit.to_string()),
        None => note("git", "no commit here: results will not say which code they belong to"),
    }
}

/// Why nothing can be written to a folder, or to the nearest one above it that is there.
fn unwritable(results: &Path) -> Option<std::io::Error> {
    let here = Path::new(".");
    let above = results.ancestors().find(|folder| folder.exists()).unwrap_or(here);
    let folder = if above.as_os_str().is_empty() { here } else { above };
    tempfile::tempfile_in(folder).err()
}

fn storage(results: &Path) -> Finding {
    let layout = Layout::new(results);
    if let Some(why) = unwritable(results) {
        return bad(
            "results",
            format!("{}: {why}; name another with --results-dir", results.display()),
        );
    }
    if !layout.database().exists() {
        return fine("results", format!("none yet; they will be in {}", results.display()));
    }
    let checked = FileStore::open(layout).and_then(|store| {
        store.database().check()?;
        Ok(store.runs(usize::MAX)?.len())
    });
    match checked {
        Ok(runs) => {
            fine("results", format!("{runs} runs in {}, the database is whole", results.display()))
        }
        Err(error) => bad("results", format!("{error:#}")),
    }
}

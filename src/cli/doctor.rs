//! `tokgate doctor`: what this machine has, what is missing, what would make numbers noisy.

use crate::cli::ceiling;
use crate::cli::face::Face;
use crate::project::Project;
use crate::servers;
use crate::store::{FileStore, Layout, Store};
use anyhow::Result;
use std::path::Path;
use tokgate_core::diagnostic::line;
use tokgate_core::environment::{Environment, Gpu, HostSettings};
use tokgate_core::goal::Level;
use tokgate_core::unit::Unit;
use tokgate_core::verdict::Exit;
use tokgate_harness::telemetry::{check_replay, sources, steal_since_boot};

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
    check_replay()?;
    let environment = tokgate_harness::machine::detect();
    let here = std::env::current_dir()?;
    let project = Project::find(&here);
    let results = args.results_dir.clone().map_or_else(|| project.results(), Ok)?;
    let mut findings = machine(&environment);
    findings.extend(noise(&environment));
    findings.extend(telemetry());
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
    findings.extend(environment.gpus.iter().map(gpu));
    if environment.gpus.is_empty() {
        findings.push(note(
            "gpu",
            "none: no GPU metrics, no GPU energy; scenarios that need one are skipped",
        ));
    }
    findings
}

fn gpu(gpu: &Gpu) -> Finding {
    let settings = &gpu.settings;
    let is = |name: &str, state: Option<bool>| {
        state.map(|on| format!("{name} {}", if on { "on" } else { "off" }))
    };
    let more = [
        settings.power_limit_w.map(|watts| format!("limit {watts} W")),
        is("ECC", settings.ecc),
        is("MIG", settings.mig),
        is("persistence", settings.persistence),
        gpu.driver.as_ref().map(|driver| format!("driver {driver}")),
        settings.cuda.as_ref().map(|cuda| format!("CUDA {cuda}")),
    ];
    let more = more.into_iter().flatten().map(|fact| format!(", {fact}")).collect::<String>();
    let found = format!("{}, {}{more}", gpu.name, Unit::Bytes.show(gpu.vram_bytes as f64));
    match &settings.replayed {
        Some(trace) => note("gpu", format!("{found}; played from {trace}")),
        None => fine("gpu", found),
    }
}

fn noise(environment: &Environment) -> Vec<Finding> {
    [
        load(environment),
        steal(),
        governor(environment),
        limits(&environment.host),
        below(&environment.host),
        clock_source(&environment.host),
    ]
    .into_iter()
    .flatten()
    .collect()
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

/// What our control group allows us.
fn limits(host: &HostSettings) -> Option<Finding> {
    let cpu = host.cpu_limit_millicpus.map(|thousandths| {
        format!(
            "{:.1} CPUs: a load above it is paused, and shows as stalls",
            f64::from(thousandths) / 1e3
        )
    });
    let memory = host.memory_limit_bytes.map(|bytes| Unit::Bytes.show(bytes as f64));
    let told: Vec<String> = [cpu, memory].into_iter().flatten().collect();
    (!told.is_empty()).then(|| note("limits", format!("of the control group: {}", told.join("; "))))
}

/// What is between us and the hardware.
fn below(host: &HostSettings) -> Option<Finding> {
    let container = host.container.as_ref().map(|engine| format!("a container ({engine})"));
    let virtual_machine =
        host.virtualization.as_ref().map(|hypervisor| match hypervisor.as_str() {
            "yes" => "a virtual machine".to_owned(),
            hypervisor => format!("a virtual machine ({hypervisor})"),
        });
    let told: Vec<String> = [container, virtual_machine].into_iter().flatten().collect();
    (!told.is_empty()).then(|| fine("inside", told.join(", ")))
}

fn clock_source(host: &HostSettings) -> Option<Finding> {
    let source = host.clock_source.as_deref()?;
    Some(match source {
        "hpet" | "acpi_pm" | "jiffies" => note(
            "time from",
            format!(
                "{source}: each look at the clock is a call of the kernel, a microsecond or more"
            ),
        ),
        fast => fine("time from", fast),
    })
}

fn governor(environment: &Environment) -> Option<Finding> {
    Some(match environment.host.governor.as_deref()? {
        "performance" => fine("governor", "performance"),
        other => note(
            "governor",
            format!("{other}: `cpupower frequency-set -g performance` makes clocks steady"),
        ),
    })
}

/// One line for each source of telemetry: what there is, or why there is nothing.
fn telemetry() -> Vec<Finding> {
    let told = |source: tokgate_harness::telemetry::Source| match source.state {
        Ok(found) => fine(source.name, found),
        Err(why) => note(source.name, why),
    };
    sources().into_iter().map(told).collect()
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
    let shown = line(&results.display().to_string());
    let layout = Layout::new(results);
    if let Some(why) = unwritable(results) {
        return bad("results", format!("{shown}: {why}; name another with --results-dir"));
    }
    if !layout.database().exists() {
        return fine("results", format!("none yet; they will be in {shown}"));
    }
    let checked = FileStore::open(layout).and_then(|store| {
        store.look_through()?;
        Ok(store.runs(usize::MAX)?.len())
    });
    match checked {
        Ok(runs) => fine("results", format!("{runs} runs in {shown}, the database is whole")),
        Err(error) => bad("results", line(&format!("{error:#}"))),
    }
}

//! Every source of telemetry: the samplers that work here, and of each what there is or why not.

use super::apart::Apart;
use super::gpus::{Gpus, Nvml};
use super::nvml::Library;
use super::replay::{Replay, ReplayError};
use super::{Sampler, amd, host, rapl, stalled, target, traffic};
use std::path::{Path, PathBuf};
use tokgate_core::environment::Gpu;

const PROC: &str = "/proc";
const SYS: &str = "/sys";

/// The samplers that work on this machine.
#[must_use]
pub fn samplers() -> Vec<Box<dyn Sampler>> {
    let (proc, sys) = (|| PathBuf::from(PROC), Path::new(SYS));
    let mut samplers: Vec<Box<dyn Sampler>> = Vec::new();
    samplers.extend(host::Host::new(proc()).map(boxed));
    #[cfg(target_os = "linux")]
    samplers.push(boxed(super::clock::Clocks::default()));
    samplers.extend(stalled::Pressure::new(proc()).map(boxed));
    samplers.extend(traffic::Devices::new(proc(), sys).map(boxed));
    samplers.extend(target::Processes::new(proc()).map(boxed));
    samplers.extend(rapl::Packages::open(sys).ok().map(boxed));
    match nvml() {
        Ok(nvml) => samplers.extend(Gpus::new(Box::new(Apart::new(nvml))).map(boxed)),
        Err(_) => samplers.extend(amd::Cards::new(sys).map(boxed)),
    }
    samplers
}

fn boxed(sampler: impl Sampler + 'static) -> Box<dyn Sampler> {
    Box::new(sampler)
}

/// What speaks for NVIDIA's GPUs: a trace where one is asked for, else the library.
fn nvml() -> Result<Box<dyn Nvml>, String> {
    match Replay::asked_for() {
        Ok(Some(replay)) => Ok(Box::new(replay)),
        Ok(None) => Library::open().map(|library| Box::new(library) as Box<dyn Nvml>),
        Err(error) => Err(error.to_string()),
    }
}

/// Whether the trace that is asked for, if one is, can be played.
///
/// # Errors
/// When it cannot.
pub fn check_replay() -> Result<(), ReplayError> {
    Replay::asked_for().map(drop)
}

/// The GPUs of this machine; empty without a driver. AMD's are looked for where there are none of
/// NVIDIA's: beside one, they are the screen's.
#[must_use]
pub fn gpus() -> Vec<Gpu> {
    match nvml() {
        Ok(nvml) => (0..nvml.count()).filter_map(|index| nvml.facts(index)).collect(),
        Err(_) => amd::Cards::new(Path::new(SYS)).map(|cards| cards.facts()).unwrap_or_default(),
    }
}

/// One source of telemetry, and how it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: &'static str,
    /// What there is, or why there is nothing and what to do.
    pub state: Result<String, String>,
}

/// Every source, in words.
#[must_use]
pub fn sources() -> Vec<Source> {
    let (proc, sys) = (PathBuf::from(PROC), Path::new(SYS));
    let linux = || "only told by Linux".to_owned();
    let processes = target::Processes::new(proc.clone());
    let devices = traffic::Devices::new(proc.clone(), sys);
    let named = |name, state| Source { name, state };
    vec![
        named("gpu power", gpu_state(sys)),
        named("cpu energy", rapl::Packages::open(sys).map(|packages| packages.tell())),
        named("stalls", stalled::state(&proc)),
        named("traffic", devices.map(|devices| devices.tell()).ok_or_else(linux)),
        named(
            "processes",
            processes
                .map(|_| {
                    "CPU time and memory of servers that tokgate starts, and of those here that \
                     run as the same user"
                        .to_owned()
                })
                .ok_or_else(linux),
        ),
        named(
            "clock",
            match cfg!(target_os = "linux") {
                true => Ok("moves of the wall clock and suspensions".to_owned()),
                false => Err(linux()),
            },
        ),
    ]
}

/// Whether power and energy of GPUs are told, and by whom.
fn gpu_state(sys: &Path) -> Result<String, String> {
    let mut nvml = match nvml() {
        Ok(nvml) => nvml,
        Err(why) => {
            return amd::Cards::new(sys)
                .map(|_| "power by amdgpu, which has no energy counter".to_owned())
                .ok_or(why);
        }
    };
    let read = nvml.read(0, true).map_err(|_| "the first GPU does not answer".to_owned())?;
    match (read.sample.energy_j, read.sample.power_w) {
        (Some(_), _) => Ok("power and energy counters by NVML".to_owned()),
        (None, Some(_)) => {
            Err("power by NVML; no energy counter, which GPUs before Volta lack".to_owned())
        }
        (None, None) => Err("NVML tells neither power nor energy of this GPU".to_owned()),
    }
}

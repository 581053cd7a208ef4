//! The facts about the machine that we measure from.

mod host;

use crate::telemetry::gpus;
use std::path::Path;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use tokgate_core::environment::Environment;

/// Looks at this machine. What it does not tell is left empty or 0 CPUs and bytes never: a
/// platform without sysinfo gives one CPU and no memory figures.
#[must_use]
pub fn detect() -> Environment {
    let refresh = RefreshKind::nothing()
        .with_cpu(CpuRefreshKind::nothing())
        .with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(refresh).ok();
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Environment {
        cpu_model: system.as_ref().map(cpu_model).unwrap_or_default(),
        cpu_count: u32::try_from(cpus).unwrap_or(u32::MAX),
        memory_bytes: system.as_ref().map_or(0, System::total_memory),
        memory_available_bytes: system.as_ref().map_or(0, System::available_memory),
        gpus: gpus(),
        os: System::long_os_version().unwrap_or_else(|_| std::env::consts::OS.to_owned()),
        kernel: System::kernel_version().unwrap_or_default(),
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: None,
        host: host::settings(Path::new("/"), &|name| std::env::var(name).ok()),
        workers: None,
    }
}

/// The CPU's name as the system gives it, without trademark signs.
fn cpu_model(system: &System) -> String {
    let brand = system.cpus().first().map_or("", |cpu| cpu.brand());
    brand.replace("(R)", "").replace("(TM)", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

//! What the model computes on, and how much memory there is for it.
//!
//! The device is CUDA's first card, else Metal's, else the CPU: of the cargo features `cuda` and
//! `metal` whichever is built in and finds its hardware. The identity names it.

use candle_core::{Device, utils};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The version of candle that is compiled in; candle itself does not say.
const CANDLE: &str = "0.11.1";

/// The fastest device of this build and machine.
pub(crate) fn fastest() -> Device {
    let cuda = utils::cuda_is_available().then(|| Device::new_cuda(0)).and_then(Result::ok);
    let metal = || utils::metal_is_available().then(|| Device::new_metal(0)).and_then(Result::ok);
    cuda.or_else(metal).unwrap_or(Device::Cpu)
}

/// The device as results name it.
pub(crate) fn name(device: &Device) -> &'static str {
    match device {
        Device::Cpu => "cpu",
        Device::Cuda(_) => "cuda",
        Device::Metal(_) => "metal",
    }
}

/// The engine as results name it.
pub(crate) fn engine(device: &Device) -> String {
    format!("candle {CANDLE} ({})", name(device))
}

/// The vector instructions that candle's kernels found, part of what makes machines comparable.
pub(crate) fn instructions() -> String {
    let found =
        [("avx2", utils::with_avx()), ("neon", utils::with_neon()), ("f16c", utils::with_f16c())];
    let names: Vec<&str> =
        found.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
    names.join("+")
}

/// Memory of the host that can still be taken, bytes; within the control group, where one limits
/// it. `None` where the system does not say.
pub(crate) fn available_memory() -> Option<u64> {
    let memory = MemoryRefreshKind::nothing().with_ram();
    let system = System::new_with_specifics(RefreshKind::nothing().with_memory(memory)).ok()?;
    let group = system.cgroup_limits().map(|limits| limits.free_memory);
    Some(system.available_memory().min(group.unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::CANDLE;

    #[test]
    fn the_version_named_is_the_one_compiled_in() {
        let lock = include_str!("../../../../Cargo.lock");
        assert!(lock.contains(&format!("name = \"candle-core\"\nversion = \"{CANDLE}\"\n")));
    }
}

//! What a measurement ran on, and the stable name of that machine.
//!
//! The facts are found by the edges and handed in; nothing here looks at a machine.

use crate::case::RunsOn;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gpu {
    /// The name as the driver gives it: `NVIDIA GeForce RTX 4090`.
    pub name: String,
    /// Memory in bytes.
    pub vram_bytes: u64,
    /// The device's UUID, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// Driver version, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
}

/// The facts about the machine that plan and report need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The CPU's name.
    pub cpu_model: String,
    /// Logical CPUs that we may use.
    pub cpu_count: u32,
    /// Memory of the host in bytes.
    pub memory_bytes: u64,
    /// Memory that was free at the start, in bytes.
    pub memory_available_bytes: u64,
    /// The GPUs, empty where there are none or no driver answers.
    pub gpus: Vec<Gpu>,
    /// Operating system and its version.
    pub os: String,
    /// Kernel version.
    pub kernel: String,
    /// Version of tokgate.
    pub tool_version: String,
    /// Commit of the project measured from, with `-dirty`, where there is a repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl Environment {
    /// The machine key: `{gpu}-x{n}` or `cpu-{n}c-{model}` (FORMATS.md).
    #[must_use]
    pub fn machine(&self) -> MachineId {
        match self.gpus.first() {
            Some(gpu) => MachineId(format!("{}-x{}", gpu_slug(gpu), self.gpus.len())),
            None => MachineId(format!("cpu-{}c-{}", self.cpu_count, slug(&self.cpu_model))),
        }
    }

    /// The name of the hardware preset that fits: the first GPU's slug with underscores
    /// (`rtx_4090`), or `cpu_only` without a GPU.
    #[must_use]
    pub fn hardware_preset(&self) -> String {
        self.gpus
            .first()
            .map_or_else(|| "cpu_only".to_owned(), |gpu| slug_of_name(&gpu.name).replace('-', "_"))
    }
}

/// The stable key of a machine, under which baselines are kept.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineId(pub String);

impl fmt::Display for MachineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl RunsOn {
    /// The key of the machine that is declared; `None` where no GPU is.
    #[must_use]
    pub fn machine(&self) -> Option<MachineId> {
        Some(MachineId(format!("{}-x{}", gpu_slug(&self.card()?), self.gpus.unwrap_or(1))))
    }

    /// The GPU that is declared; a memory that is not is 0.
    #[must_use]
    pub fn card(&self) -> Option<Gpu> {
        Some(Gpu {
            name: self.gpu.clone()?,
            vram_bytes: self.vram_bytes.unwrap_or_default(),
            uuid: None,
            driver: None,
        })
    }
}

/// Lower case, runs of anything but letters and digits as one hyphen.
#[must_use]
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

/// The GPU's slug without the maker's words.
fn slug_of_name(name: &str) -> String {
    slug(name)
        .split('-')
        .filter(|word| {
            !matches!(*word, "nvidia" | "geforce" | "amd" | "radeon" | "intel" | "graphics")
        })
        .collect::<Vec<_>>()
        .join("-")
}

/// `rtx-4090`, `h100-80gb`: the memory is added where cards of one name differ in it.
fn gpu_slug(gpu: &Gpu) -> String {
    const GIB: u64 = 1 << 30;
    let name = slug_of_name(&gpu.name);
    let datacentre = ["a100", "h100", "h200", "b200"]
        .into_iter()
        .find(|card| name.split('-').any(|word| word == *card));
    match datacentre {
        Some(card) if gpu.vram_bytes > 0 => {
            // Drivers report slightly less than the nominal size, so round up to the next ten.
            let gib = gpu.vram_bytes.div_ceil(GIB).next_multiple_of(10);
            format!("{card}-{gib}gb")
        }
        Some(_) | None => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_gpu(name: &str, gib: u64) -> Environment {
        Environment {
            cpu_model: "AMD Ryzen 9 7950X".to_owned(),
            cpu_count: 32,
            memory_bytes: 64 << 30,
            memory_available_bytes: 60 << 30,
            gpus: vec![Gpu {
                name: name.to_owned(),
                vram_bytes: gib << 30,
                uuid: None,
                driver: None,
            }],
            os: "Linux".to_owned(),
            kernel: "6.1".to_owned(),
            tool_version: "0".to_owned(),
            commit: None,
        }
    }

    #[test]
    fn machines_are_named_by_their_gpu() {
        let consumer = with_gpu("NVIDIA GeForce RTX 4090", 24);
        assert_eq!(consumer.machine().0, "rtx-4090-x1");
        assert_eq!(consumer.hardware_preset(), "rtx_4090");
        assert_eq!(with_gpu("NVIDIA H100 80GB HBM3", 79).machine().0, "h100-80gb-x1");
    }

    #[test]
    fn a_declared_machine_has_the_key_that_it_would_find_itself() {
        let declared = |gpu: &str, gib: u64| RunsOn {
            gpu: Some(gpu.to_owned()),
            gpus: Some(2),
            vram_bytes: Some(gib << 30),
            ..RunsOn::default()
        };
        assert_eq!(declared("H100 80GB", 80).machine().unwrap().0, "h100-80gb-x2");
        assert_eq!(declared("RTX 4090", 24).machine().unwrap().0, "rtx-4090-x2");
        assert_eq!(RunsOn::default().machine(), None);
    }

    #[test]
    fn a_machine_without_a_gpu_is_named_by_its_cpu() {
        let mut plain = with_gpu("x", 1);
        plain.gpus.clear();
        assert_eq!(plain.machine().0, "cpu-32c-amd-ryzen-9-7950x");
        assert_eq!(plain.hardware_preset(), "cpu_only");
    }
}

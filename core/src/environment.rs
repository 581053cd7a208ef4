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
    /// How it is set up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: GpuSettings,
}

/// How a GPU is set up, as far as it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuSettings {
    /// The power that it may draw, watts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub power_limit_w: Option<u32>,
    /// Whether its memory corrects errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecc: Option<bool>,
    /// Whether it is divided into instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mig: Option<bool>,
    /// Whether its driver stays loaded while nobody uses it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persistence: Option<bool>,
    /// The newest CUDA that its driver runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cuda: Option<String>,
    /// The trace that stands for it: what it says is not of this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replayed: Option<String>,
}

/// How a host is set up, as far as it tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostSettings {
    /// What chooses the CPUs' clocks: `performance`, `powersave`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// CPU time that our control group may take, thousandths of a CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit_millicpus: Option<u32>,
    /// Memory that our control group may use, bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_limit_bytes: Option<u64>,
    /// The kind of container that we are in; absent outside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The hypervisor below the system; absent where none shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub virtualization: Option<String>,
    /// What the kernel reads the time from: `tsc`, `hpet`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_source: Option<String>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
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
    /// How the host is set up.
    #[serde(default, skip_serializing_if = "is_default")]
    pub host: HostSettings,
    /// The workers that sent the load together, where several did, of which this is the first one's host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<Workers>,
}

/// The workers that sent one load together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workers {
    /// How many the load was dealt to.
    pub count: u32,
    /// Hosts that they ran on.
    pub hosts: u32,
    /// The keys of those hosts, each once.
    pub machines: Vec<String>,
    /// Digest of the files that the run was merged from.
    pub files: String,
}

impl Environment {
    /// The trace that stands for the GPUs, where one does.
    #[must_use]
    pub fn replayed(&self) -> Option<&str> {
        self.gpus.iter().find_map(|gpu| gpu.settings.replayed.as_deref())
    }

    /// The machine key: `{gpu}-x{n}` or `cpu-{n}c-{model}` (FORMATS.md); with `replayed-` before
    /// it where the GPU is played from a trace, so that nothing is compared with a real one.
    #[must_use]
    pub fn machine(&self) -> MachineId {
        match self.gpus.first() {
            Some(gpu) if gpu.settings.replayed.is_some() => {
                MachineId(format!("replayed-{}-x{}", gpu_slug(gpu), self.gpus.len()))
            }
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
            settings: GpuSettings::default(),
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
pub(crate) fn slug_of_name(name: &str) -> String {
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
                settings: GpuSettings::default(),
            }],
            os: "Linux".to_owned(),
            kernel: "6.1".to_owned(),
            tool_version: "0".to_owned(),
            commit: None,
            host: HostSettings::default(),
            workers: None,
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
    fn a_replayed_gpu_gives_the_machine_a_name_of_its_own() {
        let mut replayed = with_gpu("NVIDIA H100 80GB HBM3", 79);
        replayed.gpus[0].settings.replayed = Some("h100.jsonl: synthetic".to_owned());
        assert_eq!(replayed.machine().0, "replayed-h100-80gb-x1");
        assert_eq!(replayed.replayed(), Some("h100.jsonl: synthetic"));
    }

    #[test]
    fn an_environment_of_before_the_settings_is_read() {
        let stored = r#"{"cpu_model": "c", "cpu_count": 1, "memory_bytes": 2,
            "memory_available_bytes": 1, "gpus": [{"name": "G", "vram_bytes": 3}],
            "os": "o", "kernel": "k", "tool_version": "0"}"#;
        let read: Environment = serde_json::from_str(stored).unwrap();
        assert_eq!((read.gpus[0].settings.ecc, read.host.governor.as_deref()), (None, None));
        let written = serde_json::to_string(&read).unwrap();
        assert!(!written.contains("settings") && !written.contains("host"), "{written}");
    }

    #[test]
    fn a_machine_without_a_gpu_is_named_by_its_cpu() {
        let mut plain = with_gpu("x", 1);
        plain.gpus.clear();
        assert_eq!(plain.machine().0, "cpu-32c-amd-ryzen-9-7950x");
        assert_eq!(plain.hardware_preset(), "cpu_only");
    }
}

//! AMD's GPUs, by the files of their kernel driver (`/sys/class/drm`, the amdgpu documentation).
//!
//! They have no energy counter there, and reasons for a low clock are not told.

use super::{Moment, Sampler};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use tokgate_core::environment::{Gpu, GpuSettings};
use tokgate_core::run::{GpuSample, TelemetrySample};

/// The maker's number on the bus.
const AMD: &str = "0x1002";

/// Less memory of its own than this, and it is the screen's part of a CPU, which nobody measures:
/// it would give the machine another name.
const LEAST_MEMORY: u64 = 4 << 30;

/// Samples AMD's cards.
pub(super) struct Cards(Vec<Card>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Card {
    device: PathBuf,
    /// Its sensors.
    sensors: Option<PathBuf>,
}

impl Cards {
    /// Those of this machine; `None` without any.
    pub(super) fn new(sys: &Path) -> Option<Self> {
        let mut devices: Vec<PathBuf> = folders(&sys.join("class/drm"))
            .filter(|path| is_card(path))
            .map(|path| path.join("device"))
            .collect();
        devices.sort();
        let cards: Vec<Card> = devices.into_iter().filter_map(Card::open).collect();
        (!cards.is_empty()).then_some(Self(cards))
    }

    /// What they are.
    pub(super) fn facts(&self) -> Vec<Gpu> {
        self.0.iter().filter_map(Card::facts).collect()
    }
}

/// `card0`, and not its outputs (`card0-DP-1`).
fn is_card(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix("card").is_some_and(|number| number.parse::<u32>().is_ok())
}

fn folders(path: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn text(file: &Path) -> Option<String> {
    std::fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

fn number<T: FromStr>(file: &Path) -> Option<T> {
    text(file)?.parse().ok()
}

impl Card {
    fn open(device: PathBuf) -> Option<Self> {
        let memory: u64 = number(&device.join("mem_info_vram_total"))?;
        let is_amd = text(&device.join("vendor")).as_deref() == Some(AMD);
        let sensors = folders(&device.join("hwmon")).next();
        (is_amd && memory >= LEAST_MEMORY).then_some(Self { device, sensors })
    }

    fn facts(&self) -> Option<Gpu> {
        let told = text(&self.device.join("product_name")).filter(|name| !name.is_empty());
        let model = text(&self.device.join("device")).unwrap_or_default();
        let limit: Option<u64> = self.sensor("power1_cap");
        Some(Gpu {
            name: told.unwrap_or_else(|| format!("AMD GPU {}", model.trim_start_matches("0x"))),
            vram_bytes: number(&self.device.join("mem_info_vram_total"))?,
            uuid: text(&self.device.join("unique_id")),
            driver: None,
            settings: GpuSettings {
                power_limit_w: limit
                    .and_then(|microwatts| u32::try_from(microwatts / 1_000_000).ok()),
                ..GpuSettings::default()
            },
        })
    }

    fn sensor<T: FromStr>(&self, name: &str) -> Option<T> {
        number(&self.sensors.as_ref()?.join(name))
    }

    fn megahertz(&self, name: &str) -> Option<u32> {
        u32::try_from(self.sensor::<u64>(name)? / 1_000_000).ok()
    }

    fn read(&self) -> GpuSample {
        let busy: Option<f64> = number(&self.device.join("gpu_busy_percent"));
        // Newer cards tell only the power of this moment.
        let power = self.sensor::<f64>("power1_average").or_else(|| self.sensor("power1_input"));
        GpuSample {
            utilization: busy.map(|percent| percent / 100.0),
            memory_bytes: number(&self.device.join("mem_info_vram_used")),
            temperature_c: self.sensor::<f64>("temp1_input").map(|thousandths| thousandths / 1e3),
            power_w: power.map(|microwatts| microwatts / 1e6),
            sm_clock_mhz: self.megahertz("freq1_input"),
            memory_clock_mhz: self.megahertz("freq2_input"),
            lost: !self.device.exists(),
            ..GpuSample::default()
        }
    }
}

impl Sampler for Cards {
    fn sample(&mut self, _: &Moment<'_>, into: &mut TelemetrySample) {
        into.gpus.extend(self.0.iter().map(Card::read));
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::telemetry::fake::FakeProc;

    fn card(name: &str, vendor: &str, gib: u64) -> FakeProc {
        let root = FakeProc::new();
        let file =
            |file: &str, text: &str| root.file(&format!("class/drm/{name}/device/{file}"), text);
        file("vendor", &format!("{vendor}\n"));
        file("device", "0x744c\n");
        file("mem_info_vram_total", &format!("{}\n", gib << 30));
        file("mem_info_vram_used", "1048576\n");
        file("gpu_busy_percent", "75\n");
        file("hwmon/hwmon3/power1_average", "250000000\n");
        file("hwmon/hwmon3/temp1_input", "61000\n");
        file("hwmon/hwmon3/freq1_input", "2300000000\n");
        root
    }

    #[test]
    fn a_card_tells_what_its_files_tell() {
        let root = card("card1", AMD, 24);
        let cards = Cards::new(&root.path()).unwrap();
        let facts = &cards.facts()[0];
        assert_eq!((facts.name.as_str(), facts.vram_bytes), ("AMD GPU 744c", 24 << 30));
        let sample = cards.0[0].read();
        assert_eq!((sample.utilization, sample.power_w), (Some(0.75), Some(250.0)));
        assert_eq!((sample.temperature_c, sample.sm_clock_mhz), (Some(61.0), Some(2300)));
        assert_eq!((sample.energy_j, sample.memory_clock_mhz, sample.lost), (None, None, false));
    }

    #[test]
    fn a_card_that_was_taken_away_is_lost() {
        let root = card("card1", AMD, 24);
        let cards = Cards::new(&root.path()).unwrap();
        std::fs::remove_dir_all(root.path().join("class/drm/card1")).unwrap();
        assert!(cards.0[0].read().lost);
    }

    #[test]
    fn outputs_other_makers_and_the_screens_part_of_a_cpu_are_no_cards() {
        assert!(Cards::new(&card("card1-DP-1", AMD, 24).path()).is_none());
        assert!(Cards::new(&card("card0", "0x8086", 24).path()).is_none());
        assert!(Cards::new(&card("card0", AMD, 1).path()).is_none());
    }
}

//! NVIDIA's GPUs, through NVML, which is opened at run time: no GPU, no driver, no samples.

use super::Sampler;
use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use tokgate_core::environment::Gpu;
use tokgate_core::run::{GpuSample, TelemetrySample};

/// Samples every GPU that NVML shows.
pub(super) struct Gpus {
    nvml: Nvml,
    count: u32,
}

impl Gpus {
    /// `None` without a driver or without a GPU.
    pub(super) fn new() -> Option<Self> {
        let nvml = Nvml::init().ok()?;
        let count = nvml.device_count().ok().filter(|count| *count > 0)?;
        Some(Self { nvml, count })
    }

    fn read(&self, index: u32) -> GpuSample {
        let Ok(device) = self.nvml.device_by_index(index) else {
            return GpuSample::default();
        };
        GpuSample {
            utilization: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu) / 100.0),
            memory_bytes: device.memory_info().ok().map(|memory| memory.used),
            temperature_c: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
            power_w: device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3),
            energy_j: device
                .total_energy_consumption()
                .ok()
                .map(|millijoules| millijoules as f64 / 1e3),
            ..GpuSample::default()
        }
    }
}

impl Sampler for Gpus {
    fn sample(&mut self, into: &mut TelemetrySample) {
        into.gpus = (0..self.count).map(|index| self.read(index)).collect();
    }
}

/// The GPUs of this machine; empty without a driver.
#[must_use]
pub fn gpus() -> Vec<Gpu> {
    let Some(gpus) = Gpus::new() else {
        return Vec::new();
    };
    let driver = gpus.nvml.sys_driver_version().ok();
    (0..gpus.count)
        .filter_map(|index| gpus.nvml.device_by_index(index).ok())
        .filter_map(|device| {
            Some(Gpu {
                name: device.name().ok()?,
                vram_bytes: device.memory_info().ok()?.total,
                uuid: device.uuid().ok(),
                driver: driver.clone(),
            })
        })
        .collect()
}

//! NVIDIA's own library, which is opened at run time: no GPU, no driver, no samples.

use super::gpus::{Nvml, Reading, Silence};
use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, cuda_driver_version_major, cuda_driver_version_minor};
use tokgate_core::environment::{Gpu, GpuSettings};
use tokgate_core::run::GpuSample;

/// The library, opened.
pub(super) struct Library {
    nvml: nvml_wrapper::Nvml,
    count: u32,
}

impl Library {
    /// Opens it.
    ///
    /// # Errors
    /// In words, why there are no GPUs to be seen, and what to do.
    pub(super) fn open() -> Result<Self, String> {
        let nvml = nvml_wrapper::Nvml::init().map_err(|error| why_not(&error))?;
        match nvml.device_count() {
            Ok(0) => Err("the driver shows no GPU".to_owned()),
            Ok(count) => Ok(Self { nvml, count }),
            Err(error) => Err(why_not(&error)),
        }
    }

    fn driver(&self) -> Option<String> {
        self.nvml.sys_driver_version().ok()
    }

    /// The newest CUDA that the driver runs: `12.8`.
    fn cuda(&self) -> Option<String> {
        let version = self.nvml.sys_cuda_driver_version().ok()?;
        let (major, minor) =
            (cuda_driver_version_major(version), cuda_driver_version_minor(version));
        Some(format!("{major}.{minor}"))
    }
}

/// What an error of opening means to a user.
fn why_not(error: &NvmlError) -> String {
    match error {
        NvmlError::LibloadingError(_) | NvmlError::LibraryNotFound => {
            "libnvidia-ml.so.1 is not there: no NVIDIA driver; in a container, start it with \
             `--gpus all`"
                .to_owned()
        }
        NvmlError::LibRmVersionMismatch => {
            "the driver's kernel module and its library are of different versions: restart the \
             machine, or load the module anew"
                .to_owned()
        }
        NvmlError::DriverNotLoaded => {
            "the driver is installed and not loaded: `modprobe nvidia`, or restart the machine"
                .to_owned()
        }
        NvmlError::NoPermission => {
            "no permission to ask the driver: see who may read /dev/nvidiactl".to_owned()
        }
        other => format!("the driver's library does not open ({other})"),
    }
}

impl Nvml for Library {
    fn count(&self) -> u32 {
        self.count
    }

    fn facts(&self, index: u32) -> Option<Gpu> {
        let device = self.nvml.device_by_index(index).ok()?;
        Some(Gpu {
            name: device.name().ok()?,
            vram_bytes: device.memory_info().ok()?.total,
            uuid: device.uuid().ok(),
            driver: self.driver(),
            settings: GpuSettings { cuda: self.cuda(), ..settings(&device) },
        })
    }

    fn read(&mut self, index: u32, thoroughly: bool) -> Result<Reading, Silence> {
        let device = self.nvml.device_by_index(index).map_err(|error| silence(&error))?;
        let mut asked = Asked::default();
        let sample = GpuSample {
            utilization: asked
                .keep(device.utilization_rates())
                .map(|rates| f64::from(rates.gpu) / 100.0),
            memory_bytes: asked.keep(device.memory_info()).map(|memory| memory.used),
            temperature_c: asked.keep(device.temperature(TemperatureSensor::Gpu)).map(f64::from),
            power_w: asked.keep(device.power_usage()).map(thousandth),
            energy_j: thoroughly
                .then(|| asked.keep(device.total_energy_consumption()))
                .flatten()
                .map(|millijoules| millijoules as f64 / 1e3),
            sm_clock_mhz: asked.keep(device.clock_info(Clock::SM)),
            memory_clock_mhz: asked.keep(device.clock_info(Clock::Memory)),
            throttle: asked.keep(device.current_throttle_reasons()).map(|reasons| reasons.bits()),
            ..GpuSample::default()
        };
        let processes =
            thoroughly.then(|| asked.keep(device.running_compute_processes())).flatten();
        let processes =
            processes.map(|found| found.into_iter().map(|process| process.pid).collect());
        asked.silence().map_or(Ok(Reading { sample, processes }), Err)
    }
}

/// What does not change while we measure, as long as nobody changes it.
fn settings(device: &Device<'_>) -> GpuSettings {
    let limit = device.enforced_power_limit().or_else(|_| device.power_management_limit());
    GpuSettings {
        power_limit_w: limit.ok().map(|milliwatts| milliwatts.div_ceil(1000)),
        ecc: device.is_ecc_enabled().ok().map(|ecc| ecc.currently_enabled),
        mig: device.mig_mode().ok().map(|mode| mode.current != 0),
        persistence: device.is_in_persistent_mode().ok(),
        ..GpuSettings::default()
    }
}

fn thousandth(value: u32) -> f64 {
    f64::from(value) / 1e3
}

fn silence(error: &NvmlError) -> Silence {
    match error {
        NvmlError::GpuLost | NvmlError::ResetRequired => Silence::Lost,
        _ => Silence::Unanswered,
    }
}

/// The questions to one GPU: what it does not support is absent, and one answer that it is lost
/// says it of all.
#[derive(Default)]
struct Asked {
    answered: bool,
    lost: bool,
}

impl Asked {
    fn keep<T>(&mut self, answer: Result<T, NvmlError>) -> Option<T> {
        self.answered |= answer.is_ok();
        self.lost |= answer.as_ref().is_err_and(|error| silence(error) == Silence::Lost);
        answer.ok()
    }

    fn silence(&self) -> Option<Silence> {
        match (self.lost, self.answered) {
            (true, _) => Some(Silence::Lost),
            (false, false) => Some(Silence::Unanswered),
            (false, true) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn silence_after(answers: Vec<Result<(), NvmlError>>) -> Option<Silence> {
        let mut asked = Asked::default();
        for answer in answers {
            asked.keep(answer);
        }
        asked.silence()
    }

    #[test]
    fn one_question_that_is_not_supported_is_no_silence() {
        assert_eq!(silence_after(vec![Err(NvmlError::NotSupported), Ok(())]), None);
        assert_eq!(silence_after(vec![Ok(()), Err(NvmlError::NotSupported)]), None);
    }

    #[test]
    fn a_gpu_that_answers_nothing_is_silent_and_one_that_is_lost_is_lost() {
        let nothing = vec![Err(NvmlError::Unknown), Err(NvmlError::Unknown)];
        assert_eq!(silence_after(nothing), Some(Silence::Unanswered));
        assert_eq!(silence_after(vec![Ok(()), Err(NvmlError::GpuLost)]), Some(Silence::Lost));
        assert_eq!(silence_after(vec![Err(NvmlError::GpuLost), Ok(())]), Some(Silence::Lost));
    }
}

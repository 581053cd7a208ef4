//! The formulas that look at what the machine said while measuring.

use super::Whole;
use crate::quantile::mean;
use crate::run::{GpuSample, TelemetrySample};
use crate::time::Offset;

/// `peak_rss`: the largest resident set, bytes.
pub(super) fn peak_rss(run: &Whole<'_>) -> Option<f64> {
    peak(series(run, |sample| sample.rss_bytes.map(|bytes| bytes as f64)))
}

/// `memory_peak`: the largest used memory of the host, bytes.
pub(super) fn memory_peak(run: &Whole<'_>) -> Option<f64> {
    peak(series(run, used_memory))
}

/// `memory_mean`: the mean used memory of the host, bytes.
pub(super) fn memory_mean(run: &Whole<'_>) -> Option<f64> {
    mean(&series(run, used_memory))
}

/// `memory_share`: [`memory_peak`] / memory of the host.
pub(super) fn memory_share(run: &Whole<'_>) -> Option<f64> {
    let memory = run.head.environment.memory_bytes;
    (memory > 0).then_some(())?;
    memory_peak(run).map(|peak| peak / memory as f64)
}

/// `cpu_mean`: the mean utilisation of the host's CPUs.
pub(super) fn cpu_mean(run: &Whole<'_>) -> Option<f64> {
    mean(&series(run, |sample| sample.cpu))
}

/// `gpu_util_mean`: the mean over samples of the mean over GPUs.
pub(super) fn gpu_util_mean(run: &Whole<'_>) -> Option<f64> {
    mean(&series(run, |sample| mean(&all_gpus(sample, |gpu| gpu.utilization)?)))
}

/// `gpu_mem_peak`: the largest sum over GPUs of used memory, bytes.
pub(super) fn gpu_mem_peak(run: &Whole<'_>) -> Option<f64> {
    let bytes = |gpu: &GpuSample| gpu.memory_bytes.map(|bytes| bytes as f64);
    peak(series(run, |sample| Some(all_gpus(sample, bytes)?.iter().sum())))
}

/// `gpu_temp_peak`: the hottest sample of any GPU, degrees Celsius.
pub(super) fn gpu_temp_peak(run: &Whole<'_>) -> Option<f64> {
    peak(series(run, |sample| peak(all_gpus(sample, |gpu| gpu.temperature_c)?)))
}

/// `gpu_power_mean`: the mean over samples of the sum over GPUs, watts.
pub(super) fn gpu_power_mean(run: &Whole<'_>) -> Option<f64> {
    mean(&series(run, |sample| Some(all_gpus(sample, |gpu| gpu.power_w)?.iter().sum())))
}

/// `telemetry_dropped`: samples that were due in the window and are not there. Between two that
/// are, one for each further interval that passed; at its end those that should have followed the
/// last. `None` where nobody samples.
pub(super) fn dropped(run: &Whole<'_>) -> Option<f64> {
    let (window, interval_s) = (run.seen.window?, run.head.case.run.telemetry_interval_s);
    let says_something = |sample: &TelemetrySample| {
        let empty = TelemetrySample { at: sample.at, ..TelemetrySample::default() };
        *sample != empty
    };
    run.telemetry.iter().any(says_something).then_some(())?;
    // What is late after the window is late for nobody.
    let inside = run.watched().iter().map(|sample| sample.at.min(window.end));
    let moments: Vec<Offset> = inside.chain([window.end]).collect();
    let missing = |pair: &[Offset]| {
        let intervals = pair[1].seconds_since(pair[0]) / interval_s;
        (intervals.round() - 1.0).max(0.0)
    };
    Some(moments.windows(2).map(missing).sum::<f64>() + silent(run))
}

/// Samples of the window in which a GPU said nothing that said something in others.
fn silent(run: &Whole<'_>) -> f64 {
    let is_silent = |gpu: &GpuSample| *gpu == GpuSample::default();
    let spoke = run.telemetry.iter().flat_map(|sample| &sample.gpus).any(|gpu| !is_silent(gpu));
    let without = |sample: &&TelemetrySample| sample.gpus.iter().any(is_silent);
    run.watched().iter().filter(without).filter(|_| spoke).count() as f64
}

/// What the samples from the beginning of the measured window on say, and the first one after it.
fn series(run: &Whole<'_>, read: impl Fn(&TelemetrySample) -> Option<f64>) -> Vec<f64> {
    let Some(window) = run.seen.window else { return Vec::new() };
    let within = run.watched().iter().filter(|sample| sample.at >= window.start);
    within.filter_map(read).collect()
}

/// The reading of every GPU; `None` without GPUs, and when one of them is silent, since a sum
/// over the others would look like a smaller number.
fn all_gpus(
    sample: &TelemetrySample,
    read: impl Fn(&GpuSample) -> Option<f64>,
) -> Option<Vec<f64>> {
    let values: Option<Vec<f64>> = sample.gpus.iter().map(read).collect();
    values.filter(|values| !values.is_empty())
}

fn used_memory(sample: &TelemetrySample) -> Option<f64> {
    sample.memory_bytes.map(|bytes| bytes as f64)
}

fn peak(values: Vec<f64>) -> Option<f64> {
    values.into_iter().reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::fixture::with_gpus;

    #[test]
    fn a_silent_gpu_is_not_counted_as_zero() {
        let uses = |bytes| GpuSample { memory_bytes: bytes, ..Default::default() };
        let both = vec![uses(Some(10)), uses(Some(20))];
        let one = vec![uses(Some(90)), uses(None)];
        assert_eq!(gpu_mem_peak(&Whole::of(&with_gpus(vec![vec![], both, one]))), Some(30.0));
    }

    #[test]
    fn warm_up_does_not_raise_the_peak() {
        let uses = |bytes| vec![GpuSample { memory_bytes: Some(bytes), ..Default::default() }];
        assert_eq!(
            gpu_mem_peak(&Whole::of(&with_gpus(vec![uses(99), uses(5), uses(7)]))),
            Some(7.0)
        );
    }

    fn dropped_of(moments_ms: &[u64]) -> Option<f64> {
        let mut run = with_gpus(Vec::new());
        run.telemetry = moments_ms
            .iter()
            .map(|ms| TelemetrySample {
                at: Offset(ms * 1_000_000),
                load: Some(1.0),
                ..Default::default()
            })
            .collect();
        dropped(&Whole::of(&run))
    }

    #[test]
    fn samples_that_were_due_and_are_not_there_are_counted() {
        // The window is from 1 s to 2 s, the interval 100 ms.
        let all: Vec<u64> = (9..22).map(|tenth| tenth * 100).collect();
        assert_eq!(dropped_of(&all), Some(0.0));
        let few: Vec<u64> = all.iter().copied().filter(|ms| !(1200..1500).contains(ms)).collect();
        assert_eq!(dropped_of(&few), Some(3.0));
        assert_eq!(dropped_of(&all[..4]), Some(7.0), "it hung after 1.2 s");
        assert_eq!(dropped_of(&[]), None);
    }

    #[test]
    fn a_gpu_that_does_not_answer_in_time_has_dropped_its_sample() {
        let told = |clock| GpuSample { sm_clock_mhz: clock, ..GpuSample::default() };
        let mut run = with_gpus([Some(1980), None, Some(1980)].map(|it| vec![told(it)]).to_vec());
        run.head.case.run.telemetry_interval_s = 1.0;
        assert_eq!(dropped(&Whole::of(&run)), Some(1.0));
        run.telemetry.iter_mut().for_each(|sample| sample.gpus = vec![told(None)]);
        assert_eq!(dropped(&Whole::of(&run)), Some(0.0), "it never said anything");
    }
}

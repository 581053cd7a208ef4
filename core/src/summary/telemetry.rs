//! The formulas that look at what the machine said while measuring.

use crate::quantile::mean;
use crate::run::{GpuSample, Run, TelemetrySample, Window};
use crate::time::Offset;

/// `peak_rss`: the largest resident set, bytes.
pub(super) fn peak_rss(run: &Run) -> Option<f64> {
    peak(series(run, |sample| sample.rss_bytes.map(|bytes| bytes as f64)))
}

/// `memory_peak`: the largest used memory of the host, bytes.
pub(super) fn memory_peak(run: &Run) -> Option<f64> {
    peak(series(run, used_memory))
}

/// `memory_mean`: the mean used memory of the host, bytes.
pub(super) fn memory_mean(run: &Run) -> Option<f64> {
    mean(&series(run, used_memory))
}

/// `memory_share`: [`memory_peak`] / memory of the host.
pub(super) fn memory_share(run: &Run) -> Option<f64> {
    let memory = run.head.environment.memory_bytes;
    (memory > 0).then_some(())?;
    memory_peak(run).map(|peak| peak / memory as f64)
}

/// `cpu_mean`: the mean utilisation of the host's CPUs.
pub(super) fn cpu_mean(run: &Run) -> Option<f64> {
    mean(&series(run, |sample| sample.cpu))
}

/// `gpu_util_mean`: the mean over samples of the mean over GPUs.
pub(super) fn gpu_util_mean(run: &Run) -> Option<f64> {
    mean(&series(run, |sample| mean(&all_gpus(sample, |gpu| gpu.utilization)?)))
}

/// `gpu_mem_peak`: the largest sum over GPUs of used memory, bytes.
pub(super) fn gpu_mem_peak(run: &Run) -> Option<f64> {
    let bytes = |gpu: &GpuSample| gpu.memory_bytes.map(|bytes| bytes as f64);
    peak(series(run, |sample| Some(all_gpus(sample, bytes)?.iter().sum())))
}

/// `gpu_temp_peak`: the hottest sample of any GPU, degrees Celsius.
pub(super) fn gpu_temp_peak(run: &Run) -> Option<f64> {
    peak(series(run, |sample| peak(all_gpus(sample, |gpu| gpu.temperature_c)?)))
}

/// `gpu_power_mean`: the mean over samples of the sum over GPUs, watts.
pub(super) fn gpu_power_mean(run: &Run) -> Option<f64> {
    mean(&series(run, |sample| Some(all_gpus(sample, |gpu| gpu.power_w)?.iter().sum())))
}

/// `energy`: Σ over GPUs of E(end) − E(start) of the hardware's counter, joules, where start and
/// end are the edges of the measured window and E is interpolated between the readings around
/// them. Absent when a GPU gave no reading on either side of the window, or its counter fell.
pub(super) fn energy(run: &Run) -> Option<f64> {
    let window = run.window()?;
    let gpus = run.telemetry.iter().map(|sample| sample.gpus.len()).max().filter(|n| *n > 0)?;
    (0..gpus).map(|gpu| spent(&readings(run, gpu), window)).sum()
}

/// One reading of an energy counter.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Offset,
    joules: f64,
}

fn readings(run: &Run, gpu: usize) -> Vec<Reading> {
    let joules = |sample: &TelemetrySample| sample.gpus.get(gpu)?.energy_j;
    run.telemetry
        .iter()
        .filter_map(|sample| joules(sample).map(|joules| Reading { at: sample.at, joules }))
        .collect()
}

fn spent(readings: &[Reading], window: Window) -> Option<f64> {
    let fell = readings.windows(2).any(|pair| pair[1].joules < pair[0].joules);
    let spent = counter_at(readings, window.end)? - counter_at(readings, window.start)?;
    (!fell).then_some(spent)
}

/// The counter at `at`, interpolated between the readings on either side of it.
fn counter_at(readings: &[Reading], at: Offset) -> Option<f64> {
    let after = readings.partition_point(|reading| reading.at < at);
    let next = readings.get(after)?;
    if next.at == at {
        return Some(next.joules);
    }
    let last = readings.get(after.checked_sub(1)?)?;
    let share = at.seconds_since(last.at) / next.at.seconds_since(last.at);
    Some(last.joules + share * (next.joules - last.joules))
}

/// What the samples of the measured window say, and the first one after it: a sample looks back,
/// and a window shorter than the interval has no other.
fn series(run: &Run, read: impl Fn(&TelemetrySample) -> Option<f64>) -> Vec<f64> {
    let Some(window) = run.window() else { return Vec::new() };
    let first = run.telemetry.partition_point(|sample| sample.at < window.start);
    let after = run.telemetry.partition_point(|sample| sample.at < window.end);
    let last = (after + 1).min(run.telemetry.len());
    run.telemetry[first..last].iter().filter_map(read).collect()
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
    use crate::summary::fixture::{run, success};

    /// A window from 1 s to 2 s, and a sample every second from 0 s on.
    fn with_gpus(samples: Vec<Vec<GpuSample>>) -> Run {
        let second = |n: usize| Offset(n as u64 * 1_000_000_000);
        let mut run = run(vec![success(0)]);
        (run.records[0].sent, run.records[0].done) = (second(1), second(2));
        run.telemetry = samples
            .into_iter()
            .enumerate()
            .map(|(n, gpus)| TelemetrySample { at: second(n), gpus, ..Default::default() })
            .collect();
        run
    }

    fn counter(joules: f64) -> GpuSample {
        GpuSample { energy_j: Some(joules), ..Default::default() }
    }

    #[test]
    fn energy_is_what_all_counters_gained_inside_the_window() {
        let run = with_gpus(vec![
            vec![counter(0.0), counter(50.0)],
            vec![counter(100.0), counter(60.0)],
            vec![counter(300.0), counter(65.0)],
            vec![counter(900.0), counter(65.0)],
        ]);
        assert_eq!(energy(&run), Some(205.0));
    }

    #[test]
    fn sparse_readings_are_interpolated_at_the_edges() {
        let silent = || vec![GpuSample::default()];
        let run = with_gpus(vec![vec![counter(0.0)], silent(), silent(), vec![counter(300.0)]]);
        assert!((energy(&run).unwrap_or(f64::NAN) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn energy_is_absent_after_a_reset_and_where_the_window_is_not_covered() {
        let reset = vec![vec![counter(900.0)], vec![counter(5.0)], vec![counter(10.0)]];
        assert_eq!(energy(&with_gpus(reset)), None);
        assert_eq!(energy(&with_gpus(vec![vec![counter(1.0)], vec![counter(2.0)]])), None);
        assert_eq!(energy(&with_gpus(vec![vec![], vec![], vec![]])), None);
    }

    #[test]
    fn a_silent_gpu_is_not_counted_as_zero() {
        let uses = |bytes| GpuSample { memory_bytes: bytes, ..Default::default() };
        let both = vec![uses(Some(10)), uses(Some(20))];
        let one = vec![uses(Some(90)), uses(None)];
        assert_eq!(gpu_mem_peak(&with_gpus(vec![vec![], both, one])), Some(30.0));
    }

    #[test]
    fn warm_up_does_not_raise_the_peak() {
        let uses = |bytes| vec![GpuSample { memory_bytes: Some(bytes), ..Default::default() }];
        assert_eq!(gpu_mem_peak(&with_gpus(vec![uses(99), uses(5), uses(7)])), Some(7.0));
    }
}

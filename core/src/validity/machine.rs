//! What spoils a run by what the machine said while measuring.

use super::limits::Limits;
use super::reason::Reason;
use crate::quantile::{Sorted, mean};
use crate::run::{GpuSample, TelemetrySample};
use crate::summary::Whole;
use crate::throttle::slowed_by;

/// Telemetry that must be there before shares of time are judged: the kernel counts in hundredths of a
/// second, and over a moment two or three of them would decide.
const NEEDED_S: f64 = 1.0;
/// A GPU that works this share of the time has a clock to hold.
const IS_BUSY: f64 = 0.5;
/// Samples of a busy GPU from which a spread can be told.
const CLOCKS: usize = 20;
/// Samples in a row that see a process before it is one: the driver lists those that just ended.
const SEEN: usize = 2;
const MIB: f64 = 1_048_576.0;

/// Every reason that the machine gives.
pub(super) fn reasons<'a>(
    run: &Whole<'a>,
    limits: &'a Limits,
) -> impl Iterator<Item = Reason> + use<'a> {
    let samples = run.watched();
    let host = [
        steal(samples, limits),
        neighbours(samples, limits),
        suspended(samples, limits),
        clock_gap(samples, run.head.case.run.telemetry_interval_s + limits.gap_s),
        clock_moved(samples, limits),
        swapped(samples, limits),
    ];
    let gpus = samples.iter().map(|sample| sample.gpus.len()).max().unwrap_or(0);
    host.into_iter().flatten().chain((0..gpus).flat_map(move |gpu| of_gpu(samples, limits, gpu)))
}

fn steal(samples: &[TelemetrySample], limits: &Limits) -> Option<Reason> {
    let share = mean_share(samples, |sample| sample.steal)?;
    (share > limits.steal).then_some(Reason::Steal { steal_percent: share * 100.0 })
}

fn neighbours(samples: &[TelemetrySample], limits: &Limits) -> Option<Reason> {
    let share = mean_share(samples, |sample| sample.others_cpu)?;
    (share > limits.others_cpu).then_some(Reason::Neighbours { percent: share * 100.0 })
}

/// The mean of a share of time, where there is enough of it. A sample looks back to the one before,
/// so that the first says nothing.
fn mean_share(
    samples: &[TelemetrySample],
    share: fn(&TelemetrySample) -> Option<f64>,
) -> Option<f64> {
    let (first, rest) = samples.split_first()?;
    let shares: Vec<f64> = rest.iter().filter_map(share).collect();
    mean(&shares)
        .filter(|_| rest.last().is_some_and(|last| last.at.seconds_since(first.at) >= NEEDED_S))
}

fn clock_gap(samples: &[TelemetrySample], allowed_s: f64) -> Option<Reason> {
    samples
        .windows(2)
        .map(|pair| pair[1].at.seconds_since(pair[0].at))
        .filter(|gap| *gap > allowed_s)
        .reduce(f64::max)
        .map(|gap_s| Reason::ClockGap { gap_s })
}

fn suspended(samples: &[TelemetrySample], limits: &Limits) -> Option<Reason> {
    let for_s = grown(samples, |sample| sample.suspended_s)?;
    (for_s > limits.gap_s).then_some(Reason::Suspended { for_s })
}

fn clock_moved(samples: &[TelemetrySample], limits: &Limits) -> Option<Reason> {
    let by_s = grown(samples, |sample| sample.clock_moved_s)?;
    (by_s.abs() > limits.clock_moved_s).then_some(Reason::ClockMoved { by_s })
}

fn swapped(samples: &[TelemetrySample], limits: &Limits) -> Option<Reason> {
    let bytes = grown(samples, |sample| sample.swapped_in_bytes.map(|bytes| bytes as f64))?;
    (bytes > limits.swapped_mib * MIB).then_some(Reason::Swapped { mib: bytes / MIB })
}

/// By how much a count was moved, at the farthest, from where it stood.
fn grown(samples: &[TelemetrySample], count: fn(&TelemetrySample) -> Option<f64>) -> Option<f64> {
    let mut counts = samples.iter().filter_map(count);
    let first = counts.next()?;
    counts.map(|count| count - first).max_by(|a, b| a.abs().total_cmp(&b.abs()))
}

fn of_gpu(
    samples: &[TelemetrySample],
    limits: &Limits,
    gpu: usize,
) -> impl Iterator<Item = Reason> + use<> {
    let samples: Vec<&GpuSample> =
        samples.iter().filter_map(|sample| sample.gpus.get(gpu)).collect();
    let number = u32::try_from(gpu).unwrap_or(u32::MAX);
    let found = [
        throttled(&samples, number, limits),
        clock_spread(&samples, number, limits),
        is_shared(&samples).then_some(Reason::GpuShared { gpu: number }),
        samples.iter().any(|sample| sample.lost).then_some(Reason::GpuLost { gpu: number }),
    ];
    found.into_iter().flatten()
}

fn throttled(samples: &[&GpuSample], gpu: u32, limits: &Limits) -> Option<Reason> {
    let told: Vec<u64> = samples.iter().filter_map(|sample| sample.throttle).collect();
    let slowed = told.iter().filter(|bits| !slowed_by(**bits).is_empty()).count();
    let share = slowed as f64 / told.len().max(1) as f64;
    let by = slowed_by(told.iter().fold(0, |all, bits| all | bits));
    (share > limits.throttled).then(|| Reason::Throttled {
        gpu,
        by: by.join(" and "),
        percent: share * 100.0,
    })
}

fn clock_spread(samples: &[&GpuSample], gpu: u32, limits: &Limits) -> Option<Reason> {
    let busy = samples.iter().filter(|sample| sample.utilization.is_some_and(|it| it > IS_BUSY));
    let clocks = Sorted::new(busy.filter_map(|sample| sample.sm_clock_mhz.map(f64::from)));
    let spread = clocks.quantile(0.95)? - clocks.quantile(0.05)?;
    let share = spread / clocks.median()?;
    let is_told = clocks.as_slice().len() >= CLOCKS;
    (is_told && share > limits.clock_spread)
        .then_some(Reason::ClockSpread { gpu, percent: share * 100.0 })
}

fn is_shared(samples: &[&GpuSample]) -> bool {
    let told: Vec<u32> = samples.iter().filter_map(|sample| sample.foreign_processes).collect();
    told.windows(SEEN).any(|some| some.iter().all(|count| *count > 0))
}

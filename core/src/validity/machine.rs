//! What spoils a run by what the machine said while measuring.

use super::limits::Limits;
use super::reason::Reason;
use crate::quantile::{Sorted, mean};
use crate::run::{GpuSample, Run, THROTTLED, TelemetrySample};

/// Telemetry that must be there before shares of time are judged: the kernel counts in hundredths of a
/// second, and over a moment two or three of them would decide.
const NEEDED_S: f64 = 1.0;
/// A GPU that works this share of the time has a clock to hold.
const IS_BUSY: f64 = 0.5;
/// Samples of a busy GPU from which a spread can be told.
const CLOCKS: usize = 20;
/// Samples in a row that see a process before it is one: the driver lists those that just ended.
const SEEN: usize = 2;
/// Reasons of a slowdown, by NVML's bit.
const SLOWED_BY: [(u64, &str); 4] = [
    (0x8, "the hardware"),
    (0x20, "the driver, for heat"),
    (0x40, "the hardware, for heat"),
    (0x80, "the power supply"),
];
const MIB: f64 = 1_048_576.0;

/// Every reason that the machine gives.
pub(super) fn reasons(run: &Run, limits: &Limits) -> impl Iterator<Item = Reason> {
    let host = [
        steal(run, limits),
        neighbours(run, limits),
        suspended(run, limits),
        clock_gap(run, limits),
        clock_moved(run, limits),
        swapped(run, limits),
    ];
    let gpus = run.telemetry.iter().map(|sample| sample.gpus.len()).max().unwrap_or(0);
    host.into_iter().flatten().chain((0..gpus).flat_map(|gpu| of_gpu(run, limits, gpu)))
}

fn steal(run: &Run, limits: &Limits) -> Option<Reason> {
    let share = mean_share(run, |sample| sample.steal)?;
    (share > limits.steal).then_some(Reason::Steal { steal_percent: share * 100.0 })
}

/// Pressure that the scenario itself makes is ours.
fn neighbours(run: &Run, limits: &Limits) -> Option<Reason> {
    let share = mean_share(run, |sample| sample.others_cpu)?;
    (share > limits.others_cpu).then_some(Reason::Neighbours { percent: share * 100.0 })
}

/// The mean of a share of time, where there is enough of it.
fn mean_share(run: &Run, share: fn(&TelemetrySample) -> Option<f64>) -> Option<f64> {
    let (first, last) = (run.telemetry.first()?, run.telemetry.last()?);
    let shares: Vec<f64> = run.telemetry.iter().filter_map(share).collect();
    mean(&shares).filter(|_| last.at.seconds_since(first.at) >= NEEDED_S)
}

/// A gap is told as what it was, where the kernel counts how long the machine slept.
fn clock_gap(run: &Run, limits: &Limits) -> Option<Reason> {
    let allowed = run.head.case.run.telemetry_interval_s + limits.gap_s;
    run.telemetry
        .windows(2)
        .map(|pair| pair[1].at.seconds_since(pair[0].at))
        .filter(|gap| *gap > allowed)
        .reduce(f64::max)
        .map(|gap_s| Reason::ClockGap { gap_s })
}

fn suspended(run: &Run, limits: &Limits) -> Option<Reason> {
    let longest = run.telemetry.iter().filter_map(|sample| sample.suspended_s).reduce(f64::max);
    longest.filter(|for_s| *for_s > limits.gap_s).map(|for_s| Reason::Suspended { for_s })
}

/// A sleeping machine's wall clock goes on, which is no move of it.
fn clock_moved(run: &Run, limits: &Limits) -> Option<Reason> {
    let moved =
        |sample: &TelemetrySample| Some(sample.clock_moved_s? - sample.suspended_s.unwrap_or(0.0));
    let farthest =
        run.telemetry.iter().filter_map(moved).max_by(|a, b| a.abs().total_cmp(&b.abs()))?;
    (farthest.abs() > limits.clock_moved_s).then_some(Reason::ClockMoved { by_s: farthest })
}

fn swapped(run: &Run, limits: &Limits) -> Option<Reason> {
    let mut counts = run.telemetry.iter().filter_map(|sample| sample.swapped_in_bytes);
    let first = counts.next()?;
    let mib = counts.next_back()?.saturating_sub(first) as f64 / MIB;
    (mib > limits.swapped_mib).then_some(Reason::Swapped { mib })
}

fn of_gpu(run: &Run, limits: &Limits, gpu: usize) -> impl Iterator<Item = Reason> {
    let samples: Vec<&GpuSample> =
        run.telemetry.iter().filter_map(|sample| sample.gpus.get(gpu)).collect();
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
    let slowed: Vec<u64> =
        told.iter().map(|bits| bits & THROTTLED).filter(|bits| *bits > 0).collect();
    let share = slowed.len() as f64 / told.len().max(1) as f64;
    let all = slowed.iter().fold(0, |all, bits| all | bits);
    let by: Vec<&str> =
        SLOWED_BY.into_iter().filter(|(bit, _)| all & bit != 0).map(|(_, by)| by).collect();
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
    let is_seen = |sample: &&GpuSample| sample.foreign_processes.is_some_and(|count| count > 0);
    samples.windows(SEEN).any(|some| some.iter().all(is_seen))
}

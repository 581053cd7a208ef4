//! The formulas of energy: what counters gained over the measured window, in joules.

use super::Whole;
use crate::quantile::mean;
use crate::run::{TelemetrySample, Window};
use crate::time::Offset;

/// Samples of an idle machine that its idle power rests on, seconds: a GPU's sensor itself averages
/// over a part of one.
const IDLE_NEEDS_S: f64 = 1.0;

/// A GPU that is busier than this is not idle. A screen alone takes a few percent.
const IDLE_UTILIZATION: f64 = 0.05;

/// `energy`: Σ over GPUs of E(end) − E(start) of the hardware's counter, joules, where start and
/// end are the edges of the measured window and E is interpolated between the readings around
/// them. Absent when a GPU gave no reading on either side of the window, or its counter fell.
pub(super) fn gpus(run: &Whole<'_>) -> Option<f64> {
    let gpus = run.telemetry.iter().map(|sample| sample.gpus.len()).max().filter(|n| *n > 0)?;
    (0..gpus).map(|gpu| spent(run, |sample| sample.gpus.get(gpu)?.energy_j)).sum()
}

/// `energy_idle_corrected`: energy − P_idle · T, where P_idle is the mean over samples of the sum
/// over GPUs of their power while idle, before the first request of the epoch.
pub(super) fn above_idle(run: &Whole<'_>) -> Option<f64> {
    Some(gpus(run)? - idle_power_w(run)? * run.window_s()?)
}

/// `energy_cpu`: the same difference of the CPU packages' counter.
pub(super) fn cpu(run: &Whole<'_>) -> Option<f64> {
    spent(run, |sample| sample.cpu_energy_j)
}

/// `energy_total`: GPUs and CPU packages together.
pub(super) fn total(run: &Whole<'_>) -> Option<f64> {
    Some(gpus(run)? + cpu(run)?)
}

/// The mean power of the last stretch before any request in which every GPU was idle; `None` when
/// that is too short.
fn idle_power_w(run: &Whole<'_>) -> Option<f64> {
    let first = run.seen.first?.sent;
    let before = run.telemetry.partition_point(|sample| sample.at < first);
    let idle: Vec<(Offset, f64)> = run.telemetry[..before]
        .iter()
        .rev()
        .map_while(|sample| Some((sample.at, idle_sample_w(sample)?)))
        .collect();
    let (last, earliest) = (idle.first()?.0, idle.last()?.0);
    let watts: Vec<f64> = idle.iter().map(|(_, watts)| *watts).collect();
    (last.seconds_since(earliest) >= IDLE_NEEDS_S).then(|| mean(&watts))?
}

/// The power of all GPUs, if all of them are idle and say so.
fn idle_sample_w(sample: &TelemetrySample) -> Option<f64> {
    let idle = |share: Option<f64>| share.is_some_and(|share| share <= IDLE_UTILIZATION);
    let all_idle = !sample.gpus.is_empty() && sample.gpus.iter().all(|gpu| idle(gpu.utilization));
    all_idle.then(|| sample.gpus.iter().map(|gpu| gpu.power_w).sum())?
}

/// One reading of an energy counter.
#[derive(Debug, Clone, Copy)]
struct Reading {
    at: Offset,
    joules: f64,
}

/// What a counter gained inside the window.
fn spent(run: &Whole<'_>, counter: impl Fn(&TelemetrySample) -> Option<f64>) -> Option<f64> {
    let readings: Vec<Reading> = run
        .telemetry
        .iter()
        .filter_map(|sample| Some(Reading { at: sample.at, joules: counter(sample)? }))
        .collect();
    between(&readings, run.seen.window?)
}

fn between(readings: &[Reading], window: Window) -> Option<f64> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{GpuSample, Run};
    use crate::summary::fixture::{sampled, with_gpus};

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
        assert_eq!(gpus(&Whole::of(&run)), Some(205.0));
    }

    #[test]
    fn sparse_readings_are_interpolated_at_the_edges() {
        let silent = || vec![GpuSample::default()];
        let run = with_gpus(vec![vec![counter(0.0)], silent(), silent(), vec![counter(300.0)]]);
        assert!((gpus(&Whole::of(&run)).unwrap_or(f64::NAN) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn energy_is_absent_after_a_reset_and_where_the_window_is_not_covered() {
        let reset = vec![vec![counter(900.0)], vec![counter(5.0)], vec![counter(10.0)]];
        assert_eq!(gpus(&Whole::of(&with_gpus(reset))), None);
        assert_eq!(
            gpus(&Whole::of(&with_gpus(vec![vec![counter(1.0)], vec![counter(2.0)]]))),
            None
        );
        assert_eq!(gpus(&Whole::of(&with_gpus(vec![vec![], vec![], vec![]]))), None);
    }

    #[test]
    fn energy_of_both_is_there_only_where_each_is() {
        let both = |joules: f64| TelemetrySample {
            gpus: vec![counter(joules)],
            cpu_energy_j: Some(joules / 10.0),
            ..Default::default()
        };
        let run = sampled(vec![both(0.0), both(100.0), both(200.0)]);
        assert_eq!((cpu(&Whole::of(&run)), total(&Whole::of(&run))), (Some(10.0), Some(110.0)));
        let gpu_alone = with_gpus((0..3).map(|n| vec![counter(f64::from(n))]).collect());
        assert_eq!((cpu(&Whole::of(&gpu_alone)), total(&Whole::of(&gpu_alone))), (None, None));
    }

    /// Two idle seconds at 70 W before the request at 3 s, and 300 J in its second.
    fn after_idle(utilization: [f64; 3]) -> Run {
        let gpu = |joules, watts, utilization| GpuSample {
            power_w: Some(watts),
            utilization: Some(utilization),
            ..counter(joules)
        };
        let [a, b, c] = utilization;
        let mut run = with_gpus(vec![
            vec![gpu(0.0, 70.0, a)],
            vec![gpu(70.0, 70.0, b)],
            vec![gpu(140.0, 70.0, c)],
            vec![gpu(210.0, 300.0, 0.9)],
            vec![gpu(510.0, 300.0, 0.9)],
        ]);
        let second = |n: u64| Offset(n * 1_000_000_000);
        (run.records[0].sent, run.records[0].done) = (second(3), second(4));
        run
    }

    #[test]
    fn what_the_gpus_draw_idle_is_taken_off() {
        assert_eq!(above_idle(&Whole::of(&after_idle([0.0, 0.0, 0.0]))), Some(300.0 - 70.0));
        // Warm from an epoch before, and then idle for a second.
        assert_eq!(above_idle(&Whole::of(&after_idle([0.8, 0.02, 0.0]))), Some(300.0 - 70.0));
    }

    #[test]
    fn idle_power_is_not_known_where_no_second_was_idle() {
        assert_eq!(above_idle(&Whole::of(&after_idle([0.0, 0.5, 0.0]))), None);
        assert_eq!(above_idle(&Whole::of(&after_idle([0.0, 0.0, 0.5]))), None);
    }
}

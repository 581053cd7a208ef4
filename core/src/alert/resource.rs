//! A machine near its limits, by what it said while the measured requests ran.
//!
//! Every rule looks at samples in their order, so that it says of the first part of a load what it says
//! of a whole one.

use super::Finding;
use super::rule::Rule;
use super::settings::Settings;
use crate::goal::Level;
use crate::quantile::Sorted;
use crate::run::{GpuSample, Run, TelemetrySample};
use crate::throttle::slowed_by;
use crate::time::Offset;
use crate::unit::Unit;

/// A GPU that works this share of the time has a usual power draw.
const IS_BUSY: f64 = 0.5;
/// Samples of a busy GPU from which on their median is its usual power draw.
const USUAL: usize = 20;
/// Samples in a row that must draw too much: drivers average over other spans than ours, and one reading
/// above is no draw that lasts.
const LASTING: usize = 3;

/// What the machine raises.
pub(super) fn findings(run: &Run, settings: &Settings) -> Vec<Finding> {
    let samples = run.watched();
    let memory = run.head.environment.memory_bytes;
    let host = [memory_use(samples, memory, settings), cpu(samples, settings)];
    let gpus = samples.iter().map(|sample| sample.gpus.len()).max().unwrap_or(0);
    let of_gpus = (0..gpus).flat_map(|gpu| of_gpu(run, gpu, settings));
    host.into_iter().flatten().chain(of_gpus).collect()
}

/// A number at a moment.
type Reading = (Offset, f64);

/// A peak beyond a line, and when the line of its level was first reached.
struct Reached {
    level: Level,
    line: f64,
    peak: f64,
    at: Offset,
}

fn reached(readings: &[Reading], yellow: f64, red: f64) -> Option<Reached> {
    let peak = readings.iter().map(|(_, value)| *value).reduce(f64::max)?;
    let (level, line) = match peak {
        peak if peak >= red => (Level::Red, red),
        peak if peak >= yellow => (Level::Yellow, yellow),
        _ => return None,
    };
    let (at, _) = readings.iter().find(|(_, value)| *value >= line)?;
    Some(Reached { level, line, peak, at: *at })
}

/// Memory of the host. That of a GPU is not looked at: servers take nearly all of it on purpose.
fn memory_use(samples: &[TelemetrySample], all: u64, settings: &Settings) -> Option<Finding> {
    let share = |sample: &TelemetrySample| {
        Some((sample.at, sample.memory_bytes? as f64 / all as f64)).filter(|_| all > 0)
    };
    let readings: Vec<Reading> = samples.iter().filter_map(share).collect();
    let Reached { level, line, peak, at } =
        reached(&readings, settings.memory, settings.memory_red)?;
    Some(Finding {
        rule: Rule::Memory,
        level,
        of: "host".to_owned(),
        value: Some(peak),
        bound: Some(line),
        message: format!(
            "{} of the host's memory was in use, {} of {}; the line is {}",
            Unit::Ratio.show(peak),
            Unit::Bytes.show(peak * all as f64),
            Unit::Bytes.show(all as f64),
            Unit::Ratio.show(line)
        ),
        at: Some(at),
    })
}

/// CPUs that are busy for long: a moment of it is what they are for.
fn cpu(samples: &[TelemetrySample], settings: &Settings) -> Option<Finding> {
    let lasting =
        |line| longest_at(samples, line).filter(|busy| busy.seconds >= settings.cpu_for_s);
    let red = lasting(settings.cpu_red).map(|busy| (Level::Red, settings.cpu_red, busy));
    let yellow = || lasting(settings.cpu).map(|busy| (Level::Yellow, settings.cpu, busy));
    let (level, line, busy) = red.or_else(yellow)?;
    Some(Finding {
        rule: Rule::Cpu,
        level,
        of: "host".to_owned(),
        value: Some(busy.seconds),
        bound: Some(settings.cpu_for_s),
        message: format!(
            "the host's CPUs were {} busy or more for {}; the line is {}",
            Unit::Ratio.show(line),
            Unit::Seconds.show(busy.seconds),
            Unit::Seconds.show(settings.cpu_for_s)
        ),
        at: Some(busy.from),
    })
}

/// A stretch of time.
#[derive(Clone, Copy)]
struct Stretch {
    from: Offset,
    seconds: f64,
}

/// The longest stretch in which the CPUs were busy at `line` or more. A sample looks back to the one
/// before; one that says nothing ends a stretch.
fn longest_at(samples: &[TelemetrySample], line: f64) -> Option<Stretch> {
    let mut longest: Option<Stretch> = None;
    let mut from = None;
    for pair in samples.windows(2) {
        from = match pair[1].cpu {
            Some(cpu) if cpu >= line => from.or(Some(pair[0].at)),
            Some(_) | None => None,
        };
        let Some(from) = from else { continue };
        let stretch = Stretch { from, seconds: pair[1].at.seconds_since(from) };
        if longest.is_none_or(|longest| stretch.seconds > longest.seconds) {
            longest = Some(stretch);
        }
    }
    longest
}

/// What one GPU said, with the moments.
type Watched<'a> = Vec<(Offset, &'a GpuSample)>;

fn of_gpu(run: &Run, gpu: usize, settings: &Settings) -> Vec<Finding> {
    let samples: Watched<'_> = run
        .watched()
        .iter()
        .filter_map(|sample| Some((sample.at, sample.gpus.get(gpu)?)))
        .collect();
    // A DCGM exporter tells of other cards than those of this machine.
    let own = run.head.environment.gpus.get(gpu).filter(|_| run.head.case.run.dcgm_url.is_none());
    let limit_w = own.and_then(|card| card.settings.power_limit_w).map(f64::from);
    let allowed = run.head.case.validity.throttled;
    let heat = throttling(&samples, gpu, settings, allowed);
    heat.into_iter().chain(power(&samples, gpu, settings, limit_w)).collect()
}

/// A GPU that is hot, or is slowed down already. Red where it is as hot as cards bear, and where it was
/// slowed down so often that the run may not be judged.
fn throttling(
    samples: &Watched<'_>,
    gpu: usize,
    settings: &Settings,
    allowed: f64,
) -> Option<Finding> {
    let readings: Vec<Reading> =
        samples.iter().filter_map(|(at, sample)| Some((*at, sample.temperature_c?))).collect();
    let hot = reached(&readings, settings.gpu_temperature_c, settings.gpu_temperature_red_c);
    let slowed = slowed(samples, allowed);
    let level =
        hot.as_ref().map(|hot| hot.level).max(slowed.as_ref().map(|slowed| slowed.level))?;
    let at = [hot.as_ref().map(|hot| hot.at), slowed.as_ref().map(|slowed| slowed.at)];
    let told = [
        hot.as_ref().map(|hot| {
            let show = |celsius| Unit::Celsius.show(celsius);
            format!("reached {}; the line is {}", show(hot.peak), show(hot.line))
        }),
        slowed.map(|slowed| slowed.told),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    Some(Finding {
        rule: Rule::GpuThrottling,
        level,
        of: format!("gpu {gpu}"),
        value: hot.as_ref().map(|hot| hot.peak),
        bound: hot.as_ref().map(|hot| hot.line),
        message: format!("GPU {gpu} {}", told.join(", and ")),
        at: at.into_iter().flatten().min(),
    })
}

struct Slowed {
    level: Level,
    told: String,
    at: Offset,
}

fn slowed(samples: &Watched<'_>, allowed: f64) -> Option<Slowed> {
    let told: Vec<(Offset, u64)> =
        samples.iter().filter_map(|(at, sample)| Some((*at, sample.throttle?))).collect();
    let slow: Vec<&(Offset, u64)> =
        told.iter().filter(|(_, bits)| !slowed_by(*bits).is_empty()).collect();
    let (at, _) = slow.first()?;
    let share = slow.len() as f64 / told.len() as f64;
    let by = slowed_by(slow.iter().fold(0, |all, (_, bits)| all | bits));
    Some(Slowed {
        level: if share > allowed { Level::Red } else { Level::Yellow },
        told: format!(
            "was slowed down by {} in {} of {} samples",
            by.join(" and "),
            slow.len(),
            told.len()
        ),
        at: *at,
    })
}

/// A draw above the card's own limit is red: a card that keeps to it does not have it. One far above the
/// median of the busy samples of the same epoch is yellow: it is measured against nothing but itself, so
/// that it needs no table of cards, and idle samples would make every load unusual.
fn power(
    samples: &Watched<'_>,
    gpu: usize,
    settings: &Settings,
    limit_w: Option<f64>,
) -> Option<Finding> {
    let drawn: Vec<Reading> =
        samples.iter().filter_map(|(at, sample)| Some((*at, sample.power_w?))).collect();
    let over = |line: f64| drawn.windows(LASTING).find(|some| some.iter().all(|(_, w)| *w > line));
    let beyond = |level, usual: f64, share: f64, of: &str| {
        let line = usual * (1.0 + share);
        let (at, _) = over(line)?.first()?;
        let peak = drawn.iter().map(|(_, watts)| *watts).reduce(f64::max)?;
        let message = format!(
            "GPU {gpu} drew up to {}, more than {} above {of}, {}",
            Unit::Watts.show(peak),
            Unit::Ratio.show(share),
            Unit::Watts.show(usual)
        );
        Some(Finding {
            rule: Rule::Power,
            level,
            of: format!("gpu {gpu}"),
            value: Some(peak),
            bound: Some(line),
            message,
            at: Some(*at),
        })
    };
    let limit =
        limit_w.and_then(|w| beyond(Level::Red, w, settings.power_over_limit, "its power limit"));
    let usual = || {
        let usual = usual_power(samples)?;
        beyond(Level::Yellow, usual, settings.power_over_median, "the median of its busy samples")
    };
    limit.or_else(usual)
}

fn usual_power(samples: &Watched<'_>) -> Option<f64> {
    let busy = samples.iter().filter(|(_, gpu)| gpu.utilization.is_some_and(|it| it > IS_BUSY));
    let drawn = Sorted::new(busy.filter_map(|(_, sample)| sample.power_w));
    drawn.median().filter(|_| drawn.as_slice().len() >= USUAL)
}

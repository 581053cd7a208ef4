//! Answers to questions as tables: estimates, models, configurations, recommendations, coverage.

use super::sheet::{Cell, Sheet};
use tokgate_core::choice::{
    Compared, Confidence, Configuration, Configurations, Coverage, Estimate, ForCount, Interval,
    Measured, Provenance, Recommended, Span, Warning,
};
use tokgate_core::dataset::tasks::Category;
use tokgate_core::day::Day;

const GIB: f64 = 1_073_741_824.0;
/// Below it, cents say too little.
const DIME: f64 = 0.1;
/// From so many hours on, days are said beside them.
const DAYS_FROM: f64 = 48.0;

/// Rows as they were measured.
#[must_use]
pub fn rows(rows: &[Measured]) -> Sheet {
    let mut sheet = Sheet::new([
        "model",
        "platform",
        "hardware",
        "workers",
        "requests",
        "success %",
        "req/s",
        "s/request",
        "tok/s",
        "ttft p50 ms",
        "task",
        "by",
        "day",
        "test id",
    ]);
    for row in rows {
        let has_rate = row.req_s > 0.0;
        sheet.push(vec![
            text(&row.model),
            text(&row.platform),
            text(&row.hardware().to_string()),
            Cell::count(Some(row.workers)),
            Cell::count(Some(row.requests)),
            Cell::number(Some(row.success_percent), 1),
            Cell::number(has_rate.then_some(row.req_s), 2),
            Cell::number(has_rate.then_some(row.time_per_request_s), 2),
            Cell::number(row.tok_s, 1),
            Cell::number(row.ttft_p50_s.map(|ttft| 1e3 * ttft), 1),
            task(row.task),
            text(row.provenance.as_str()),
            day(row.started_us),
            text(&row.test_id),
        ]);
    }
    sheet
}

/// How long, and at what cost.
#[must_use]
pub fn estimates(estimates: &[Estimate]) -> Sheet {
    let mut sheet = Sheet::new([
        "model",
        "requests",
        "time",
        "95 % interval",
        "USD",
        "USD/h",
        "USD/1K",
        "req/s",
        "workers",
        "success %",
        "of",
    ]);
    for one in estimates {
        let interval = one.interval.map(interval);
        let cost = one.cost.as_ref();
        sheet.push(vec![
            text(&one.model),
            Cell::count(Some(one.requests)),
            time(one.time),
            Cell::text(interval.as_deref()),
            cost.map_or(Cell::Nothing, |cost| usd(cost.usd)),
            Cell::number(cost.and_then(|cost| cost.usd_per_hour), 2),
            Cell::number(cost.and_then(|cost| cost.per_1k), 4),
            Cell::number(Some(one.req_s), 2),
            Cell::count(Some(one.based_on.workers)),
            Cell::number(Some(one.based_on.success_percent), 1),
            day(one.based_on.started_us),
        ]);
        if let Some(cost) = &one.cost {
            sheet.note(format!("{}: price {}", one.model, cost.price));
        }
        if one.based_on.provenance == Provenance::Imported {
            sheet.note(format!("{}: imported, measured by another tool", one.model));
        }
    }
    sheet
}

/// Models side by side, the fastest first; intervals where any of them has one.
#[must_use]
pub fn models(compared: &[Compared], counts: &[u64]) -> Sheet {
    let has_intervals =
        compared.iter().flat_map(|it| &it.for_counts).any(|it| it.estimate.interval.is_some());
    let first = ["model", "context", "req/s"].map(str::to_owned);
    let times = counts.iter().flat_map(|count| {
        let interval = has_intervals.then(|| format!("95 % of {count}"));
        [Some(format!("{count} requests")), interval, Some(format!("saved of {count}"))]
    });
    let mut sheet =
        Sheet::new(first.into_iter().chain(times.flatten()).chain(["speed-up".to_owned()]));
    for one in compared {
        let times = one.for_counts.iter().flat_map(|ForCount { estimate, saved }| {
            let interval = has_intervals.then(|| between(estimate.interval));
            [Some(time(estimate.time)), interval, Some(time(*saved))]
        });
        let first =
            [text(&one.model), Cell::count(one.context_window), Cell::number(Some(one.req_s), 2)];
        let last = [Cell::number(Some(one.speedup), 2)];
        sheet.push(first.into_iter().chain(times.flatten()).chain(last).collect());
    }
    sheet
}

/// Between which times, in as few words as a column has room for.
fn between(interval: Option<Interval>) -> Cell {
    let told =
        interval.map(|Interval { low, high, .. }| format!("{} to {}", span(low), span(high)));
    Cell::text(told.as_deref())
}

/// Configurations beside each other; what makes them no comparison is said loudly.
#[must_use]
pub fn configurations(found: &Configurations) -> Sheet {
    let mut sheet = table(&found.all);
    if found.are_tasks_mixed() {
        let names: Vec<&str> = found.tasks.iter().map(|task| word(*task)).collect();
        sheet.note(format!(
            "MIXED TASKS: these figures are of {} and are not comparable; ask for one by --task-category",
            names.join(", ")
        ));
    }
    for (is_doubtful, why) in DOUBTS {
        let count = found.all.iter().filter(|one| is_doubtful(one)).count();
        if count > 0 {
            sheet.note(format!("! {count} of {}: {why}", found.all.len()));
        }
    }
    sheet
}

/// Whether something speaks against relying on a configuration, and what.
type Doubt = (fn(&Configuration) -> bool, &'static str);

const DOUBTS: [Doubt; 2] = [
    (
        |one| one.confidence == Confidence::Low,
        "low confidence, of a single run; measure again before you decide",
    ),
    (|one| one.is_stale, "stale, last measured more than 30 days ago"),
];

/// What was measured so far, and what is missing.
#[must_use]
pub fn coverage(found: &Coverage) -> Sheet {
    let mut sheet = table(&found.configurations);
    let Coverage { epochs, runs, models, gpu_types_known, confidence, stale, .. } = found;
    sheet.note(format!("epochs: {epochs}; runs: {runs}; models: {models}"));
    if let Some(last) = found.last_us {
        sheet.note(format!("last measured {}", Day::of_us(last)));
    }
    sheet.note(format!("GPU types tested: {} of {gpu_types_known}", found.gpu_types_tested.len()));
    for (name, list) in [
        ("tested", &found.gpu_types_tested),
        ("missing", &found.gpu_types_missing),
        ("other hardware", &found.other_hardware),
    ] {
        if !list.is_empty() {
            sheet.note(format!("{name}: {}", list.join(", ")));
        }
    }
    let (high, medium, low) = (confidence.high, confidence.medium, confidence.low);
    sheet.note(format!("confidence: {high} high, {medium} medium, {low} low; {stale} stale"));
    sheet
}

/// What to take, and why.
#[must_use]
pub fn recommended(found: &Recommended) -> Sheet {
    let columns = ["rank", "score"].map(str::to_owned);
    let mut sheet = Sheet::new(columns.into_iter().chain(COLUMNS.map(str::to_owned)));
    for (at, one) in found.top.iter().enumerate() {
        let first = [Cell::count(Some(at as u64 + 1)), Cell::number(Some(one.score), 2)];
        sheet.push(first.into_iter().chain(cells(&one.configuration)).collect());
        let Configuration { model, hardware, .. } = &one.configuration;
        sheet.note(format!("{}. {model} on {hardware}: {}", at + 1, one.why.join("; ")));
        for warning in &one.warnings {
            sheet.note(format!("   ! {warning}"));
        }
    }
    if found.is_by_speed && !found.top.is_empty() {
        sheet.note(
            "one of these has no price by the hour: all are ranked by speed instead of efficiency",
        );
    }
    match found.left_out.len() {
        0 => {}
        1 => sheet.note("1 that does not fit is left out; --format json says why"),
        n => sheet.note(format!("{n} that do not fit are left out; --format json says why")),
    }
    found.advice().into_iter().for_each(|advice| sheet.note(advice));
    sheet
}

const COLUMNS: [&str; 12] = [
    "GPU type",
    "GPUs",
    "VRAM GiB",
    "model",
    "task",
    "tok/s",
    "USD/1K",
    "USD/h",
    "efficiency",
    "runs",
    "confidence",
    "last",
];

fn table(all: &[Configuration]) -> Sheet {
    let mut sheet = Sheet::new(COLUMNS);
    for one in all {
        sheet.push(cells(one).into());
    }
    for one in all {
        let warnings = one.warnings();
        let mixed = [Warning::MixedLoads, Warning::MixedPlatforms, Warning::ImportedOnly];
        for warning in warnings.iter().filter(|it| mixed.contains(it)) {
            sheet.note(format!("{} on {}: {warning}", one.model, one.hardware));
        }
    }
    sheet
}

fn cells(one: &Configuration) -> [Cell; 12] {
    let stale = if one.is_stale { " (stale)" } else { "" };
    let tasks: Vec<&str> = one.tasks.iter().map(|task| word(*task)).collect();
    [
        text(&one.hardware.to_string()),
        Cell::count(one.gpus.map(u64::from)),
        Cell::number(one.vram_bytes.map(|bytes| bytes as f64 / GIB), 0),
        text(&one.model),
        text(&tasks.join(" + ")),
        Cell::number(one.tok_s, 1),
        Cell::number(one.cost_per_1k, 4),
        Cell::number(one.usd_per_hour, 2),
        Cell::number(one.efficiency, 1),
        Cell::count(Some(one.runs)),
        text(one.confidence.as_str()),
        text(&format!("{}{stale}", Day::of_us(one.last_us))),
    ]
}

fn text(text: &str) -> Cell {
    Cell::text(Some(text))
}

/// `15.3 minutes to 17.5 minutes (epochs: 3, runs: 1)`
fn interval(of: Interval) -> String {
    let Interval { low, high, epochs, runs } = of;
    format!("{} to {} (epochs: {epochs}, runs: {runs})", span(low), span(high))
}

/// Dollars and cents; below a dime more of it.
fn usd(usd: f64) -> Cell {
    Cell::number(Some(usd), if usd < DIME { 4 } else { 2 })
}

/// A time: shown in the unit that reads well, kept in seconds.
fn time(of: Span) -> Cell {
    Cell::Number(span(of), of.seconds())
}

fn day(us: i64) -> Cell {
    text(&Day::of_us(us).to_string())
}

fn task(task: Option<Category>) -> Cell {
    task.map_or(Cell::Nothing, |it| text(word(Some(it))))
}

/// The word for a kind of task.
fn word(task: Option<Category>) -> &'static str {
    match task {
        None => "unknown",
        Some(Category::Coding) => "coding",
        Some(Category::ContextHeavy) => "context_heavy",
        Some(Category::Reasoning) => "reasoning",
    }
}

/// `26.7 hours`, `60.4 hours (2.5 days)`; below an hour in minutes or seconds.
fn span(span: Span) -> String {
    match (span.seconds(), span.hours()) {
        (seconds, _) if seconds < 60.0 => format!("{seconds:.1} seconds"),
        (seconds, hours) if hours < 1.0 => format!("{:.1} minutes", seconds / 60.0),
        (_, hours) if hours < DAYS_FROM => format!("{hours:.1} hours"),
        (_, hours) => format!("{hours:.1} hours ({:.1} days)", span.days()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_the_unit_that_reads_well() {
        let told = [0.0, 59.0, 600.0, 96_153.846, 217_391.3].map(|seconds| span(Span(seconds)));
        let expected =
            ["0.0 seconds", "59.0 seconds", "10.0 minutes", "26.7 hours", "60.4 hours (2.5 days)"];
        assert_eq!(told, expected);
    }
}

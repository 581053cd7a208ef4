//! A run as it goes on, in a terminal: a screen that is drawn again, or a line for what has changed.

use super::sparkline::sparkline;
use super::terminal::Style;
use crate::live::{
    Finished, Now, Percentiles, Point, Recent, Snapshot, Standing, State, Telemetry,
};
use std::fmt::Write;
use tokgate_core::diagnostic::line;
use tokgate_core::goal::Level;
use tokgate_core::unit::Unit;

/// Characters of the bar of requests.
const BAR: u64 = 28;
/// Moments of a sparkline.
const MOMENTS: usize = 48;
/// Lines of each list: what is more is on the page and in the JSON.
const LISTED: usize = 6;

/// The whole run on a screen of some twenty lines.
#[must_use]
pub fn screen(run: &Snapshot, style: Style) -> String {
    let mut text = heading(run, style);
    if let Some(now) = &run.now {
        text.push_str(&measured(run, now, style));
    }
    text.push_str(&machine(&run.telemetry, style));
    text.push_str(&goals(&run.goals, style));
    for case in run.finished.iter().rev().take(LISTED).rev() {
        writeln!(text, "{} {}", style.dim("done"), finished(case, style)).ok();
    }
    for alert in run.alerts.iter().rev().take(LISTED).rev() {
        let mark = style.level(alert.level, alert.level.as_str());
        writeln!(
            text,
            "{mark} {} {}, in {}",
            alert.rule.as_str(),
            line(&alert.message),
            line(&alert.case)
        )
        .ok();
    }
    text
}

fn heading(run: &Snapshot, style: Style) -> String {
    let name = style.bold(&line(&run.scenario));
    let elapsed = clock((run.at_us - run.started_us) as f64 / 1e6);
    let part = run.part.as_ref().map(|part| format!("  part {}", line(part))).unwrap_or_default();
    let mut text =
        format!("{name}{part}  {}  {}  {elapsed}\n", line(&run.run_id), state(run, style));
    let cases = run.cases;
    let of = cases.planned.map(|planned| format!(" of {planned}")).unwrap_or_default();
    let unmeasured = match cases.unmeasured {
        0 => String::new(),
        count => style.level(Level::Red, &format!(", {count} not measured")),
    };
    writeln!(text, "{} cases{of} done{unmeasured}", cases.done).ok();
    text
}

/// The word for how a run is, and how it ended.
fn state(run: &Snapshot, style: Style) -> String {
    match (run.state, &run.end) {
        (State::Running, _) => style.level(Level::Green, "running"),
        (State::Interrupted, _) => style.level(Level::Red, "interrupted"),
        (State::Ended, Some(end)) => {
            let level = if end.exit == 0 { Level::Green } else { Level::Red };
            style.level(level, &format!("ended, exit {}", end.exit))
        }
        (State::Ended, None) => "ended".to_owned(),
    }
}

fn measured(run: &Snapshot, now: &Now, style: Style) -> String {
    let mut text = String::new();
    let on = match now.platform.is_empty() {
        true => String::new(),
        false => format!("  {} on {}", line(&now.model), line(&now.platform)),
    };
    writeln!(text, "\n{}{on}", style.bold(&line(&now.case))).ok();
    let requests = now.requests;
    let ended = requests.succeeded + requests.failed + requests.incomplete;
    let bar = match requests.planned {
        Some(planned) => format!("{} {ended}/{planned}", bar(ended, planned)),
        None => format!("{ended} requests"),
    };
    let failed = match requests.failed {
        0 => "none failed".to_owned(),
        count => style.level(Level::Red, &format!("{count} failed")),
    };
    writeln!(
        text,
        "epoch {} of {}  {}  {bar}  {} in flight, {failed}",
        now.epoch.max(1),
        now.epochs,
        now.stage.as_str(),
        requests.in_flight
    )
    .ok();
    text + &recent(run, style)
}

/// One of the times that are told.
type Of = fn(&Recent) -> Option<Percentiles>;

const TIMES: [(&str, Of); 3] =
    [("ttft", |it| it.ttft_s), ("itl", |it| it.itl_s), ("whole", |it| it.e2e_s)];

/// The last seconds, each number with its way there.
fn recent(run: &Snapshot, style: Style) -> String {
    let mut text = format!("\n{}\n", style.dim(&format!("{:10}{:>10}{:>10}", "", "p50", "p95")));
    for (name, of) in TIMES {
        let Some(seen) = of(&run.recent) else { continue };
        let [p50, p95] = [seen.p50, seen.p95].map(|value| Unit::Seconds.show(value));
        let line = trend(&run.points, |point| of(&point.recent).map(|seen| seen.p50));
        writeln!(text, "{name:10}{p50:>10}{p95:>10}  {}", style.dim(&line)).ok();
    }
    let Some(req_s) = run.recent.req_s else { return text };
    let rate = Unit::RequestsPerSecond.show(req_s);
    let tokens = run.recent.tok_s.map(|tok_s| format!("   {}", Unit::TokensPerSecond.show(tok_s)));
    let line = trend(&run.points, |point| point.recent.req_s);
    let tokens = tokens.unwrap_or_default();
    writeln!(text, "{:10}{rate:>10}{tokens}  {}", "rate", style.dim(&line)).ok();
    text
}

/// The newest moments as a line.
fn trend(points: &[Point], of: impl Fn(&Point) -> Option<f64>) -> String {
    let newest = &points[points.len().saturating_sub(MOMENTS)..];
    let values: Vec<f64> = newest.iter().map(|point| of(point).unwrap_or(f64::NAN)).collect();
    sparkline(&values)
}

fn bar(done: u64, all: u64) -> String {
    let full = (done.min(all) * BAR).checked_div(all).unwrap_or(0);
    let part = |count: u64, sign: &str| sign.repeat(usize::try_from(count).unwrap_or(0));
    part(full, "█") + &part(BAR - full, "░")
}

fn machine(seen: &Telemetry, style: Style) -> String {
    let share = |value: f64| format!("{:.0} %", value * 100.0);
    let bytes = |value: u64| Unit::Bytes.show(value as f64);
    let told: Vec<String> = [
        seen.cpu.map(|cpu| format!("CPU {}", share(cpu))),
        seen.memory_bytes.map(|used| format!("memory {}", bytes(used))),
        seen.gpu.map(|gpu| format!("GPU {}", share(gpu))),
        seen.gpu_memory_bytes.map(|used| format!("GPU memory {}", bytes(used))),
        seen.gpu_power_w.map(|watts| Unit::Watts.show(watts)),
        seen.gpu_temperature_c.map(|degrees| Unit::Celsius.show(degrees)),
    ]
    .into_iter()
    .flatten()
    .collect();
    match told.is_empty() {
        true => String::new(),
        false => format!("{:10}{}\n", style.dim("machine   "), told.join("   ")),
    }
}

fn goals(goals: &[Standing], style: Style) -> String {
    let mut text = String::new();
    for goal in goals.iter().take(LISTED) {
        let mark = goal.level.map_or("·".to_owned(), |level| style.level(level, mark(level)));
        let shown = goal.shown.as_deref().unwrap_or("–");
        let note = if goal.note.is_empty() { String::new() } else { format!("  {}", goal.note) };
        writeln!(text, "{mark} {} {}: {shown}{}", goal.metric, goal.bound, style.dim(&note)).ok();
    }
    text
}

fn mark(level: Level) -> &'static str {
    match level {
        Level::Green => "✓",
        Level::Yellow => "!",
        Level::Red => "✗",
    }
}

/// A case that has ended, in a line.
fn finished(case: &Finished, style: Style) -> String {
    let name = line(&case.case);
    if let Some(why) = &case.why_not {
        return format!(
            "{name}: {}",
            style.level(Level::Red, &format!("not measured, {}", line(why)))
        );
    }
    let told: Vec<String> = [
        case.tok_s.map(|value| Unit::TokensPerSecond.show(value)),
        case.req_s.map(|value| Unit::RequestsPerSecond.show(value)),
        case.ttft_p50_s.map(|value| format!("ttft {}", Unit::Seconds.show(value))),
        case.e2e_p50_s.map(|value| format!("whole {}", Unit::Seconds.show(value))),
        (case.failed > 0).then(|| format!("{} of {} failed", case.failed, case.attempted)),
        (!case.valid).then(|| "INVALID".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{name}: {}", told.join(", "))
}

fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole / 3600 {
        0 => format!("{:02}:{:02}", whole / 60, whole % 60),
        hours => format!("{hours}:{:02}:{:02}", whole / 60 % 60, whole % 60),
    }
}

/// What is otherwise than it was, a line each; of a run that was not seen before, that it is there.
#[must_use]
pub fn changes(before: Option<&Snapshot>, run: &Snapshot) -> Vec<String> {
    let style = Style { color: false };
    let mut lines = Vec::new();
    let known = Snapshot::default();
    if before.is_none() {
        lines.push(format!("{} {}", line(&run.scenario), line(&run.run_id)));
    }
    let before = before.unwrap_or(&known);
    let fresh = run.cases.done + run.cases.unmeasured - before.cases.done - before.cases.unmeasured;
    let skipped = run.finished.len().saturating_sub(fresh);
    lines.extend(
        run.finished[skipped..].iter().map(|case| format!("done {}", finished(case, style))),
    );
    if let Some(now) = run.now.as_ref().filter(|now| begins(before.now.as_ref(), now)) {
        lines.push(format!(
            "{} epoch {} of {}: {}",
            line(&now.case),
            now.epoch.max(1),
            now.epochs,
            now.stage.as_str()
        ));
    }
    for goal in run.goals.iter().filter(|goal| goal.level.is_some_and(|level| level > Level::Green))
    {
        let was = before.goals.iter().find(|it| it.case == goal.case && it.metric == goal.metric);
        if was.and_then(|was| was.level) != goal.level {
            let level = goal.level.map_or("", Level::as_str);
            let shown = goal.shown.as_deref().unwrap_or("–");
            lines.push(format!("{level} {} {}: {shown}", goal.metric, goal.bound));
        }
    }
    for alert in run.alerts.iter().filter(|alert| !before.alerts.contains(alert)) {
        lines.push(format!(
            "{} {} {}",
            alert.level.as_str(),
            alert.rule.as_str(),
            line(&alert.message)
        ));
    }
    if run.state != before.state {
        lines.push(state(run, style));
    }
    lines
}

fn begins(before: Option<&Now>, now: &Now) -> bool {
    before.is_none_or(|before| {
        before.case != now.case || before.epoch != now.epoch || before.stage != now.stage
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::{Cases, Requests, Stage};

    const PLAIN: Style = Style { color: false };

    fn run() -> Snapshot {
        let times = Some(Percentiles { p50: 0.012, p95: 0.04, n: 9 });
        Snapshot {
            run_id: "run-1".to_owned(),
            scenario: "quick".to_owned(),
            cases: Cases { planned: Some(3), begun: 1, done: 0, unmeasured: 0 },
            at_us: 61_000_000,
            now: Some(Now {
                case: "quick/one".to_owned(),
                model: "m\u{1b}[31m".to_owned(),
                platform: "vllm".to_owned(),
                epoch: 1,
                epochs: 2,
                stage: Stage::Measured,
                requests: Requests {
                    planned: Some(200),
                    succeeded: 99,
                    failed: 1,
                    ..Default::default()
                },
                elapsed_s: 5.0,
            }),
            recent: Recent { ttft_s: times, req_s: Some(12.0), ..Recent::default() },
            ..Snapshot::default()
        }
    }

    #[test]
    fn a_screen_says_where_the_run_is_and_how_fast() {
        let text = screen(&run(), PLAIN);
        for part in [
            "quick  run-1  running  01:01",
            "0 cases of 3 done",
            "epoch 1 of 2  measured  ██████████████░░░░░░░░░░░░░░ 100/200  0 in flight, 1 failed",
            "ttft           12 ms     40 ms",
            "rate           12 /s",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "what a model is called moves no cursor:\n{text}");
    }

    #[test]
    fn a_line_is_written_for_what_changes_and_for_nothing_else() {
        let first = run();
        let told = changes(None, &first);
        assert_eq!(told, ["quick run-1", "quick/one epoch 1 of 2: measured"]);
        let mut later = first.clone();
        later.recent.req_s = Some(13.0);
        assert!(changes(Some(&first), &later).is_empty());
        later.state = State::Interrupted;
        assert_eq!(changes(Some(&first), &later), ["interrupted"]);
    }
}

//! A run as a comment on a pull request, and as the summary of a job: Markdown that fits, and in which
//! everything from outside is inert. It decides nothing: the words are those of the verdicts.

use super::duel;
use super::markdown::{Link, code, code_within, html_code_within};
use super::marker::Marker;
use super::sparkline::sparkline;
use super::terminal::{concluded, counted, judged_cases, level, weight, worst_first};
use crate::git::Edited;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use tokgate_baseline::compat::CompatKey;
use tokgate_core::case::CaseId;
use tokgate_core::goal::{GoalResult, Level};
use tokgate_core::metric::MetricRef;
use tokgate_core::report::{CaseReport, ComparedWith, Pairs, Report};
use tokgate_core::verdict::{Comparison, Conclusion, Judged};

/// Most bytes of a text. GitHub takes 65 536 characters, however it counts them, and bytes are never
/// fewer than any of these.
pub const LARGEST: usize = 60_000;

/// Most characters of a name: the ids of cases have about half.
const NAME: usize = 120;
/// Most characters of a reason; the whole one is in the report.
const REASON: usize = 200;
/// Most characters of a command.
const COMMAND: usize = 400;
/// Most bytes of the list of edited files.
const EDITED: usize = 6_000;
/// Values of a sparkline, the head's among them.
const SHOWN: usize = 20;
/// Fewest earlier values that are told as a history.
const FEWEST: usize = 3;
/// Room for the line on what is left out.
const MORE: usize = 48;

/// The weight of what is no change of a number: it comes before all that is.
const GRAVEST: (Level, f64) = (Level::Red, f64::INFINITY);

/// What stands where there is nothing to tell.
const NOTHING: &str = "–";

/// The columns of what is not fine.
const COLUMNS: [&str; 8] =
    ["case", "metric", "base", "head", "change (95 %)", "finds", "verdict", "why"];

/// The same, where it is known of any of them what it was before.
const WITH_HISTORY: [&str; 9] =
    ["case", "metric", "base", "head", "change (95 %)", "finds", "verdict", "history", "why"];

/// What metrics of cases were before the head, oldest first, each in its metric's unit.
pub type Past = BTreeMap<(CaseId, MetricRef), Vec<f64>>;

/// Who judged a change.
#[derive(Debug, Clone, Copy)]
pub struct Judge<'a> {
    /// The commit whose rules decide.
    pub base: &'a str,
    /// The files of the rules that the change edits, and that do not count.
    pub edited: &'a [Edited],
}

/// What a comment says beside the report.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Of which gate it is, and of which commit it speaks.
    pub marker: &'a Marker,
    /// The page of the run that posts it.
    pub link: Option<&'a Link>,
    /// What measures the same again.
    pub command: &'a str,
    /// Whether the code that was measured is a stranger's, and with it that which measured.
    pub from_fork: bool,
    /// Who judged; absent where that was whoever measured.
    pub judge: Option<Judge<'a>>,
    /// What is known of earlier runs.
    pub past: &'a Past,
}

/// The comment, at most [`LARGEST`] bytes: its first line is the marker. What does not fit is left
/// out by whole rows, the least serious first, and counted.
#[must_use]
pub fn comment(report: &Report, context: &Context<'_>) -> String {
    let marker = format!("{}\n", context.marker);
    let room = LARGEST - marker.len();
    marker + &text(report, context, room)
}

/// The same without the marker, for the summary of a job or a check.
#[must_use]
pub fn job_summary(report: &Report, context: &Context<'_>) -> String {
    text(report, context, LARGEST)
}

/// `REGRESSED: 1 regressed, 2 unchanged`; an INVALID run has nothing to count.
#[must_use]
pub fn title(report: &Report) -> String {
    let (word, _) = concluded(report.conclusion);
    match report.conclusion {
        Conclusion::Invalid => word.to_owned(),
        Conclusion::Held | Conclusion::Regressed | Conclusion::Inconclusive => {
            format!("{word}: {}", counted(report))
        }
    }
}

fn text(report: &Report, context: &Context<'_>, room: usize) -> String {
    let top = heading(report, context) + &context.judge.map_or_else(String::new, judged_by);
    let bottom = closing(report, context);
    let room = room.saturating_sub(top.len() + bottom.len());
    // Whatever the table takes, what else is left out is counted.
    let table = troubles(report, context.past, room.saturating_sub(MORE));
    let rest = details(report, room.saturating_sub(table.len()));
    [top, table, rest, bottom].concat()
}

/// The verdict, and what was compared with what.
fn heading(report: &Report, context: &Context<'_>) -> String {
    let (word, _) = concluded(report.conclusion);
    let id = context.marker.id();
    let against = match &report.compared_with {
        ComparedWith::Nothing(why) => {
            format!("compared with nothing: {}", code_within(why, REASON))
        }
        ComparedWith::Baseline(name) => {
            format!("{}; compared with {}", counted(report), code_within(name, REASON))
        }
    };
    format!("**tokgate `{id}`: {word}** – {against}\n\n")
}

/// Who judged, and what of the change did not count.
fn judged_by(judge: Judge<'_>) -> String {
    let base = code_within(judge.base, NAME);
    let mut text =
        format!("Judged by {base}: its baselines, scenarios, thresholds and settings.\n\n");
    if judge.edited.is_empty() {
        return text;
    }
    let row = |one: &Edited| format!("- {} ({})\n", code_within(&one.path, REASON), one.how);
    let rows: Vec<String> = judge.edited.iter().map(row).collect();
    text.push_str("Edited by this change, and not taken from it:\n\n");
    let more = fill(&mut text, &rows, EDITED);
    if more > 0 {
        write!(text, "\nand {more} files more\n").ok();
    }
    text + "\n"
}

/// The metrics that are not fine, by case: those of which the past is worth showing.
#[must_use]
pub fn troubled(report: &Report) -> BTreeSet<(CaseId, MetricRef)> {
    let all = not_fine(report).into_iter();
    all.filter_map(|trouble| Some((trouble.case.clone(), trouble.metric?))).collect()
}

/// What is not fine.
fn troubles(report: &Report, past: &Past, room: usize) -> String {
    let mut troubles = not_fine(report);
    troubles.sort_by(|one, other| worst_first(one.weight, other.weight));
    let histories: Vec<Option<String>> = troubles.iter().map(|it| it.history(past)).collect();
    let is_known = histories.iter().any(Option::is_some);
    let row = |(trouble, history): (&Trouble<'_>, Option<String>)| {
        trouble.row(is_known.then(|| history.unwrap_or_else(|| NOTHING.to_owned())))
    };
    let rows: Vec<String> = troubles.iter().zip(histories).map(row).collect();
    match (rows.is_empty(), is_known) {
        (true, _) => String::new(),
        (false, true) => table(&WITH_HISTORY, &rows, room),
        (false, false) => table(&COLUMNS, &rows, room),
    }
}

fn not_fine(report: &Report) -> Vec<Trouble<'_>> {
    let mut troubles: Vec<Trouble<'_>> = report.cases.iter().flat_map(of_case).collect();
    for dropped in &report.dropped {
        troubles.extend(of_verdicts(&dropped.case, &dropped.verdicts));
    }
    troubles.extend(report.unmeasured.iter().map(|one| Trouble {
        weight: GRAVEST,
        case: &one.case,
        metric: None,
        head: None,
        numbers: none(),
        word: "not measured",
        why: one.why.clone(),
    }));
    troubles
}

/// Something that is not fine.
struct Trouble<'a> {
    /// How serious it is, and how far it moved.
    weight: (Level, f64),
    case: &'a CaseId,
    metric: Option<MetricRef>,
    /// What the head said, in the metric's unit.
    head: Option<f64>,
    /// The metric, base, head, change and what would have been found.
    numbers: [String; 5],
    word: &'static str,
    why: String,
}

impl Trouble<'_> {
    fn row(&self, history: Option<String>) -> String {
        let (case, why) = (code_within(&self.case.0, NAME), code_within(&self.why, REASON));
        let history = history.map_or_else(String::new, |line| format!(" {line} |"));
        format!("| {case} | {} | {} |{history} {why} |\n", self.numbers.join(" | "), self.word)
    }

    /// Its last values, the head last; `None` where too little is known.
    fn history(&self, past: &Past) -> Option<String> {
        let before = past.get(&(self.case.clone(), self.metric?))?;
        let known = before.iter().filter(|value| value.is_finite()).count();
        let values: Vec<f64> = before.iter().copied().chain(self.head).collect();
        let shown = values.len().saturating_sub(SHOWN);
        (known >= FEWEST).then(|| sparkline(&values[shown..]))
    }
}

fn none() -> [String; 5] {
    [NOTHING; 5].map(str::to_owned)
}

fn of_case(case: &CaseReport) -> Vec<Trouble<'_>> {
    let id = &case.case.id;
    let mut troubles: Vec<Trouble<'_>> = of_verdicts(id, &case.verdicts).collect();
    if case.verdicts.is_empty() && !case.is_valid() {
        let (word, why) = ("INVALID", reasons(case));
        let (weight, numbers) = (GRAVEST, none());
        troubles.push(Trouble { weight, case: id, metric: None, head: None, numbers, word, why });
    }
    let required = &case.case.gate.required;
    let missed = case.goals.iter().filter(|it| !it.is_met() && required.contains(&it.goal.metric));
    troubles.extend(missed.map(|goal| of_goal(id, goal)));
    troubles
}

fn of_verdicts<'a>(case: &'a CaseId, judged: &'a [Judged]) -> impl Iterator<Item = Trouble<'a>> {
    judged
        .iter()
        .map(move |one| Trouble {
            weight: weight(one),
            case,
            metric: Some(one.metric),
            head: one.comparison.as_ref().map(|comparison| comparison.head.value),
            numbers: numbers(one),
            word: one.verdict.as_str(),
            why: one.why.clone(),
        })
        .filter(|trouble| trouble.weight.0 != Level::Green)
}

fn of_goal<'a>(case: &'a CaseId, result: &GoalResult) -> Trouble<'a> {
    let unit = result.goal.metric.metric.unit;
    let mut numbers = none();
    numbers[0] = result.goal.metric.to_string();
    if let Some(estimate) = result.estimate {
        numbers[2] = unit.show(estimate.value);
    }
    let why = format!("required: {} {}", result.goal.bound.show(unit), result.note);
    Trouble {
        weight: GRAVEST,
        case,
        metric: Some(result.goal.metric),
        head: result.estimate.map(|estimate| estimate.value),
        numbers,
        word: "goal missed",
        why,
    }
}

fn reasons(case: &CaseReport) -> String {
    let all = case.epochs.iter().flat_map(|epoch| epoch.validity.reasons());
    let mut all: Vec<String> = all.map(ToString::to_string).collect();
    all.dedup();
    all.join("; ")
}

/// The metric, base, head, change and what would have been found.
fn numbers(judged: &Judged) -> [String; 5] {
    let metric = judged.metric.to_string();
    let nothing = || NOTHING.to_owned();
    let Some(comparison) = &judged.comparison else {
        return [metric, nothing(), nothing(), nothing(), nothing()];
    };
    let unit = comparison.metric.metric.unit;
    let shown = |value: f64| if value.is_finite() { unit.show(value) } else { nothing() };
    let finds = comparison.shown_mde().unwrap_or_else(nothing);
    let [base, head] = [comparison.base, comparison.head].map(|it| shown(it.value));
    [metric, base, head, moved(comparison), finds]
}

/// `+4.2 % (+3.1 % … +5.3 %)`
fn moved(comparison: &Comparison) -> String {
    let change = match comparison.effect.is_finite() {
        true => duel::change(comparison),
        false => return NOTHING.to_owned(),
    };
    let interval = comparison.interval.filter(|it| it.low.is_finite() && it.high.is_finite());
    match interval {
        Some(interval) => format!("{change} ({})", duel::interval(comparison, interval)),
        None => change,
    }
}

/// A table of as many whole rows as there is room for, the first first, and how many there are more.
fn table(columns: &[&str], rows: &[String], room: usize) -> String {
    let mut text = format!("| {} |\n|{}\n", columns.join(" | "), " --- |".repeat(columns.len()));
    let more = fill(&mut text, rows, room);
    if more > 0 {
        write!(text, "\nand {more} rows more\n").ok();
    }
    text + "\n"
}

/// Adds as many whole pieces as there is room for beside the line on those that are left out; how many
/// those are.
fn fill(text: &mut String, pieces: &[String], room: usize) -> usize {
    for (at, piece) in pieces.iter().enumerate() {
        if text.len() + piece.len() + MORE > room {
            return pieces.len() - at;
        }
        text.push_str(piece);
    }
    0
}

/// What is fine, a fold a case, of as many cases as there is room for.
fn details(report: &Report, room: usize) -> String {
    let folds: Vec<String> = report.cases.iter().filter_map(|case| fold(case, room)).collect();
    let mut text = String::new();
    let more = fill(&mut text, &folds, room);
    if more > 0 {
        write!(text, "and {more} cases more\n\n").ok();
    }
    text
}

fn fold(case: &CaseReport, room: usize) -> Option<String> {
    let fine = case.verdicts.iter().filter(|judged| level(judged.verdict) == Level::Green);
    let row =
        |one: &Judged| format!("| {} | {} |\n", numbers(one).join(" | "), one.verdict.as_str());
    let rows: Vec<String> = fine.map(row).collect();
    if rows.is_empty() && case.pairs.is_none() {
        return None;
    }
    let name = html_code_within(&case.case.id.0, NAME);
    let what = match rows.len() {
        0 => "how it was compared".to_owned(),
        fine => format!("{fine} fine"),
    };
    let opening = format!("<details><summary>{name}: {what}</summary>\n\n");
    let pairs = case.pairs.as_ref().map_or_else(String::new, paired);
    let ending = "</details>\n\n";
    let taken = opening.len() + pairs.len() + ending.len() + MORE;
    let inner = match rows.is_empty() {
        true => String::new(),
        false => table(&COLUMNS[1..7], &rows, room.saturating_sub(taken)),
    };
    Some(format!("{opening}{pairs}{inner}{ending}"))
}

/// Which sides were compared, in how many pairs.
fn paired(pairs: &Pairs) -> String {
    let [base, head] = [&pairs.base, &pairs.head].map(|side| code_within(side, NAME));
    let mut line = format!("{base} → {head} in {} pairs", pairs.counted);
    if pairs.set_aside > 0 {
        let why = code_within(&pairs.reasons.join("; "), REASON);
        write!(line, "; {} set aside: {why}", pairs.set_aside).ok();
    }
    line + "\n\n"
}

/// What is fine, alerts and goals as numbers; how to measure again; where it was measured.
fn closing(report: &Report, context: &Context<'_>) -> String {
    let mut text = format!("{}\n\n", sentences(report).join(" "));
    if context.from_fork {
        text.push_str(
            "Measured by the code of a fork, which could have made these numbers up: measure again \
             before an improvement is believed.\n\n",
        );
    }
    writeln!(text, "Measure again: {}\n", code_within(context.command, COMMAND)).ok();
    let commit = report.environment.commit.as_deref().unwrap_or("none");
    let key = key(report);
    let about: [(&str, &str); 6] = [
        ("machine", &report.machine.0),
        ("scenario", &report.scenario),
        ("key", &key),
        ("commit", commit),
        ("run", &report.run_id),
        ("tokgate", &report.environment.tool_version),
    ];
    let about = about.map(|(word, what)| format!("{word} {}", code_within(what, NAME)));
    let link =
        context.link.map_or_else(String::new, |link| format!(" · [page of the run]({link})"));
    let of = code(context.marker.sha());
    writeln!(text, "{} · for {of}{link}", about.join(" · ")).ok();
    text
}

/// What must be the same, beside the machine, for two of these to be compared: the number of the protocol
/// and the hash of what was asked.
fn key(report: &Report) -> String {
    let asked = report.cases.iter().map(|case| &case.case);
    let key = CompatKey::new(&report.machine, asked);
    format!("{}-{}", key.protocol, key.scenario_hash())
}

fn sentences(report: &Report) -> Vec<String> {
    let quarantine: usize = report.cases.iter().map(|case| case.case.gate.quarantine.len()).sum();
    let quarantine = (quarantine > 0)
        .then(|| format!("Quarantine keeps {quarantine} metrics from being judged for now."));
    let control = duel::control(report).map(|control| format!("Control {control}."));
    let (met, total) = report.targets();
    let goals = (total > 0)
        .then(|| format!("{met} of {total} goals met, which is {}.", report.grade.as_str()));
    let all = [Some(fine(report)), quarantine, control, goals, alerts(report)];
    all.into_iter().flatten().collect()
}

/// `Fine: 2 improved, 117 unchanged.`
fn fine(report: &Report) -> String {
    let judged = judged_cases(report).flat_map(|(_, judged)| judged);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in judged.filter(|one| level(one.verdict) == Level::Green) {
        *counts.entry(one.verdict.as_str()).or_default() += 1;
    }
    let told: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    match told.is_empty() {
        true => "Nothing was judged to be fine.".to_owned(),
        false => format!("Fine: {}.", told.join(", ")),
    }
}

fn alerts(report: &Report) -> Option<String> {
    let of = |level: Level| report.alerts().filter(|alert| alert.level == level).count();
    let (red, yellow) = (of(Level::Red), of(Level::Yellow));
    (red + yellow > 0).then(|| format!("Alerts: {red} red, {yellow} yellow."))
}

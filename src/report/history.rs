//! A metric over many commits, as text and as JSON. Everything in it is already found.

use super::sparkline::sparkline;
use super::terminal::{Style, paragraph};
use crate::history::{Anchored, Entry, Found, Question, Series};
use serde_json::{Value, json};
use std::fmt::Write;
use tokgate_baseline::Drift;
use tokgate_baseline::history::{FEWEST, WINDOW};
use tokgate_core::case::Tolerance;
use tokgate_core::day::Day;
use tokgate_core::diagnostic::line;
use tokgate_core::goal::Level;
use tokgate_core::unit::Unit;

/// Version of the object's shape.
const SCHEMA_VERSION: u32 = 1;
/// Letters of a commit's hash that are shown.
const SHORT: usize = 10;

/// One series.
#[must_use]
pub fn series(series: &Series, question: &Question, style: Style) -> String {
    let mut text = heading(series, question, style);
    let mut line = |level: Option<Level>, told: &str| {
        let told = format!("  {}", paragraph(&line(told), 4));
        let told = level.map_or_else(|| told.clone(), |level| style.level(level, &told));
        writeln!(text, "{told}").ok();
    };
    if let Some((at, differences)) = series.cut() {
        let since = short(&series.entries[at].id);
        let what = differences.join("; ");
        line(None, &format!("{at} entries before {since} were measured elsewhere ({what})"));
    }
    for found in &series.changes {
        line(Some(worse(found.change.effect)), &change(found, series, question));
    }
    match verdictless(series) {
        Some(why) => line(None, &why),
        None if series.changes.is_empty() => line(Some(Level::Green), "no change was found"),
        None => {}
    }
    if let Some(drift) = series.drift {
        let level = if drift.beyond_budget { Level::Red } else { Level::Green };
        line(Some(level), &crept(drift, series, question));
    }
    if let Some(why) = unanchored(series, question) {
        line(Some(Level::Yellow), &why);
    }
    text
}

/// Whose it is, how many entries there are, the latest, the sparkline.
fn heading(series: &Series, question: &Question, style: Style) -> String {
    let key = &series.key;
    let facts = format!("{} on {}, {}", key.model, key.platform, key.machine);
    let case = style.bold(&line(&key.case));
    let values: Vec<f64> = series.entries.iter().map(Entry::value).collect();
    let unit = question.metric.metric.unit;
    let (count, latest) =
        (values.len(), values.last().map_or_else(String::new, |it| unit.show(*it)));
    let of = |entry: Option<&Entry>| entry.map_or_else(String::new, |it| line(&short(&it.id)));
    let (first, last) = (of(series.entries.first()), of(series.entries.last()));
    let stretch = match count {
        1 => format!("1 entry, of {first}:"),
        _ => format!("{count} entries from {first} to {last}, latest"),
    };
    format!(
        "{case}  {}\n  {}: {stretch} {latest}\n  {}\n",
        style.dim(&line(&facts)),
        question.metric,
        sparkline(&values[count.saturating_sub(WINDOW)..]),
    )
}

/// `10.2 % worse between 0123456789 and 89abcdef01 (likeliest 5678abcdef); chance 1 in 20000`
fn change(found: &Found, series: &Series, question: &Question) -> String {
    let change = &found.change;
    let moved = moved(change.effect, series.tolerance, question.metric.metric.unit);
    let after = found.after.as_deref().map_or_else(|| "the first".to_owned(), short);
    format!(
        "{moved} between {after} and {} (likeliest {}); chance 1 in {:.0}",
        short(&change.last),
        short(&change.likeliest),
        1.0 / change.p
    )
}

/// Why nothing is said of a series; `None` where something is.
fn verdictless(series: &Series) -> Option<String> {
    let comparable = series.comparable;
    if comparable < FEWEST {
        return Some(format!(
            "too short: {comparable} of {FEWEST} entries of one environment; nothing is said of it"
        ));
    }
    series
        .drift
        .is_none()
        .then(|| "nothing is said of it: the metric has no better and no worse, or is 0".to_owned())
}

fn crept(drift: Drift, series: &Series, question: &Question) -> String {
    let unit = question.metric.metric.unit;
    let moved = |effect| moved(effect, question.budget, unit);
    let entries = series.comparable.min(WINDOW);
    let since = drift.since_anchor.zip(question.anchor.as_ref());
    let since = since.map_or_else(String::new, |(effect, anchor)| {
        format!(", {} since {}", moved(effect), anchor.name)
    });
    let beyond = if drift.beyond_budget { "beyond" } else { "within" };
    let budget = match question.budget {
        Tolerance::Relative(share) => format!("{:.1} %", 100.0 * share),
        Tolerance::Absolute(distance) => unit.show(distance),
    };
    let window = moved(drift.over_window);
    format!("drift: {window} over {entries} entries{since}; {beyond} the budget of {budget}")
}

/// Why the anchor that was named is not compared with.
fn unanchored(series: &Series, question: &Question) -> Option<String> {
    let name = &question.anchor.as_ref()?.name;
    match series.anchored {
        Anchored::Unasked | Anchored::Here => None,
        Anchored::Absent => Some(format!("{name} was not measured here: no drift since then")),
        Anchored::Elsewhere => Some(format!(
            "{name} was measured in another environment than the latest entry: measure it again"
        )),
    }
}

/// `10.2 % worse`
fn moved(effect: f64, tolerance: Tolerance, unit: Unit) -> String {
    let far = match tolerance {
        Tolerance::Relative(_) => format!("{:.1} %", 100.0 * effect.abs()),
        Tolerance::Absolute(_) => unit.show(effect.abs()),
    };
    let word = if effect > 0.0 { "worse" } else { "better" };
    format!("{far} {word}")
}

fn worse(effect: f64) -> Level {
    if effect > 0.0 { Level::Red } else { Level::Green }
}

/// The beginning of a commit's hash; any other name as it is.
fn short(id: &str) -> String {
    let hash = id.bytes().take_while(u8::is_ascii_hexdigit).count();
    match hash > SHORT && id.is_char_boundary(hash) {
        true => format!("{}{}", &id[..SHORT], &id[hash..]),
        false => id.to_owned(),
    }
}

/// Every series, with all that was found.
#[must_use]
pub fn json(all: &[Series], question: &Question, notes: &[String]) -> Value {
    json!({
        "schema_version": SCHEMA_VERSION,
        "metric": question.metric,
        "unit": question.metric.metric.unit,
        "budget": question.budget,
        "anchor": question.anchor.as_ref().map(|anchor| &anchor.name),
        "needed": FEWEST,
        "series": all.iter().map(one).collect::<Vec<_>>(),
        "notes": notes,
    })
}

fn one(series: &Series) -> Value {
    let cut = series.cut().map(|(at, differences)| {
        json!({ "first_entry_after": series.entries[at].id, "differences": differences })
    });
    json!({
        "case": series.key.case,
        "machine": series.key.machine,
        "platform": series.key.platform,
        "model": series.key.model,
        "tolerance": series.tolerance,
        "entries": series.entries.iter().map(entry).collect::<Vec<_>>(),
        "comparable": series.comparable,
        "enough": series.comparable >= FEWEST,
        "cut": cut,
        "changes": series.changes.iter().map(|found| json!({
            "after": found.after,
            "first": found.change.first,
            "last": found.change.last,
            "likeliest": found.change.likeliest,
            "effect": found.change.effect,
            "p": found.change.p,
        })).collect::<Vec<_>>(),
        "drift": series.drift.map(|drift| json!({
            "over_window": drift.over_window,
            "since_anchor": drift.since_anchor,
            "beyond_budget": drift.beyond_budget,
        })),
        "anchored": match series.anchored {
            Anchored::Unasked => Value::Null,
            Anchored::Absent => json!("absent"),
            Anchored::Elsewhere => json!("elsewhere"),
            Anchored::Here => json!("here"),
        },
    })
}

fn entry(entry: &Entry) -> Value {
    json!({
        "id": entry.id,
        "commit": entry.origin.commit(),
        "dirty": entry.origin.is_dirty(),
        "runs": entry.runs,
        "began_us": entry.at_us,
        "day": Day::of_us(entry.at_us),
        "value": entry.value(),
        "epochs": entry.epochs,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_cut_and_names_are_not() {
        let hash = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(short(hash), "0123456789");
        assert_eq!(short(&format!("{hash}-dirty (run)")), "0123456789-dirty (run)");
        assert_eq!(short("run-2026"), "run-2026");
        assert_eq!(short("日本"), "日本");
    }

    #[test]
    fn an_effect_is_told_in_words() {
        let share = Tolerance::Relative(0.02);
        assert_eq!(moved(0.102, share, Unit::Seconds), "10.2 % worse");
        assert_eq!(moved(-0.01, Tolerance::Absolute(0.005), Unit::Ratio), "1.00 % better");
    }
}

//! Proposed baselines of a machine as the text of one pull request. It has a bounded length: what has no
//! room is left out whole and counted, and what speaks against it stands first.

use super::markdown::{Link, code_within};
use super::proposal::{Proposal, within};
use std::fmt::Write;

/// Most bytes of it; GitHub takes 65 536 characters.
pub const LARGEST: usize = 60_000;
/// Most characters of a name.
const NAME: usize = 200;
/// Most scenarios that are named at the top.
const NAMED: usize = 20;
/// Least bytes of a scenario's part: with less it says too little.
const SHARE: usize = 3_000;
/// Bytes kept for the line that counts what is left out, and the end of a part.
const MORE: usize = 60;

/// What a machine's pull request is about, and who asks for it.
#[derive(Debug, Clone, Copy)]
pub struct Proposals<'a> {
    /// The machine's key.
    pub machine: &'a str,
    /// A proposal a scenario.
    pub parts: &'a [Proposal<'a>],
    /// Who started it, where that is known.
    pub operator: Option<&'a str>,
    /// The page that it was started from.
    pub link: Option<&'a Link>,
}

/// The title; it stays, whatever is proposed next.
#[must_use]
pub fn title(machine: &str) -> String {
    format!("Refresh the baselines of {machine}")
}

/// The first line, by which a pull request of ours is known again. The key of a machine is plain.
#[must_use]
pub fn marker(machine: &str) -> String {
    format!("<!-- tokgate-proposal:v1 machine={machine} -->")
}

/// The text.
#[must_use]
pub fn body(proposals: &Proposals<'_>) -> String {
    let mut text = heading(proposals);
    let (refused, fine): (Vec<&Proposal<'_>>, Vec<&Proposal<'_>>) =
        proposals.parts.iter().partition(|part| part.is_refused());
    let parts: Vec<&Proposal<'_>> = refused.into_iter().chain(fine).collect();
    let mut left_out = 0;
    for (at, part) in parts.iter().enumerate() {
        let free = LARGEST.saturating_sub(text.len() + MORE);
        // What one does not need of its share is for those behind it.
        let share = (free / (parts.len() - at)).max(SHARE).min(free);
        let part = within(part, share);
        if part.len() <= share {
            text = [text, part, "\n".to_owned()].concat();
        } else {
            left_out += 1;
        }
    }
    if left_out > 0 {
        writeln!(text, "and {left_out} baselines more").ok();
    }
    text
}

/// What it is, what speaks against it, and where it comes from.
fn heading(proposals: &Proposals<'_>) -> String {
    let Proposals { machine, parts, operator, link } = *proposals;
    let mut text = format!("{}\n", marker(machine));
    let name = code_within(machine, NAME);
    writeln!(text, "**Baselines of {name}: {} proposed**\n", parts.len()).ok();
    let refused: Vec<&str> =
        parts.iter().filter(|part| part.is_refused()).map(|part| part.scenario).collect();
    if !refused.is_empty() {
        let (count, names) = (refused.len(), listed(&refused));
        writeln!(
            text,
            "🔴 **`tokgate baseline refresh` refuses {count} of them: {names}.** Whoever merges this accepts \
             that something became worse or is missing.\n"
        )
        .ok();
    }
    let by = operator.map(|operator| format!("Proposed by {}", code_within(operator, NAME)));
    let page = link.map(|link| format!("[page of the run]({link})"));
    let from: Vec<String> = by.into_iter().chain(page).collect();
    if !from.is_empty() {
        writeln!(text, "{}\n", from.join(" · ")).ok();
    }
    text.push_str(
        "The next proposal replaces this branch and this text: push nothing to it, and discuss below.\n\n",
    );
    text
}

/// The first of some names, and how many there are more.
fn listed(names: &[&str]) -> String {
    let mut listed: Vec<String> =
        names.iter().take(NAMED).map(|name| code_within(name, NAME)).collect();
    if names.len() > NAMED {
        listed.push(format!("{} more", names.len() - NAMED));
    }
    listed.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use tokgate_baseline::compat::CompatKey;
    use tokgate_baseline::file::SCHEMA_VERSION;
    use tokgate_baseline::{Baseline, Provenance, Renewed};
    use tokgate_core::case::{CaseId, Tolerance};
    use tokgate_core::environment::MachineId;
    use tokgate_core::metric::{self, MetricRef};

    fn baseline(reason: &str) -> Baseline {
        let machine = MachineId("m".to_owned());
        let compat_key = CompatKey::new(&machine, []);
        let provenance = Provenance {
            commit: Some("abc".to_owned()),
            dirty: false,
            date: "2026-11-22".to_owned(),
            machine,
            tool_version: "0".to_owned(),
            engine: "an engine".to_owned(),
            model: "a model".to_owned(),
            notes: String::new(),
            runs: vec!["run-1".to_owned()],
            reason: reason.to_owned(),
            marks: Vec::new(),
        };
        Baseline {
            schema_version: SCHEMA_VERSION,
            scenario_hash: compat_key.scenario_hash(),
            compat_key,
            provenance,
            anchor: None,
            cases: BTreeMap::new(),
        }
    }

    /// Metrics of which the last is this much worse than the first recording.
    fn rows(count: usize, last: f64) -> Vec<Renewed> {
        let row = |at: usize| Renewed {
            case: CaseId(format!("s/case-{at}")),
            metric: MetricRef::value(&metric::TOK_S),
            tolerance: Tolerance::Relative(0.02),
            old: Some(100.0),
            new: Some(99.0),
            effect: Some(0.01),
            judged: None,
            since_anchor: (at + 1 == count).then_some(last),
        };
        (0..count).map(row).collect()
    }

    fn told(new: &Baseline, parts: &[(&str, &[Renewed])]) -> String {
        let parts: Vec<Proposal<'_>> = parts
            .iter()
            .map(|(scenario, rows)| Proposal {
                scenario,
                new,
                old: None,
                rows,
                runs: &[],
                tool_version: "0",
            })
            .collect();
        let link = Link::new("https://example.org/1");
        body(&Proposals {
            machine: "m",
            parts: &parts,
            operator: Some("@somebody"),
            link: link.as_ref(),
        })
    }

    #[test]
    fn the_marker_is_first_and_nothing_from_outside_is_markup() {
        let text = told(&baseline("a|b <img> @all\n# x"), &[("s", &rows(1, 0.0))]);
        assert!(text.starts_with("<!-- tokgate-proposal:v1 machine=m -->\n**"), "{text}");
        assert!(
            text.contains("Proposed by `＠somebody` · [page of the run](https://example.org/1)")
        );
        assert!(text.contains("Reason: `a¦b ‹img> ＠all # x`"), "{text}");
        assert!(text.contains("- run `run-1`") && !text.contains("🔴"), "{text}");
    }

    #[test]
    fn what_refresh_refuses_is_red_at_the_top_and_at_its_part_which_comes_first() {
        let (fine, crept) = (rows(2, 0.0), rows(2, 0.2));
        let text = told(&baseline(""), &[("fine", &fine), ("crept", &crept)]);
        let top = text.lines().find(|line| line.starts_with("🔴")).unwrap();
        assert!(top.contains("refuses 1 of them: `crept`."), "{text}");
        assert_eq!(text.matches("🔴").count(), 2);
        let place = |of: &str| text.find(&format!("# Baseline of `{of}`")).unwrap();
        assert!(place("crept") < place("fine"));
        assert!(
            text.contains("`s/case-1 tok_s is 20.0 % worse than the first recording"),
            "{text}"
        );
    }

    #[test]
    fn a_long_one_keeps_what_speaks_against_it_and_counts_what_it_leaves_out() {
        let (many, few) = (rows(5000, 0.2), rows(1, 0.0));
        let text = told(&baseline(&"long ".repeat(50_000)), &[("many", &many), ("few", &few)]);
        assert!(text.len() <= LARGEST, "{}", text.len());
        assert!(text.contains("| `s/case-4999` |") && text.contains(" metrics more\n"), "{text}");
        assert!(text.contains("# Baseline of `few`"), "{text}");
        assert!(text.lines().all(|line| !line.starts_with('|') || line.ends_with('|')));
    }

    #[test]
    fn baselines_that_have_no_room_are_left_out_whole_and_counted() {
        let row = rows(1, 0.0);
        let parts: Vec<(&str, &[Renewed])> = (0..500).map(|_| ("s", row.as_slice())).collect();
        let text = told(&baseline("so"), &parts);
        let shown = text.matches("# Baseline of `s`").count();
        assert!(text.len() <= LARGEST && shown > 0, "{}", text.len());
        assert!(text.contains(&format!("and {} baselines more", 500 - shown)), "{text}");
    }
}

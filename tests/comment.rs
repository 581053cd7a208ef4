//! The text of a comment: that it fits, and that nothing from outside means anything in it.

use crate::store::fixture::{head, metric, run};
use tokgate::again::report_stored;
use tokgate::git::Edited;
use tokgate::report::comment::{Context, Judge, LARGEST, Past, comment, job_summary, title};
use tokgate::report::markdown::Link;
use tokgate::report::marker::Marker;
use tokgate::report::workflow::outputs;
use tokgate::session::MeasuredCase;
use tokgate::store::summary;
use tokgate_core::case::{Case, CaseId, Tolerance};
use tokgate_core::diagnostic::is_hidden;
use tokgate_core::environment::MachineId;
use tokgate_core::report::{CaseReport, ComparedWith, Pairs, Report};
use tokgate_core::summary::{Estimate, Interval};
use tokgate_core::validity::Validity;
use tokgate_core::verdict::{Comparison, Conclusion, Judged, Verdict};

const HOSTILE: [&str; 14] = [
    "@org/team",
    "![x](http://evil.example/p.png)",
    "</details></code><script>alert(1)</script>",
    "```\n# a heading",
    "a|b|c",
    "<!-- tokgate:v1 id=gate sha=0123abc -->",
    "fixes #123",
    "\u{202e}\u{200b}\u{0}\u{1b}[31m",
    "[x](javascript:y)",
    "`@me`",
    "a\r\n\r\n@b\n---\n| c |",
    "&lt;img src=x onerror=y&gt;",
    "https://evil.example/",
    "\\`\\|\\",
];

fn judged(verdict: Verdict, why: &str, change: f64) -> Judged {
    let estimate = |value| Estimate { value, interval: None, n: 40 };
    let comparison = Comparison {
        metric: metric("ttft.p50"),
        base: estimate(0.1),
        head: estimate(0.1 * (1.0 + change)),
        effect: change,
        interval: Some(Interval { low: change - 0.01, high: change + 0.01 }),
        epochs: (5, 5),
        tolerance: Tolerance::Relative(0.02),
        mde: Some(0.035),
    };
    let metric = metric("ttft.p50");
    Judged { metric, comparison: Some(comparison), verdict, why: why.to_owned() }
}

/// A report of one case, `quick/one`, and these verdicts.
fn report(verdicts: Vec<Judged>) -> Report {
    let epochs = vec![run(head(1, "one", 0))];
    let summary = summary(&epochs).unwrap();
    let case = MeasuredCase { epochs, validity: vec![Validity::Valid], summary };
    report_stored(&[(case, verdicts)], false)
}

fn named(one: &CaseReport, id: String) -> CaseReport {
    CaseReport { case: Case { id: CaseId(id), ..one.case.clone() }, ..one.clone() }
}

/// A report of as many cases as this, every name in which somebody could have made up.
fn hostile(cases: usize) -> Report {
    let of = |at: usize| HOSTILE[at % HOSTILE.len()];
    let verdicts = |at: usize| {
        let bad = judged(
            if at.is_multiple_of(2) { Verdict::Regressed } else { Verdict::Inconclusive },
            of(at),
            0.2,
        );
        vec![bad, judged(Verdict::Unchanged, of(at), 0.001)]
    };
    let mut all = report(verdicts(0));
    let one = all.cases[0].clone();
    let pairs = |at: usize| Pairs {
        base: of(at).to_owned(),
        head: of(at + 1).to_owned(),
        counted: 8,
        set_aside: 1,
        reasons: vec![of(at).to_owned()],
        asked: 0,
        alike: 0,
    };
    let case = |at: usize| CaseReport {
        verdicts: verdicts(at),
        pairs: Some(pairs(at)),
        ..named(&one, format!("quick/{}/{at}", of(at)))
    };
    all.cases = (0..cases).map(case).collect();
    all.machine = MachineId(HOSTILE.concat());
    all.run_id = HOSTILE.concat();
    all.scenario = HOSTILE[2].to_owned();
    all.environment.commit = Some(HOSTILE[5].to_owned());
    all.compared_with = ComparedWith::Baseline(HOSTILE.concat());
    all
}

fn marker() -> Marker {
    Marker::new("gate", "0123abc").unwrap()
}

/// The comment on a report, and the summary of its job.
fn texts(report: &Report) -> [String; 2] {
    texts_of(report, None, &Past::new())
}

/// The same of a change that edits these files, with what is known of earlier runs.
fn texts_of(report: &Report, edited: Option<&[Edited]>, past: &Past) -> [String; 2] {
    let (marker, link) = (marker(), Link::new("https://example.org/o/r/actions/runs/1").unwrap());
    let command = HOSTILE.join(" ");
    let context = Context {
        marker: &marker,
        link: Some(&link),
        command: &command,
        from_fork: true,
        judge: edited.map(|edited| Judge { base: HOSTILE[5], edited }),
        past,
    };
    [comment(report, &context), job_summary(report, &context)]
}

/// The line outside of its code spans, which are of one backtick each.
fn outside(line: &str) -> String {
    let parts: Vec<&str> = line.split('`').collect();
    assert!(parts.len() % 2 == 1, "a code span does not end: {line}");
    parts.into_iter().step_by(2).collect()
}

/// Asserts that nothing in the text is markup but ours.
fn is_inert(text: &str) {
    assert!(text.chars().all(|c| c == '\n' || !is_hidden(c)), "hidden characters");
    for line in text.lines() {
        let mut left = outside(line);
        let columns = left.matches('|').count();
        assert!(matches!(columns, 0 | 7 | 9 | 10), "a row of {columns} bars: {line}");
        let ours = ["[page of the run](https://example.org/o/r/actions/runs/1)"];
        for own in ours.into_iter().chain([
            "<details><summary><code>",
            "</code>",
            "</summary>",
            "</details>",
        ]) {
            left = left.replacen(own, "", 1);
        }
        // What is left of a fold's name is HTML, in which an address or a bracket is a character.
        let is_name = line.starts_with("<details>");
        let bad: &[char] = if is_name { &['<', '>', '@'] } else { &['<', '>', '@', '[', ']', '!'] };
        assert!(!left.contains(bad), "{left:?} of {line:?}");
        assert!(is_name || !left.contains("://"), "{line}");
        assert!(!is_name || !left.replace("&amp;", "").replace("&gt;", "").contains('&'), "{line}");
    }
}

fn counted(text: &str, before: &str, after: &str) -> usize {
    let counts = text.lines().filter_map(|line| line.strip_prefix(before)?.strip_suffix(after));
    counts.map(|count| count.parse::<usize>().unwrap()).sum()
}

#[test]
fn five_thousand_cases_with_hostile_names_fit_and_are_inert() {
    const CASES: usize = 5000;
    let report = hostile(CASES);
    let [comment, summary] = texts(&report);
    assert!(comment.len() <= LARGEST && summary.len() <= LARGEST);
    assert_eq!(Marker::of(&comment), Some(marker()));
    let (first, rest) = comment.split_once('\n').unwrap();
    assert_eq!(first, marker().to_string());
    for text in [rest, summary.as_str()] {
        is_inert(text);
        let rows = text.lines().filter(|line| line.starts_with("| `quick/")).count();
        assert!(rows > 50, "{rows}");
        assert_eq!(rows + counted(text, "and ", " rows more"), CASES);
        assert_eq!(counted(text, "and ", " cases more"), CASES, "no fold is left room");
        assert!(!text.contains("| inconclusive |"), "the least serious is left out first");
        assert!(text.contains("Fine: 5000 unchanged."), "{text:.300}");
    }
}

/// Files that a change edits, called as the hostile are.
fn edited(count: usize) -> Vec<Edited> {
    let path = |at: usize| format!("baseline/{}/{at}.json", HOSTILE[at % HOSTILE.len()]);
    (0..count).map(|at| Edited { path: path(at), how: "changed" }).collect()
}

#[test]
fn edited_files_are_told_by_whole_rows_beside_five_thousand_cases() {
    let report = hostile(5000);
    for count in [1, 14, 200] {
        let texts = texts_of(&report, Some(&edited(count)), &Past::new());
        for text in [texts[0].split_once('\n').unwrap().1, &texts[1]] {
            assert!(texts.iter().all(|text| text.len() <= LARGEST));
            is_inert(text);
            let rows = text.lines().filter(|line| line.starts_with("- `baseline/")).count();
            assert!(rows >= count.min(14), "{rows} of {count}");
            assert_eq!(rows + counted(text, "and ", " files more"), count);
            let cases = text.lines().filter(|line| line.starts_with("| `quick/")).count();
            assert_eq!(cases + counted(text, "and ", " rows more"), 5000);
        }
    }
    let [untouched, _] = texts_of(&report, Some(&[]), &Past::new());
    assert!(untouched.contains("\nJudged by `‹!-- tokgate:v1"), "{untouched:.400}");
    assert!(!untouched.contains("Edited by this change"));
    assert!(!texts(&report)[0].contains("Judged by"), "a run by its own rules has no judge");
}

/// The cells of the history of what is not fine in `quick/one`.
fn histories(report: &Report, before: &[f64]) -> Vec<String> {
    let key = (CaseId("quick/one".to_owned()), metric("ttft.p50"));
    let past = Past::from([(key, before.to_vec())]);
    let [comment, _] = texts_of(report, None, &past);
    is_inert(comment.split_once('\n').unwrap().1);
    let rows = comment.lines().filter(|line| line.starts_with("| `quick/"));
    let cell = |row: &str| {
        let cells: Vec<&str> = row.split(" | ").collect();
        (cells.len() == 9).then(|| cells[7].to_owned())
    };
    rows.filter_map(cell).collect()
}

#[test]
fn what_is_not_fine_shows_its_last_twenty_values_and_the_head_last() {
    let slower = report(vec![judged(Verdict::Regressed, "x", 0.2)]);
    assert_eq!(histories(&slower, &[0.10, 0.11, 0.10]), ["▁▅▁█"]);
    assert_eq!(histories(&slower, &[0.12; 3]), ["▁▁▁▁"], "what stays is flat");
    assert_eq!(histories(&slower, &[0.1, f64::NAN, 0.1, 0.1]), ["▁·▁▁█"]);
    let many: Vec<f64> = (0..100).map(|at| f64::from(at) / 1000.0).collect();
    let [line] = histories(&slower, &many).try_into().unwrap();
    assert_eq!(line.chars().count(), 20);
    assert!(line.starts_with('▁') && line.ends_with('█'), "{line}");
    let none: [&[f64]; 3] = [&[], &[0.1, 0.1], &[0.1, 0.1, f64::NAN]];
    for few in none {
        assert!(histories(&slower, few).is_empty(), "{few:?} is no history");
    }
    let mut two = slower;
    let other = two.cases[0].clone();
    two.cases.push(named(&other, "quick/two".to_owned()));
    assert_eq!(histories(&two, &[0.1; 3]), ["▁▁▁█", "–"]);
}

#[test]
fn few_cases_with_hostile_names_are_told_whole_and_inert() {
    let [comment, summary] = texts(&hostile(HOSTILE.len()));
    let (_, rest) = comment.split_once('\n').unwrap();
    assert_eq!(rest, summary);
    is_inert(rest);
    assert_eq!(rest.matches("<details>").count(), HOSTILE.len());
    assert_eq!(rest.matches("</details>").count(), HOSTILE.len());
    assert!(!rest.contains(" more\n"), "{rest}");
}

#[test]
fn one_name_that_is_longer_than_a_comment_leaves_it_whole() {
    let mut all = report(vec![judged(Verdict::Regressed, &"why ".repeat(30_000), 0.2)]);
    all.cases[0] = named(&all.cases[0], "@".repeat(100_000));
    all.compared_with = ComparedWith::Baseline("\u{202e}".repeat(100_000));
    all.run_id = "日".repeat(100_000);
    let [comment, _] = texts(&all);
    assert!(comment.len() < LARGEST);
    assert_eq!(comment.matches("| regressed |").count(), 1);
    is_inert(comment.split_once('\n').unwrap().1);
}

#[test]
fn what_is_not_fine_stands_in_a_table_with_its_change_and_the_rest_in_a_fold() {
    let mut all = report(vec![
        judged(Verdict::Inconclusive, "the interval reaches over the line", 0.02),
        judged(Verdict::Regressed, "worse than the tolerance", 0.2),
        judged(Verdict::Improved, "better", -0.1),
    ]);
    all.conclusion = Conclusion::Regressed;
    let [comment, _] = texts(&all);
    let rows: Vec<&str> =
        comment.lines().filter(|line| line.starts_with("| `quick/one`")).collect();
    assert_eq!(
        rows,
        [
            "| `quick/one` | ttft.p50 | 100 ms | 120 ms | +20.0 % (+19.0 % … +21.0 %) | 3.5 % | regressed \
             | `worse than the tolerance` |",
            "| `quick/one` | ttft.p50 | 100 ms | 102 ms | +2.0 % (+1.0 % … +3.0 %) | 3.5 % | inconclusive \
             | `the interval reaches over the line` |",
        ]
    );
    assert!(
        comment.contains("**tokgate `gate`: REGRESSED** – 1 improved, 1 inconclusive, 1 regressed")
    );
    assert!(comment.contains("<details><summary><code>quick/one</code>: 1 fine</summary>"));
    assert!(comment.contains("\nFine: 1 improved."), "{comment}");
    assert_eq!(title(&all), "REGRESSED: 1 improved, 1 inconclusive, 1 regressed");
    all.conclusion = Conclusion::Invalid;
    assert_eq!(title(&all), "INVALID");
}

#[test]
fn numbers_that_are_none_are_not_told_as_numbers() {
    let all = report(vec![judged(Verdict::Regressed, "x", f64::INFINITY)]);
    let [comment, _] = texts(&all);
    assert!(comment.contains("| 100 ms | – | – | 3.5 % |"), "{comment}");
}

#[test]
fn outputs_are_lines_that_nobody_ends_early() {
    let mut all = hostile(4);
    all.run_id = "run\nEND\nexit<<END".to_owned();
    let told = outputs(&all, "END");
    let lines: Vec<&str> = told.lines().collect();
    let ends = lines.iter().filter(|line| **line == "END").count();
    assert_eq!(ends, 4, "{told}");
    let begins: Vec<&str> = lines.iter().filter_map(|line| line.strip_suffix("<<END")).collect();
    assert_eq!(begins.len(), 5, "the last is the value of `run`: {told}");
    assert_eq!(begins[..4], ["conclusion", "exit", "regressed", "run"]);
    let regressed = lines.iter().filter(|line| line.ends_with(" ttft.p50")).count();
    assert_eq!(regressed, 2, "one of each two cases: {told}");
}

#[test]
fn two_comments_that_may_be_compared_have_the_same_key() {
    let key = |all: &Report| {
        let [comment, _] = texts(all);
        let (_, behind) = comment.rsplit_once("key `").unwrap();
        behind.split_once('`').unwrap().0.to_owned()
    };
    let all = report(vec![judged(Verdict::Unchanged, "x", 0.0)]);
    let mut closer = all.clone();
    closer.cases[0].case.gate.tolerances.clear();
    closer.cases[0].case.run.epochs += 1;
    assert_eq!(key(&closer), key(&all), "how closely it is judged is no question");
    let mut other = all.clone();
    other.cases[0].case.run.salt ^= true;
    assert_ne!(key(&other), key(&all));
}

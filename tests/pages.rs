//! The pages for people: what stands in them, that nothing foreign means anything in them, and that they stay
//! small. Each is also left in a folder, where `tests/browser` opens it.

use crate::store::fixture::{answered, failed, head, metric, run};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;
use tokgate::again::report_stored;
use tokgate::report::html::{Figures, Page, comparison, page};
use tokgate::session::MeasuredCase;
use tokgate::store::summary;
use tokgate_core::advice::{About, Advice};
use tokgate_core::case::{Case, CaseId, Tolerance};
use tokgate_core::diagnostic::is_hidden;
use tokgate_core::environment::MachineId;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::metric::Stat;
use tokgate_core::record::{Event, EventKind, Record};
use tokgate_core::report::{CaseReport, ComparedWith, Report, Unmeasured};
use tokgate_core::run::Run;
use tokgate_core::summary::{Estimate, Interval};
use tokgate_core::time::Offset;
use tokgate_core::validity::{Reason, Validity};
use tokgate_core::verdict::{Comparison, Exit, Judged, Verdict};

/// Largest page that is still sent by mail.
const LARGEST: usize = 5_000_000;

/// What somebody who controls a name, an answer or an error could write.
const HOSTILE: [&str; 12] = [
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<!--<script>",
    "\"><svg onload=alert(1)>",
    "'-alert(1)-'",
    "javascript:alert(1)",
    "{{ told.run_id }}{% raw %}",
    "\u{202e}\u{200b}\u{0}\u{1b}[31m\u{7f}\u{2066}",
    "]]><a href=https://evil.example/>x</a>",
    "<style>@import url(https://evil.example/)</style>",
    "&lt;b&gt;\\u003cscript\\u003e",
    "<base href=https://evil.example/><meta http-equiv=refresh content=0>",
];

fn leave(name: &str, page: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), page).unwrap();
}

fn measured(epochs: Vec<Run>, validity: Validity) -> MeasuredCase {
    let summary = summary(&epochs).unwrap();
    let validity = epochs.iter().map(|_| validity.clone()).collect();
    MeasuredCase { epochs, validity, summary }
}

fn judged(name: &str, verdict: Verdict, change: f64, why: &str) -> Judged {
    let estimate = |value| Estimate { value, interval: None, n: 40 };
    let comparison = Comparison {
        metric: metric(name),
        base: estimate(0.1),
        head: estimate(0.1 * (1.0 + change)),
        effect: change,
        interval: Some(Interval { low: change - 0.03, high: change + 0.03 }),
        epochs: (5, 5),
        tolerance: Tolerance::Relative(0.02),
        mde: Some(0.035),
    };
    Judged { metric: metric(name), comparison: Some(comparison), verdict, why: why.to_owned() }
}

/// A run of two cases, one of which regressed.
fn usual() -> Vec<(MeasuredCase, Vec<Judged>)> {
    let one = measured(vec![run(head(1, "one", 0)), run(head(1, "one", 1))], Validity::Valid);
    let two = measured(vec![run(head(1, "two", 0))], Validity::Valid);
    let verdicts = vec![
        judged("ttft.p50", Verdict::Regressed, 0.2, "worse by 17 … 23 %, more than 2 %"),
        judged("itl.p50", Verdict::Unchanged, 0.001, "within 2 %"),
        judged("e2e.p95", Verdict::Inconclusive, 0.01, "the interval reaches over the tolerance"),
        judged("tok_s", Verdict::Improved, -0.1, "better by 7 … 13 %"),
    ];
    vec![(one, verdicts), (two, Vec::new())]
}

/// The page of these cases, whose report may be changed first.
fn told(
    cases: &[(MeasuredCase, Vec<Judged>)],
    change: impl FnOnce(&mut Report),
) -> (Report, String) {
    let mut report = report_stored(cases, false);
    let ids: Vec<CaseId> = report.cases.iter().map(|case| case.case.id.clone()).collect();
    change(&mut report);
    let epochs = |case: &CaseId| -> &[Run] {
        let place = report.cases.iter().position(|one| one.case.id == *case);
        let id = place.and_then(|place| ids.get(place).or(ids.first()));
        let found = id.and_then(|id| cases.iter().find(|(one, _)| one.head().case.id == *id));
        found.map_or(&[], |(case, _)| &case.epochs)
    };
    let figures = Figures::of(&report, &epochs);
    let text = page(&Page { report: &report, figures: &figures });
    (report, text)
}

/// The parts of a page between `<name ...>` and its end, and the page without them.
fn elements<'a>(page: &'a str, name: &str) -> (Vec<&'a str>, String) {
    let (mut inside, mut outside, mut rest) = (Vec::new(), String::new(), page);
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    while let Some(begin) = rest.find(&open) {
        let begins = begin + rest[begin..].find('>').unwrap() + 1;
        let ends = begins + rest[begins..].find(&close).unwrap();
        outside.push_str(&rest[..begin]);
        inside.push(&rest[begins..ends]);
        rest = &rest[ends + close.len()..];
    }
    (inside, outside + rest)
}

/// What is markup of a page, and its data.
fn parts(page: &str) -> (String, Value) {
    let (scripts, outside) = elements(page, "script");
    let (_, markup) = elements(&outside, "style");
    let island = scripts.iter().find(|text| text.starts_with('{')).unwrap();
    assert!(!island.contains(['<', '>']), "markup in the data");
    (markup, serde_json::from_str(island).unwrap())
}

/// Asserts that a page runs and applies what its policy names and nothing else, and loads nothing.
fn is_closed(page: &str) {
    let (scripts, outside) = elements(page, "script");
    let (styles, markup) = elements(&outside, "style");
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap();
    let policy = policy.split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for text in scripts.iter().filter(|text| !text.starts_with('{')).chain(&styles) {
        let hash = STANDARD.encode(Sha256::digest(text.as_bytes()));
        assert!(policy.contains(&format!("'sha256-{hash}'")), "{}", &text[..60]);
    }
    assert_eq!(styles.len(), 1);
    for part in markup.split('<').skip(1) {
        let tag = part.split('>').next().unwrap().to_lowercase();
        for word in
            [" src=", " style=", " on", "http:", "https:", "javascript:", "srcset", "action="]
        {
            let quoted: String = tag.split('"').step_by(2).collect::<Vec<_>>().join(" ");
            assert!(!quoted.contains(word), "{word} in <{tag}>");
        }
        if tag.starts_with("a ") {
            assert!(tag.contains("href=\"#"), "<{tag}>");
        }
    }
    assert!(page.chars().all(|c| c == '\n' || !is_hidden(c)), "hidden characters");
}

/// A report in which every text that could be foreign is.
fn hostile(report: &mut Report) {
    let of = |at: usize| HOSTILE[at % HOSTILE.len()];
    let one = report.cases[0].clone();
    let case = |at: usize| {
        let mut made = one.clone();
        made.case.id = CaseId(format!("quick/{}/{at}", of(at)));
        made.target.model = HOSTILE.concat();
        made.target.platform = of(at + 1).to_owned();
        made.target.engine = of(at + 2).to_owned();
        made.samples = HOSTILE.map(str::to_owned).to_vec();
        made.verdicts = vec![judged("ttft.p50", Verdict::Regressed, 0.2, of(at))];
        for goal in &mut made.goals {
            goal.note = of(at).to_owned();
        }
        for counted in &mut made.failures {
            counted.failure = Failure::new(FailureClass::Status, of(at + 3));
        }
        made
    };
    report.cases = (0..HOSTILE.len()).map(case).collect();
    report.unmeasured = HOSTILE
        .iter()
        .map(|text| Unmeasured {
            case: CaseId((*text).to_owned()),
            why: (*text).to_owned(),
            exit: Exit::Invalid,
        })
        .collect();
    report.machine = MachineId(HOSTILE.concat());
    report.run_id = HOSTILE[0].to_owned();
    report.scenario = HOSTILE[1].to_owned();
    report.environment.commit = Some(HOSTILE[4].to_owned());
    report.environment.cpu_model = "y".repeat(10_000);
    report.compared_with = ComparedWith::Baseline(HOSTILE.concat());
}

#[test]
fn a_page_runs_what_its_policy_names_and_loads_nothing() {
    let (_, text) = told(&usual(), |_| ());
    leave("usual.html", &text);
    is_closed(&text);
}

#[test]
fn the_verdict_stands_first_with_its_sign_and_its_word_and_the_grade_beside_it() {
    let (_, text) = told(&usual(), |_| ());
    let (markup, _) = parts(&text);
    let place = |what: &str| markup.find(what).unwrap_or_else(|| panic!("no {what}"));
    let verdict = place("<span aria-hidden=\"true\">✗</span><span>REGRESSED</span>");
    assert!(verdict < place("Grade") && place("Grade") < place("id=\"goals\""));
    assert!(
        place("id=\"goals\"") < place("id=\"changes\"")
            && place("id=\"changes\"") < place("id=\"figures\"")
    );
    assert!(markup.contains("1 improved, 1 inconclusive, 1 regressed, 1 unchanged"), "{markup}");
    assert!(markup.contains("worse by 17 … 23 %, more than 2 %"));
}

#[test]
fn of_more_changes_than_there_is_room_for_the_worst_stand_first_whatever_their_case() {
    let (_, text) = told(&usual(), |report| {
        let one = report.cases[0].clone();
        let case = |at: u32| {
            let mut made = one.clone();
            made.case.id = CaseId(format!("quick/{at}"));
            made.verdicts =
                vec![judged("ttft.p50", Verdict::Regressed, 0.1 * f64::from(at), "worse")];
            made
        };
        report.cases = (1..=40).map(case).collect();
    });
    let (markup, _) = parts(&text);
    let section =
        &markup[markup.find("id=\"changes\"").unwrap()..markup.find("id=\"figures\"").unwrap()];
    let place = |change: &str| section.find(change).unwrap_or_else(|| panic!("no {change}"));
    assert!(place("+400.0 %") < place("+390.0 %") && place("+390.0 %") < place("+170.0 %"));
    assert!(!section.contains("+160.0 %") && section.contains("16 more are with their cases"));
}

#[test]
fn a_goal_has_a_colour_a_sign_and_a_word() {
    let (_, text) = told(&usual(), |_| ());
    let (markup, _) = parts(&text);
    for (class, sign, word) in
        [("green", "✓", "met"), ("yellow", "!", "met, with a doubt"), ("red", "✗", "missed")]
    {
        let standing = format!(
            "<span class=\"standing {class}\"><span aria-hidden=\"true\">{sign}</span>{word}</span>"
        );
        let has = report_stored(&usual(), false)
            .cases
            .iter()
            .flat_map(|case| &case.goals)
            .any(|goal| goal.level.as_str() == class);
        assert_eq!(markup.contains(&standing), has, "{standing}");
    }
}

#[test]
fn the_data_of_a_page_is_what_was_measured() {
    let (report, text) = told(&usual(), |_| ());
    let (_, island) = parts(&text);
    let name =
        |table: &str, place: &Value| island[table][place.as_u64().unwrap() as usize][0].clone();
    let row = |row: &&Value| {
        row[0] == 0 && name("metrics", &row[1]) == "ttft" && name("stats", &row[2]) == "p50"
    };
    let rows = island["rows"].as_array().unwrap();
    let found = rows.iter().find(row).unwrap();
    let estimate = report.cases[0].summary.estimate(metric("ttft.p50")).unwrap();
    assert!((found[3].as_f64().unwrap() / estimate.value - 1.0).abs() < 1e-5);
    assert_eq!(found[6], estimate.n);
    let all: usize = report
        .cases
        .iter()
        .flat_map(|case| &case.summary.metrics)
        .map(|metric| metric.stats.len())
        .sum();
    assert_eq!(rows.len(), all);
    assert_eq!(name("stats", &Value::from(0)), Stat::Value.as_str());
    assert!(!island["figures"]["cases"]["0"].as_array().unwrap().is_empty());
}

#[test]
fn nothing_that_somebody_named_or_wrote_is_markup() {
    let cases = usual();
    let (_, text) = told(&cases, hostile);
    leave("hostile.html", &text);
    is_closed(&text);
    let (markup, island) = parts(&text);
    for tag in ["<script", "<img", "<svg", "<style", "<base", "<!--"] {
        assert!(!markup.contains(tag), "{tag}");
    }
    assert!(markup.contains("\\u{202e}\\u{200b}\\u{0}\\u{1b}[31m"), "hidden characters are told");
    assert!(
        island["cases"][0]["samples"][0].as_str().unwrap().contains("</script>"),
        "and stay text"
    );
}

#[test]
fn an_invalid_run_says_why_and_what_could_not_be_measured() {
    let why = Reason::Stopped { why: "by hand".to_owned() };
    let cases = [(
        measured(vec![run(head(1, "hot", 0))], Validity::Invalid(vec![why.clone()])),
        Vec::new(),
    )];
    let (_, text) = told(&cases, |report| {
        let why = "the server is gone".to_owned();
        report.unmeasured.push(Unmeasured {
            case: CaseId("quick/cold".to_owned()),
            why,
            exit: Exit::Invalid,
        });
    });
    leave("invalid.html", &text);
    let (markup, _) = parts(&text);
    assert!(markup.contains(">INVALID</span>") && markup.contains(&why.to_string()), "{markup}");
    assert!(markup.contains("quick&#x2f;cold") || markup.contains("quick/cold"));
    assert!(markup.contains("the server is gone"));
    assert!(markup.contains("503"), "why a request failed");
}

#[test]
fn what_several_cases_advise_is_told_once_with_how_many_more_do() {
    let (_, text) = told(&usual(), |report| {
        for case in &mut report.cases {
            case.advice = vec![Advice {
                about: About::KvCache,
                evidence: "recall is 40 %".to_owned(),
                suggestion: "raise `nprobe = <1>`".to_owned(),
            }];
        }
    });
    let (markup, _) = parts(&text);
    assert_eq!(markup.matches("Try:").count(), 1);
    assert!(markup.contains("raise <code>nprobe = &lt;1&gt;</code>"), "{markup}");
    assert!(markup.contains("recall is 40 %; 1 more with their cases"), "{markup}");
}

#[test]
fn a_run_without_a_case_has_a_page() {
    let (_, text) = told(&usual(), |report| report.cases.clear());
    is_closed(&text);
    assert!(parts(&text).0.contains("Nothing was measured."));
}

/// An epoch of so many answers of so many tokens each.
fn long(requests: u64, tokens: u64) -> Run {
    let record = |ordinal: u64| {
        let first = 2_000 * ordinal + 5;
        let at = |n: u64| Offset(1_000_000 * (first + n) + 7_919 * (n * ordinal % 100));
        let event = |n| Event { at: at(n), kind: EventKind::Content, tokens: Some(1) };
        let events: Vec<Event> = (0..tokens).map(event).collect();
        Record {
            done: at(tokens),
            events,
            sent: Offset(2_000_000_000 * ordinal),
            due: Offset(2_000_000_000 * ordinal),
            ..answered(ordinal)
        }
    };
    Run {
        records: (0..requests).map(record).chain([failed(requests)]).collect(),
        ..run(head(1, "long", 0))
    }
}

/// A run of 500 cases, whose epochs have a million events between them. What is decided of a case is decided
/// once, since it would be the same.
#[test]
fn a_page_of_hundreds_of_cases_and_a_million_events_stays_small() {
    let cases = [(
        measured(vec![long(20, 100)], Validity::Valid),
        vec![judged("ttft.p50", Verdict::Unchanged, 0.0, "within 2 %")],
    )];
    let (report, text) = told(&cases, |report| {
        let one = report.cases[0].clone();
        let named = |at: usize| CaseReport {
            case: Case {
                id: CaseId(format!("quick/generation/concurrency={at},temperature=0.7")),
                ..one.case.clone()
            },
            ..one.clone()
        };
        report.cases = (0..500).map(named).collect();
    });
    leave("large.html", &text);
    assert_eq!(report.cases.len(), 500);
    assert!(text.len() < LARGEST, "{} bytes", text.len());
    let (_, island) = parts(&text);
    assert_eq!(island["cases"].as_array().unwrap().len(), 500);
    assert!(island["left_out"].as_u64().unwrap() > 0, "figures that were left out are told");
    assert!(!island["figures"]["cases"].as_object().unwrap().is_empty());
}

#[test]
fn one_long_case_is_shown_with_its_spikes_and_stays_small() {
    let cases = [(measured(vec![long(100, 1000)], Validity::Valid), Vec::new())];
    let (_, text) = told(&cases, |_| ());
    leave("long.html", &text);
    assert!(text.len() < LARGEST / 4, "{} bytes", text.len());
}

#[test]
fn runs_stand_side_by_side_with_what_keeps_them_apart() {
    let a = report_stored(&usual(), false);
    let mut b = a.clone();
    b.run_id = "run-2".to_owned();
    b.machine = MachineId("another".to_owned());
    for case in &mut b.cases {
        case.target.model = HOSTILE[0].to_owned();
        case.target.platform = "ollama".to_owned();
    }
    b.cases.remove(1);
    let text = comparison(&[a, b]);
    leave("side.html", &text);
    is_closed(&text);
    let (markup, island) = parts(&text);
    assert!(markup.contains("google&#x2f;gemma-3-4b-it on vllm-serve"), "{markup}");
    assert!(markup.contains("B was measured on another"));
    assert!(markup.contains("quick&#x2f;two"), "a case of one of them alone");
    assert_eq!(island["cases"].as_array().unwrap().len(), 3);
    assert_eq!(island["cases"][2]["run_id"], "run-2");
}

//! Metrics that are measured and not judged for a while: planned, told, and judged again.

use crate::faces::{code, command, text, with_scenario};
use crate::support::undisturbed;
use serde_json::Value;
use std::time::{SystemTime, UNIX_EPOCH};
use tokgate_core::case::Case;
use tokgate_core::day::Day;
use tokgate_core::diagnostic::Diagnostics;
use tokgate_core::metric::MetricRef;
use tokgate_core::scenario::{Facts, Override, Scenario, Surroundings, plan};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn today() -> Day {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Day::of_us(i64::try_from(now.as_micros()).unwrap())
}

fn metric(name: &str) -> MetricRef {
    name.parse().unwrap()
}

/// A case that judges two metrics, one of them not up to a day.
fn scenario(until: &str) -> String {
    format!(
        r#"
schema = 1
[target]
driver = "simulated"
[dataset]
prompt_tokens = 8
output_tokens = 3
[gate]
"ttft.p50" = "2 %"
tok_s = "2 %"
[gate.quarantine]
"ttft.p50" = {{ until = "{until}", why = "the cache is cold" }}
[[case]]
name = "one"
kind = "generation"
workload = {{ concurrency = 2, requests = 20, warmup = 2 }}
"#
    )
}

fn planned(until: &str, facts: &Facts) -> Result<Case, Diagnostics> {
    let text = scenario(until);
    let scenario = Scenario::parse("a", "a.toml", &text, &Surroundings::closed(&|_| None))?;
    plan(&scenario, facts).map(|mut cases| cases.remove(0))
}

fn on(today: &str) -> Facts {
    Facts { today: Some(day(today)), ..Facts::default() }
}

#[test]
fn a_metric_is_in_quarantine_up_to_its_day_and_judged_after_it() {
    for today in ["2026-12-01", "2027-01-31"] {
        let gate = planned("2027-01-31", &on(today)).unwrap().gate;
        assert_eq!(gate.tolerances.keys().collect::<Vec<_>>(), [&metric("tok_s")], "{today}");
        assert_eq!(gate.quarantine[&metric("ttft.p50")].until, day("2027-01-31"));
        assert!(gate.released.is_empty());
    }
    let gate = planned("2027-01-31", &on("2027-02-01")).unwrap().gate;
    assert_eq!(gate.tolerances.len(), 2);
    assert!(gate.quarantine.is_empty());
    let told = gate.notes().concat();
    assert!(told.contains("ttft.p50 expired on 2027-01-31: it is judged again"), "{told}");
}

#[test]
fn nobody_is_left_out_for_more_than_a_year() {
    assert!(planned("2027-12-01", &on("2026-12-01")).is_ok());
    let refused = planned("2027-12-02", &on("2026-12-01")).unwrap_err().to_string();
    assert!(
        refused.contains("a.toml:12:24") && refused.contains("2027-12-01 at most"),
        "{refused}"
    );
}

#[test]
fn what_must_be_found_is_ten_percent_or_what_the_strongest_says() {
    let mut facts = on("2026-12-01");
    assert_eq!(planned("2027-01-31", &facts).unwrap().gate.must_detect, 0.1);
    facts.overrides = vec![Override {
        path: "gate.must_detect".to_owned(),
        value: "5 %".to_owned(),
        source: "--set".to_owned(),
    }];
    assert_eq!(planned("2027-01-31", &facts).unwrap().gate.must_detect, 0.05);
}

#[test]
fn every_report_names_the_metric_and_its_expiry() {
    let until = today().after(30).to_string();
    let folder = with_scenario(&scenario(&until));
    let run = |further: &[&str]| {
        let arguments = ["run", "case.toml", "--results-dir", "r"];
        undisturbed(|| {
            command(folder.path(), &[&arguments[..], further].concat()).output().unwrap()
        })
    };
    let told = text(&run(&["--save-baseline", "kept"]).stdout);
    assert!(told.contains(&format!("ttft.p50 is in quarantine until {until}")), "{told}");
    assert!(told.contains("the cache is cold"), "{told}");
    let report: Value =
        serde_json::from_slice(&run(&["--format", "json", "--baseline", "kept"]).stdout).unwrap();
    let case = &report["cases"][0];
    assert_eq!(case["quarantine"][0]["metric"], "ttft.p50");
    assert_eq!(case["quarantine"][0]["until"], until.as_str());
    assert_eq!(case["quarantine"][0]["expired"], false);
    let judged: Vec<&Value> =
        case["verdicts"].as_array().unwrap().iter().map(|one| &one["metric"]).collect();
    assert_eq!(judged, ["tok_s"], "it was recorded, and is neither judged nor missing");
    let kept = std::fs::read_to_string(folder.path().join("r/baselines/kept.json")).unwrap();
    assert!(kept.contains("ttft.p50"), "{kept}");
}

#[test]
fn checking_scenarios_lists_what_is_not_judged() {
    let check = |until: &str| {
        let folder = with_scenario(&scenario(until));
        let output = command(folder.path(), &["scenarios", "check", "case.toml"]).output().unwrap();
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let until = today().after(30).to_string();
    let told = check(&until);
    assert!(told.contains("case::one: ttft.p50 is in quarantine until"), "{told}");
    assert!(check("2020-01-31").contains("expired on 2020-01-31"));
}

//! A gate that one job measures and another tells: throw-away repositories, the shipped program and a
//! GitHub on loopback.

use crate::faces::{code, text};
use crate::gate_broken::{scenario, sound, tokgate};
use crate::github_program::{by_event, in_workflow, repository};
use crate::support::github::Fake;
use crate::support::repository::Repository;
use crate::support::{undisturbed, without_checksums};
use serde_json::{Value, json};
use std::process::Output;

const BOT: &str = "github-actions[bot]";
const NOBODY: &str = "1111111111111111111111111111111111111111";
/// Files of the rules, called so that they would mean something in a comment.
const HOSTILE: [&str; 4] = [
    "baseline/@org/team",
    "baseline/a|b|`c`.md",
    "scenarios/</details><script>.txt",
    "baseline/\n::warning::x",
];

/// A change that edits the rules, with what its measuring job left in `out`; `main` is checked out.
struct Told {
    repository: Repository,
    fake: Fake,
    base: String,
    head: String,
}

impl Told {
    /// The change to a sound repository.
    fn new() -> Self {
        Self::of(sound(), 0)
    }

    /// The change to this repository; measuring it ends with this code.
    fn of(repository: Repository, exit: i32) -> Self {
        let base = repository.hash("main");
        repository.git(&["switch", "--quiet", "-c", "change"]);
        HOSTILE.iter().for_each(|path| repository.write(path, "mine"));
        repository.commit("a change");
        let measure = ["gate", "--base", "main", "--no-control", "--out", "out"];
        let measured = undisturbed(|| tokgate(&repository, &measure));
        assert_eq!(code(&measured), Some(exit), "{}", text(&measured.stderr));
        let head = repository.hash("change");
        repository.git(&["switch", "--quiet", "main"]);
        let fake = Fake::start();
        fake.opened(7, "me:change", &head);
        Self { repository, fake, base, head }
    }

    /// Tells it in the workflow that runs once that of `owner`'s branch ended, at this commit.
    fn tell_at(&self, owner: &str, head: &str, arguments: &[&str]) -> Output {
        let run = json!({
            "id": 42, "head_sha": head, "head_branch": "change",
            "head_repository": repository(&format!("{owner}/r")), "pull_requests": [],
        });
        let event = json!({ "repository": repository("o/r"), "workflow_run": run });
        let all = [&["github", "comment", "--artifact", "out", "--check"], arguments].concat();
        let mut command = in_workflow(self.repository.path(), &self.fake, &all);
        command.env("GITHUB_SERVER_URL", "https://github.com").env("GITHUB_RUN_ID", "43");
        by_event(self.repository.path(), command, ("workflow_run", &event))
    }

    fn tell(&self, arguments: &[&str]) -> Output {
        self.tell_at("me", &self.head, &[&["--base", "main"], arguments].concat())
    }

    /// The one comment.
    fn comment(&self) -> String {
        let [body]: [String; 1] = self.fake.bodies(BOT).try_into().unwrap();
        body
    }

    /// The one check run.
    fn check(&self) -> Value {
        self.fake.with(|state| {
            let [check] = state.checks.as_slice() else { panic!("{:?}", state.checks) };
            check.clone()
        })
    }

    /// What measuring it came to, as a comment and a check run say it: a busy machine leaves it open.
    fn concluded(&self) -> [&'static str; 2] {
        let list: Value = serde_json::from_str(&self.repository.read("out/gate.json")).unwrap();
        match list["conclusion"].as_str() {
            Some("held") => ["**tokgate `gate`: held**", "success"],
            Some("inconclusive") => ["**tokgate `gate`: inconclusive**", "neutral"],
            other => panic!("{other:?}"),
        }
    }

    fn outputs(&self) -> String {
        self.repository.read("outputs")
    }
}

#[test]
fn a_forks_gate_is_told_by_the_base_with_what_it_edits_and_what_measured_it() {
    let told = Told::new();
    let output = told.tell(&[]);
    let (out, said) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(code(&output), Some(0), "{said}");
    assert!(said.lines().all(|line| !line.trim_start().starts_with("::")), "a command: {said}");
    assert!(!out.contains("::"), "{out}");
    let (body, base) = (told.comment(), &told.base);
    let marker = format!("<!-- tokgate:v1 id=gate sha={} -->\n", told.head);
    let [said, concluded] = told.concluded();
    assert!(body.starts_with(&format!("{marker}{said} – ")), "{body}");
    assert!(body.contains(&format!("\nJudged by `{base}`: ")), "{body}");
    for inert in [
        "- `baseline/＠org/team` (added)",
        "- `baseline/a¦b¦'c'.md` (added)",
        "- `scenarios/‹/details>‹script>.txt` (added)",
        "- `baseline/ ::warning::x` (added)",
    ] {
        assert!(body.contains(&format!("\n{inert}\n")), "{inert}: {body}");
    }
    assert!(body.contains("Measured by the code of a fork"), "{body}");
    assert!(body.contains(&format!("`tokgate gate fast --base {base}`")), "{body}");
    assert!(body.contains("[page of the run](https://github.com/o/r/actions/runs/42)"), "{body}");
    let check = told.check();
    assert_eq!(
        (&check["name"], &check["conclusion"]),
        (&"tokgate / gate".into(), &concluded.into())
    );
    assert_eq!(check["head_sha"], told.head);
}

#[test]
fn a_gate_of_an_own_branch_is_told_without_a_word_of_forks_and_its_head_may_be_named() {
    let told = Told::new();
    told.fake.opened(7, "o:change", &told.head);
    let tell = |head: &str| told.tell_at("o", &told.head, &["--base", "main", "--head", head]);
    for head in ["change", &told.head] {
        let output = tell(head);
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
        assert!(!told.comment().contains("of a fork"), "{}", told.comment());
    }
    let other = tell("main");
    assert_eq!(code(&other), Some(2));
    assert!(text(&other.stderr).contains("leave it out"), "{}", text(&other.stderr));
    assert_eq!(told.check()["conclusion"], told.concluded()[1]);
}

#[test]
fn what_cannot_be_judged_is_told_as_that_in_the_place_of_the_verdict() {
    let told = Told::new();
    let list = told.repository.read("out/gate.json");
    let epoch = serde_json::from_str::<Value>(&list).unwrap()["epochs"][0].clone();
    let raw = format!("out/raw/{}.jsonl", epoch.as_str().unwrap());
    let kept = without_checksums(&told.repository.read(&raw));
    let whole = || {
        told.repository.write("out/gate.json", &list);
        told.repository.write(&raw, &kept);
    };
    let spoilt: [(&str, &dyn Fn(), &str); 5] = [
        (
            "no artifact",
            &|| std::fs::remove_file(told.repository.path().join("out/gate.json")).unwrap(),
            "no artifact of a gate",
        ),
        (
            "a torn list",
            &|| told.repository.write("out/gate.json", &list[..40]),
            "no list of a gate",
        ),
        (
            "a list that speaks to others",
            &|| told.repository.write("out/gate.json", r#"{"`\n::error::@org | </details>": 1}"#),
            "unknown field ''",
        ),
        ("a torn epoch", &|| told.repository.write(&raw, &kept[..100]), ".jsonl"),
        (
            "a case that the base does not ask",
            &|| told.repository.write(&raw, &kept.replace("fast/one", "fast/other")),
            "no case fast/other",
        ),
    ];
    for (what, spoil, why) in spoilt {
        spoil();
        let output = told.tell(&[]);
        let said = text(&output.stderr);
        assert_eq!(code(&output), Some(2), "{what}: {said}");
        assert!(said.lines().all(|line| !line.trim_start().starts_with("::")), "{what}: {said}");
        let body = told.comment();
        let headline = body.lines().nth(1).unwrap();
        assert!(
            headline.starts_with("**tokgate `gate`: INVALID** – not judged: `"),
            "{what}: {body}"
        );
        assert!(headline.contains(why), "{what}: {body}");
        let markup = ["@org", "|", "</details>"];
        assert!(!markup.iter().any(|it| headline.contains(it)), "{what}: {body}");
        assert!(body.contains("actions/runs/42"), "{what}: {body}");
        let check = told.check();
        assert_eq!(check["conclusion"], "failure", "{what}");
        assert_eq!(check["output"]["title"], "INVALID: not judged", "{what}");
        whole();
    }
    assert!(told.outputs().contains("\ninvalid\n") && told.outputs().contains("\n2\n"));
    let output = told.tell(&[]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let [said, concluded] = told.concluded();
    assert!(told.comment().contains(said), "{}", told.comment());
    assert_eq!(told.check()["conclusion"], concluded);
}

#[test]
fn an_artifact_brings_no_baseline_of_its_own() {
    let told = Told::new();
    // As it would lie where the machine's name leads to.
    let recorded = told.repository.read("baseline/recorded/test-x1/fast.json");
    told.repository.write("out/own/fast.json", &recorded);
    let own = told.repository.path().join("out/own");
    let raw = std::fs::read_dir(told.repository.path().join("out/raw")).unwrap();
    for file in raw.map(|entry| entry.unwrap().path()) {
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, without_checksums(&text).replace("test-x1", own.to_str().unwrap()))
            .unwrap();
    }
    let output = told.tell(&[]);
    assert_eq!(code(&output), Some(2), "{}", text(&output.stderr));
    assert!(told.comment().contains("no machine's key"), "{}", told.comment());
}

#[test]
fn a_commit_that_is_not_here_is_told_with_the_way_to_fetch_it() {
    let told = Told::new();
    told.fake.opened(7, "me:change", NOBODY);
    let output = told.tell_at("me", NOBODY, &["--base", "main"]);
    assert_eq!(code(&output), Some(2));
    let fetch = format!("git fetch origin {NOBODY}");
    assert!(text(&output.stderr).contains(&fetch), "{}", text(&output.stderr));
    assert!(told.comment().contains(&fetch), "{}", told.comment());
    let gate = ["gate", "--artifact", "out", "--base", "main", "--head", NOBODY];
    let judged = tokgate(&told.repository, &gate);
    assert_eq!(code(&judged), Some(2));
    assert!(text(&judged.stderr).contains(&fetch), "{}", text(&judged.stderr));
}

#[test]
fn a_gate_that_was_told_nowhere_is_not_judged_otherwise() {
    let told = Told::new();
    // Nobody's pull request is at that commit any more.
    told.fake.with(|state| state.pulls.clear());
    assert_eq!(code(&told.tell(&[])), Some(0));
    assert_eq!(code(&told.tell(&["--strict-post"])), Some(3));
    told.repository.write("out/gate.json", "");
    assert_eq!(code(&told.tell(&[])), Some(2));
    assert_eq!(told.fake.with(|state| (state.comments.len(), state.checks.len())), (0, 0));
}

#[test]
fn a_head_beside_the_checkout_is_judged_by_the_trees_of_two_commits() {
    let told = Told::new();
    // What lies here is no part of the change.
    told.repository.write("scenarios/other.toml", "lies here");
    let judge = |more: &[&str]| -> Value {
        let all = [&["gate", "--artifact", "out", "--base", "main", "--format", "json"], more];
        let output = tokgate(&told.repository, &all.concat());
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let paths = |report: &Value| -> Vec<String> {
        let edited = report["edited"].as_array().unwrap().iter();
        edited.map(|one| one["path"].as_str().unwrap().to_owned()).collect()
    };
    let of_head = judge(&["--head", "change"]);
    assert_eq!(of_head["base"], told.base);
    let (mut edited, mut hostile) = (paths(&of_head), HOSTILE.map(str::to_owned));
    edited.sort();
    hostile.sort();
    assert_eq!(edited, hostile);
    assert_eq!(paths(&judge(&[])), ["scenarios/other.toml"]);
    let left: Value = serde_json::from_str(&told.repository.read("out/report.json")).unwrap();
    let older = ["gate", "--artifact", "out", "--base", "main~1", "--head", "change"];
    let output = tokgate(&told.repository, &older);
    let warning = format!("says that it was compared with {}", told.base);
    assert!(text(&output.stderr).contains(&warning), "{}", text(&output.stderr));
    assert_eq!((&left["base"], left["edited"].as_array().unwrap().len()), (&of_head["base"], 4));
}

#[test]
fn what_is_not_fine_is_told_with_what_it_was_before() {
    let repository = sound();
    let goal = "goals = { \"tok_s\" = \">= 1000000\" }\ngate = { required = [\"tok_s\"],";
    scenario(&repository, "gate = {", goal);
    for number in 0..3 {
        repository.write("README", &number.to_string());
        repository.commit("more");
        let output = undisturbed(|| tokgate(&repository, &["run", "fast"]));
        assert_eq!(code(&output), Some(1), "{}", text(&output.stderr));
    }
    let told = Told::of(repository, 1);
    let output = told.tell(&[]);
    assert_eq!(code(&output), Some(0), "judged is judged: {}", text(&output.stderr));
    let body = told.comment();
    let row = body.lines().find(|line| line.contains("| goal missed |"));
    let row: Vec<&str> = row.unwrap_or_else(|| panic!("{body}")).split(" | ").collect();
    assert_eq!((row[1], row.len()), ("tok_s", 9), "{row:?}");
    assert_eq!(row[7].chars().count(), 5, "four commits and the head: {row:?}");
    assert!(row[7].chars().all(|c| ('▁'..='█').contains(&c)), "{row:?}");
    assert_eq!(told.check()["conclusion"], "failure");
}

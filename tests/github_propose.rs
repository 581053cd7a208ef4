//! `tokgate github propose`: which branch, commit and pull request there are in the end, whatever happened
//! in between.

use crate::faces::{code, command, text};
use crate::support::depot::Depot;
use crate::support::github::{Fake, Fault, Refusal, TOKEN};
use crate::support::lab::{Lab, SOUND, Taken};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Command, Output};

const BRANCH: &str = "tokgate/baseline/test-x1";
const PLACE: &str = "baseline/recorded/test-x1/life.json";

/// A project in a repository, and a GitHub whose `main` has what is recorded in it.
struct Home {
    lab: Lab,
    fake: Fake,
}

impl Home {
    fn new() -> Self {
        let home = Self { lab: Lab::recorded("first"), fake: Fake::start() };
        git2::Repository::init(home.lab.path()).unwrap();
        let recorded = home.lab.text();
        home.fake
            .with(|state| state.depot.push("main", "begin", &[(PLACE, &recorded), ("a", "b")]));
        home
    }

    /// Measures a run whose first tokens take so many times as long, and proposes it here.
    fn measured(&self, run: &str, factor: f64) {
        self.lab.slower(run, factor);
        self.lab.did(&["propose", run, "--reason", &format!("because of {run}")]);
    }

    fn proposal(&self) -> PathBuf {
        self.lab.path().join("results/proposals/test-x1/life.json")
    }

    /// The command as a workflow calls it.
    fn workflow(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.lab.path(), &[&["github", "propose"], arguments].concat());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GITHUB_")) {
            command.env_remove(name);
        }
        command
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_REPOSITORY", "o/r")
            .env("GITHUB_ACTOR", "octo@cat")
            .env("GITHUB_API_URL", self.fake.base())
            .env("GITHUB_TOKEN", TOKEN);
        command
    }

    /// What it says, after it ended with this code.
    fn ends(&self, arguments: &[&str], exit: i32) -> String {
        told(&self.workflow(arguments).output().unwrap(), exit)
    }

    fn proposed(&self) -> String {
        self.ends(&[], 0)
    }

    /// The pull requests: number and text of each.
    fn pulls(&self) -> Vec<(u64, String)> {
        let told = |pull: &Value| {
            (pull["number"].as_u64().unwrap(), pull["body"].as_str().unwrap_or_default().to_owned())
        };
        self.fake.with(|state| state.pulls.iter().map(|(_, pull)| told(pull)).collect())
    }

    /// The text of the only pull request, whose branch is one commit ahead of `main`.
    fn only(&self) -> String {
        let [(_, body)]: [(u64, String); 1] = self.pulls().try_into().unwrap();
        self.fake.with(|state| {
            assert_eq!(state.depot.ahead("main", BRANCH), 1);
            assert_eq!(state.depot.branches.len(), 2, "{:?}", state.depot.branches);
        });
        body
    }

    /// The runs of the baseline that the branch has.
    fn runs(&self) -> Value {
        let text = self.fake.with(|state| state.depot.files(BRANCH)[PLACE].clone());
        serde_json::from_str::<Value>(&text).unwrap()["provenance"]["runs"].clone()
    }

    /// How often something was changed that people see.
    fn writes(&self) -> usize {
        let kinds = ["POST /api/v3/repos/o/r/git/refs", "POST /api/v3/repos/o/r/pulls", "PATCH"];
        kinds.map(|kind| self.fake.times(kind)).iter().sum()
    }
}

fn told(output: &Output, exit: i32) -> String {
    let told = text(&output.stdout) + &text(&output.stderr);
    assert_eq!(code(output), Some(exit), "{told}");
    assert!(!told.contains(TOKEN), "{told}");
    told
}

fn failing(of: (&'static str, &'static str), done: bool, reply: Option<Refusal>) -> Fault {
    Fault { of, done, reply }
}

fn bad_gateway() -> Option<Refusal> {
    Some(Refusal::plain(502, "Bad Gateway"))
}

const OPENING: (&str, &str) = ("POST", "/pulls");

#[test]
fn a_proposal_is_one_commit_on_a_branch_and_one_pull_request_that_says_all() {
    let home = Home::new();
    home.measured("second", 1.01);
    let said = home.proposed();
    assert!(said.contains("was opened") && said.contains("starts no workflows"), "{said}");
    let body = home.only();
    assert!(body.starts_with("<!-- tokgate-proposal:v1 machine=test-x1 -->\n"), "{body}");
    let row = body.lines().find(|line| line.contains("| `life/one` | `ttft.p50` |")).unwrap();
    assert_eq!(row.matches(" ms |").count(), 2, "the old and the new: {row}");
    assert!(body.contains("Replaces the baseline of `20"), "{body}");
    for word in ["`octo＠cat`", "`because of second`", "run `second`", "booking `booking-second`"]
    {
        assert!(body.contains(word), "{word}: {body}");
    }
    assert!(!body.contains("🔴"), "{body}");
    home.fake.with(|state| {
        let (_, pull) = &state.pulls[0];
        assert_eq!(pull["title"], "Refresh the baselines of test-x1");
        assert_eq!((&pull["base"]["ref"], &pull["head"]["ref"]), (&"main".into(), &BRANCH.into()));
        let message = &state.depot.tip(BRANCH).message;
        assert!(message.contains("\nTokgate-Proposal: test-x1\n"), "{message}");
        let files = state.depot.files(BRANCH);
        assert_eq!((files.len(), &*files["a"]), (2, "b"), "everything else is as it was");
        assert_eq!(files[PLACE], std::fs::read_to_string(home.proposal()).unwrap());
    });
}

#[test]
fn another_measurement_updates_both_and_the_same_again_changes_nothing() {
    let home = Home::new();
    home.measured("second", 1.01);
    home.proposed();
    let (number, before) = home.pulls().remove(0);
    home.measured("third", 1.03);
    assert!(home.proposed().contains(&format!("pull request {number} from {BRANCH} was updated")));
    let after = home.only();
    assert_eq!(home.runs(), json!(["third"]));
    assert!(after.contains("`because of third`") && !after.contains("second"), "{after}");
    let row =
        |text: &str| text.lines().find(|line| line.contains("`ttft.p50`")).unwrap().to_owned();
    assert_ne!(row(&before), row(&after));
    let writes = home.writes();
    assert!(home.proposed().contains("stands already"));
    assert_eq!((home.writes(), home.only()), (writes, after));
}

#[test]
fn what_moves_on_main_is_kept_and_the_branch_stands_on_it() {
    let home = Home::new();
    home.measured("second", 1.01);
    home.proposed();
    home.fake.with(|state| state.depot.push("main", "more", &[("a", "c"), ("d", "e")]));
    assert!(home.proposed().contains("was updated"));
    home.only();
    home.fake.with(|state| {
        let files = state.depot.files(BRANCH);
        assert_eq!((&*files["a"], &*files["d"]), ("c", "e"));
    });
}

#[test]
fn what_main_has_already_is_not_proposed() {
    let home = Home::new();
    home.measured("second", 1.01);
    let text = std::fs::read_to_string(home.proposal()).unwrap();
    home.fake.with(|state| state.depot.push("main", "merged", &[(PLACE, &text)]));
    let said = home.proposed();
    assert!(said.contains("nothing to propose for test-x1: `main` has the same"), "{said}");
    assert_eq!((home.pulls().len(), home.writes()), (0, 0));
    // As it is after the merge, when somebody calls it with what was left.
    std::fs::write(home.lab.file(), text).unwrap();
    assert!(home.proposed().contains("nothing to propose for test-x1"));
}

#[test]
fn a_branch_that_was_merged_and_left_is_used_again() {
    let home = Home::new();
    home.measured("second", 1.01);
    home.proposed();
    home.fake.with(|state| {
        let merged = state.depot.branches[BRANCH].clone();
        state.depot.branches.insert("main".to_owned(), merged);
        state.pulls[0].1["state"] = json!("closed");
    });
    std::fs::copy(home.proposal(), home.lab.file()).unwrap();
    home.measured("third", 1.02);
    assert!(home.proposed().contains("was opened"));
    assert_eq!((home.pulls().len(), home.runs()), (2, json!(["third"])));
    assert_eq!(home.fake.with(|state| state.depot.ahead("main", BRANCH)), 1);
}

#[test]
fn a_reply_that_is_lost_leaves_one_of_everything() {
    let steps = [
        OPENING,
        ("POST", "/git/trees"),
        ("POST", "/git/commits"),
        ("POST", "/git/refs"),
        ("GET", "/git/ref/heads/main"),
    ];
    for (of, done) in steps.into_iter().flat_map(|of| [(of, true), (of, false)]) {
        let home = Home::new();
        home.measured("second", 1.01);
        home.fake.fails(failing(of, done, bad_gateway()));
        let said = home.proposed();
        assert!(said.contains("was opened"), "{of:?} {done}: {said}");
        home.only();
        assert_eq!(home.runs(), json!(["second"]));
        let opened = home.fake.times("POST /api/v3/repos/o/r/pulls");
        assert_eq!(opened, if of == OPENING && !done { 2 } else { 1 }, "{of:?} {done}");
    }
}

#[test]
fn an_update_whose_reply_is_lost_is_an_update_all_the_same() {
    for of in [("PATCH", "/pulls/"), ("PATCH", "/git/refs/")] {
        let home = Home::new();
        home.measured("second", 1.01);
        home.proposed();
        home.measured("third", 1.02);
        home.fake.fails(failing(of, true, None));
        assert!(home.proposed().contains("was updated"), "{of:?}");
        assert!(home.only().contains("`because of third`"));
        assert_eq!(home.runs(), json!(["third"]));
    }
}

#[test]
fn a_limit_is_waited_for_and_one_that_is_too_long_exits_3() {
    let limited = |after: &str| {
        let headers = vec![("retry-after", after.to_owned())];
        Some(Refusal { status: 429, headers, message: "slow down" })
    };
    let home = Home::new();
    home.measured("second", 1.01);
    home.fake.fails(failing(OPENING, false, limited("1000000")));
    let said = home.ends(&[], 3);
    assert!(said.contains("1000000 s") && said.contains("::warning title=tokgate::"), "{said}");
    assert_eq!(home.pulls().len(), 0);
    home.fake.fails(failing(OPENING, false, limited("1")));
    assert!(home.proposed().contains("was opened"));
    home.only();
}

#[test]
fn a_branch_with_somebodys_commit_is_refused_and_untouched() {
    let touches: [fn(&mut Depot); 4] = [
        |depot| drop(depot.push(BRANCH, "a stranger's", &[("mine", "work")])),
        |depot| depot.amend(BRANCH, "mine", "work"),
        |depot| {
            let main = depot.branches["main"].clone();
            depot.branches.insert(BRANCH.to_owned(), main);
            depot.push(BRANCH, "all of it a stranger's", &[("mine", "work")]);
        },
        |depot| {
            depot.branches.remove(BRANCH);
            depot.push(BRANCH, "of nothing in common", &[("mine", "work")]);
        },
    ];
    for touch in touches {
        let home = Home::new();
        home.measured("second", 1.01);
        home.proposed();
        home.fake.with(|state| touch(&mut state.depot));
        let before = home.fake.with(|state| state.depot.branches.clone());
        let (pulls, writes) = (home.pulls(), home.writes());
        home.measured("third", 1.02);
        let said = home.ends(&[], 3);
        assert!(
            said.contains("not one commit of ours") && said.contains("delete the branch"),
            "{said}"
        );
        assert_eq!(home.fake.with(|state| state.depot.branches.clone()), before);
        assert_eq!((home.pulls(), home.writes()), (pulls, writes));
    }
}

#[test]
fn what_somebody_pushes_while_we_work_is_not_lost() {
    let home = Home::new();
    home.measured("second", 1.01);
    home.proposed();
    home.measured("third", 1.02);
    home.fake.with(|state| {
        let push = |depot: &mut Depot| drop(depot.push(BRANCH, "quick", &[("mine", "work")]));
        state.meanwhile = Some(("/git/trees", push));
    });
    assert!(home.ends(&[], 3).contains("not one commit of ours"));
    let home = Home::new();
    home.measured("second", 1.01);
    home.proposed();
    home.measured("third", 1.02);
    home.fake.with(|state| {
        let push = |depot: &mut Depot| drop(depot.push(BRANCH, "quicker", &[("mine", "work")]));
        state.meanwhile = Some(("/compare/", push));
    });
    assert!(home.ends(&[], 3).contains("somebody moved `tokgate/baseline/test-x1` meanwhile"));
    home.fake.with(|state| assert_eq!(state.depot.files(BRANCH)["mine"], "work"));
}

#[test]
fn what_was_compared_with_another_recorded_one_than_main_has_is_refused() {
    let home = Home::new();
    home.measured("second", 1.01);
    home.fake.with(|state| state.depot.push("main", "refreshed", &[(PLACE, "by somebody")]));
    let said = home.ends(&[], 3);
    assert!(
        said.contains("life.json on `main` is not what the proposal was compared with"),
        "{said}"
    );
    std::fs::remove_file(home.lab.file()).unwrap();
    home.lab.did(&["propose", "second"]);
    assert!(home.ends(&[], 3).contains("is not what the proposal was compared with"));
    assert_eq!((home.pulls().len(), home.writes()), (0, 0));
}

#[test]
fn a_pull_request_that_somebody_else_opened_or_that_goes_elsewhere_is_left() {
    let home = Home::new();
    home.measured("second", 1.01);
    home.proposed();
    home.measured("third", 1.02);
    home.fake.with(|state| state.pulls[0].1["body"] = json!("by hand"));
    let said = home.ends(&[], 3);
    assert!(said.contains("does not begin as ours do: close it"), "{said}");
    assert_eq!((home.pulls()[0].1.as_str(), home.runs()), ("by hand", json!(["second"])));
    home.fake.with(|state| {
        state.pulls[0].1["body"] = json!(null);
        state.pulls[0].1["base"]["ref"] = json!("dev");
    });
    let said = home.ends(&[], 3);
    assert!(said.contains("is for `dev` and not for `main`"), "{said}");
    // One of a fork's branch of the same name is nobody's business.
    home.fake.with(|state| state.pulls[0].1["head"]["repo"]["full_name"] = json!("you/r"));
    assert!(home.proposed().contains("was opened"));
    assert_eq!(home.pulls().len(), 2);
}

#[test]
fn what_refresh_would_refuse_is_proposed_in_red_and_told() {
    let home = Home::new();
    home.measured("slow", 1.3);
    let said = home.proposed();
    assert!(said.contains("warning: `tokgate baseline refresh` refuses this: life/one"), "{said}");
    let body = home.only();
    assert!(body.contains("🔴 **`tokgate baseline refresh` refuses 1 of them: `life`"), "{body}");
    let (_, against) = body.split_once("## Before this is merged\n").unwrap();
    assert!(against.contains("- `life/one ttft.p50 is regressed: "), "{body}");
}

#[test]
fn a_proposal_that_is_not_sound_is_refused_by_name_before_anything_is_sent() {
    let home = Home::new();
    home.measured("second", 1.01);
    let sound = std::fs::read_to_string(home.proposal()).unwrap();
    let mut anchored: Value = serde_json::from_str(&sound).unwrap();
    anchored["anchor"]["cases"]["life/one"]["ttft.p50"] = json!(9.0);
    let wrecks = [
        (sound[..sound.len() / 2].to_owned(), "ends in the middle"),
        (sound.replace("\"schema_version\": 3", "\"schema_version\": 4"), "newer than the 3"),
        (sound.replace("\"test-x1\"", "\"other-x1\""), "lies in the folder of `test-x1`"),
        (anchored.to_string(), "`anchor` was edited"),
    ];
    for (wreck, why) in wrecks {
        std::fs::write(home.proposal(), wreck).unwrap();
        let said = home.ends(&[], 2);
        assert!(said.contains(why) && said.contains("life.json"), "{said}");
    }
    std::fs::write(home.proposal(), &sound).unwrap();
    std::fs::write(home.proposal().with_file_name("other.json"), &sound).unwrap();
    let said = home.ends(&[], 2);
    assert!(said.contains("other.json") && said.contains("the case `life/one`"), "{said}");
    std::fs::remove_file(home.proposal().with_file_name("other.json")).unwrap();
    std::fs::rename(
        home.proposal().parent().unwrap(),
        home.lab.path().join("results/proposals/a..b"),
    )
    .unwrap();
    assert!(home.ends(&[], 2).contains("cannot be part of a branch's name"));
    assert_eq!(home.fake.with(|state| state.asked.len()), 0);
}

#[test]
fn each_machine_has_a_pull_request_of_its_own() {
    let home = Home::new();
    home.measured("second", 1.01);
    home.lab.measure(Taken { run: "there", machine: "other-x1", ..SOUND });
    home.lab.did(&["propose", "there", "--machine", "other-x1"]);
    assert!(home.ends(&["--machine", "other-x1"], 0).contains("baseline/other-x1 was opened"));
    assert_eq!(home.pulls().len(), 1);
    let said = home.proposed();
    assert!(
        said.contains("other-x1 stands already") && said.contains("test-x1 was opened"),
        "{said}"
    );
    let pulls = home.pulls();
    assert!(pulls[0].1.contains("There is no baseline of it yet."), "{pulls:?}");
    assert_eq!(pulls.len(), 2);
}

#[test]
fn where_nothing_is_proposed_it_is_said_and_nobody_is_asked() {
    let home = Home::new();
    let said = home.proposed();
    assert!(
        said.contains("nothing to propose") && said.contains("tokgate baseline propose"),
        "{said}"
    );
    home.measured("second", 1.01);
    let said = home.ends(&["--machine", "nobody"], 0);
    assert!(said.contains("no proposals for `nobody`"), "{said}");
    assert_eq!(home.fake.with(|state| state.asked.len()), 0);
}

#[test]
fn a_dry_run_prints_branch_files_and_text_and_asks_nobody() {
    let home = Home::new();
    home.measured("second", 1.01);
    let output = home.workflow(&["--dry-run"]).env_remove("GITHUB_TOKEN").output().unwrap();
    let said = told(&output, 0);
    for part in [BRANCH, PLACE, "<!-- tokgate-proposal:v1", "`because of second`"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(home.fake.with(|state| state.asked.len()), 0);
}

#[test]
fn what_was_asked_wrongly_exits_2_and_what_github_refuses_exits_3_with_advice() {
    let home = Home::new();
    home.measured("second", 1.01);
    assert!(home.ends(&["--repo", "nowhere"], 2).contains("OWNER/NAME"));
    assert!(home.ends(&["--run-url", "javascript:x"], 2).contains("no address"));
    assert!(home.ends(&["--base-branch", "gone?x"], 3).contains("no branch `gone?x`"));
    assert!(home.ends(&["--token-env", "NOT_THERE"], 3).contains("`NOT_THERE` holds no token"));
    let no = Refusal::plain(403, "Resource not accessible by integration");
    for of in [("POST", "/git/refs"), OPENING] {
        home.fake.fails(failing(of, false, Some(no.clone())));
        let said = home.ends(&[], 3);
        assert!(
            said.contains("contents: write") && said.contains("pull-requests: write"),
            "{said}"
        );
    }
    assert_eq!(home.pulls().len(), 0);
    assert!(home.proposed().contains("was opened"), "and then it is as if nothing had been");
}

#[test]
fn a_project_below_the_root_proposes_at_its_place() {
    let home = Home::new();
    home.measured("second", 1.01);
    let outer = tempfile::tempdir().unwrap();
    git2::Repository::init(outer.path()).unwrap();
    let inner = outer.path().join("tools/bench");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(inner.join("tokgate.toml"), "").unwrap();
    let results = home.lab.path().join("results");
    // The recorded one is part of what a proposal replaces.
    let place = inner.join("baseline/recorded/test-x1");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::copy(home.lab.file(), place.join("life.json")).unwrap();
    let arguments = ["--dry-run", "--results-dir", results.to_str().unwrap()];
    let output = home.workflow(&arguments).current_dir(&inner).output().unwrap();
    let said = told(&output, 0);
    assert!(said.contains("tools/bench/baseline/recorded/test-x1/life.json"), "{said}");
}

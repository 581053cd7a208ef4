//! `tokgate github comment` as it is called in a workflow.

use crate::faces::{code, command, text};
use crate::store::fixture::{keep_case, open};
use crate::support::github::{Fake, Fault, Refusal, TOKEN};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const SHA: &str = "2222222222222222222222222222222222222222";
const BOT: &str = "github-actions[bot]";

/// A folder with a stored run.
fn kept() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    keep_case(&mut open(&folder.path().join("r")), 1, "one");
    folder
}

/// The command in a workflow, without what the caller's own workflow says.
pub(crate) fn in_workflow(folder: &Path, fake: &Fake, arguments: &[&str]) -> Command {
    let mut command = command(folder, arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("GITHUB_")) {
        command.env_remove(name);
    }
    command
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_REPOSITORY", "o/r")
        .env("GITHUB_SHA", "3333333333333333333333333333333333333333")
        .env("GITHUB_API_URL", fake.base())
        .env("GITHUB_STEP_SUMMARY", folder.join("summary.md"))
        .env("GITHUB_OUTPUT", folder.join("outputs"))
        .env("GITHUB_TOKEN", TOKEN);
    command
}

/// What comes of the command where an event started the workflow.
pub(crate) fn by_event(folder: &Path, mut command: Command, by: (&str, &Value)) -> Output {
    std::fs::write(folder.join("event.json"), by.1.to_string()).unwrap();
    command.env("GITHUB_EVENT_NAME", by.0).env("GITHUB_EVENT_PATH", folder.join("event.json"));
    let output = command.output().unwrap();
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(!told.contains(TOKEN), "{told}");
    output
}

/// The stored run told in a workflow.
fn workflow(folder: &Path, fake: &Fake, arguments: &[&str]) -> Command {
    let all = [&["github", "comment", "run-1", "--results-dir", "r"], arguments].concat();
    in_workflow(folder, fake, &all)
}

/// The same, started by an event.
fn started(folder: &Path, fake: &Fake, by: (&str, &Value), arguments: &[&str]) -> Output {
    by_event(folder, workflow(folder, fake, arguments), by)
}

pub(crate) fn repository(name: &str) -> Value {
    json!({ "full_name": name, "owner": { "login": name.split('/').next() } })
}

fn pull_request(of: &str, head: &str) -> Value {
    let head = json!({ "sha": SHA, "repo": repository(head) });
    json!({ "repository": repository(of), "pull_request": { "number": 7, "head": head } })
}

fn workflow_run(sha: &str) -> Value {
    let run = json!({
        "head_sha": sha, "head_branch": "main", "head_repository": repository("me/r"),
        "pull_requests": [],
    });
    json!({ "repository": repository("o/r"), "workflow_run": run })
}

#[test]
fn a_pull_request_gets_a_comment_and_a_check_and_the_step_its_outputs() {
    let (folder, fake) = (kept(), Fake::start());
    let event = pull_request("o/r", "o/r");
    let output = started(folder.path(), &fake, ("pull_request", &event), &["--check"]);
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("on pull request 7 was written"));
    let [body]: [String; 1] = fake.bodies(BOT).try_into().unwrap();
    assert!(
        body.starts_with(&format!("<!-- tokgate:v1 id=quick sha={SHA} -->\n**tokgate `quick`: "))
    );
    let row = "| `quick/one` | ttft.p50 | – | – | – | – | regressed (unpaired) | `slower` |";
    assert!(body.contains(row), "{body}");
    let summary = std::fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert_eq!(body.split_once('\n').unwrap().1, summary);
    fake.with(|state| {
        let [check] = state.checks.as_slice() else { panic!("{:?}", state.checks) };
        assert_eq!((&check["head_sha"], &check["external_id"]), (&SHA.into(), &"run-1".into()));
        assert_eq!(check["output"]["summary"], summary);
    });
    let outputs = std::fs::read_to_string(folder.path().join("outputs")).unwrap();
    let (first, _) = outputs.split_once('\n').unwrap();
    let delimiter = first.strip_prefix("conclusion<<").unwrap();
    for one in ["conclusion", "exit", "regressed", "run"] {
        assert!(outputs.contains(&format!("{one}<<{delimiter}\n")), "{outputs}");
    }
    assert!(outputs.contains(&format!("run<<{delimiter}\nrun-1\n{delimiter}\n")), "{outputs}");
    let again = started(folder.path(), &fake, ("pull_request", &event), &["--check"]);
    assert!(text(&again.stderr).contains("stands already"), "{}", text(&again.stderr));
    assert_eq!((fake.bodies(BOT).len(), fake.with(|state| state.checks.len())), (1, 1));
}

#[test]
fn a_forks_token_may_not_write_and_that_changes_no_exit_code_but_that_of_who_asks() {
    let (folder, fake) = (kept(), Fake::start());
    let event = pull_request("o/r", "me/r");
    let tries: [(&[&str], i32); 2] = [(&[], 0), (&["--strict-post"], 3)];
    for (arguments, exit) in tries {
        fake.fails(Fault {
            of: ("POST", "/comments"),
            done: false,
            reply: Some(Refusal::plain(403, "Resource not accessible by integration")),
        });
        let output = started(folder.path(), &fake, ("pull_request", &event), arguments);
        assert_eq!(code(&output), Some(exit), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("workflow_run"), "{}", text(&output.stderr));
        assert!(text(&output.stdout).starts_with("::warning title=tokgate::GitHub was not told"));
    }
    assert_eq!(fake.with(|state| state.comments.len()), 0);
    let summary = std::fs::read_to_string(folder.path().join("summary.md")).unwrap();
    assert!(summary.contains("Measured by the code of a fork"), "{summary}");
}

#[test]
fn a_workflow_run_posts_where_its_commit_is_and_nowhere_else() {
    let (folder, fake) = (kept(), Fake::start());
    fake.opened(7, "me:main", SHA);
    fake.opened(8, "o:main", SHA);
    let posts = |sha: &str| {
        started(folder.path(), &fake, ("workflow_run", &workflow_run(sha)), &["--check"])
    };
    let moved = posts("4444444444444444444444444444444444444444");
    assert_eq!(code(&moved), Some(0));
    assert!(text(&moved.stderr).contains("no longer at 4444"), "{}", text(&moved.stderr));
    assert_eq!(fake.with(|state| (state.comments.len(), state.checks.len())), (0, 0));
    let output = posts(SHA);
    assert!(
        text(&output.stderr).contains("pull request 7 was written"),
        "{}",
        text(&output.stderr)
    );
    assert_eq!((fake.bodies(BOT).len(), fake.with(|state| state.comments.len())), (1, 1));
    fake.opened(9, "me:main", SHA);
    let unsure = posts(SHA);
    assert!(text(&unsure.stderr).contains("2 pull requests"), "{}", text(&unsure.stderr));
    let event = workflow_run(SHA);
    let by_hand = started(folder.path(), &fake, ("workflow_run", &event), &["--pr", "8"]);
    assert_eq!(code(&by_hand), Some(2));
    assert_eq!(fake.with(|state| state.comments.len()), 1);
}

#[test]
fn an_event_that_is_none_or_of_another_repository_posts_nothing() {
    let (folder, fake) = (kept(), Fake::start());
    let events = [
        ("pull_request", pull_request("somebody/else", "o/r"), "and not of o/r"),
        ("pull_request", json!({ "pull_request": { "number": "7" } }), "is of no use"),
        ("workflow_run", json!([]), "is of no use"),
        ("push", json!({}), "name one by --pr"),
    ];
    for (name, event, why) in events {
        let output = started(folder.path(), &fake, (name, &event), &[]);
        assert_eq!(code(&output), Some(0), "{name}");
        assert!(text(&output.stderr).contains(why), "{name}: {}", text(&output.stderr));
    }
    assert_eq!(fake.with(|state| state.asked.len()), 0, "nobody was asked anything");
}

#[test]
fn a_dry_run_prints_the_comment_and_asks_nobody() {
    let (folder, fake) = (kept(), Fake::start());
    let arguments = ["--pr", "7", "--sha", "0123abc", "--gate-id", "fast", "--dry-run"];
    let output = workflow(folder.path(), &fake, &arguments).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("<!-- tokgate:v1 id=fast sha=0123abc -->\n"));
    assert!(text(&output.stderr).contains("pull request 7 of o/r"), "{}", text(&output.stderr));
    assert_eq!(fake.with(|state| state.asked.len()), 0);
    assert!(!folder.path().join("summary.md").exists());
}

#[test]
fn what_was_asked_wrongly_exits_2_and_posts_nothing() {
    let (folder, fake) = (kept(), Fake::start());
    let wrong: [(&[&str], &str); 8] = [
        (&["--pr", "7", "--artifact", "out"], "cannot be used with"),
        (&["--pr", "7", "--head", "0123abc"], "give `--artifact DIR`"),
        (&["--pr", "7", "--scenario", "quick"], "give `--artifact DIR`"),
        (&["--pr", "0"], "--pr"),
        (&["--pr", "7", "--repo", "o/../r"], "OWNER/NAME"),
        (&["--pr", "7", "--sha", "main"], "no commit"),
        (&["--pr", "7", "--gate-id", "a b"], "id of a gate"),
        (&["--pr", "7", "--run-url", "javascript:x"], "no address"),
    ];
    for (arguments, why) in wrong {
        let output = workflow(folder.path(), &fake, arguments).output().unwrap();
        assert_eq!(code(&output), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(why), "{arguments:?}: {}", text(&output.stderr));
    }
    let mut without = workflow(folder.path(), &fake, &["--pr", "7", "--strict-post"]);
    let output = without.env_remove("GITHUB_TOKEN").output().unwrap();
    assert_eq!(code(&output), Some(3));
    assert!(text(&output.stderr).contains("`GITHUB_TOKEN` holds no token"));
    assert_eq!(fake.with(|state| state.asked.len()), 0);
}

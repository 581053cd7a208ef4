//! What stands on GitHub in the end, whatever it did in between. No test waits: the clock is ours.

use crate::support::github::{Fake, Fault, REPOSITORY, Refusal, TOKEN};
use std::cell::RefCell;
use std::time::Duration;
use tokgate::github::*;
use tokgate::report::marker::Marker;
use tokgate_core::verdict::Conclusion;

const BOT: &str = ACTIONS_BOT;
const OLD: &str = "1111111111111111111111111111111111111111";
const NEW: &str = "2222222222222222222222222222222222222222";

/// A clock that notes what is waited, and says that it is the second 1000.
#[derive(Default)]
struct Still {
    waited_s: RefCell<Vec<u64>>,
}

impl Clock for Still {
    fn now_s(&self) -> i64 {
        1000
    }

    fn wait(&self, time: Duration) {
        self.waited_s.borrow_mut().push(time.as_secs());
    }
}

fn client(base: &str) -> Client {
    let repository = REPOSITORY.parse().unwrap();
    let deadline = Duration::from_secs(20);
    Client::new(Access { base, token: TOKEN.to_owned(), repository, deadline }).unwrap()
}

fn body(sha: &str, text: &str) -> String {
    format!("{}\n{text}\n", Marker::new("gate", sha).unwrap())
}

/// What is asked of the fake, and how long was waited for it.
fn asked<T>(base: &str, ask: impl FnOnce(&Asking<'_>) -> T) -> (T, Vec<u64>) {
    let (client, clock) = (client(base), Still::default());
    let done = ask(&Asking::new(&client, Patience::new(&clock)));
    (done, clock.waited_s.take())
}

/// Posts a text for a commit on pull request 7.
fn posted(fake: &Fake, sha: &str, text: &str) -> (Result<Posted, Trouble>, Vec<u64>) {
    asked(&fake.base(), |asking| {
        let author = me(asking)?;
        let (marker, body) = (Marker::new("gate", sha).unwrap(), body(sha, text));
        post(asking, &Post { author: &author, pull: 7, marker: &marker, body: &body })
    })
}

fn did(fake: &Fake, sha: &str, text: &str) -> Did {
    posted(fake, sha, text).0.unwrap().did
}

const CREATE: (&str, &str) = ("POST", "/issues/7/comments");

fn failing(of: (&'static str, &'static str), status: u16, done: bool) -> Fault {
    Fault { of, done, reply: Some(Refusal::plain(status, "Bad Gateway")) }
}

fn limited(status: u16, headers: &[(&'static str, &str)], message: &'static str) -> Fault {
    let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    Fault { of: CREATE, done: false, reply: Some(Refusal { status, headers, message }) }
}

#[test]
fn there_is_one_comment_which_is_written_then_updated_then_left() {
    let fake = Fake::start();
    assert_eq!(did(&fake, OLD, "one"), Did::Created);
    assert_eq!(did(&fake, OLD, "two"), Did::Updated);
    assert_eq!(did(&fake, OLD, "two"), Did::Kept);
    assert_eq!(fake.bodies(BOT), [body(OLD, "two")]);
    assert_eq!(fake.times("PATCH"), 1);
}

#[test]
fn a_failure_after_which_nobody_knows_makes_no_second_comment() {
    for done in [true, false] {
        let fake = Fake::start();
        fake.fails(failing(CREATE, 502, done));
        posted(&fake, OLD, "text").0.unwrap();
        assert_eq!(fake.bodies(BOT), [body(OLD, "text")], "done: {done}");
        let fake = Fake::start();
        fake.fails(Fault { of: CREATE, done, reply: None });
        let (result, waited) = posted(&fake, OLD, "text");
        result.unwrap();
        assert_eq!(fake.bodies(BOT), [body(OLD, "text")], "done: {done}");
        assert_eq!(fake.times("POST"), if done { 1 } else { 2 });
        assert_eq!(waited, [1], "lists lag behind");
    }
}

#[test]
fn an_update_whose_reply_is_lost_is_one_comment_all_the_same() {
    let fake = Fake::start();
    posted(&fake, OLD, "one").0.unwrap();
    fake.fails(failing(("PATCH", "/comments/"), 500, true));
    posted(&fake, OLD, "two").0.unwrap();
    assert_eq!(fake.bodies(BOT), [body(OLD, "two")]);
}

#[test]
fn what_fails_again_and_again_is_given_up_with_one_comment_at_most() {
    let fake = Fake::start();
    (0..9).for_each(|_| fake.fails(failing(CREATE, 502, false)));
    assert!(matches!(posted(&fake, OLD, "text").0, Err(Trouble::Lost(_))));
    assert_eq!((fake.times("POST"), fake.bodies(BOT).len()), (3, 0));
}

#[test]
fn limits_are_waited_for_as_long_as_github_asks_and_no_longer_than_a_minute() {
    let secondary = "You have exceeded a secondary rate limit. Please wait.";
    let reset = |at: &'static str| [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", at)];
    let waits = [
        (limited(429, &[("retry-after", "7")], "slow down"), 7),
        (limited(429, &[("retry-after", "0")], "slow down"), 1),
        (limited(429, &[], "slow down"), 60),
        (limited(403, &[], secondary), 60),
        (limited(403, &[("retry-after", "9")], secondary), 9),
        (limited(403, &reset("1030"), "API rate limit exceeded"), 30),
        (limited(403, &reset("7"), "API rate limit exceeded"), 1),
    ];
    for (fault, wait_s) in waits {
        let fake = Fake::start();
        fake.fails(fault.clone());
        let (result, waited) = posted(&fake, OLD, "text");
        assert_eq!(result.unwrap().did, Did::Created, "{fault:?}");
        assert_eq!(waited, [wait_s], "{fault:?}");
        assert_eq!(fake.bodies(BOT).len(), 1);
    }
}

#[test]
fn who_asks_for_too_long_is_not_waited_for() {
    let fake = Fake::start();
    fake.fails(limited(429, &[("retry-after", "1000000000")], "slow down"));
    let (result, waited) = posted(&fake, OLD, "text");
    let told = result.unwrap_err().to_string();
    assert!(told.contains("1000000000 s") && told.contains("slow down"), "{told}");
    assert_eq!(waited, [0; 0]);
    let fake = Fake::start();
    (0..2).for_each(|_| fake.fails(limited(429, &[("retry-after", "40")], "slow down")));
    let (result, waited) = posted(&fake, OLD, "text");
    assert!(matches!(result, Err(Trouble::TooLong { asked_s: 40, left_s: 20, .. })), "{result:?}");
    assert_eq!((waited, fake.bodies(BOT).len()), (vec![40], 0));
}

#[test]
fn our_comment_is_found_on_the_last_of_four_pages() {
    let fake = Fake::start();
    fake.with(|state| state.per_page = 3);
    for _ in 0..11 {
        fake.commented("somebody", "hello");
    }
    let ours = fake.commented(BOT, &body(OLD, "one"));
    let posted = posted(&fake, OLD, "two").0.unwrap();
    assert_eq!((posted.did, posted.comment), (Did::Updated, ours));
    assert_eq!(fake.times("GET /api/v3/repos/o/r/issues/7/comments"), 4);
    assert_eq!(fake.bodies(BOT), [body(OLD, "two")]);
}

#[test]
fn nobody_elses_comment_is_touched_whatever_stands_in_it() {
    let fake = Fake::start();
    fake.commented("somebody", &body(OLD, "made to look like ours"));
    let own = format!("> quoted\n{}", body(OLD, "edited by hand"));
    fake.commented(BOT, &own);
    fake.commented(BOT, "<!-- tokgate:v1 id=other sha=0123abc -->\nanother gate's");
    fake.with(|state| {
        state.comments.push((7, serde_json::json!({ "id": 9, "user": null, "body": null })));
    });
    assert_eq!(did(&fake, OLD, "text"), Did::Created);
    assert_eq!(fake.bodies("somebody"), [body(OLD, "made to look like ours")]);
    let bodies = fake.bodies(BOT);
    assert_eq!((bodies.len(), &bodies[0], &bodies[2]), (3, &own, &body(OLD, "text")));
    assert_eq!(fake.times("PATCH"), 0);
}

#[test]
fn a_persons_token_finds_what_that_person_wrote() {
    let fake = Fake::start();
    fake.with(|state| state.user = Some("Maintainer".to_owned()));
    fake.commented(BOT, &body(OLD, "of Actions"));
    assert_eq!(did(&fake, OLD, "one"), Did::Created);
    assert_eq!(did(&fake, OLD, "two"), Did::Updated);
    assert_eq!(fake.bodies("Maintainer"), [body(OLD, "two")]);
    assert_eq!(fake.bodies(BOT), [body(OLD, "of Actions")]);
}

#[test]
fn a_run_that_comes_late_leaves_what_a_newer_one_wrote() {
    let fake = Fake::start();
    fake.opened(7, "me:branch", NEW);
    assert_eq!(did(&fake, OLD, "first"), Did::Created);
    assert_eq!(did(&fake, NEW, "second"), Did::Updated);
    assert_eq!(did(&fake, OLD, "late"), Did::LeftNewer);
    assert_eq!(fake.bodies(BOT), [body(NEW, "second")]);
}

#[test]
fn a_comment_that_is_removed_meanwhile_is_written_anew() {
    let fake = Fake::start();
    fake.commented(BOT, &body(OLD, "one"));
    fake.fails(failing(("PATCH", "/comments/"), 404, false));
    assert_eq!(did(&fake, OLD, "two"), Did::Created);
}

#[test]
fn where_nobody_listens_it_is_said_after_three_tries() {
    let base = Fake::start().base();
    let (result, waited) = asked(&base, me);
    let told = result.unwrap_err().to_string();
    assert!(told.contains("GitHub did not answer") && told.contains("onnect"), "{told}");
    assert_eq!(waited, [1, 1]);
}

#[test]
fn a_wrong_token_and_a_missing_permission_are_told_with_what_to_do() {
    let fake = Fake::start();
    fake.fails(failing(("GET", "/user"), 401, false));
    let told = posted(&fake, OLD, "text").0.unwrap_err().to_string();
    assert!(told.contains("(401)") && told.contains("expired"), "{told}");
    fake.fails(Fault {
        of: CREATE,
        done: false,
        reply: Some(Refusal::plain(403, "Resource not accessible by integration")),
    });
    let told = posted(&fake, OLD, "text").0.unwrap_err().to_string();
    assert!(told.contains("pull-requests: write") && told.contains("workflow_run"), "{told}");
    fake.fails(Fault { of: CREATE, done: false, reply: Some(Refusal::plain(422, TOKEN)) });
    let told = posted(&fake, OLD, "text").0.unwrap_err().to_string();
    assert!(told.contains("(422)") && !told.contains(TOKEN), "{told}");
    assert_eq!(fake.bodies(BOT).len(), 0);
}

fn origin(branch: &str, sha: &str) -> Origin {
    Origin {
        repository: REPOSITORY.to_owned(),
        owner: "me".to_owned(),
        branch: branch.to_owned(),
        head_sha: sha.to_owned(),
        from_fork: true,
        run: None,
    }
}

#[test]
fn a_workflow_run_is_of_the_one_pull_request_at_its_branch_and_commit() {
    let fake = Fake::start();
    let found = |branch: &str, sha: &str| {
        asked(&fake.base(), |asking| pull_of(asking, &origin(branch, sha))).0.unwrap()
    };
    let why = |found: Found| match found {
        Found::None(why) => why,
        Found::One(number) => panic!("found {number}"),
    };
    assert!(why(found("a&b", NEW)).contains("no open pull request is from `me:a&b`"));
    fake.opened(7, "me:a&b", NEW);
    fake.opened(8, "you:a&b", NEW);
    assert_eq!(found("a&b", NEW), Found::One(7));
    assert!(why(found("a&b", OLD)).contains("no longer at 1111"));
    fake.opened(9, "me:a&b", NEW);
    assert!(why(found("a&b", NEW)).contains("2 pull requests"));
}

#[test]
fn a_check_run_says_the_conclusion_and_is_made_once_a_run() {
    let outcomes = [
        (Conclusion::Held, "success"),
        (Conclusion::Regressed, "failure"),
        (Conclusion::Inconclusive, "neutral"),
        (Conclusion::Invalid, "failure"),
    ];
    let remark = |line| Annotation { path: "a.toml".to_owned(), line, message: "x".to_owned() };
    let annotations: Vec<Annotation> = (1..=60).map(remark).collect();
    for (conclusion, word) in outcomes {
        let fake = Fake::start();
        let check = CheckRun {
            gate: "gate",
            sha: NEW,
            run: "run-1",
            outcome: Outcome::of(conclusion),
            title: "a title",
            summary: "a summary",
            link: Some("https://example.org/"),
            annotations: &annotations,
        };
        fake.fails(Fault { of: ("POST", "/check-runs"), done: true, reply: None });
        asked(&fake.base(), |asking| put(asking, &check)).0.unwrap();
        fake.with(|state| {
            let [check] = state.checks.as_slice() else { panic!("{:?}", state.checks) };
            assert_eq!(
                (&check["name"], &check["conclusion"]),
                (&"tokgate / gate".into(), &word.into())
            );
            assert_eq!((&check["status"], &check["head_sha"]), (&"completed".into(), &NEW.into()));
            assert_eq!(check["output"]["annotations"].as_array().unwrap().len(), MOST_ANNOTATIONS);
        });
    }
}

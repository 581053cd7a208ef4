//! A load that several processes send together: real workers, a server that says what it was sent, and what
//! each worker puts.

use crate::faces::{code, command, text};
use crate::mock::mock;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use tempfile::TempDir;
use tokgate::live::{self, Snapshot, State};
use tokgate::mock::Server;
use tokgate::part::Kept;
use tokgate::rows::{Begun, Manifest, Rows};
use tokgate::store::{self, Layout};
use tokgate_core::record::{Phase, Record};
use tokgate_core::run::Ending;

/// Long ago: every worker begins at once, and says that it is late.
pub(crate) const PAST: &str = "2026-01-01T00:00:00Z";
/// An open loop and a closed one, with a closed one by time between them.
const CASES: [&str; 4] = [
    "kind = \"poisson\", rate = 60, duration_s = 1.5, warmup = 5, max_in_flight = 24",
    "kind = \"constant\", rate = 50, duration_s = 1, warmup = 0",
    "concurrency = 5, requests = 60, warmup = 7, batch = 2",
    "concurrency = 2, requests = 21, warmup = 2, think_time_s = 0.01",
];

pub(crate) fn scenario(server: &Server, cases: &[&str], more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = format!(
        "schema = 1\n[target]\ndriver = \"openai\"\nbase_url = \"http://{}/v1\"\nmodel = \"mock\"\n\
         [run]\nsalt = false\n{more}\n[dataset]\nprompt_tokens = 12\noutput_tokens = 4\n",
        server.address()
    );
    for (number, workload) in cases.iter().enumerate() {
        text += &format!(
            "[[case]]\nname = \"c{number}\"\nkind = \"generation\"\nworkload = {{ {workload} }}\n"
        );
    }
    fs::write(folder.path().join("load.toml"), text).unwrap();
    folder
}

/// The command of one worker; its results lie in a folder of its own.
fn worker(folder: &Path, shard: &str, more: &[&str]) -> std::process::Command {
    let results = format!("r{}", shard.replace('/', "of"));
    let own = ["run", "load.toml", "--shard", shard, "--results-dir", &results];
    command(folder, &[&own[..], more].concat())
}

const COMMON: [&str; 4] = ["--start-at", PAST, "--out", "out"];

/// Has `of` workers send a load at the same time; each is left to end.
fn send(folder: &Path, of: u32, more: &[&str]) -> Vec<Output> {
    let all = [&COMMON[..], more].concat();
    let start = |index| {
        let mut worker = worker(folder, &format!("{index}/{of}"), &all);
        worker.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        worker.spawn().unwrap()
    };
    let children: Vec<_> = (0..of).map(start).collect();
    children.into_iter().map(|child| child.wait_with_output().unwrap()).collect()
}

fn sent_well(folder: &Path, of: u32, more: &[&str]) {
    for output in send(folder, of, more) {
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    }
}

/// Every file beneath a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let beneath = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    let mut all: Vec<PathBuf> = entries.flat_map(|entry| beneath(entry.unwrap().path())).collect();
    all.sort();
    all
}

fn ending_in(folder: &Path, end: &str) -> Vec<PathBuf> {
    let name = |path: &PathBuf| path.to_string_lossy().ends_with(end);
    files(folder).into_iter().filter(name).collect()
}

/// What was put under `out`: the manifests of all workers.
pub(crate) fn manifests(folder: &Path) -> Vec<Manifest> {
    let out = folder.join("out");
    let all = ending_in(&out.join("workers"), ".json").into_iter();
    let ended = all.filter(|path| !path.to_string_lossy().ends_with(".begun.json"));
    let read = |path: PathBuf| {
        let place = path.strip_prefix(&out).unwrap().to_str().unwrap().to_owned();
        Manifest::read(&fs::read(&path).unwrap(), &place).unwrap()
    };
    ended.map(read).collect()
}

/// One request as the plan has it: its case, phase and number, and of an open loop when it was due, in
/// nanoseconds from the load's beginning.
type Planned = (String, bool, u64, Option<u64>);

fn planned(case: &str, is_open: bool, origin_ns: u64, record: &Record) -> Planned {
    let measured = record.phase == Phase::Measured;
    let due = (is_open && measured).then(|| record.due.0 - origin_ns);
    (case.to_owned(), measured, record.ordinal, due)
}

/// The requests of all workers, as their rows have them.
fn put(folder: &Path) -> Vec<Planned> {
    let out = folder.join("out");
    let mut all = Vec::new();
    for manifest in manifests(folder) {
        for epoch in &manifest.epochs {
            let (slice, files) = (manifest.slice(epoch), &epoch.files);
            let (requests, events) = (out.join(&files.requests.path), out.join(&files.events.path));
            let rows = Rows::open(&requests, &events, &slice, epoch.origin_ns).unwrap();
            let case = &epoch.head.case;
            let is_open = case.workload.is_open();
            all.extend(
                rows.map(|record| {
                    planned(case.id.case(), is_open, epoch.origin_ns, &record.unwrap())
                }),
            );
        }
    }
    all.sort();
    all
}

/// The prompts that came to the server, by number; it forgets them.
fn prompts(server: &Server) -> Vec<u64> {
    let mut prompts: Vec<u64> =
        server.truth().requests.unwrap().iter().map(|deed| deed.prompt).collect();
    server.reset();
    prompts.sort_unstable();
    prompts
}

#[test]
fn one_three_and_eight_workers_send_the_same_requests() {
    let server = mock("");
    let measure = |of| {
        let folder = scenario(&server, &CASES, "");
        sent_well(folder.path(), of, &["--slot", "3"]);
        (put(folder.path()), prompts(&server))
    };
    let one = measure(1);
    assert_eq!(one.0.len(), one.1.len(), "every request that was sent is a row");
    assert!(one.0.len() > 200, "{}", one.0.len());
    let is_last = |planned: &&Planned| planned.0 == "c3" && planned.1;
    assert_eq!(one.0.iter().filter(is_last).count(), 21);
    for of in [3, 8] {
        assert_eq!(measure(of), one, "{of} workers");
    }
}

/// Two conversations, whose later turns carry what was said before, and a recorded trace out of order.
fn recorded(folder: &Path) {
    let turn = |who: &str, what: &str| format!(r#"{{"from": "{who}", "value": "{what}"}}"#);
    let talk = |topic: &str, turns: usize| {
        let said: Vec<String> = (0..turns)
            .flat_map(|nth| {
                let asked = turn("human", &format!("{topic} {nth}"));
                [asked, turn("gpt", &format!("of course, {topic} {nth}"))]
            })
            .collect();
        format!(r#"{{"conversations": [{}]}}"#, said.join(", "))
    };
    let talks = format!("[{}, {}]", talk("rivers", 4), talk("bridges", 3));
    fs::write(folder.join("talks.json"), talks).unwrap();
    let line = |nth: u64| {
        let at = (nth * 37) % 400;
        format!("{{\"timestamp\": {at}, \"input_length\": {}, \"output_length\": 3}}\n", 5 + nth)
    };
    fs::write(folder.join("trace.jsonl"), (0..30).map(line).collect::<String>()).unwrap();
}

#[test]
fn conversations_and_traces_are_shared_request_by_request() {
    let server = mock("");
    // A data set of the case's own stands behind its workload.
    let cases = [
        "concurrency = 3, requests = 25, warmup = 4 }\n\
         dataset = { kind = \"file\", format = \"sharegpt\", path = \"talks.json\"",
        "kind = \"trace\", speed = 2, warmup = 3 }\n\
         dataset = { kind = \"file\", format = \"trace\", path = \"trace.jsonl\"",
    ];
    let measure = |of| {
        let folder = scenario(&server, &cases, "");
        recorded(folder.path());
        sent_well(folder.path(), of, &["--slot", "3"]);
        (put(folder.path()), prompts(&server))
    };
    let one = measure(1);
    assert_eq!((one.0.len(), one.1.len()), (62, 62));
    for of in [2, 5] {
        assert_eq!(measure(of), one, "{of} workers");
    }
}

#[test]
fn a_run_without_workers_sends_what_one_worker_sends() {
    let server = mock("");
    let folder = scenario(&server, &CASES, "");
    let output = command(folder.path(), &["run", "load.toml", "--results-dir", "r"]).output();
    assert!(matches!(code(&output.unwrap()), Some(0 | 3)));
    let whole = prompts(&server);
    sent_well(folder.path(), 2, &["--slot", "3"]);
    assert_eq!(prompts(&server), whole);
}

#[test]
fn a_worker_without_senders_sends_nothing_and_puts_its_manifest() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 1, requests = 6, warmup = 2"], "");
    sent_well(folder.path(), 2, &[]);
    let counts: Vec<u64> = manifests(folder.path())
        .iter()
        .map(|manifest| manifest.epochs.iter().map(|epoch| epoch.requests.all()).sum())
        .collect();
    assert_eq!(counts, [8, 0]);
    let idle = &manifests(folder.path())[1].epochs[0];
    assert_eq!(idle.ending, Ending::Completed);
    assert_eq!(server.truth().counts.requests, 8);
    let output = worker(folder.path(), "1/2", &COMMON).output().unwrap();
    assert!(text(&output.stdout).contains("none of 1 senders"), "{}", text(&output.stdout));
}

#[test]
fn a_worker_that_comes_late_begins_at_once_and_says_how_late() {
    let server = mock("");
    let folder = scenario(&server, &["kind = \"constant\", rate = 20, duration_s = 0.5"], "");
    let output = worker(folder.path(), "0/2", &COMMON).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stderr);
    assert!(told.contains("this worker is late") && told.contains("s late"), "{told}");
    let manifest = &manifests(folder.path())[0];
    assert!(manifest.epochs[0].late_s.unwrap() > 1e6, "{manifest:?}");
    assert_eq!(manifest.epochs[0].requests.measured, 5);
    assert!(manifest.begun.clock.is_some_and(|clock| clock.uncertainty_s > 0.0));
}

#[test]
fn a_worker_waits_for_the_beginning_that_all_share() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 1, requests = 3, warmup = 1"], "");
    let start = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(4);
    let start = start.to_string();
    let given = ["--start-at", &start, "--out", "out"];
    let output = worker(folder.path(), "0/1", &given).output().unwrap();
    assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(&start), "{}", text(&output.stdout));
    let manifest = &manifests(folder.path())[0];
    let epoch = &manifest.epochs[0];
    assert!(epoch.late_s.is_some());
    let (slice, out) = (manifest.slice(epoch), folder.path().join("out"));
    let files = &epoch.files;
    let rows = Rows::open(
        &out.join(&files.requests.path),
        &out.join(&files.events.path),
        &slice,
        epoch.origin_ns,
    );
    for record in rows.unwrap().map(Result::unwrap) {
        let is_before = record.sent.0 < epoch.origin_ns;
        assert_eq!(is_before, record.phase == Phase::Warmup, "{record:?}");
    }
}

#[test]
fn all_workers_find_the_same_run_and_say_before_it_that_they_have_begun() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 3, requests = 9, warmup = 0"], "");
    sent_well(folder.path(), 3, &[]);
    let manifests = manifests(folder.path());
    let runs: BTreeSet<&str> = manifests.iter().map(|it| it.begun.run.as_str()).collect();
    assert_eq!((runs.len(), manifests.len()), (1, 3));
    let out = folder.path().join("out");
    for path in ending_in(&out, ".begun.json") {
        let place = path.strip_prefix(&out).unwrap().to_str().unwrap().to_owned();
        let begun = Begun::read(&fs::read(&path).unwrap(), &place).unwrap();
        let manifest = manifests.iter().find(|it| it.begun.worker == begun.worker).unwrap();
        assert_eq!(manifest.begun, begun);
    }
    assert_eq!(ending_in(&out, ".begun.json").len(), 3);
    assert!(ending_in(&out.join("clocks"), "").is_empty(), "what was looked at is taken away");
}

#[test]
fn nothing_of_a_part_is_in_the_index_and_its_raw_lines_are_kept() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 2, requests = 8, warmup = 0"], "epochs = 2");
    sent_well(folder.path(), 1, &["--slot", "2"]);
    let part = folder.path().join("r0of1/parts");
    let kept = ending_in(&part, "part.json").remove(0);
    let kept = kept.parent().unwrap();
    let of = Kept::read(kept).unwrap();
    assert_eq!(of.epochs.len(), 2);
    for epoch in &of.epochs {
        let stored = store::read(&Kept::lines(kept, epoch)).unwrap();
        assert_eq!((stored.run.records.len(), stored.run.head.run_id), (8, of.begun.run.clone()));
    }
    let output = command(folder.path(), &["list", "--results-dir", "r0of1"]).output().unwrap();
    assert!(!text(&output.stdout).contains(&of.begun.run), "{}", text(&output.stdout));
}

#[test]
fn what_cannot_be_shared_is_refused_before_anything_is_sent() {
    let server = mock("");
    let refused = |workload: &str, given: &[&str], word: &str| {
        let folder = scenario(&server, &[workload], "");
        let output = command(folder.path(), &[&["run", "load.toml"], given].concat()).output();
        let output = output.unwrap();
        let told = text(&output.stderr);
        assert_eq!(code(&output), Some(2), "{given:?}: {told}");
        assert!(told.contains(word), "{given:?}: {told}");
        assert!(!folder.path().join("out").exists(), "{given:?}");
    };
    let closed = "concurrency = 2, requests = 4, warmup = 1";
    let part = |more: &[&'static str]| [&["--shard", "0/2"][..], &COMMON, more].concat();
    refused(closed, &["--shard", "0/2"], "--start-at");
    refused(closed, &["--out", "out"], "--shard I/N");
    refused(closed, &["--shard", "2/2", "--start-at", PAST, "--out", "out"], "no part of a load");
    refused(closed, &["--shard", "0/2", "--start-at", "+30s", "--out", "out"], "`--start-at +30s`");
    refused(closed, &part(&["--baseline", "x"]), "`--baseline`");
    refused(closed, &part(&["--save-baseline", "x"]), "`--save-baseline`");
    refused(closed, &part(&["--strict"]), "`--strict`");
    refused(closed, &part(&["--no-store"]), "`--no-store`");
    refused(closed, &part(&["--format", "json"]), "`--format`");
    refused(closed, &part(&["--epochs", "2"]), "--slot SECONDS");
    refused(closed, &part(&["--slot", "0"]), "expected seconds");
    refused(closed, &part(&["--target", "simulated"]), "`simulated`");
    let capped = "kind = \"constant\", rate = 20, duration_s = 1, max_in_flight = 1";
    refused(capped, &part(&[]), "max_in_flight = 1");
    let search = "kind = \"breaking_point\", max_concurrency = 4, step_s = 1";
    refused(search, &part(&[]), "breaking point");
    assert_eq!(server.truth().counts.requests, 0);
}

#[test]
fn a_place_that_takes_nothing_is_exit_5_before_anything_is_sent() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 2, requests = 4, warmup = 1"], "");
    fs::write(folder.path().join("out"), "a file, no folder").unwrap();
    let output = worker(folder.path(), "0/2", &COMMON).output().unwrap();
    assert_eq!(code(&output), Some(5), "{}", text(&output.stderr));
    assert_eq!(server.truth().counts.requests, 0);
}

#[test]
fn a_worker_that_cannot_keep_what_it_measures_has_not_begun() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 2, requests = 4, warmup = 1"], "");
    let folder = folder.path();
    fs::write(folder.join("r0of2"), "a file, no folder").unwrap();
    let output = worker(folder, "0/2", &COMMON).output().unwrap();
    assert_eq!(code(&output), Some(5), "{}", text(&output.stderr));
    // Else it were killed for whoever merges, and started twice once it is started again.
    assert!(ending_in(&folder.join("out"), ".begun.json").is_empty());
    assert_eq!(server.truth().counts.requests, 0);
}

#[test]
fn the_part_is_taken_from_the_variables_of_who_starts_the_workers() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 2, requests = 4, warmup = 0"], "");
    let own = ["run", "load.toml", "--results-dir", "r", "--start-at", PAST, "--out", "out"];
    let mut pod = command(folder.path(), &own);
    pod.env("JOB_COMPLETION_INDEX", "1").env("TOKGATE_SHARDS", "2");
    assert_eq!(code(&pod.output().unwrap()), Some(0));
    let mut task = command(folder.path(), &[&own[..], &["--shard", "auto"]].concat());
    task.env("SLURM_PROCID", "0").env("SLURM_NTASKS", "2");
    assert_eq!(code(&task.output().unwrap()), Some(0));
    let workers: Vec<(u32, u32)> =
        manifests(folder.path()).iter().map(|it| (it.begun.worker, it.begun.of)).collect();
    assert_eq!(workers, [(0, 2), (1, 2)]);
}

/// A worker that waits for a start in so many seconds, once it has said that it has begun.
fn waiting(folder: &Path, in_s: i64) -> std::process::Child {
    let start = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(in_s);
    let given = ["--start-at", &start.to_string(), "--out", "out"];
    let mut worker = worker(folder, "0/1", &given);
    worker.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = worker.spawn().unwrap();
    while ending_in(&folder.join("out"), ".begun.json").is_empty() {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it had begun");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child
}

/// What is seen of the only worker that keeps its results beneath `folder`, once it has something to measure or is
/// over.
fn looked_at(folder: &Path) -> Snapshot {
    let layout = Layout::new(folder.join("r0of1"));
    loop {
        if let [seen] = &live::list(&layout).unwrap()[..]
            && (seen.now.is_some() || seen.state != State::Running)
        {
            return seen.clone();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_part_whose_place_went_away_is_kept_and_put_again() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 2, requests = 8, warmup = 0"], "");
    let folder = folder.path();
    let child = waiting(folder, 6);
    fs::remove_dir_all(folder.join("out")).unwrap();
    fs::write(folder.join("out"), "a file, no folder").unwrap();
    let output = child.wait_with_output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(code(&output), Some(5), "{told}");
    assert!(told.contains("nothing of it is lost"), "{told}");
    fs::remove_file(folder.join("out")).unwrap();
    // As it is told, and as often as one likes.
    let asked = told.split("`tokgate export --parts ").nth(1).unwrap();
    let part = asked.split('`').next().unwrap();
    let again = || command(folder, &["export", "--parts", part]).output().unwrap();
    for output in [again(), again()] {
        assert_eq!(code(&output), Some(0), "{}", text(&output.stderr));
    }
    let manifest = &manifests(folder)[0];
    assert_eq!((manifests(folder).len(), manifest.epochs[0].requests.measured), (1, 8));
    assert_eq!(put(folder).len(), 8);
    let elsewhere = command(folder, &["export", "--parts", part, "-o", "other"]).output().unwrap();
    assert_eq!(code(&elsewhere), Some(0), "{}", text(&elsewhere.stderr));
    let none = command(folder, &["export", "--parts", "out"]).output().unwrap();
    assert_eq!(code(&none), Some(2));
    assert!(text(&none.stderr).contains("holds no part"), "{}", text(&none.stderr));
}

#[test]
fn what_is_not_put_of_a_worker_that_was_killed_is_told() {
    let server = mock("");
    let folder = scenario(&server, &["concurrency = 2, requests = 8, warmup = 3"], "");
    let mut child = waiting(folder.path(), 3600);
    while server.truth().counts.requests < 3 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was to begin");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let part = ending_in(folder.path(), "part.json").remove(0);
    let part = part.parent().unwrap().to_str().unwrap();
    let output = command(folder.path(), &["export", "--parts", part]).output().unwrap();
    let told = text(&output.stderr);
    assert_eq!(code(&output), Some(0), "{told}");
    assert!(told.contains("not put") && told.contains("epoch 0 of load/c0: "), "{told}");
    assert!(told.contains(" requests of it are in ") && told.contains(".jsonl"), "{told}");
}

#[test]
fn a_worker_that_is_interrupted_puts_what_it_has_and_exits_130() {
    let server = mock("");
    let folder = scenario(
        &server,
        &["concurrency = 2, requests = 8, warmup = 3"],
        "[goals]\n\"ttft.p50\" = \"< 5 s\"",
    );
    let mut child = waiting(folder.path(), 3600);
    let seen = looked_at(folder.path());
    assert_eq!((seen.state, seen.part.as_deref()), (State::Running, Some("0/1")));
    assert_eq!(seen.goals, [], "a part meets no goal");
    assert_eq!(seen.now.unwrap().requests.planned, None, "the plan is that of the whole");
    // Its warm-up is over, and it waits.
    while server.truth().counts.requests < 3 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before it was to begin");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), Some(130), "{}", text(&output.stderr));
    assert_eq!(looked_at(folder.path()).state, State::Interrupted);
    let epoch = &manifests(folder.path())[0].epochs[0];
    assert_eq!(epoch.ending, Ending::Interrupted);
    assert_eq!((epoch.requests.warmup, epoch.requests.measured), (3, 0));
}

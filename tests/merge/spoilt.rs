//! Each way in which workers do not make one run: INVALID by name, and the rest kept.

use super::fleet::{Fleet, REQUESTS, closed, files, whole};
use crate::faces::{code, text};
use serde_json::Value;
use std::path::Path;
use tokgate_core::case::Workload;
use tokgate_core::record::Phase;
use tokgate_core::run::{Ending, TargetAfter};
use tokgate_core::validity::{Reason, Validity};
use tokgate_core::workload::{Arrivals, Open, Shape, Spacing};

/// What was merged, INVALID: its reasons by name, and how many requests are kept.
fn spoilt(fleet: &Fleet) -> (Vec<String>, u64) {
    let told = fleet.merged(3);
    let epoch = &told["cases"][0]["epochs"][0];
    assert_eq!(epoch["validity"], "INVALID");
    let kept = fleet.kept();
    let reasons = kept[0].validity.reasons().iter();
    let name = |reason: &Reason| serde_json::to_value(reason).unwrap()["reason"].clone();
    let names = reasons.map(name).filter_map(|name| name.as_str().map(str::to_owned)).collect();
    (names, kept[0].run.requests().attempted)
}

fn reason(fleet: &Fleet, name: &str) -> Value {
    let kept = fleet.kept();
    let reasons = kept[0].validity.reasons().iter().map(|it| serde_json::to_value(it).unwrap());
    reasons.into_iter().find(|reason| reason["reason"] == name).unwrap()
}

/// Requests of all workers but those of one.
fn without(fleet: &Fleet, worker: usize) -> u64 {
    let measured = |at: usize| fleet.workers[at].epochs[0].run.requests().attempted;
    REQUESTS - measured(worker)
}

#[test]
fn a_worker_that_left_nothing_is_missing() {
    let mut fleet = Fleet::usual(3);
    let rest = without(&fleet, 1);
    fleet.workers.remove(1);
    let (names, kept) = spoilt(fleet.put());
    // Of the warm-up, and of what is measured.
    let expected = ["worker_missing", "requests_missing", "requests_missing", "not_all_sent"];
    assert_eq!(names[..4], expected);
    assert_eq!(kept, rest);
    assert_eq!(reason(&fleet, "worker_missing")["workers"], "1");
}

#[test]
fn a_worker_that_left_no_end_was_killed() {
    let fleet = Fleet::usual(3);
    let manifest = fleet.workers[2].put(&fleet.out());
    fleet.put();
    std::fs::remove_file(manifest).unwrap();
    let (names, kept) = spoilt(&fleet);
    assert_eq!(names[0], "worker_killed");
    assert_eq!(
        (kept, &reason(&fleet, "worker_killed")["workers"]),
        (without(&fleet, 2), &"2 (attempt try2)".into())
    );
}

#[test]
fn a_worker_that_was_started_twice_is_named_with_both_attempts() {
    let mut fleet = Fleet::usual(3);
    let mut again = fleet.workers[0].clone();
    again.begun.attempt = "again".to_owned();
    fleet.workers.push(again);
    let (names, kept) = spoilt(fleet.put());
    assert_eq!((names, kept), (vec!["started_twice".to_owned()], REQUESTS));
    assert_eq!(reason(&fleet, "started_twice")["attempts"], "again, try0");
}

#[test]
fn another_version_is_named_and_its_requests_are_kept() {
    let mut fleet = Fleet::usual(3);
    fleet.workers[1].begun.tokgate = "0.0.9".to_owned();
    assert_eq!(spoilt(fleet.put()), (vec!["other_version".to_owned()], REQUESTS));
    let mut fleet = Fleet::usual(3);
    fleet.workers[0].begun.protocol = 7;
    assert_eq!(spoilt(fleet.put()).0, ["other_version"]);
}

#[test]
fn a_part_of_another_load_is_left_out() {
    let mut fleet = Fleet::usual(3);
    fleet.workers[2].begun.plan = "another".to_owned();
    let (names, kept) = spoilt(fleet.put());
    assert_eq!((names[0].as_str(), kept), ("other_plan", without(&fleet, 2)));
}

#[test]
fn another_model_is_another_target() {
    let mut fleet = Fleet::usual(2);
    fleet.workers[1].epochs[0].run.head.target.model = "another".to_owned();
    assert_eq!(spoilt(fleet.put()), (vec!["other_target".to_owned()], REQUESTS));
}

/// A fleet whose replies name these builds; the first worker had none.
fn builds(of_second: &str, of_third: &str) -> Fleet {
    let mut fleet = Fleet::usual(3);
    for (worker, build) in fleet.workers.iter_mut().zip([None, Some(of_second), Some(of_third)]) {
        let run = &mut worker.epochs[0].run;
        let mut seen = run.head.target.clone();
        seen.config.extend(build.map(|build| ("system_fingerprint".to_owned(), build.into())));
        run.after = Some(TargetAfter::unchanged(seen));
    }
    fleet
}

#[test]
fn another_build_behind_one_address_is_another_target() {
    let fleet = builds("fp_a", "fp_b");
    assert_eq!(spoilt(fleet.put()), (vec!["other_target".to_owned()], REQUESTS));
    let what = "system_fingerprint `\"fp_b\"`, and for worker 1 `\"fp_a\"`";
    assert_eq!(reason(&fleet, "other_target")["what"], what);
    let told = builds("fp_a", "fp_b").put().ends(&["--figures"], 3);
    assert!(told.contains(what), "{told}");
    assert_eq!(
        builds("fp_a", "fp_a").put().merged(0)["cases"][0]["epochs"][0]["validity"],
        "VALID"
    );
}

/// What is done to a file.
type Harm = fn(&Path);

/// The files of a worker's rows of one table.
fn rows(fleet: &Fleet, table: &str, worker: u32) -> std::path::PathBuf {
    let all = files(&fleet.out().join("rows").join(table), ".parquet");
    let part = format!("worker={worker}");
    all.into_iter().find(|path| path.to_string_lossy().contains(&part)).unwrap()
}

#[test]
fn a_file_that_is_not_as_it_was_put_is_named_with_its_place() {
    let harm: [(&str, Harm); 3] = [
        ("requests", |path| {
            let mut bytes = std::fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(path, bytes).unwrap();
        }),
        ("events", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() - 9]).unwrap();
        }),
        ("events", |path| std::fs::remove_file(path).unwrap()),
    ];
    for (table, harm) in harm {
        let fleet = Fleet::usual(3);
        harm(&rows(fleet.put(), table, 1));
        let (names, kept) = spoilt(&fleet);
        assert_eq!((names[0].as_str(), kept), ("torn_file", without(&fleet, 1)));
        let torn = reason(&fleet, "torn_file");
        assert_eq!(torn["worker"], 1);
        assert!(
            torn["path"].as_str().unwrap().contains(&format!("rows/{table}/run=run-1/")),
            "{torn}"
        );
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_regular_file_is_refused_before_it_is_opened() {
    let pipe = |path: &Path| {
        std::fs::remove_file(path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    for table in ["requests", "events", "epochs"] {
        let fleet = Fleet::usual(2);
        pipe(&rows(fleet.put(), table, 1));
        let told = fleet.ends(&["--figures"], 3);
        assert!(told.contains("it is no regular file"), "{told}");
        assert_eq!(spoilt(&fleet).0[0], "torn_file");
        assert_eq!(reason(&fleet, "torn_file")["what"], "it is no regular file");
    }
}

/// A worker's manifest with something put into the place of something.
fn restated(fleet: &Fleet, from: &str, to: &str) {
    let manifest = fleet.put().workers[1].put(&fleet.out());
    let text = std::fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(&manifest, text.replace(from, to)).unwrap();
}

#[test]
fn a_file_that_another_tool_wrote_again_is_told_with_what_to_do() {
    let fleet = Fleet::usual(3);
    let path = rows(fleet.put(), "requests", 1);
    std::fs::write(&path, b"PAR1 written again PAR1").unwrap();
    let told = fleet.ends(&[], 3);
    let expected = "remove it if it is there, put it again as the worker put it (`tokgate export --parts`, which replaces \
         nothing), `tokgate rm` this run";
    assert!(told.contains("it has 23 bytes, and had ") && told.contains(expected), "{told}");
}

#[test]
fn rows_that_a_manifest_counts_otherwise_are_not_read() {
    let fleet = Fleet::usual(3);
    let manifest = fleet.put().workers[1].put(&fleet.out());
    let mut said: Value = serde_json::from_slice(&std::fs::read(&manifest).unwrap()).unwrap();
    said["epochs"][0]["files"]["events"]["rows"] = 0.into();
    std::fs::write(&manifest, said.to_string()).unwrap();
    let (names, kept) = spoilt(&fleet);
    assert_eq!((names[0].as_str(), kept), ("torn_file", without(&fleet, 1)));
    let what = reason(&fleet, "torn_file")["what"].to_string();
    assert!(what.contains("rows, and its manifest says 0"), "{what}");
}

#[test]
fn what_is_wrong_with_events_is_told_of_the_file_of_events() {
    let fleet = Fleet::usual(2);
    let manifest = fleet.put().workers[1].put(&fleet.out());
    let mut other = fleet.workers[1].clone();
    other.epochs[0].run.records.remove(0);
    let elsewhere = fleet.folder.path().join("elsewhere");
    let of_other = other.put(&elsewhere);
    std::fs::copy(&files(&elsewhere.join("rows/events"), ".parquet")[0], rows(&fleet, "events", 1))
        .unwrap();
    let said =
        |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let mut mixed = said(&manifest);
    mixed["epochs"][0]["files"]["events"] = said(&of_other)["epochs"][0]["files"]["events"].clone();
    std::fs::write(&manifest, mixed.to_string()).unwrap();
    assert_eq!(spoilt(&fleet).0[0], "torn_file");
    let torn = reason(&fleet, "torn_file");
    assert!(torn["path"].as_str().unwrap().starts_with("rows/events/"), "{torn}");
    assert!(torn["what"].as_str().unwrap().contains("stands in its place"), "{torn}");
}

#[test]
fn an_epoch_that_is_in_a_manifest_twice_or_a_clock_better_than_exact_is_not_believed() {
    let mut fleet = Fleet::usual(3);
    let again = fleet.workers[1].epochs[0].clone();
    fleet.workers[1].epochs.push(again);
    fleet.put();
    assert_eq!(spoilt(&fleet).0[..2], ["worker_killed", "torn_file"]);
    assert!(reason(&fleet, "torn_file")["what"].to_string().contains("is in it twice"));
    let fleet = Fleet::usual(3);
    restated(&fleet, "\"uncertainty_s\":0.002", "\"uncertainty_s\":-0.002");
    assert_eq!(spoilt(&fleet).0[..2], ["worker_killed", "torn_file"]);
}

#[test]
fn what_others_wrote_is_told_in_few_words_and_moves_no_cursor() {
    let fleet = Fleet::usual(3);
    let long = "x".repeat(5000);
    restated(&fleet, "{\"version\":1", &format!("{{\"a\\u001b[31m\\n{long}\":1,\"version\":1"));
    let told = fleet.ends(&[], 3);
    assert!(told.contains("unknown field") && told.contains("\\u{1b}[31m"), "{told}");
    assert!(!told.contains('\u{1b}') && !told.contains(&long), "{told}");
    let mut fleet = Fleet::usual(2);
    fleet.workers[1].epochs[0].run.head.target.model = "a\u{1b}]0;b\u{7}\n::error::c".to_owned();
    let told = fleet.put().ends(&[], 3);
    assert!(told.contains("measured another target") && !told.contains('\u{1b}'), "{told}");
    assert!(!told.contains("\n::error"), "{told}");
}

#[test]
fn files_that_are_no_statements_are_named_up_to_some() {
    let fleet = Fleet::usual(2);
    let folder = fleet.put().out().join("workers/run=run-1");
    (0..50).for_each(|it| {
        std::fs::write(folder.join(format!("worker=1.stray{it}.json")), "").unwrap()
    });
    let told = fleet.ends(&[], 3);
    assert_eq!(told.matches("/worker=1.stray").count(), 32, "{told}");
    assert!(told.contains("18 more of its files are none of a worker's"), "{told}");
}

#[test]
fn a_statement_that_is_none_is_told_and_its_worker_counts_as_killed() {
    for wrong in ["", "{\"version\": 1}", "{\"version\": 99}", "[[[[", "\u{0}"] {
        let fleet = Fleet::usual(3);
        let manifest = fleet.put().workers[1].put(&fleet.out());
        std::fs::write(manifest, wrong).unwrap();
        let (names, kept) = spoilt(&fleet);
        assert_eq!(
            (&names[..2], kept),
            (&["worker_killed".to_owned(), "torn_file".to_owned()][..], without(&fleet, 1))
        );
    }
}

#[test]
fn files_of_others_beside_the_workers_say_nothing_of_the_run() {
    let fleet = Fleet::usual(2);
    let folder = fleet.put().out().join("workers").join("run=run-1");
    std::fs::create_dir_all(folder.join("more")).unwrap();
    for name in ["notes.json", "_SUCCESS", "more/worker.begun.json", "x.begun.json"] {
        std::fs::write(folder.join(name), "{}").unwrap();
    }
    assert_eq!(fleet.merged(0)["cases"][0]["epochs"][0]["validity"], "VALID");
}

#[test]
fn a_manifest_that_names_files_of_others_or_no_possible_time_is_not_believed() {
    for (from, to) in [
        ("epoch-0000-try1", "../../epoch-0000-try1"),
        ("\"origin_ns\":1990", "\"origin_ns\":199012345678"),
    ] {
        let fleet = Fleet::usual(3);
        let manifest = fleet.put().workers[1].put(&fleet.out());
        let text = std::fs::read_to_string(&manifest).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(&manifest, text.replace(from, to)).unwrap();
        let (names, _) = spoilt(&fleet);
        assert_eq!(names[..2], ["worker_killed", "torn_file"]);
    }
}

#[test]
fn a_load_that_nobody_could_plan_is_not_planned() {
    let mut fleet = Fleet::usual(3);
    let arrivals = Arrivals::Rate {
        shape: Shape::constant(1e9, 1e9),
        spacing: Spacing::Poisson,
        requests: None,
    };
    let endless = Workload::Open(Open { arrivals, warmup: 0, max_in_flight: None });
    fleet.workers[0].epochs[0].run.head.case.workload = endless;
    let (names, _) = spoilt(fleet.put());
    assert_eq!(names[..2], ["worker_killed", "torn_file"]);
}

#[test]
fn no_flipped_byte_of_a_manifest_takes_the_program_down() {
    let fleet = Fleet::usual(2);
    let manifest = fleet.put().workers[1].put(&fleet.out());
    let sound = std::fs::read(&manifest).unwrap();
    for flip in 0..24 {
        let mut bytes = sound.clone();
        let at = (flip * 7919 + 13) % bytes.len();
        bytes[at] ^= 1 << (flip % 7);
        std::fs::write(&manifest, bytes).unwrap();
        let results = format!("flipped-{flip}");
        let output = fleet.call(&["--results-dir", &results]);
        let told = text(&output.stderr);
        assert!(
            matches!(code(&output), Some(0 | 2 | 3)) && !told.contains("panicked"),
            "{at}: {told}"
        );
    }
}

#[test]
fn where_no_statement_can_be_read_there_is_nothing_to_keep() {
    let fleet = Fleet::usual(2);
    for path in files(&fleet.put().out().join("workers"), ".json") {
        std::fs::write(path, "nothing").unwrap();
    }
    let told = fleet.ends(&[], 2);
    assert!(told.contains("no worker of a run `run-1` can be read"), "{told}");
    let fleet = Fleet::usual(2);
    fleet.workers.iter().for_each(|worker| worker.begin(&fleet.out()));
    let told = fleet.ends(&[], 3);
    assert!(told.contains("0 (attempt try0), 1 (attempt try1)"), "{told}");
}

#[test]
fn requests_that_are_missing_or_there_twice_are_counted() {
    let mut fleet = Fleet::usual(3);
    let records = &mut fleet.workers[1].epochs[0].run.records;
    records.retain(|record| record.phase == Phase::Warmup || !(10..60).contains(&record.ordinal));
    let lost = REQUESTS
        - fleet.workers.iter().map(|it| it.epochs[0].run.requests().attempted).sum::<u64>();
    let (names, kept) = spoilt(fleet.put());
    assert_eq!(
        (names, kept),
        (vec!["requests_missing".to_owned(), "not_all_sent".to_owned()], REQUESTS - lost)
    );
    let missing = reason(&fleet, "requests_missing");
    assert_eq!((&missing["missing"], &missing["first"]), (&lost.into(), &10.into()));

    let mut fleet = Fleet::usual(3);
    let twice: Vec<_> =
        fleet.workers[0].epochs[0].run.records.iter().rev().take(2).cloned().collect();
    fleet.workers[2].epochs[0].run.records.extend(twice);
    let (names, kept) = spoilt(fleet.put());
    assert_eq!((names, kept), (vec!["requests_twice".to_owned()], REQUESTS + 2));
}

#[test]
fn a_late_start_and_clocks_apart_are_named_with_how_much_is_allowed() {
    let mut fleet = Fleet::usual(3);
    fleet.workers[2].epochs[0].late_s = Some(1.5);
    assert_eq!(spoilt(fleet.put()), (vec!["started_late".to_owned()], REQUESTS));
    assert_eq!(reason(&fleet, "started_late")["allowed_s"], 0.05);
    let mut fleet = Fleet::usual(3);
    fleet.workers[0].begun.clock.as_mut().unwrap().skew_s = -2.0;
    assert_eq!(spoilt(fleet.put()), (vec!["clocks_apart".to_owned()], REQUESTS));
}

#[test]
fn what_disturbed_one_worker_is_told_with_its_number() {
    let mut fleet = Fleet::usual(3);
    let part = &mut fleet.workers[1].epochs[0];
    part.validity =
        Validity::Invalid(vec![Reason::NothingMeasured, Reason::Steal { steal_percent: 40.0 }]);
    assert_eq!(spoilt(fleet.put()), (vec!["worker_invalid".to_owned()], REQUESTS));
    assert_eq!(reason(&fleet, "worker_invalid")["because"]["reason"], "steal");
}

#[test]
fn a_load_ends_as_the_worst_of_its_parts_does() {
    let mut fleet = Fleet::usual(3);
    fleet.workers[2].epochs[0].run.ending = Ending::Aborted("no server".to_owned());
    let (names, _) = spoilt(fleet.put());
    assert_eq!(names, ["stopped"]);
    assert_eq!(fleet.kept()[0].run.ending, Ending::Aborted("worker 2: no server".to_owned()));
}

#[test]
fn an_epoch_that_one_worker_lacks_is_invalid_and_the_other_is_not() {
    let mut fleet = Fleet::of(&[whole(closed(), 0), whole(closed(), 1)], 3);
    fleet.workers[1].epochs.pop();
    let told = fleet.put().merged(3);
    let epochs = &told["cases"][0]["epochs"];
    assert_eq!(
        (&epochs[0]["validity"], &epochs[1]["validity"]),
        (&"VALID".into(), &"INVALID".into())
    );
}

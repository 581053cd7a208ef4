//! The life of a baseline: recorded, looked at, compared, proposed, verified, refreshed.

use crate::faces::{command, text};
use crate::support::lab::{Lab, MACHINE, SOUND, Taken};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

fn ttft(object: &Value) -> &Value {
    let metrics = object["metrics"].as_array().unwrap();
    metrics.iter().find(|metric| metric["metric"] == "ttft.p50").unwrap()
}

#[test]
fn a_recorded_baseline_is_listed_and_shown_with_all_that_it_rests_on() {
    let lab = Lab::new();
    lab.measure(Taken { run: "first", ..SOUND });
    lab.measure(Taken { run: "second", ..SOUND });
    let told = lab.did(&["record", "first", "second", "--reason", "a new machine"]);
    assert!(told.contains("recorded") && told.contains("life.json"), "{told}");
    let listed = lab.object(&["list", "--json"]);
    let one = &listed["baselines"][0];
    assert_eq!((&one["name"], &one["scenario"]), (&"test-x1/life".into(), &"life".into()));
    let counts = ["cases", "metrics", "epochs", "bookings", "aa_pairs"].map(|key| &one[key]);
    assert_eq!(counts.map(|count| count.as_u64().unwrap()), [1, 2, 12, 2, 6]);
    assert_eq!((&one["commit"], one["marks"].as_array().unwrap().len()), (&"abc".into(), 0));
    assert!(lab.did(&["list"]).contains("test-x1/life"));
    let shown = lab.object(&["show", "test-x1/life", "--json"]);
    assert_eq!(shown["provenance"]["runs"], serde_json::json!(["first", "second"]));
    assert_eq!(shown["provenance"]["reason"], "a new machine");
    let found = ttft(&shown);
    assert!((0.45..0.55).contains(&found["middle"].as_f64().unwrap()), "{found}");
    assert!(found["spread"].as_f64().unwrap() > 0.0);
    // The tolerance is 5 %: no less can be found.
    assert!((0.05..0.2).contains(&found["detectable"].as_f64().unwrap()), "{found}");
    let told = lab.did(&["show", lab.file().to_str().unwrap()]);
    assert!(told.contains("a new machine") && told.contains("what is asked"), "{told}");
}

#[test]
fn pairs_are_the_logarithms_of_consecutive_epochs() {
    let json = Lab::recorded("first").json();
    let known = &json["cases"]["life/one"]["ttft.p50"];
    let value = |at: usize| known["epochs"][at]["value"].as_f64().unwrap();
    let pairs: Vec<f64> =
        known["aa_pairs"].as_array().unwrap().iter().map(|pair| pair.as_f64().unwrap()).collect();
    assert_eq!(pairs.len(), 3);
    for (at, pair) in pairs.iter().enumerate() {
        assert!((pair - (value(2 * at + 1) / value(2 * at)).ln()).abs() < 1e-12);
    }
}

#[test]
fn what_is_recorded_is_not_overwritten_unless_forced() {
    let lab = Lab::recorded("first");
    let before = lab.text();
    lab.measure(Taken { run: "second", ..SOUND });
    let told = lab.ends(&["record", "second"], 2);
    assert!(told.contains("tokgate baseline refresh") && told.contains("--force"), "{told}");
    assert_eq!(lab.text(), before);
    lab.did(&["record", "second", "--force"]);
    assert_eq!(lab.json()["provenance"]["runs"][0], "second");
    lab.did(&["record", "first", "--name", "kept"]);
    lab.did(&["record", "first", "--to", "bare.json"]);
    let texts = ["results/baselines/kept.json", "bare.json"]
        .map(|file| std::fs::read_to_string(lab.path().join(file)).unwrap());
    assert_eq!(texts[0], texts[1]);
    assert!(lab.ends(&["record", "first", "--name", "../kept"], 2).contains("no name"));
    assert!(lab.ends(&["record", "nobody"], 2).contains("no run is called `nobody`"));
}

#[test]
fn what_is_not_trusted_is_refused_and_let_through_with_a_mark() {
    let lab = Lab::new();
    lab.measure(Taken { run: "invalid", simulation: ", error_rate = 0.2", ..SOUND });
    lab.measure(Taken { run: "dirty", commit: Some("abc-dirty"), ..SOUND });
    lab.measure(Taken { run: "elsewhere", machine: "other-x1", ..SOUND });
    let refused = [
        ("invalid", "--allow-invalid", "INVALID", "an epoch was INVALID: life/one: "),
        ("dirty", "--allow-dirty", "dirty tree", "the tree was dirty"),
        ("elsewhere", "--allow-other-hardware", "this is test-x1", "other hardware: "),
    ];
    for (run, flag, why, mark) in refused {
        let told = lab.ends(&["record", run, "--name", run], 2);
        assert!(told.contains(why) && told.contains(flag), "{run}: {told}");
        assert!(!lab.path().join(format!("results/baselines/{run}.json")).exists());
        assert!(lab.did(&["record", run, "--name", run, flag]).contains(mark), "{run}");
        let shown = lab.object(&["show", run, "--json"]);
        let marks = shown["provenance"]["marks"].as_array().unwrap();
        assert!(marks[0].as_str().unwrap().starts_with(mark), "{marks:?}");
    }
    assert!(lab.did(&["list"]).contains("! dirty: the tree was dirty"));
    let arguments = ["verdict", "dirty", "--baseline", "results/baselines/dirty.json"];
    let judged = command(lab.path(), &arguments).output().unwrap();
    let told = text(&judged.stdout);
    assert!(told.contains("dirty.json (marked: the tree was dirty)"), "{told}");
}

#[test]
fn half_an_epoch_two_machines_and_two_questions_are_never_a_baseline() {
    let lab = Lab::new();
    lab.measure(Taken { run: "sound", ..SOUND });
    lab.measure(Taken { run: "elsewhere", machine: "other-x1", ..SOUND });
    lab.measure(Taken { run: "longer", requests: 61, ..SOUND });
    let all = ["--allow-invalid", "--allow-dirty", "--allow-other-hardware"];
    let refused = |runs: &[&str]| lab.ends(&[&["record"], runs, &all[..]].concat(), 2);
    let told = refused(&["sound", "elsewhere"]);
    assert!(told.contains("run sound is of test-x1 and run elsewhere of other-x1"), "{told}");
    let told = refused(&["sound", "longer"]);
    assert!(told.contains("`workload.requests` is 60 in sound and 61 in longer"), "{told}");
    let epoch = lab.raw().remove(0).file_stem().unwrap().to_string_lossy().into_owned();
    assert!(refused(&[&epoch]).contains("is one epoch of run"));
    for path in lab.raw() {
        let whole = std::fs::read_to_string(&path).unwrap();
        let end = whole.trim_end().rfind('\n').unwrap();
        std::fs::write(&path, &whole[..=end]).unwrap();
    }
    let told = refused(&["sound"]);
    assert!(told.contains("stopped before its end") && told.contains("measure again"), "{told}");
}

#[test]
fn a_diff_is_a_table_with_verdicts_and_the_files_difference() {
    let lab = Lab::recorded("first");
    lab.slower("slow", 1.3);
    let file = lab.file();
    let told = lab.did(&["diff", file.to_str().unwrap(), "slow"]);
    let line = told.lines().find(|line| line.contains("ttft.p50")).unwrap();
    assert!(line.contains("% worse") && line.contains("regressed"), "{told}");
    assert!(told.contains("\n--- old\t") && told.contains("\n+++ new\tslow\n"), "{told}");
    assert!(told.lines().any(|line| line.starts_with("-      \"first\"")), "{told}");
    let back = lab.object(&["diff", "slow", "first", "--json"]);
    assert_eq!(ttft(&back)["verdict"], "improved");
    assert_eq!(ttft(&back)["direction"], "better");
    let same = lab.object(&["diff", "first", file.to_str().unwrap(), "--json"]);
    assert_eq!(same["diff"].as_str().unwrap().lines().count(), 2, "{same}");
    assert_eq!(ttft(&same)["verdict"], "unchanged");
    assert!(lab.ends(&["diff", "first", "nobody"], 2).contains("REF:PATH"));
}

#[test]
fn a_file_of_a_commit_is_a_side_of_a_diff() {
    let lab = Lab::recorded("first");
    let repository = git2::Repository::init(lab.path()).unwrap();
    let mut index = repository.index().unwrap();
    let inside = "baseline/recorded/test-x1/life.json";
    index.add_path(Path::new(inside)).unwrap();
    let tree = repository.find_tree(index.write_tree().unwrap()).unwrap();
    let who = git2::Signature::now("a", "a@example.org").unwrap();
    repository.commit(Some("HEAD"), &who, &who, "record", &tree, &[]).unwrap();
    lab.slower("slow", 1.3);
    lab.did(&["record", "slow", "--force"]);
    let told = lab.object(&["diff", &format!("HEAD:{inside}"), inside, "--json"]);
    assert_eq!(ttft(&told)["verdict"], "regressed");
    lab.ends(&["diff", "HEAD:nothing.json", inside], 2);
    lab.ends(&["diff", "HEAD:baseline", inside], 2);
}

#[test]
fn a_proposal_touches_nothing_that_is_committed_and_says_all_in_text() {
    let lab = Lab::recorded("first");
    let before = lab.text();
    lab.slower("slow", 1.3);
    lab.did(&["propose", "slow", "--reason", "@all | `new` driver\n# urgent"]);
    assert_eq!(lab.text(), before);
    let folder = lab.path().join("results/proposals/test-x1");
    let told = std::fs::read_to_string(folder.join("life.md")).unwrap();
    assert!(told.starts_with("# Baseline of `life` on `test-x1`\n"), "{told}");
    assert!(told.contains("Reason: `＠all ¦ 'new' driver # urgent`"), "{told}");
    assert!(told.contains("| `life/one` | `ttft.p50` |") && told.contains("| regressed |"));
    assert!(
        told.contains("## Before this is merged") && told.contains("| `slow` | `booking-slow` |")
    );
    let proposed: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("life.json")).unwrap()).unwrap();
    assert_eq!(proposed["anchor"]["commit"], "abc");
    lab.did(&["propose", "slow", "--out", "elsewhere"]);
    assert!(lab.path().join("elsewhere/life.md").exists());
    let told = lab.ends(&["propose", "slow", "--out", "baseline/recorded/test-x1"], 2);
    assert!(told.contains("propose elsewhere"), "{told}");
    assert_eq!(lab.text(), before);
}

#[test]
fn the_first_proposal_of_a_scenario_compares_with_nothing() {
    let lab = Lab::new();
    lab.measure(Taken { run: "first", ..SOUND });
    let told = lab.did(&["propose", "first"]);
    assert!(told.contains("new"), "{told}");
    assert!(!lab.file().exists());
    let told =
        std::fs::read_to_string(lab.path().join("results/proposals/test-x1/life.md")).unwrap();
    assert!(told.contains("There is no baseline of it yet."), "{told}");
}

#[test]
fn numbers_are_verified_by_their_raw_epochs_and_edits_are_named() {
    let lab = Lab::recorded("first");
    let (file, sound) = (lab.file(), lab.text());
    let name = file.to_str().unwrap();
    assert!(lab.did(&["verify", name]).contains("verified"));
    let mut edited = lab.json();
    edited["cases"]["life/one"]["tok_s"]["epochs"][1]["value"] = 1.0.into();
    std::fs::write(&file, edited.to_string()).unwrap();
    let told = lab.ends(&["verify", name], 1);
    assert!(told.contains("cases.life/one.tok_s.epochs[1].value is 1.0 in the file"), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    std::fs::write(&file, sound.replace("\"first\"", "\"elsewhere\"")).unwrap();
    let told = lab.ends(&["verify", name], 3);
    assert!(told.contains("not stored here (elsewhere)"), "{told}");
}

#[test]
fn a_refresh_replaces_the_file_and_carries_the_first_recording_over() {
    let lab = Lab::recorded("first");
    let first = lab.json()["anchor"].clone();
    lab.slower("second", 1.02);
    let told = lab.did(&["refresh", "second", "--reason", "a month later"]);
    assert!(told.contains("since the first") && told.contains("refreshed"), "{told}");
    let json = lab.json();
    assert!(first.is_null() && json["anchor"]["cases"]["life/one"]["ttft.p50"].is_number());
    assert_eq!(json["provenance"]["reason"], "a month later");
    let name = lab.file();
    assert!(lab.did(&["verify", name.to_str().unwrap()]).contains("verified"));
    let empty = Lab::new();
    empty.measure(Taken { run: "first", ..SOUND });
    assert!(empty.ends(&["refresh", "first"], 2).contains("tokgate baseline record"));
}

#[test]
fn another_question_is_told_and_begins_anew() {
    let lab = Lab::recorded("first");
    lab.measure(Taken { run: "longer", simulation: ", ttft_factor = 1.3", requests: 61, ..SOUND });
    let told = lab.did(&["refresh", "longer"]);
    assert!(told.contains("`workload.requests` is 60 in the old and 61 in the new"), "{told}");
    assert!(told.contains("life/one asks something else than before, and begins anew"), "{told}");
    let anchor = &lab.json()["anchor"]["cases"]["life/one"]["ttft.p50"];
    assert!(anchor.as_f64().unwrap() > 0.6, "{anchor}");
}

#[test]
fn a_regression_is_not_refreshed_away_unless_it_is_accepted_with_a_reason() {
    let lab = Lab::recorded("first");
    let before = lab.text();
    lab.slower("slow", 1.3);
    let told = lab.ends(&["refresh", "slow"], 1);
    assert!(told.contains("refused: life/one ttft.p50 is regressed"), "{told}");
    assert!(lab.ends(&["refresh", "slow", "--accept-regression", ""], 2).contains("value"));
    assert!(told.contains("nothing was written") && told.contains("% worse"), "{told}");
    assert_eq!(lab.text(), before);
    lab.did(&["refresh", "slow", "--reason", "larger", "--accept-regression", "it is safer"]);
    let reason = lab.json()["provenance"]["reason"].clone();
    assert_eq!(reason, "larger; accepted regression: it is safer");
}

#[test]
fn many_small_steps_are_a_creep_and_refused() {
    let lab = Lab::recorded("first");
    lab.slower("second", 1.03);
    lab.did(&["refresh", "second"]);
    let before = lab.text();
    lab.slower("third", 1.07);
    let told = lab.ends(&["refresh", "third"], 1);
    let refused: Vec<&str> = told.lines().filter(|line| line.starts_with("refused: ")).collect();
    assert_eq!(refused.len(), 1, "{told}");
    assert!(refused[0].contains("worse than the first recording"), "{told}");
    assert_eq!(lab.text(), before);
}

#[test]
fn wreckage_is_listed_with_its_error_and_used_by_nobody() {
    let lab = Lab::recorded("first");
    lab.measure(Taken { run: "second", ..SOUND });
    let (file, sound) = (lab.file(), lab.text());
    let name = file.to_str().unwrap();
    let wrecks = [
        (sound[..sound.len() / 2].to_owned(), "ends in the middle"),
        (sound.replace("  \"provenance\"", "<<<<<<< ours\n  \"provenance\""), "merge conflict"),
        (sound.replace("\"schema_version\": 3", "\"schema_version\": 4"), "newer than the 3"),
        (sound.replace("\"schema_version\": 3", "\"schema_version\": 2"), "older than the 3"),
    ];
    lab.did(&["record", "first", "--name", "sound"]);
    for (wreck, why) in wrecks {
        std::fs::write(&file, &wreck).unwrap();
        let listed = lab.ends(&["list"], 2);
        assert!(listed.contains(why) && listed.contains("sound"), "{listed}");
        let calls: [&[&str]; 5] = [
            &["show", name],
            &["diff", name, "first"],
            &["verify", name],
            &["propose", "second"],
            &["refresh", "second", "--accept-regression", "so"],
        ];
        for call in calls {
            let told = lab.ends(call, 2);
            assert!(told.contains(why), "{call:?}: {told}");
        }
        assert_eq!(std::fs::read_to_string(&file).unwrap(), wreck);
    }
}

#[test]
fn a_kill_leaves_the_old_file_or_the_new_one() {
    let lab = Lab::recorded("first");
    lab.slower("second", 1.01);
    let before = lab.text();
    for _ in 0..5 {
        std::fs::write(lab.file(), &before).unwrap();
        let mut child = command(lab.path(), &["baseline", "refresh", "second"])
            .env("TOKGATE_MACHINE", MACHINE)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The table comes before the file is written.
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next();
        assert!(line.is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        let runs = lab.json()["provenance"]["runs"].clone();
        assert!(runs == serde_json::json!(["first"]) || runs == serde_json::json!(["second"]));
        let listed = lab.object(&["list", "--json"]);
        assert_eq!(listed["baselines"].as_array().unwrap().len(), 1, "{listed}");
    }
}

#[test]
fn looking_makes_no_folder_and_what_is_not_there_is_named() {
    let lab = Lab::recorded("first");
    std::fs::remove_dir_all(lab.path().join("results")).unwrap();
    let (file, name) = (lab.file(), "test-x1/life");
    lab.did(&["list"]);
    lab.did(&["show", name]);
    lab.did(&["diff", name, file.to_str().unwrap()]);
    assert!(lab.ends(&["verify", name], 3).contains("not stored here (first)"));
    for call in [&["show", "nobody"][..], &["verify", "../x/life"], &["diff", name, "nobody"]] {
        assert!(lab.ends(call, 2).contains("baseline list"), "{call:?}");
    }
    assert!(!lab.path().join("results").exists());
}

#[test]
fn too_few_epochs_are_compared_and_not_judged() {
    let lab = Lab::recorded("first");
    lab.measure(Taken { run: "short", simulation: ", ttft_factor = 1.3", epochs: 4, ..SOUND });
    let told = lab.did(&["diff", "first", "short"]);
    let line = told.lines().find(|line| line.contains("ttft.p50")).unwrap();
    assert!(line.contains("% worse") && !line.contains("regressed"), "{told}");
    assert!(told.contains("no verdict on 2 of 2 metrics"), "{told}");
}

#[test]
fn a_folder_that_cannot_be_written_is_a_fault_of_storage() {
    let lab = Lab::new();
    lab.measure(Taken { run: "first", ..SOUND });
    std::fs::write(lab.path().join("baseline"), "a file").unwrap();
    let told = lab.ends(&["record", "first"], 5);
    assert!(told.contains("cannot make the folder"), "{told}");
}

//! Exports to an object store that fails, hangs up, or refuses: everything is there once and whole, or told.

use super::bucket::{Bucket, Faults};
use super::export::lab;
use crate::faces::{code, command, text};
use crate::support::lab::Lab;
use std::io::Read;
use std::process::{Command, Output};
use tokgate::rows::{FileFacts, Place};

const SECRET: &str = "hunter2-hunter2-hunter2";

fn with_keys<'a>(command: &'a mut Command, bucket: &Bucket) -> &'a mut Command {
    command
        .env("AWS_ENDPOINT", &bucket.url)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_ACCESS_KEY_ID", "AKIATEST")
        .env("AWS_SECRET_ACCESS_KEY", SECRET)
}

fn put(lab: &Lab, bucket: &Bucket) -> Output {
    let arguments = ["export", "one", "--format", "parquet", "-o", "s3://bucket/a/b"];
    with_keys(&mut command(lab.path(), &arguments), bucket).output().unwrap()
}

fn is_put(output: &Output) {
    assert_eq!(code(output), Some(0), "{}", text(&output.stderr));
}

#[test]
fn uploads_that_fail_or_are_never_answered_are_tried_again_and_are_there_once() {
    let lab = lab();
    let sound = Bucket::start(Faults::default());
    is_put(&put(&lab, &sound));
    let names = sound.names();
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(names.iter().all(|name| name.starts_with("a/b/")), "{names:?}");
    assert!(names.iter().any(|name| name.contains("/case=life%2Fone/worker=0/")), "{names:?}");
    for faults in [
        Faults { unavailable: 3, ..Faults::default() },
        Faults { unanswered: 2, ..Faults::default() },
    ] {
        let failing = Bucket::start(faults);
        is_put(&put(&lab, &failing));
        let (sound, failing) = (sound.kept.lock().unwrap(), failing.kept.lock().unwrap());
        assert!(sound.objects == failing.objects);
    }
}

#[test]
fn a_run_that_could_not_be_put_has_no_manifest_and_is_put_later() {
    let lab = lab();
    let bucket = Bucket::start(Faults::default());
    is_put(&put(&lab, &bucket));
    let all = bucket.names();
    let manifest = all.iter().find(|name| name.ends_with("stored.json")).unwrap();
    let mut kept = bucket.kept.lock().unwrap();
    kept.objects.retain(|name, _| name.ends_with("begun.json"));
    kept.faults.is_closed = true;
    drop(kept);
    let refused = put(&lab, &bucket);
    let told = text(&refused.stderr) + &text(&refused.stdout);
    assert_eq!(code(&refused), Some(5), "{told}");
    assert!(told.contains("run one: cannot write s3://bucket/a/b/workers/run=one/"), "{told}");
    assert!(!told.contains(SECRET) && !told.contains("AKIATEST"), "{told}");
    assert!(!bucket.names().contains(manifest));
    bucket.kept.lock().unwrap().faults.is_closed = false;
    is_put(&put(&lab, &bucket));
    assert_eq!(bucket.names(), all);
}

fn large() -> (Vec<u8>, FileFacts) {
    let bytes: Vec<u8> =
        (0..40_000_000u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let crc32 = crc32fast::hash(&bytes);
    let facts = FileFacts { path: "rows/large".to_owned(), bytes: 40_000_000, rows: 1, crc32 };
    (bytes, facts)
}

/// In a process of its own, which alone has the keys of the bucket.
#[test]
#[ignore = "the test beneath runs it, with an object store"]
fn puts_a_large_file() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, facts) = large();
    let (from, mut back) = (folder.path().join("from"), Vec::new());
    std::fs::write(&from, &bytes).unwrap();
    let place = Place::make("s3://bucket/a").unwrap();
    place.put_file(&facts, &from).unwrap();
    place.copied(&facts, folder.path()).unwrap().read_to_end(&mut back).unwrap();
    assert!(back == bytes);
    assert_eq!(place.list("rows").unwrap()[0].path, "rows/large");
}

#[test]
fn a_file_in_parts_becomes_an_object_whole_or_its_parts_are_taken_back() {
    let put = |faults: Faults| {
        let bucket = Bucket::start(faults);
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "rows::s3::puts_a_large_file", "--ignored"]);
        let output = with_keys(&mut child, &bucket).output().unwrap();
        (bucket, output)
    };
    let (whole, output) = put(Faults { unavailable: 2, ..Faults::default() });
    assert!(output.status.success(), "{}", text(&output.stdout));
    assert!(whole.kept.lock().unwrap().objects["a/rows/large"] == large().0);
    let (lost, output) = put(Faults { loses_completion: true, ..Faults::default() });
    assert!(output.status.success(), "{}", text(&output.stdout));
    let kept = lost.kept.lock().unwrap();
    assert!(kept.objects["a/rows/large"] == large().0 && kept.aborted == 0);
    let (torn, output) = put(Faults { is_torn: true, ..Faults::default() });
    assert!(!output.status.success());
    let told = text(&output.stdout) + &text(&output.stderr);
    assert!(told.contains("s3://bucket/a/rows/large") && !told.contains(SECRET), "{told}");
    let kept = torn.kept.lock().unwrap();
    assert_eq!((kept.objects.len(), kept.aborted), (0, 1));
}

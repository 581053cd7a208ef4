//! The raw lines: what is written is read back, and nothing else is taken for it.

use super::fixture::*;
use crate::support::without_checksums;
use proptest::prelude::*;
use std::path::Path;
use std::sync::LazyLock;
use tokgate::store::{
    EpochEnd, Journal, JournalError, ReadError, Stored, StoredVerdict, read, read_bytes,
};
use tokgate_core::run::{Ending, Run};
use tokgate_core::validity::Validity;

const NAME: &str = "epoch.jsonl";

/// The bytes of a finished journal.
fn written(run: &Run) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::create(folder.path(), &run.head).unwrap();
    run.records.iter().for_each(|record| journal.append_request(record).unwrap());
    run.telemetry.iter().for_each(|sample| journal.append_telemetry(sample).unwrap());
    let end = EpochEnd {
        ending: run.ending.clone(),
        validity: Validity::Valid,
        after: None,
        client: None,
    };
    std::fs::read(journal.finish(&end).unwrap()).unwrap()
}

fn reading(bytes: &[u8]) -> Result<Stored, ReadError> {
    read_bytes(bytes, Path::new(NAME))
}

fn epoch() -> Run {
    run(head(0, "token_throughput", 0))
}

/// The journal with line `number` (from 1) changed.
fn with_line(number: usize, change: impl Fn(&str) -> String) -> Vec<u8> {
    let bytes = written(&epoch());
    let text = std::str::from_utf8(&bytes).unwrap();
    let changed = (1..).zip(text.lines()).map(|(at, line)| match at == number {
        true => change(line),
        false => format!("{line}\n"),
    });
    changed.collect::<String>().into_bytes()
}

#[test]
fn an_epoch_is_read_back_as_it_was_written() {
    let stored = reading(&written(&epoch())).unwrap();
    assert_eq!(stored.run.head, epoch().head);
    assert_eq!(stored.run.records, epoch().records);
    assert_eq!(stored.run.ending, Ending::Completed);
    assert_eq!((stored.validity, stored.notes.len()), (Validity::Valid, 0));
    assert_eq!(stored.run.telemetry.len(), 5);
}

#[test]
fn every_line_says_what_it_is_and_where_it_belongs() {
    let bytes = written(&epoch());
    let mut kinds = Vec::new();
    for line in std::str::from_utf8(&bytes).unwrap().lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["v"], &line["epoch"]), (&1.into(), &0.into()));
        assert_eq!((&line["booking"], &line["arm"]), (&"booking".into(), &"head".into()));
        let is_request = line["kind"] == "request";
        assert_eq!((line["worker"].is_u64(), line["ordinal"].is_u64()), (is_request, is_request));
        kinds.push(line["kind"].as_str().unwrap().to_owned());
    }
    kinds.dedup();
    assert_eq!(kinds, ["case", "request", "telemetry", "end"]);
}

#[test]
fn a_killed_process_loses_at_most_the_line_it_was_in() {
    let mut short = epoch();
    short.records.truncate(4);
    let bytes = written(&short);
    let head_ends = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    for cut in 0..bytes.len() - 1 {
        let whole = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
        match reading(&bytes[..cut]) {
            Ok(stored) => {
                let lines = 1 + stored.run.records.len() + stored.run.telemetry.len();
                // Cut between a line and its end, the line is still whole.
                assert!(lines == whole || lines == whole + 1, "{cut}: {lines} of {whole}");
                assert_eq!(stored.run.ending, Ending::Interrupted);
                assert!(!stored.validity.is_valid() && !stored.notes.is_empty());
            }
            Err(error) => assert!(cut < head_ends, "{cut}: {error}"),
        }
    }
}

#[test]
fn a_changed_line_is_named_by_its_number() {
    let error = reading(&with_line(3, |_| "{\"v\":1,\n".to_owned())).unwrap_err();
    assert!(error.to_string().starts_with("epoch.jsonl:3: not a line of a journal: "), "{error}");
    let error = reading(&with_line(3, |line| line.replace("request", "answer") + "\n"));
    assert!(error.unwrap_err().to_string().contains("epoch.jsonl:3: "));
}

#[test]
fn a_line_that_is_missing_doubled_or_out_of_order_is_noticed() {
    let told = |bytes: Vec<u8>| reading(&bytes).unwrap_err().to_string();
    assert!(told(with_line(3, |_| String::new())).contains("20 request lines come before the end"));
    assert!(told(with_line(3, |line| format!("{line}\n{line}\n"))).contains("22 request lines"));
    assert!(told(with_line(1, |line| format!("{line}\n{line}\n"))).contains("a `case` line"));
    assert!(told(with_line(1, |_| String::new())).contains("epoch.jsonl:1: a `request` line"));
}

#[test]
fn a_journal_from_the_future_is_refused() {
    let error = reading(&with_line(1, |line| line.replace("\"v\":1", "\"v\":2") + "\n"));
    assert!(error.unwrap_err().to_string().contains("format 2 by a newer tokgate"));
}

#[test]
fn an_epoch_is_never_written_twice() {
    let folder = tempfile::tempdir().unwrap();
    let _first = Journal::create(folder.path(), &epoch().head).unwrap();
    let second = Journal::create(folder.path(), &epoch().head);
    assert!(matches!(second, Err(JournalError::Exists(_))));
}

#[test]
fn a_name_that_leaves_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut head = epoch().head;
    head.test_id = "../elsewhere".to_owned();
    assert!(matches!(Journal::create(folder.path(), &head), Err(JournalError::Name(_))));
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_a_journal_and_a_pipe_is_not_waited_for() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path(), &epoch().head).unwrap();
    let mode = std::fs::metadata(journal.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let link = folder.path().join("link.jsonl");
    std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
    assert!(read(&link).unwrap_err().to_string().contains("not a plain file"));
}

#[test]
fn verdicts_follow_the_end_and_the_last_word_counts() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    keep_case(&mut store, 0, "token_throughput");
    let path = store.layout().raw_file(&head(0, "token_throughput", 1).test_id);
    let expected: Vec<StoredVerdict> = judged().iter().map(StoredVerdict::from).collect();
    assert_eq!(read(&path).unwrap().verdicts, expected);

    let text = without_checksums(&std::fs::read_to_string(&path).unwrap());
    let again = text.lines().last().unwrap().replace("\"new\"", "\"improved\"");
    std::fs::write(&path, format!("{text}{again}\n")).unwrap();
    let verdicts = read(&path).unwrap().verdicts;
    assert_eq!((verdicts.len(), verdicts[1].verdict.as_str()), (2, "improved"));
}

#[test]
fn a_flipped_byte_is_told_or_changes_nothing() {
    let bytes = written(&epoch());
    let sound = reading(&bytes).unwrap();
    let mut told = 0;
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        match reading(&flipped) {
            Ok(read) => assert!(read.run == sound.run || !read.notes.is_empty(), "{at}"),
            Err(_) => told += 1,
        }
    }
    assert!(told > bytes.len() / 2);
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        at in any::<proptest::sample::Index>(),
        cut in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        static WRITTEN: LazyLock<Vec<u8>> = LazyLock::new(|| written(&epoch()));
        let mut bytes = WRITTEN.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        bytes.truncate(cut.index(bytes.len()));
        if let Err(error) = reading(&bytes) {
            prop_assert!(error.to_string().starts_with(NAME));
        }
    }
}

//! Files and tokenizers on their way from the disk to the records.

use crate::driver::{Answer, Driver, OpenError, Payload, Request};
use crate::measure::{Epoch, Harness};
use crate::part::Part;
use crate::recorder::Reply;
use crate::stop::Stop;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use tempfile::TempDir;
use tokgate_core::case::{
    Case, DataFile, Dataset, OutputTokens, PromptSet, PromptSource, Workload,
};
use tokgate_core::failure::Failure;
use tokgate_core::quality::{Expect, Match};
use tokgate_core::record::{EventKind, Record};
use tokgate_core::run::{Ending, TargetIdentity};

/// Answers `yes it is` to everything, and remembers what it was asked.
#[derive(Default)]
struct Agreeable {
    asked: Mutex<Vec<Payload>>,
    kind: Option<EventKind>,
}

impl Driver for Agreeable {
    fn identity(&self) -> TargetIdentity {
        TargetIdentity::default()
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        reply: &'a Reply,
    ) -> BoxFuture<'a, Result<Answer, Failure>> {
        self.asked.lock().unwrap().push(request.payload.clone());
        reply.arrived();
        reply.event(self.kind.unwrap_or(EventKind::Content), None);
        let text = Some("yes it is".to_owned());
        std::future::ready(Ok(Answer { text, ..Answer::default() })).boxed()
    }
}

impl Agreeable {
    fn questions(&self) -> Vec<(String, u32)> {
        let question = |payload: &Payload| match payload {
            Payload::Prompt { messages, max_tokens, .. } => {
                (messages.last().unwrap().content.clone(), *max_tokens)
            }
            Payload::Query { .. } | Payload::Texts { .. } => panic!("a prompt was expected"),
        };
        self.asked.lock().unwrap().iter().map(question).collect()
    }
}

/// The texts of each embedding request.
fn texts(driver: &Agreeable) -> Vec<Vec<String>> {
    let texts = |payload: &Payload| match payload {
        Payload::Texts { inputs } => inputs.clone(),
        Payload::Query { .. } | Payload::Prompt { .. } => panic!("texts were expected"),
    };
    driver.asked.lock().unwrap().iter().map(texts).collect()
}

/// A case that sends a file four times over, unsalted.
fn case_of(path: &Path) -> Case {
    let mut case = crate::test_case();
    let file = DataFile { path: path.display().to_string(), format: None, contents: None };
    case.dataset = Dataset::Prompts(PromptSet {
        source: PromptSource::File(file),
        output: OutputTokens::Own,
        ..PromptSet::synthetic(1, 8)
    });
    case.run.salt = false;
    case.workload = Workload::closed(1, 1, 4, 0);
    case
}

fn set_of(case: &mut Case) -> &mut PromptSet {
    match &mut case.dataset {
        Dataset::Prompts(set) => set,
        Dataset::Vectors(_) => panic!("prompts were expected"),
    }
}

fn file_of(case: &Case) -> &DataFile {
    match &case.dataset {
        Dataset::Prompts(PromptSet { source: PromptSource::File(file), .. }) => file,
        Dataset::Prompts(_) | Dataset::Vectors(_) => panic!("a file was expected"),
    }
}

fn put(folder: &TempDir, name: &str, text: &str) -> std::path::PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn measure(harness: &Harness, case: &Case, driver: &Agreeable) -> (Vec<Record>, Ending) {
    let (sink, records) = channel();
    let stop = Stop::default();
    let epoch = Epoch { case, driver, salt: "run", number: 0, part: Part::WHOLE, stop: &stop };
    let measured = harness.measure(&epoch, Vec::new(), &sink);
    drop(sink);
    (records.iter().collect(), measured.ending)
}

#[test]
fn a_file_is_sent_in_turn_with_its_own_lengths() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(
        &folder,
        "a.jsonl",
        "{\"prompt\": \"one\", \"max_tokens\": 3}\nbad\n{\"prompt\": \"two\"}\n",
    );
    let mut harness = Harness::new().unwrap();
    let case = harness.prepare(&case_of(&path)).unwrap();
    let contents = file_of(&case).contents.as_ref().unwrap();
    assert_eq!((contents.entries, contents.bad_lines, contents.sha256.len()), (2, 1, 64));
    let driver = Agreeable::default();
    let (records, ending) = measure(&harness, &case, &driver);
    let asked = |text: &str, max_tokens| (text.to_owned(), max_tokens);
    assert_eq!(ending, Ending::Completed);
    assert_eq!(
        driver.questions(),
        [asked("one", 3), asked("two", 8), asked("one", 3), asked("two", 8)]
    );
    let requested: Vec<_> = records.iter().map(|record| record.requested_tokens).collect();
    assert_eq!(requested, [Some(3), Some(8), Some(3), Some(8)]);
}

#[test]
fn an_embedding_request_has_as_many_texts_as_are_asked_for_and_all_come_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(&folder, "a.txt", "one\ntwo\nthree\n");
    let mut case = case_of(&path);
    case.kind = tokgate_core::metric::Kind::Embedding;
    let encoding = tokgate_core::case::Encoding::Float;
    case.embedding = Some(tokgate_core::case::Embedding { inputs_per_request: 2, encoding });
    let mut harness = Harness::new().unwrap();
    let case = harness.prepare(&case).unwrap();
    let driver = Agreeable::default();
    let (records, _) = measure(&harness, &case, &driver);
    let sent = [["one", "two"], ["three", "one"], ["two", "three"], ["one", "two"]];
    assert_eq!(texts(&driver), sent);
    assert!(records.iter().all(|record| record.requested_tokens.is_none()));
}

#[test]
fn a_file_is_read_once_for_the_cases_that_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(&folder, "a.txt", "one\n");
    let mut harness = Harness::new().unwrap();
    let first = harness.prepare(&case_of(&path)).unwrap();
    put(&folder, "a.txt", "one\ntwo\n");
    assert_eq!(harness.prepare(&case_of(&path)).unwrap().dataset, first.dataset);
    let other = put(&folder, "b.txt", "three\n");
    harness.prepare(&case_of(&other)).unwrap();
    let again = harness.prepare(&case_of(&path)).unwrap();
    assert_eq!(file_of(&again).contents.as_ref().unwrap().entries, 2);
}

#[test]
fn a_case_whose_file_was_not_read_is_not_measured() {
    let harness = Harness::new().unwrap();
    let driver = Agreeable::default();
    let (records, ending) = measure(&harness, &case_of(Path::new("a.txt")), &driver);
    assert!(records.is_empty());
    assert!(matches!(ending, Ending::Aborted(why) if why.contains("no prompts")));
    let mut case = crate::test_case();
    set_of(&mut case).tokenizer = Some("tokenizer.json".to_owned());
    let (_, ending) = measure(&harness, &case, &driver);
    assert!(matches!(ending, Ending::Aborted(why) if why.contains("tokenizer")));
}

#[test]
fn a_file_whose_expectations_are_no_expressions_is_refused_where_they_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "{\"prompt\":\"a\",\"expected\":\"b\"}\n{\"prompt\":\"c\",\"expected\":\"(\"}\n";
    let mut case = case_of(&put(&folder, "rows.jsonl", rows));
    let mut harness = Harness::new().unwrap();
    assert!(harness.prepare(&case).is_ok(), "as they stand they can be compared");
    set_of(&mut case).expect = Some(Expect { answers: Vec::new(), how: Match::Regex });
    match harness.prepare(&case) {
        Err(OpenError::Invalid(what)) => {
            assert!(what.contains("rows.jsonl: request 2 expects \"(\""), "{what}");
        }
        other => panic!("a refusal was expected: {other:?}"),
    }
}

#[test]
fn a_file_that_cannot_be_used_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let said = |path: &Path| match Harness::new().unwrap().prepare(&case_of(path)) {
        Err(OpenError::Invalid(what)) => what,
        other => panic!("a refusal was expected: {other:?}"),
    };
    assert!(said(&folder.path().join("none.txt")).contains("cannot be read"));
    assert!(said(folder.path()).contains("not a regular file"));
    let empty = put(&folder, "empty.jsonl", "{}\n");
    assert!(said(&empty).contains("empty.jsonl:1: none of `prompt`"), "{}", said(&empty));
    let large = put(&folder, "large.txt", "");
    std::fs::File::create(&large).unwrap().set_len((1 << 30) + 1).unwrap();
    assert!(said(&large).contains("more than the 1073741824"));
}

#[cfg(unix)]
#[test]
fn a_fifo_is_refused_and_never_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    if made.is_ok_and(|status| status.success()) {
        let error = Harness::new().unwrap().prepare(&case_of(&fifo)).unwrap_err();
        assert!(error.to_string().contains("not a regular file"));
    }
}

/// A tokenizer whose tokens are words.
#[cfg(feature = "embedded")]
const WORDS: &str = r#"{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
    "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"}, "post_processor": null,
    "decoder": null, "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}}"#;

#[cfg(feature = "embedded")]
fn counted(kind: EventKind) -> Vec<Record> {
    let folder = tempfile::tempdir().unwrap();
    let mut case = case_of(&put(&folder, "a.txt", "is it so\n"));
    let tokenizer = put(&folder, "tokenizer.json", WORDS).display().to_string();
    set_of(&mut case).tokenizer = Some(tokenizer);
    let mut harness = Harness::new().unwrap();
    let case = harness.prepare(&case).unwrap();
    measure(&harness, &case, &Agreeable { kind: Some(kind), ..Agreeable::default() }).0
}

#[cfg(feature = "embedded")]
#[test]
fn a_tokenizer_counts_what_the_target_does_not() {
    use tokgate_core::record::Counted;
    let records = counted(EventKind::Content);
    assert_eq!(records.len(), 4);
    for usage in records.iter().map(|record| record.usage.as_ref().unwrap()) {
        assert_eq!((usage.prompt_tokens, usage.completion_tokens), (3, 3));
        assert_eq!(usage.counted, Counted::Client);
    }
}

#[cfg(feature = "embedded")]
#[test]
fn an_answer_that_is_more_than_its_text_is_not_counted() {
    assert!(counted(EventKind::Reasoning).iter().all(|record| record.usage.is_none()));
}

#[cfg(feature = "embedded")]
#[test]
fn recorded_answers_limit_the_next_where_a_tokenizer_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let said = r#"{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b c d e f"}, {"from": "human", "value": "g"}]}"#;
    let mut case = case_of(&put(&folder, "a.jsonl", said));
    set_of(&mut case).tokenizer = Some(put(&folder, "tokenizer.json", WORDS).display().to_string());
    let mut harness = Harness::new().unwrap();
    let case = harness.prepare(&case).unwrap();
    let driver = Agreeable::default();
    measure(&harness, &case, &driver);
    let limits: Vec<u32> = driver.questions().into_iter().map(|(_, limit)| limit).collect();
    assert_eq!(limits, [5, 8, 5, 8]);
}

#[cfg(feature = "embedded")]
#[test]
fn a_tokenizer_that_is_none_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["tokenizer.json", "model.gguf"] {
        let mut case = crate::test_case();
        set_of(&mut case).tokenizer = Some(put(&folder, name, "{}").display().to_string());
        let error = Harness::new().unwrap().prepare(&case).unwrap_err().to_string();
        assert!(error.contains("name a `tokenizer.json`"), "{error}");
    }
}

//! Every record is had back from its rows as it was.

use super::{Written, epoch};
use crate::store::fixture::{answered, head, run};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokgate::rows::RowsError;
use tokgate_core::failure::{Failure, FailureClass};
use tokgate_core::quality::{Likelihood, Quality};
use tokgate_core::record::*;
use tokgate_core::time::Offset;

const CLASSES: [FailureClass; 17] = [
    FailureClass::Dns,
    FailureClass::Connect,
    FailureClass::Tls,
    FailureClass::TimeoutConnect,
    FailureClass::TimeoutHead,
    FailureClass::TimeoutFirstToken,
    FailureClass::TimeoutGap,
    FailureClass::TimeoutTotal,
    FailureClass::Status,
    FailureClass::ContentType,
    FailureClass::StreamError,
    FailureClass::Truncated,
    FailureClass::Malformed,
    FailureClass::TooLarge,
    FailureClass::TargetOom,
    FailureClass::ClientLimit,
    FailureClass::Engine,
];

const KINDS: [EventKind; 6] = [
    EventKind::Content,
    EventKind::Reasoning,
    EventKind::ToolCall,
    EventKind::Refusal,
    EventKind::Whole,
    EventKind::Other,
];

/// Any moment that a clock of ours says within a century.
fn at() -> impl Strategy<Value = Offset> {
    (0..1u64 << 61).prop_map(Offset)
}

/// Any count, also one that no column holds.
fn count() -> impl Strategy<Value = u64> {
    prop_oneof![0..5000u64, any::<u64>()]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![any::<String>(), Just("a\u{0}b\n日本".to_owned()), Just(String::new())]
}

fn finite() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO | prop::num::f64::SUBNORMAL
}

fn json_of_a_server() -> impl Strategy<Value = Value> {
    (count(), finite(), text()).prop_map(|(n, real, text)| {
        json!({"prompt_tokens": n, "nested": {"s": real, "list": [text, true, null]}})
    })
}

fn event() -> impl Strategy<Value = Event> {
    (at(), prop::sample::select(&KINDS[..]), option::of(any::<u32>()))
        .prop_map(|(at, kind, tokens)| Event { at, kind, tokens })
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let failed = (prop::sample::select(&CLASSES[..]), text())
        .prop_map(|(class, message)| Outcome::Failed(Failure { class, message }));
    prop_oneof![Just(Outcome::Success), Just(Outcome::Incomplete), failed]
}

fn usage() -> impl Strategy<Value = Usage> {
    let counted = prop_oneof![Just(Counted::Server), Just(Counted::Client)];
    (count(), count(), option::of(count()), counted, option::of(json_of_a_server())).prop_map(
        |(prompt_tokens, completion_tokens, cached_tokens, counted, raw)| Usage {
            prompt_tokens,
            completion_tokens,
            cached_tokens,
            counted,
            raw,
        },
    )
}

fn recount() -> impl Strategy<Value = TokenCount> {
    (count(), count()).prop_map(|(prompt_tokens, completion_tokens)| TokenCount {
        prompt_tokens,
        completion_tokens,
    })
}

fn quality() -> impl Strategy<Value = Quality> {
    let shares = (option::of(finite()), option::of(finite()), option::of(finite()));
    let likelihood = option::of((count(), finite()))
        .prop_map(|told| told.map(|(tokens, sum)| Likelihood { tokens, sum }));
    let digests = (count(), count(), count(), count());
    (shares, likelihood, option::of(any::<bool>()), digests).prop_map(
        |((repetition, distinct_1, distinct_2), likelihood, correct, digests)| {
            let (characters, words, prompt, answer) = digests;
            Quality {
                characters,
                words,
                repetition,
                distinct_1,
                distinct_2,
                likelihood,
                correct,
                prompt,
                answer,
            }
        },
    )
}

fn neighbours() -> impl Strategy<Value = Neighbours> {
    let hits = vec((any::<u32>(), any::<u32>()), 0..3)
        .prop_map(|hits| hits.into_iter().map(|(k, found)| Hits { k, found }).collect());
    (vec(any::<u32>(), 0..10), hits, option::of(count()))
        .prop_map(|(ids, hits, cpu_ns)| Neighbours { ids, hits, cpu_ns })
}

fn embedded() -> impl Strategy<Value = Embedded> {
    (any::<u32>(), any::<u32>(), option::of(count()), option::of(json_of_a_server())).prop_map(
        |(inputs, dimensions, prompt_tokens, usage)| Embedded {
            inputs,
            dimensions,
            prompt_tokens,
            usage,
        },
    )
}

fn parts() -> impl Strategy<Value = Parts> {
    (option::of(at()), option::of(at()), option::of(at()), option::of(at()))
        .prop_map(|(embedded, searching, found, asked)| Parts { embedded, searching, found, asked })
}

prop_compose! {
    fn record()(
        phase in prop_oneof![Just(Phase::Warmup), Just(Phase::Probe), Just(Phase::Measured)],
        (trial, worker, ordinal) in (option::of(any::<u32>()), any::<u32>(), 0..1u64 << 62),
        (due, sent, head, done) in (at(), at(), option::of(at()), at()),
        events in vec(event(), 0..20),
        (outcome, usage, recount) in (outcome(), option::of(usage()), option::of(recount())),
        requested_tokens in option::of(any::<u32>()),
        (finish_reason, sample) in (option::of(text()), option::of(text())),
        (quality, neighbours) in (option::of(quality()), option::of(neighbours())),
        (embedded, parts) in (option::of(embedded()), option::of(parts())),
    ) -> Record {
        Record {
            ordinal, worker, phase, trial, due, sent, head, done, events, outcome, usage, recount,
            requested_tokens, finish_reason, sample, quality, neighbours, embedded, parts,
        }
    }
}

fn in_order(mut records: Vec<Record>) -> Vec<Record> {
    let phase = |record: &Record| match record.phase {
        Phase::Warmup => 0,
        Phase::Probe => 1,
        Phase::Measured => 2,
    };
    records.sort_by_key(|record| (phase(record), record.trial, record.ordinal));
    records
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_record_is_had_back_from_its_rows_as_it_was(
        records in vec(record(), 0..12),
        origin in 0..1u64 << 61,
    ) {
        let written = Written::of(&epoch(records.clone()), origin).unwrap();
        prop_assert_eq!(written.records(origin).unwrap(), in_order(records));
    }
}

#[test]
fn tokens_that_were_embedded_are_in_the_column_and_had_back() {
    let told = |prompt_tokens| {
        let embedded = Embedded { inputs: 4, dimensions: 8, prompt_tokens, usage: None };
        let record = Record { usage: None, embedded: Some(embedded), ..answered(0) };
        let written = Written::of(&epoch(vec![record.clone()]), 0).unwrap();
        assert_eq!(written.records(0).unwrap(), [record]);
        let file = std::fs::File::open(written.root().join(&written.files.requests.path)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let row = reader.get_row_iter(None).unwrap().next().unwrap().unwrap();
        row.get_column_iter().find(|(name, _)| *name == "prompt_tokens").unwrap().1.clone()
    };
    assert_eq!(told(Some(68)), Field::Long(68));
    assert_eq!([told(None), told(Some(u64::MAX))], [Field::Null, Field::Null]);
}

#[test]
fn more_rows_than_a_group_holds_are_had_back_as_they_were() {
    let events = |n: u64| {
        let event = |i| Event { at: Offset(n * 1000 + i), kind: EventKind::Content, tokens: None };
        (0..3000).map(event).collect()
    };
    let records: Vec<Record> =
        (1..120).map(|n| Record { events: events(n), ..answered(n) }).collect();
    let written = Written::of(&epoch(records.clone()), 0).unwrap();
    assert_eq!(written.files.events.rows, 119 * 3000);
    assert_eq!(written.records(0).unwrap(), records);
}

#[test]
fn times_are_told_from_the_common_beginning_and_may_be_put_on_any_clock() {
    let written = Written::of(&epoch(vec![answered(2)]), 150_000_000).unwrap();
    let sent = |shift| written.records(shift).map(|records| records[0].sent);
    assert_eq!(written.rows(0).unwrap().origin_ns(), 150_000_000);
    assert_eq!(sent(150_000_000).unwrap(), answered(2).sent);
    assert_eq!(sent(1_000_000_000).unwrap(), Offset(1_050_000_000));
    let warmup = Written::of(&epoch(vec![answered(0)]), 150_000_000).unwrap();
    let error = warmup.records(10).unwrap_err().to_string();
    assert!(error.contains("`due_ns` is -150000000, before the clock began"), "{error}");
}

#[test]
fn a_time_that_no_row_can_say_is_an_error_with_the_requests_number() {
    let far = Record { done: Offset(u64::MAX), ..answered(7) };
    let error = Written::of(&epoch(vec![far]), 0).map(drop).unwrap_err();
    assert!(matches!(error, RowsError::Request { ordinal: 7, .. }), "{error}");
}

#[test]
fn an_epoch_without_requests_has_files_without_rows() {
    let written = Written::of(&epoch(Vec::new()), 0).unwrap();
    assert_eq!((written.files.requests.rows, written.files.epoch.rows), (0, 1));
    assert!(written.rows(0).unwrap().is_empty());
    assert_eq!(written.records(0).unwrap(), []);
}

#[test]
fn the_same_epoch_makes_the_same_bytes() {
    let files = || Written::of(&run(head(0, "one", 0)), 5).unwrap().files;
    assert_eq!(files(), files());
}

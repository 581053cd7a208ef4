//! The decoder against the cases of the web-platform tests (eventsource/format-*) and against
//! another decoder.

use super::tests::{events, piece, recorded_streams};
use crate::wire::by_the_book::{self, Event, chunks};
use futures_util::{FutureExt, StreamExt, stream};
use proptest::prelude::*;
use sse_stream::{Sse, SseByteStream};
use std::convert::Infallible;

/// A case: its name there, the bytes of the stream, and for each event its name, data and id.
type Case = (&'static str, &'static [u8], &'static [[&'static str; 3]]);

/// The streams as the suite's server sends them: it ends a message with an empty line unless told
/// not to. Cases about `retry` and about reconnecting are kept for what their streams hold.
const WEB_PLATFORM_TESTS: &[Case] = &[
    (
        "format-bom",
        b"\xEF\xBB\xBFdata:1\n\n\xEF\xBB\xBFdata:2\n\ndata:3\n\n",
        &[["", "1", ""], ["", "3", ""]],
    ),
    (
        "format-bom-2",
        b"\xEF\xBB\xBF\xEF\xBB\xBFdata:1\n\ndata:2\n\ndata:3\n\n",
        &[["", "2", ""], ["", "3", ""]],
    ),
    (
        "format-comments",
        b"data:1\r:\0\n:\r\ndata:2\n:xxxxxxxxxxxx\rdata:3\n:data:fail\r:xxxxxxxxxxxx\ndata:4\n\n",
        &[["", "1\n2\n3\n4", ""]],
    ),
    (
        "format-data-before-final-empty-line",
        b"retry:1000\ndata:test1\n\nid:test\ndata:test2",
        &[["", "test1", ""]],
    ),
    (
        "format-field-data",
        b"data:\n\ndata\ndata\n\ndata:test\n\n",
        &[["", "", ""], ["", "\n", ""], ["", "test", ""]],
    ),
    ("format-field-event", b"event:test\ndata:x\n\ndata:x\n\n", &[["test", "x", ""], ["", "x", ""]]),
    ("format-field-event-empty", b"event: \ndata:data\n\n", &[["", "data", ""]]),
    ("format-field-id", "id: …\ndata: hello\n\n".as_bytes(), &[["", "hello", "…"]]),
    (
        "format-field-id-2",
        "id: …\ndata: hello\n\ndata: …\n\ndata: …\n\n".as_bytes(),
        &[["", "hello", "…"], ["", "…", "…"], ["", "…", "…"]],
    ),
    (
        "format-field-id-3 (persists)",
        b"id: 1\ndata: 1\n\ndata: 2\n\n",
        &[["", "1", "1"], ["", "2", "1"]],
    ),
    (
        "format-field-id-3 (changes)",
        b"id: 1\ndata: 1\n\nid: 2\ndata: 2\n\ndata: 3\n\n",
        &[["", "1", "1"], ["", "2", "2"], ["", "3", "2"]],
    ),
    (
        "format-field-id-3 (resets)",
        b"id: 1\ndata: 1\n\nid\ndata: 2\n\ndata: 3\n\n",
        &[["", "1", "1"], ["", "2", ""], ["", "3", ""]],
    ),
    (
        "format-field-id-null",
        b"id: 1\ndata: hello\n\nid: \0\0\ndata: hello\n\nid: 2\0\ndata: hello\n\n",
        &[["", "hello", "1"], ["", "hello", "1"], ["", "hello", "1"]],
    ),
    (
        "format-field-parsing",
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n",
        &[["", "\0\n 2\n1\n3\n\n4", ""]],
    ),
    ("format-field-retry", b"retry:03000\ndata:x\n\n", &[["", "x", ""]]),
    ("format-field-retry-bogus", b"retry:3000\nretry:1000x\ndata:x\n\n", &[["", "x", ""]]),
    ("format-field-retry-empty", b"retry\ndata:test\n\n", &[["", "test", ""]]),
    (
        "format-field-unknown",
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        &[["", "test\n\ntest", ""]],
    ),
    ("format-leading-space", b"data:\ttest\rdata: \ndata:test\n\n", &[["", "\ttest\n\ntest", ""]]),
    ("format-newlines", b"data:test\r\ndata\ndata:test\r\n\r", &[["", "test\n\ntest", ""]]),
    ("format-null-character", b"data:\0\n\n\n\n", &[["", "\0", ""]]),
    ("format-utf-8", "data:ok…\n\n".as_bytes(), &[["", "ok…", ""]]),
    (
        "event-data",
        b"data:msg\ndata: msg\n\n:\n\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
        &[["", "msg\nmsg", ""], ["", "", ""], ["", "end", ""]],
    ),
];

#[test]
fn the_web_platform_tests_pass_however_their_streams_are_cut() {
    for (name, stream, expected) in WEB_PLATFORM_TESTS {
        let expected: Vec<_> = expected.iter().map(|fields| event(*fields)).collect();
        assert_eq!(by_the_book::events(stream), expected, "{name}, by the book");
        assert_eq!(events(stream.chunks(1)), expected, "{name}, byte by byte");
        for cut in 0..=stream.len() {
            let (first, second) = stream.split_at(cut);
            assert_eq!(events([first, second]), expected, "{name}, cut at byte {cut}");
        }
    }
}

fn event([name, data, id]: [&str; 3]) -> Event {
    Event { name: name.to_owned(), data: data.to_owned(), id: id.to_owned() }
}

/// The same stream read by the crate `sse-stream`. It differs from the standard on purpose, and
/// what it gives is put right here:
///
/// - It refuses values that are not UTF-8, where the standard replaces: it is given decoded text.
/// - It hands out blocks without data: these are dropped.
/// - It does not carry an id over to later events: that is done here.
/// - It tells an empty field from an absent one: here both are empty.
///
/// What it shares with the standard is compared as it comes: line ends of every kind and mixed,
/// the byte-order mark, NUL in ids, comments, and an unfinished event dropped.
fn by_sse_stream(bytes: &[u8], sizes: &[usize]) -> Vec<Event> {
    let text = String::from_utf8_lossy(bytes);
    let input = chunks(text.as_bytes(), sizes).into_iter().map(Ok::<_, Infallible>);
    let blocks = SseByteStream::new(stream::iter(input)).collect::<Vec<_>>();
    let blocks = blocks.now_or_never().expect("all of it is here");
    let mut id = String::new();
    let events = blocks.into_iter().filter_map(|block| {
        let Sse { event, data, id: own, retry: _ } = block.unwrap();
        id = own.unwrap_or(std::mem::take(&mut id));
        Some(Event { name: event.unwrap_or_default(), data: data?, id: id.clone() })
    });
    events.collect()
}

#[test]
fn another_decoder_finds_the_same_events_in_what_servers_sent() {
    for stream in recorded_streams() {
        let whole = events([&stream[..]]);
        for sizes in [&[1][..], &[7], &[1460], &[]] {
            assert_eq!(by_sse_stream(&stream, sizes), whole);
        }
    }
}

#[test]
fn another_decoder_passes_the_web_platform_tests_too() {
    for (name, stream, expected) in WEB_PLATFORM_TESTS {
        let expected: Vec<_> = expected.iter().map(|fields| event(*fields)).collect();
        assert_eq!(by_sse_stream(stream, &[]), expected, "{name}");
    }
}

proptest! {
    #[test]
    fn another_decoder_finds_the_same_events_in_any_stream(
        pieces in proptest::collection::vec(piece(), 0..40),
        sizes in proptest::collection::vec(1_usize..9, 1..20),
    ) {
        let stream = pieces.concat();
        prop_assert_eq!(by_sse_stream(&stream, &sizes), events(chunks(&stream, &sizes)));
    }
}

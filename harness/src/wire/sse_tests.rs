use super::*;
use crate::wire::by_the_book::{self, chunks};
use proptest::prelude::*;
use std::path::Path;

/// Reads `chunks` one after the other.
pub(super) fn events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<by_the_book::Event> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder.push(chunk, &mut |event| events.push(owned(event))).unwrap();
    }
    events
}

fn owned(event: Event<'_>) -> by_the_book::Event {
    by_the_book::Event {
        name: event.name.to_owned(),
        data: event.data.to_owned(),
        id: event.id.to_owned(),
    }
}

fn data(stream: &str) -> Vec<String> {
    events([stream.as_bytes()]).into_iter().map(|event| event.data).collect()
}

pub(super) fn recorded_streams() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recorded");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let streams: Vec<_> = files
        .filter(|path| path.is_file())
        .map(|path| std::fs::read(path).unwrap())
        .filter(|bytes| bytes.starts_with(b"data:"))
        .collect();
    assert!(streams.len() >= 13, "the recorded streams are gone");
    streams
}

#[test]
fn lines_may_end_in_lf_cr_or_both() {
    for end in ["\n", "\r", "\r\n"] {
        let stream = format!("data: a{end}data: b{end}{end}data: c{end}{end}");
        assert_eq!(data(&stream), ["a\nb", "c"], "{end:?}");
    }
    assert_eq!(data("data: a\rdata: b\r\n\rdata: c\n\r"), ["a\nb", "c"]);
}

#[test]
fn one_space_after_the_colon_is_not_data() {
    assert_eq!(data("data:a\n\ndata: a\n\ndata:  a\n\n"), ["a", "a", " a"]);
}

#[test]
fn comments_and_unknown_fields_are_nothing() {
    assert_eq!(data(": keep-alive\n\n:\n\nretry: 12x\nfoo: bar\ndata: a\n\n"), ["a"]);
}

#[test]
fn an_event_without_data_is_none_and_one_with_empty_data_is_one() {
    assert_eq!(data("event: ping\n\ndata\n\ndata:\ndata:\n\n"), ["", "\n"]);
}

#[test]
fn a_byte_order_mark_is_skipped_once() {
    assert_eq!(data("\u{FEFF}data: a\n\n\u{FEFF}data: b\n\n"), ["a"]);
}

#[test]
fn a_name_belongs_to_one_event_and_an_id_stays() {
    let mut seen = Vec::new();
    let mut decoder = Decoder::new();
    let stream = b"event: error\nid: 7\ndata: a\n\nid: 8\0\ndata: b\n\n";
    decoder.push(stream, &mut |e| seen.push(format!("{} {} {}", e.name, e.id, e.data))).unwrap();
    assert_eq!(seen, ["error 7 a", " 7 b"]);
}

#[test]
fn an_unfinished_event_is_dropped() {
    assert_eq!(data("data: a\n\ndata: b\n"), ["a"]);
}

#[test]
fn an_event_ended_by_cr_does_not_wait_for_the_next_byte() {
    let mut decoder = Decoder::new();
    let mut seen = 0;
    decoder.push(b"data: a\r\n\r", &mut |_| seen += 1).unwrap();
    assert_eq!(seen, 1);
    decoder.push(b"\ndata: b\r\n\r\n", &mut |_| seen += 1).unwrap();
    assert_eq!(seen, 2);
}

#[test]
fn bytes_that_are_not_utf_8_become_replacement_characters() {
    let stream: &[u8] = b"data: a\xFFb\xE6\x97\ndata: \xE6\x97\xA5\n\n";
    assert_eq!(events([stream])[0].data, "a\u{FFFD}b\u{FFFD}\n日");
}

#[test]
fn every_split_of_a_recorded_stream_gives_the_same_events() {
    for stream in recorded_streams() {
        let whole = events([&stream[..]]);
        assert_eq!(whole, by_the_book::events(&stream));
        assert_eq!(whole.last().unwrap().data, "[DONE]");
        assert_eq!(events(stream.chunks(1)), whole);
        for split in 0..=stream.len() {
            assert_eq!(events([&stream[..split], &stream[split..]]), whole);
        }
    }
}

#[test]
fn each_limit_ends_the_stream_with_its_name() {
    let fails = |stream: &[u8]| {
        let mut decoder = Decoder::new();
        stream.chunks(1 << 16).find_map(|chunk| decoder.push(chunk, &mut |_| {}).err())
    };
    assert_eq!(fails(&vec![b'a'; LINE_BYTES + 1]), Some(TooLarge::Line));
    assert_eq!(fails(&b"data:\n".repeat(EVENT_LINES + 1)), Some(TooLarge::Lines));
    let megabyte = [b"data:", &vec![b'a'; 1 << 20][..], b"\n"].concat();
    assert_eq!(fails(&megabyte.repeat(9)), Some(TooLarge::Event));
    assert_eq!(fails(&b"data: a\n\n".repeat(EVENT_LINES + 1)), None);
}

#[test]
fn a_line_and_an_event_of_just_the_limit_are_read() {
    let value = vec![b'a'; LINE_BYTES - b"data:".len()];
    let stream = [b"data:", &value[..], b"\n\n"].concat();
    for size in [1 << 16, stream.len()] {
        assert_eq!(events(chunks(&stream, &[size]))[0].data.len(), value.len());
    }
    let halves = [b"data:", &vec![b'a'; EVENT_BYTES / 2][..], b"\n"].concat();
    let fails = |stream: &[u8]| Decoder::new().push(stream, &mut |_| {}).err();
    assert_eq!(fails(&halves.repeat(2)), Some(TooLarge::Event), "the line end counts, too");
    assert_eq!(fails(&[&halves[..], &halves[1..]].concat()), None, "`ata:` is no data");
    assert_eq!(fails(&[&halves[..], b"data:", &halves[6..]].concat()), None);
}

#[test]
fn an_endless_event_of_lines_that_are_no_data_is_bounded_in_memory() {
    let megabyte = vec![b'a'; 1 << 20];
    let mut decoder = Decoder::new();
    for _ in 0..64 {
        for field in [&b"event: "[..], b"id: ", b": ", b"retry: ", b"odd"] {
            for part in [field, &megabyte, b"\r\n"] {
                decoder.push(part, &mut |_| {}).unwrap();
            }
        }
    }
    let block = &decoder.block;
    let kept = [&decoder.line, &block.data, &block.name].map(Vec::capacity).iter().sum::<usize>();
    assert!(kept + block.id.capacity() <= 8 << 20, "{kept} bytes");
}

#[test]
fn an_id_is_decoded_once_and_not_with_every_event() {
    let long = [b"id: ", &vec![0xFF; LINE_BYTES - 4][..], b"\n"].concat();
    let (mut decoder, mut places) = (Decoder::new(), Vec::new());
    decoder.push(&long, &mut |_| {}).unwrap();
    decoder.push(&b"data\n\n".repeat(3), &mut |event| places.push(event.id.as_ptr())).unwrap();
    places.dedup();
    assert_eq!(places, [decoder.block.id.as_ptr()]);
}

proptest! {
    #[test]
    fn any_bytes_in_any_chunks_are_read_by_the_book(
        pieces in proptest::collection::vec(piece(), 0..40),
        sizes in proptest::collection::vec(1_usize..9, 1..20),
    ) {
        let stream = pieces.concat();
        prop_assert_eq!(events(chunks(&stream, &sizes)), by_the_book::events(&stream));
    }
}

/// A piece of a stream: the grammar's own words, or anything.
pub(super) fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"data:",
        b"data",
        b"event: x",
        b"id: 1",
        b"id",
        b"id:\0",
        b"retry: 3",
        b":",
        b" ",
        b"\n",
        b"\n",
        b"\r",
        b"\r\n",
        b"\n\n",
        b"\xEF\xBB\xBF",
        b"\xF0\x9F\x99\x82",
        b"\xF0\x9F",
        b"[DONE]",
    ];
    prop_oneof![
        4 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

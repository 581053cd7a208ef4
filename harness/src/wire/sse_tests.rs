use super::*;
use proptest::prelude::*;
use std::path::Path;

/// An event that outlives the decoder, its name and data in one tuple.
type Owned = (String, String);

/// Reads `chunks` one after the other.
fn events<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<Owned> {
    let mut decoder = Decoder::new();
    let mut events = Vec::new();
    for chunk in chunks {
        decoder
            .push(chunk, &mut |event| events.push((event.name.to_owned(), event.data.to_owned())))
            .unwrap();
    }
    events
}

fn data(stream: &str) -> Vec<String> {
    events([stream.as_bytes()]).into_iter().map(|(_, data)| data).collect()
}

/// The standard's grammar, written the slow way over the whole text: the second opinion.
fn by_the_book(stream: &[u8]) -> Vec<Owned> {
    let text = String::from_utf8_lossy(stream).into_owned();
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let whole_lines = text.rsplit_once('\n').map_or("", |(lines, _unfinished)| lines);
    let (mut events, mut name, mut data) = (Vec::new(), String::new(), String::new());
    for line in whole_lines.split('\n') {
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "" if line.is_empty() => {
                if let Some(data) = data.strip_suffix('\n') {
                    events.push((name.clone(), data.to_owned()));
                }
                name.clear();
                data.clear();
            }
            "data" => data.extend([value, "\n"]),
            "event" => name = value.to_owned(),
            _ => {}
        }
    }
    events
}

fn recorded_streams() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/recorded");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let streams: Vec<_> = files
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
    assert_eq!(events([stream])[0].1, "a\u{FFFD}b\u{FFFD}\n日");
}

#[test]
fn every_split_of_a_recorded_stream_gives_the_same_events() {
    for stream in recorded_streams() {
        let whole = events([&stream[..]]);
        assert_eq!(whole, by_the_book(&stream));
        assert_eq!(whole.last().unwrap().1, "[DONE]");
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

proptest! {
    #[test]
    fn any_bytes_in_any_chunks_are_read_by_the_book(
        pieces in proptest::collection::vec(piece(), 0..40),
        cuts in proptest::collection::vec(1_usize..9, 1..20),
    ) {
        let stream = pieces.concat();
        let expected = by_the_book(&stream);
        let mut rest = &stream[..];
        let chunks = cuts.iter().cycle().map_while(|&cut| {
            let (chunk, after) = rest.split_at_checked(cut).unwrap_or((rest, &[]));
            rest = after;
            (!chunk.is_empty()).then_some(chunk)
        });
        prop_assert_eq!(events(chunks.collect::<Vec<_>>()), expected);
    }
}

/// A piece of a stream: the grammar's own words, or anything.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> = vec![
        b"data:",
        b"data",
        b"event: x",
        b"id: 1",
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

use super::*;
use crate::wire::by_the_book::{self, chunks};
use proptest::prelude::*;

/// Reads `chunks` one after the other, to the end of the stream.
fn lines<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut decoder = Decoder::new();
    let mut lines = Vec::new();
    let mut emit = |line: &str| lines.push(line.to_owned());
    for chunk in chunks {
        decoder.push(chunk, &mut emit).unwrap();
    }
    decoder.finish(&mut emit);
    lines
}

/// Ollama's answer to `/api/chat`, with characters of one to four bytes.
const CHAT: &str = concat!(
    r#"{"model":"m","created_at":"2026-01-02T03:04:05.6Z","message":{"role":"assistant","content":"Grüße, "},"done":false}"#,
    "\n",
    r#"{"model":"m","created_at":"2026-01-02T03:04:05.7Z","message":{"role":"assistant","content":"世界 🙂"},"done":false}"#,
    "\n",
    r#"{"model":"m","created_at":"2026-01-02T03:04:05.8Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","eval_count":5}"#,
    "\n",
);

#[test]
fn every_cut_of_a_stream_gives_the_same_lines() {
    for stream in [CHAT.to_owned(), CHAT.replace('\n', "\r\n"), CHAT.trim_end().to_owned()] {
        let whole = lines([stream.as_bytes()]);
        assert_eq!(whole, CHAT.lines().collect::<Vec<_>>());
        assert_eq!(lines(stream.as_bytes().chunks(1)), whole);
        for cut in 0..=stream.len() {
            let (first, second) = stream.as_bytes().split_at(cut);
            assert_eq!(lines([first, second]), whole, "cut at byte {cut}");
        }
    }
}

#[test]
fn every_cut_in_three_of_a_short_stream_gives_the_same_lines() {
    let stream = "{\"a\":\"é\"}\r\n\n{\"b\":\"🙂\"}".as_bytes();
    for second in 0..=stream.len() {
        for first in 0..=second {
            let parts = [&stream[..first], &stream[first..second], &stream[second..]];
            assert_eq!(lines(parts), [r#"{"a":"é"}"#, r#"{"b":"🙂"}"#]);
        }
    }
}

#[test]
fn a_line_is_handed_out_with_its_end_and_the_last_one_with_the_streams() {
    let (mut decoder, mut seen) = (Decoder::new(), 0);
    decoder.push(b"{}\n{}", &mut |_| seen += 1).unwrap();
    assert_eq!(seen, 1);
    decoder.finish(&mut |_| seen += 1);
    assert_eq!(seen, 2);
    decoder.finish(&mut |_| seen += 1);
    assert_eq!(seen, 2, "it is handed out once");
}

#[test]
fn blank_lines_are_left_out() {
    assert_eq!(lines([&b"\n\r\n  \t\n1\n\n\n2\n \n"[..]]), ["1", "2"]);
    assert!(lines([&b""[..]]).is_empty());
}

#[test]
fn a_lone_cr_ends_no_line() {
    assert_eq!(lines([&b"1\r2\n"[..]]), ["1\r2"]);
}

#[test]
fn bytes_that_are_not_utf_8_become_replacement_characters() {
    let stream: &[u8] = b"a\xFFb\xE6\x97\n\xE6\x97\xA5\n\xF0\x9F";
    let expected = ["a\u{FFFD}b\u{FFFD}", "日", "\u{FFFD}"];
    assert_eq!(lines([stream]), expected);
    assert_eq!(lines(stream.chunks(1)), expected);
}

#[test]
fn a_line_of_just_the_limit_is_read_and_a_longer_one_is_refused() {
    let line = vec![b'a'; LINE_BYTES];
    for end in [&b"\n"[..], b""] {
        let stream = [&line[..], end].concat();
        for size in [1 << 16, stream.len()] {
            assert_eq!(lines(chunks(&stream, &[size]))[0].len(), LINE_BYTES);
        }
    }
    let longer = [&b"1\n"[..], &line, b"a\n"].concat();
    for size in [1 << 16, longer.len() - 1, longer.len()] {
        let (mut decoder, mut before) = (Decoder::new(), 0);
        let mut parts = longer.chunks(size);
        let failed = parts.any(|part| decoder.push(part, &mut |_| before += 1).is_err());
        assert!(failed, "in chunks of {size}");
        assert_eq!(before, 1, "the line before it was handed out");
    }
}

#[test]
fn endless_blank_lines_are_bounded_in_memory() {
    let mut decoder = Decoder::new();
    let blank = [&vec![b' '; 1 << 20][..], b"\n"].concat();
    for _ in 0..64 {
        for part in blank.chunks(1 << 16) {
            decoder.push(part, &mut |line| panic!("{line:?}")).unwrap();
        }
    }
    assert!(decoder.line.capacity() <= 4 << 20);
}

proptest! {
    #[test]
    fn any_bytes_in_any_chunks_are_read_by_the_book(
        pieces in proptest::collection::vec(piece(), 0..30),
        sizes in proptest::collection::vec(1_usize..9, 1..20),
    ) {
        let stream = pieces.concat();
        prop_assert_eq!(lines(chunks(&stream, &sizes)), by_the_book::lines(&stream));
    }
}

/// A piece of a stream: the framing's own bytes, or anything.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&[u8]> =
        vec![b"\n", b"\n", b"\r\n", b"\r", b" ", b"{}", b"\xE6\x97\xA5", b"\xF0\x9F", b"\xC2\xA0"];
    prop_oneof![
        4 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..6),
    ]
}

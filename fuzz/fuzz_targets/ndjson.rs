//! JSON lines: any cut gives the same lines, and they are those of the slow way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokgate_fuzz::by_the_book::{self, chunks};
use tokgate_fuzz::cut;
use tokgate_fuzz::wire::ndjson::Decoder;

fuzz_target!(|input: &[u8]| {
    let (sizes, stream) = cut(input);
    let expected = by_the_book::lines(stream);
    assert_eq!(read([stream]), expected);
    assert_eq!(read(chunks(stream, &sizes)), expected);
    assert_eq!(read(stream.chunks(1)), expected);
});

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let (mut decoder, mut lines) = (Decoder::new(), Vec::new());
    let mut emit = |line: &str| lines.push(line.to_owned());
    for chunk in chunks {
        decoder.push(chunk, &mut emit).expect("an input is shorter than the limit");
    }
    decoder.finish(&mut emit);
    lines
}

//! Ollama's protocol: framed as a stream, and as the body of a reply that does not stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokgate_fuzz::check;
use tokgate_fuzz::wire::ndjson::Decoder;
use tokgate_fuzz::wire::piece::Dialect;

fuzz_target!(|input: &[u8]| {
    let mut decoder = Decoder::new();
    let mut emit = |line: &str| check(Dialect::Ollama, line);
    let _ = decoder.push(input, &mut emit);
    decoder.finish(&mut emit);
    check(Dialect::Ollama, &String::from_utf8_lossy(input));
});

//! OpenAI's protocol: framed as a stream, and as the body of a reply that does not stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokgate_fuzz::check;
use tokgate_fuzz::wire::piece::Dialect;
use tokgate_fuzz::wire::sse::Decoder;

fuzz_target!(|input: &[u8]| {
    let _ = Decoder::new().push(input, &mut |event| check(Dialect::OpenAi, event.data));
    check(Dialect::OpenAi, &String::from_utf8_lossy(input));
});

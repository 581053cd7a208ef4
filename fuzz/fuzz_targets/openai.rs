//! OpenAI's protocol: framed as a stream, as the body of a reply that does not stream, and as one
//! of vectors.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokgate_fuzz::wire::piece::Dialect;
use tokgate_fuzz::wire::sse::Decoder;
use tokgate_fuzz::{check, check_vectors};

fuzz_target!(|input: &[u8]| {
    let _ = Decoder::new().push(input, &mut |event| check(Dialect::OpenAi, event.data));
    let body = String::from_utf8_lossy(input);
    check(Dialect::OpenAi, &body);
    check_vectors(&body);
});

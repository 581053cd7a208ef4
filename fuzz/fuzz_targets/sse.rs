//! Server-sent events: any cut gives the same events, and they are those of the standard.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tokgate_fuzz::by_the_book::{self, Event, chunks};
use tokgate_fuzz::cut;
use tokgate_fuzz::wire::sse::{Decoder, EVENT_LINES, TooLarge};

fuzz_target!(|input: &[u8]| {
    let (sizes, stream) = cut(input);
    let whole = read([stream]);
    assert_eq!(read(chunks(stream, &sizes)), whole);
    assert_eq!(read(stream.chunks(1)), whole);
    let (events, result) = whole;
    let expected = by_the_book::events(stream);
    match result {
        Ok(()) => assert_eq!(events, expected),
        // Inputs are too short for the other limits. The book knows none and reads on.
        Err(limit) => {
            assert_eq!(limit, TooLarge::Lines);
            assert!(stream.len() > EVENT_LINES * b"data\n".len());
            assert!(expected.starts_with(&events));
        }
    }
});

fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Event>, Result<(), TooLarge>) {
    let (mut decoder, mut events) = (Decoder::new(), Vec::new());
    let mut emit = |event: tokgate_fuzz::wire::sse::Event<'_>| {
        events.push(Event {
            name: event.name.to_owned(),
            data: event.data.to_owned(),
            id: event.id.to_owned(),
        });
    };
    let result = chunks.into_iter().try_for_each(|chunk| decoder.push(chunk, &mut emit));
    (events, result)
}

//! `vllm bench serve`: every chunk with choices is a token to it, the one with the role included.

use super::quantity::{Beside, Quantity, Rule, Scale};
use super::stream::{Stream, gaps, requests_per_window, tokens_per_window};

pub(super) const CAUTION: &str = "a stream that was cut after its first chunk is a success to \
     vLLM's bench and a failure to us; a closing chunk without content, which stored events do \
     not tell from a usage report, would be one more gap to it";

pub(super) const QUANTITIES: &[Quantity] = &[
    Quantity {
        beside: Beside::Ttft,
        name: "TTFT (ms)",
        scale: Scale::Milliseconds,
        differs: Some("to the first chunk of any kind, a role included: our `ttfr`"),
        rule: Rule::Requests(|stream| vec![to_first_chunk(stream)]),
    },
    Quantity {
        beside: Beside::Tpot,
        name: "TPOT (ms)",
        scale: Scale::Milliseconds,
        differs: Some("(last chunk − first chunk) / (N − 1), whatever the first chunk brought"),
        rule: Rule::Requests(|stream| tpot(stream).into_iter().collect()),
    },
    Quantity {
        beside: Beside::Itl,
        name: "ITL (ms)",
        scale: Scale::Milliseconds,
        differs: Some("gaps between chunks, the one after a chunk with only a role included"),
        rule: Rule::Requests(|stream| gaps(&stream.chunks())),
    },
    Quantity {
        beside: Beside::E2e,
        name: "E2EL (ms)",
        scale: Scale::Milliseconds,
        differs: None,
        rule: Rule::Requests(|stream| vec![stream.to_last()]),
    },
    Quantity {
        beside: Beside::OutputRate,
        name: "Output token throughput (tok/s)",
        scale: Scale::PerSecond,
        differs: None,
        rule: Rule::Epoch(tokens_per_window),
    },
    Quantity {
        beside: Beside::RequestRate,
        name: "Request throughput (req/s)",
        scale: Scale::PerSecond,
        differs: None,
        rule: Rule::Epoch(requests_per_window),
    },
];

fn to_first_chunk(stream: &Stream<'_>) -> f64 {
    stream.chunks().first().map_or(stream.to_first(), |event| stream.since_sent(event.at))
}

/// (latency − ttft) / (N − 1), where both end at a chunk.
fn tpot(stream: &Stream<'_>) -> Option<f64> {
    let later = stream.tokens()? - 1.0;
    (later >= 1.0).then(|| (stream.to_last() - to_first_chunk(stream)) / later)
}

//! guidellm: one sample a request for what others tell by the gap.

use super::quantity::{Beside, Quantity, Rule, Scale};
use super::stream::{Stream, requests_per_window, tokens_per_window};

pub(super) const CAUTION: &str = "percentiles are samples, not interpolated between two; the \
     rates' percentiles, which guidellm makes of moments within the run, are left out";

pub(super) const QUANTITIES: &[Quantity] = &[
    Quantity {
        beside: Beside::Ttft,
        name: "time_to_first_token_ms",
        scale: Scale::Milliseconds,
        differs: None,
        rule: Rule::Requests(|stream| vec![stream.to_first()]),
    },
    Quantity {
        beside: Beside::Tpot,
        name: "time_per_output_token_ms",
        scale: Scale::Milliseconds,
        differs: Some("(t_m − sent) / N: the wait for the first token is in it"),
        rule: Rule::Requests(|stream| vec![stream.to_last() / tokens(stream)]),
    },
    Quantity {
        beside: Beside::Itl,
        name: "inter_token_latency_ms",
        scale: Scale::Milliseconds,
        differs: Some("one sample a request: (t_m − t_1) / (N − 1)"),
        rule: Rule::Requests(|stream| itl(stream).into_iter().collect()),
    },
    Quantity::latency_to_end("request_latency"),
    Quantity {
        beside: Beside::OutputRate,
        name: "output_tokens_per_second",
        scale: Scale::PerSecond,
        differs: Some(
            "its mean weights each moment by its length; over the window that is Σ N / T",
        ),
        rule: Rule::Epoch(tokens_per_window),
    },
    Quantity {
        beside: Beside::RequestRate,
        name: "requests_per_second",
        scale: Scale::PerSecond,
        differs: None,
        rule: Rule::Epoch(requests_per_window),
    },
];

/// N, or the number of events where the target did not count.
fn tokens(stream: &Stream<'_>) -> f64 {
    stream.tokens().filter(|tokens| *tokens > 0.0).unwrap_or(stream.content().count() as f64)
}

fn itl(stream: &Stream<'_>) -> Option<f64> {
    let later = tokens(stream) - 1.0;
    (later >= 1.0).then(|| (stream.to_last() - stream.to_first()) / later)
}

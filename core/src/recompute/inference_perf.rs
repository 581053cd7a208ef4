//! inference-perf: every token is stamped at its event, so that gaps of 0 stand inside an event.

use super::quantity::{Beside, Quantity, Rule, Scale};
use super::stream::{Stream, requests_per_window, tokens_per_window};
use crate::time::Offset;

pub(super) const QUANTITIES: &[Quantity] = &[
    Quantity {
        beside: Beside::Ttft,
        name: "time_to_first_token",
        scale: Scale::Seconds,
        differs: Some("an answer of one token has none"),
        rule: Rule::Tokens(|stream| ttft(stream).into_iter().collect()),
    },
    Quantity {
        beside: Beside::Tpot,
        name: "time_per_output_token",
        scale: Scale::Seconds,
        differs: Some("(t_m − t_1) / (N − 1), whatever the first event brought"),
        rule: Rule::Requests(|stream| stream.per_later_token().into_iter().collect()),
    },
    Quantity {
        beside: Beside::Itl,
        name: "inter_token_latency",
        scale: Scale::Seconds,
        differs: Some("each token stamped at its event: tokens that came together are 0 apart"),
        rule: Rule::Tokens(itl),
    },
    Quantity::latency_to_end("request_latency"),
    Quantity {
        beside: Beside::OutputRate,
        name: "output_tokens_per_sec",
        scale: Scale::PerSecond,
        differs: None,
        rule: Rule::Epoch(tokens_per_window),
    },
    Quantity {
        beside: Beside::RequestRate,
        name: "requests_per_sec",
        scale: Scale::PerSecond,
        differs: None,
        rule: Rule::Epoch(requests_per_window),
    },
];

/// When each token came.
fn tokens(stream: &Stream<'_>) -> Vec<Offset> {
    let of = |event: &crate::record::Event| {
        std::iter::repeat_n(event.at, Stream::tokens_of(event) as usize)
    };
    stream.content().flat_map(of).collect()
}

fn ttft(stream: &Stream<'_>) -> Option<f64> {
    let times = tokens(stream);
    times.get(1).and(times.first()).map(|first| stream.since_sent(*first))
}

fn itl(stream: &Stream<'_>) -> Vec<f64> {
    tokens(stream).windows(2).map(|pair| pair[1].seconds_since(pair[0])).collect()
}

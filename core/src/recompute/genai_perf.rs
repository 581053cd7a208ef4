//! genai-perf: its ITL was the gap divided by the tokens of the event that ended it; in its
//! last versions it is one sample a request, and the older one is kept for its plots.

use super::quantity::{Beside, Quantity, Rule, Scale};
use super::stream::Stream;
use crate::record::Event;

pub(super) const CAUTION: &str = "genai-perf sees only `content`, neither reasoning nor tool \
     calls, and counts tokens with its own tokenizer; here N is the server's";

pub(super) const QUANTITIES: &[Quantity] = &[
    Quantity {
        beside: Beside::Ttft,
        name: "Time To First Token (ms)",
        scale: Scale::Milliseconds,
        differs: Some("to the first event with text of the answer: our `ttfo`"),
        rule: Rule::Requests(|stream| since_sent(stream, stream.text().first())),
    },
    Quantity {
        beside: Beside::Itl,
        name: "Inter Token Latency (ms)",
        scale: Scale::Milliseconds,
        differs: Some("one sample a request: (t_m − t_1) / (N − 1)"),
        rule: Rule::Requests(|stream| per_later_token(stream).into_iter().collect()),
    },
    Quantity {
        beside: Beside::Gaps,
        name: "chunked_inter_token_latencies (ms)",
        scale: Scale::Milliseconds,
        differs: Some("gap / tokens of the event that ends it; called ITL in older versions"),
        rule: Rule::Tokens(chunked),
    },
    Quantity {
        beside: Beside::E2e,
        name: "Request Latency (ms)",
        scale: Scale::Milliseconds,
        differs: Some("to the last event with text of the answer"),
        rule: Rule::Requests(|stream| since_sent(stream, stream.text().last())),
    },
    Quantity::tokens_until_last_content("Output Token Throughput (tokens/sec)"),
    Quantity::requests_until_last_content("Request Throughput (per sec)"),
];

fn since_sent(stream: &Stream<'_>, event: Option<&&Event>) -> Vec<f64> {
    event.map(|event| stream.since_sent(event.at)).into_iter().collect()
}

fn per_later_token(stream: &Stream<'_>) -> Option<f64> {
    let text = stream.text();
    let later = stream.tokens()? - 1.0;
    let took = text.last()?.at.seconds_since(text.first()?.at);
    (later >= 1.0).then(|| took / later)
}

/// (t_i − t_(i−1)) / n_i; an event of no tokens counts as one.
fn chunked(stream: &Stream<'_>) -> Vec<f64> {
    let tokens = |event: &Event| f64::from(Stream::tokens_of(event).max(1));
    let share = |pair: &[&Event]| pair[1].at.seconds_since(pair[0].at) / tokens(pair[1]);
    stream.text().windows(2).map(share).collect()
}

//! llmperf: the wait for the first token is one of its gaps.

use super::quantity::{Beside, Quantity, Rule, Scale};
use super::stream::{Stream, requests_per_window, tokens_per_window};

pub(super) const CAUTION: &str = "llmperf sees only `content`, neither reasoning nor tool calls, \
     and counts tokens with its own tokenizer; here N is the server's";

pub(super) const QUANTITIES: &[Quantity] = &[
    Quantity {
        beside: Beside::Ttft,
        name: "ttft_s",
        scale: Scale::Seconds,
        differs: Some("to the first event with text of the answer: our `ttfo`"),
        rule: Rule::Requests(|stream| {
            stream.text().first().map(|event| stream.since_sent(event.at)).into_iter().collect()
        }),
    },
    Quantity {
        beside: Beside::Itl,
        name: "inter_token_latency_s",
        scale: Scale::Seconds,
        differs: Some(
            "(t_m − sent) / events, one sample a request: the first token's wait is in it",
        ),
        rule: Rule::Requests(|stream| by_events(stream).into_iter().collect()),
    },
    Quantity {
        beside: Beside::Gaps,
        name: "inter_token_latency_s, by N",
        scale: Scale::Seconds,
        differs: Some(
            "the same divided by tokens: what llmperf's latest version prints as its ITL",
        ),
        rule: Rule::Requests(|stream| by_tokens(stream).into_iter().collect()),
    },
    Quantity::latency_to_end("end_to_end_latency_s"),
    Quantity {
        beside: Beside::RequestOutputRate,
        name: "request_output_throughput_token_per_s",
        scale: Scale::PerSecond,
        differs: Some("N / latency of each request: the first token's wait is in it"),
        rule: Rule::Requests(|stream| output_rate(stream).into_iter().collect()),
    },
    Quantity {
        beside: Beside::OutputRate,
        name: "Overall Output Throughput",
        scale: Scale::PerSecond,
        differs: Some("its T includes making the prompts ready between requests"),
        rule: Rule::Epoch(tokens_per_window),
    },
    Quantity {
        beside: Beside::RequestRate,
        name: "Completed Requests Per Minute",
        scale: Scale::PerMinute,
        differs: Some("per minute"),
        rule: Rule::Epoch(requests_per_window),
    },
];

/// Σ of the wait for the first text and of all gaps after it is t_m − sent.
fn to_last_text(stream: &Stream<'_>) -> Option<f64> {
    stream.text().last().map(|event| stream.since_sent(event.at))
}

fn by_events(stream: &Stream<'_>) -> Option<f64> {
    to_last_text(stream).map(|took| took / stream.text().len() as f64)
}

fn by_tokens(stream: &Stream<'_>) -> Option<f64> {
    let tokens = stream.tokens().filter(|tokens| *tokens > 0.0)?;
    to_last_text(stream).map(|took| took / tokens)
}

fn output_rate(stream: &Stream<'_>) -> Option<f64> {
    let took = Some(stream.to_end()).filter(|took| *took > 0.0)?;
    stream.tokens().map(|tokens| tokens / took)
}

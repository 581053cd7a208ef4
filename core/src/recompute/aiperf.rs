//! AIPerf: its ITL is one sample a request; the gaps are its inter-chunk latency (ICL).

use super::quantity::{Beside, Quantity, Rule, Scale};
use super::stream::{Stream, gaps};

pub(super) const CAUTION: &str = "AIPerf counts tokens with its own tokenizer unless told to take \
     the server's; here N is the server's";

pub(super) const QUANTITIES: &[Quantity] = &[
    Quantity {
        beside: Beside::Ttft,
        name: "Time to First Token (ms)",
        scale: Scale::Milliseconds,
        differs: None,
        rule: Rule::Requests(|stream| vec![stream.to_first()]),
    },
    Quantity {
        beside: Beside::Itl,
        name: "Inter Token Latency (ms)",
        scale: Scale::Milliseconds,
        differs: Some("one sample a request: (t_m − t_1) / (N − 1)"),
        rule: Rule::Requests(|stream| stream.per_later_token().into_iter().collect()),
    },
    Quantity {
        beside: Beside::Gaps,
        name: "Inter Chunk Latency (ms)",
        scale: Scale::Milliseconds,
        differs: Some("our `itl` under another name"),
        rule: Rule::Requests(|stream| gaps(&stream.content().collect::<Vec<_>>())),
    },
    Quantity {
        beside: Beside::E2e,
        name: "Request Latency (ms)",
        scale: Scale::Milliseconds,
        differs: None,
        rule: Rule::Requests(|stream: &Stream<'_>| vec![stream.to_last()]),
    },
    Quantity::tokens_until_last_content("Output Token Throughput (tokens/sec)"),
    Quantity::requests_until_last_content("Request Throughput (requests/sec)"),
];

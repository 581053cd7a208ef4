//! What the server can be told, and the defaults.

use super::beside::Beside;
use super::fault::{FaultShare, share_of};
use clap::Parser;
use std::net::{IpAddr, Ipv4Addr};

/// When replies say how many tokens they have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum UsagePolicy {
    /// In every reply.
    Always,
    /// In streams only when asked, else always, as most servers do.
    #[default]
    Asked,
    /// In no reply.
    Never,
}

/// How the server behaves. Times are milliseconds and may be fractional.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct Options {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub port: u16,
    /// Address to listen on; loopback only
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    pub bind: IpAddr,
    /// Time from a free slot to the first token, without the prompt's share
    #[arg(long, default_value_t = 50.0, value_name = "MS")]
    pub ttft_ms: f64,
    /// Time from one event with tokens to the next
    #[arg(long, default_value_t = 10.0, value_name = "MS")]
    pub itl_ms: f64,
    /// Standard deviation of the logarithm of each time
    #[arg(long, default_value_t = 0.0, value_name = "SD")]
    pub jitter: f64,
    /// Factor on all times but those of a freeze
    #[arg(long, default_value_t = 1.0, value_name = "FACTOR")]
    pub slow_down: f64,
    /// Time that each prompt token adds to the first token
    #[arg(long, default_value_t = 0.0, value_name = "MS")]
    pub prefill_ms_per_token: f64,
    /// Time from a free slot to the vectors of an embedding request
    #[arg(long, default_value_t = 20.0, value_name = "MS")]
    pub embed_ms: f64,
    /// Components of an embedding, where the request does not ask for a number
    #[arg(long, default_value_t = 64, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=16384))]
    pub embed_dimensions: u32,
    /// Make every N-th gap of a request a stall; 0 for none
    #[arg(long, default_value_t = 0, value_name = "N", requires = "stall_ms")]
    pub stall_every: u32,
    /// Length of a stall
    #[arg(long, default_value_t = 0.0, value_name = "MS", requires = "stall_every")]
    pub stall_ms: f64,
    /// Freeze all streams this many seconds after the start
    #[arg(long, value_name = "S", requires = "freeze_ms")]
    pub freeze_at_s: Option<f64>,
    /// Length of the freeze
    #[arg(long, default_value_t = 0.0, value_name = "MS", requires = "freeze_at_s")]
    pub freeze_ms: f64,
    /// Requests worked on at once, the others wait in order; 0 for all
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub slots: u32,
    /// How many tokens of a chat are reasoning, before the answer and within its length
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub reasoning_tokens: u32,
    /// Tokens in one event
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub tokens_per_event: u32,
    /// Cut every write into pieces of this many bytes; 0 for none
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub write_bytes: usize,
    /// When replies say how many tokens they have
    #[arg(long, value_enum, default_value_t)]
    pub usage: UsagePolicy,
    /// Name of the model
    #[arg(long, default_value = "mock", value_name = "NAME")]
    pub model: String,
    /// Have another model beside it, so many times as slow (2 takes twice as long); may be repeated
    #[arg(long, value_name = "NAME=FACTOR")]
    pub beside: Vec<Beside>,
    /// Be another model after this many requests
    #[arg(long, value_name = "N")]
    pub swap_model_after: Option<u64>,
    /// Give every prompt the same answer
    #[arg(long)]
    pub same_answer: bool,
    /// Share of the answers that stop at half of the tokens
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share_of)]
    pub short_answer: f64,
    /// Count half as many tokens again as are sent
    #[arg(long)]
    pub wrong_usage: bool,
    /// Say that this share of each prompt came from a cache
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share_of)]
    pub cached: f64,
    /// Break this share of the requests in this way; may be repeated
    #[arg(long = "fault", value_name = "KIND=RATE")]
    pub faults: Vec<FaultShare>,
    /// Seed of jitter, faults and answers
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// End after this many seconds
    #[arg(long, default_value_t = 3600.0, value_name = "S")]
    pub lifetime_s: f64,
}

/// The options as a command of their own, so that their defaults stand in one place.
#[derive(Parser)]
#[command(name = "mock-server")]
struct Alone {
    #[command(flatten)]
    options: Options,
}

impl Default for Options {
    /// The defaults of the command line.
    fn default() -> Self {
        Self::from_arguments("").expect("every option has a default")
    }
}

impl Options {
    /// Options as they are written on the command line, separated by blanks.
    ///
    /// # Errors
    /// When there is an unknown option or a value that is none.
    pub fn from_arguments(arguments: &str) -> Result<Self, clap::Error> {
        let words = std::iter::once("mock-server").chain(arguments.split_whitespace());
        Alone::try_parse_from(words).map(|alone| alone.options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_the_command_line_writes_them() {
        let options = Options::from_arguments("--itl-ms 0.5 --fault reset=1 --slots 2").unwrap();
        assert_eq!((options.itl_ms, options.slots, options.faults.len()), (0.5, 2, 1));
        assert_eq!(Options::default().ttft_ms, 50.0);
        assert!(Options::from_arguments("--stall-every 3").is_err(), "how long is a stall?");
    }
}

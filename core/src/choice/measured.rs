//! One measured epoch, as questions need it.

use crate::dataset::tasks::Category;
use crate::price::{Price, Rate};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Who measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provenance {
    /// We did.
    #[default]
    Measured,
    /// Another tool did.
    Imported,
}

impl Provenance {
    /// The word of the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Measured => "measured",
            Self::Imported => "imported",
        }
    }
}

/// One VALID epoch of a model, with a measured window. What nobody knows is absent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// Its file and row.
    pub test_id: String,
    /// The invocation.
    pub run_id: String,
    /// The case.
    pub case_id: String,
    /// The number of the epoch within its case, from 0.
    pub epoch: u64,
    /// The model, in the words of whoever served it.
    pub model: String,
    /// Its parameters, as written: `4b`.
    pub size_params: Option<String>,
    /// The word for models of its size, by the catalogue: `7b`.
    pub model_category: Option<String>,
    /// How it was served.
    pub platform: String,
    /// The machine's key.
    pub machine: String,
    /// The provider's name of the machine.
    pub instance: Option<String>,
    /// The GPU's name.
    pub gpu: Option<String>,
    /// How many of them.
    pub gpus: Option<u32>,
    /// Memory of one of them, bytes.
    pub vram_bytes: Option<u64>,
    /// Longest prompt with its answer, tokens.
    pub context_window: Option<u64>,
    /// How many sent at the same time.
    pub workers: u64,
    /// Requests sent.
    pub requests: u64,
    /// Share of them that succeeded, percent.
    pub success_percent: f64,
    /// Successful requests a second; 0 where nobody says.
    pub req_s: f64,
    /// The window by its successful requests, seconds.
    pub time_per_request_s: f64,
    /// Mean tokens of a prompt, rounded.
    pub prompt_tokens: Option<u64>,
    /// Mean tokens of an answer, rounded.
    pub output_tokens: Option<u64>,
    /// Output tokens a second.
    pub tok_s: Option<f64>,
    /// Prompt and output tokens a second.
    pub total_tok_s: Option<f64>,
    /// Median time to the first token, seconds.
    pub ttft_p50_s: Option<f64>,
    /// What the prompts were about.
    pub task: Option<Category>,
    /// What the test varied.
    pub benchmark_type: String,
    /// What it costs.
    pub price: Option<Price>,
    /// Who measured.
    pub provenance: Provenance,
    /// Wall-clock start, microseconds since 1970.
    pub started_us: i64,
}

impl Measured {
    /// What an hour costs, US dollars; absent where it is not paid by the hour.
    #[must_use]
    pub fn usd_per_hour(&self) -> Option<f64> {
        match self.price.as_ref()?.rate {
            Rate::Hour(usd) => Some(usd),
            Rate::Tokens { .. } => None,
        }
    }

    /// What 1000 output tokens cost, US dollars: by the hour at the measured throughput, or by the
    /// token with the prompt's share.
    #[must_use]
    pub fn cost_per_1k(&self) -> Option<f64> {
        let rate = self.price.as_ref()?.rate;
        match rate {
            Rate::Hour(usd) => cost_per_1k_tokens(self.tok_s?, usd),
            Rate::Tokens { .. } => {
                let output = self.output_tokens.filter(|tokens| *tokens > 0)? as f64;
                Some(rate.usd(0.0, self.prompt_tokens? as f64, output) / output * 1000.0)
            }
        }
    }

    /// Output tokens a second for each US dollar an hour.
    #[must_use]
    pub fn efficiency(&self) -> Option<f64> {
        let usd = self.usd_per_hour().filter(|usd| *usd > 0.0)?;
        Some(self.tok_s? / usd)
    }

    /// What it ran on.
    #[must_use]
    pub fn hardware(&self) -> Hardware {
        self.on().hardware()
    }

    /// The same, borrowed: to tell many rows apart by.
    pub(super) fn on(&self) -> On<'_> {
        match (&self.instance, &self.gpu) {
            (Some(instance), _) => On::Instance(instance),
            (None, Some(name)) => On::Gpus { name, count: self.gpus },
            (None, None) => On::Machine(&self.machine),
        }
    }

    /// Memory of all GPUs, bytes.
    #[must_use]
    pub fn vram_of_all(&self) -> Option<u64> {
        Some(self.vram_bytes?.saturating_mul(u64::from(self.gpus?)))
    }
}

/// What a model ran on, by the best name that there is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hardware {
    /// A provider's name of a machine.
    Instance(String),
    /// So many GPUs of a name.
    Gpus {
        /// The name.
        name: String,
        /// How many; absent where nobody counted.
        count: Option<u32>,
    },
    /// A machine without a GPU, by its key.
    Machine(String),
}

/// [`Hardware`] of a row, in the same order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum On<'a> {
    Instance(&'a str),
    Gpus { name: &'a str, count: Option<u32> },
    Machine(&'a str),
}

impl On<'_> {
    pub(super) fn hardware(self) -> Hardware {
        match self {
            Self::Instance(name) => Hardware::Instance(name.to_owned()),
            Self::Gpus { name, count } => Hardware::Gpus { name: name.to_owned(), count },
            Self::Machine(name) => Hardware::Machine(name.to_owned()),
        }
    }
}

impl fmt::Display for Hardware {
    /// `g1-gpu-rtx6000-2`, `NVIDIA L4 x2`, `cpu-16c-…`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(name) | Self::Machine(name) | Self::Gpus { name, count: None } => {
                f.write_str(name)
            }
            Self::Gpus { name, count: Some(count) } => write!(f, "{name} x{count}"),
        }
    }
}

impl Serialize for Hardware {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What 1000 tokens cost at a throughput, US dollars: `USD/h / 3600 / tok_s * 1000`. `None` where the
/// throughput is not above 0, or where either number is none.
///
/// ```
/// # use tokgate_core::choice::cost_per_1k_tokens;
/// // 3.00 / 3600 s / 45.3 tok/s * 1000
/// assert_eq!(format!("{:.4}", cost_per_1k_tokens(45.3, 3.0).unwrap()), "0.0184");
/// assert_eq!(cost_per_1k_tokens(0.0, 3.0), None);
/// ```
#[must_use]
pub fn cost_per_1k_tokens(tok_s: f64, usd_per_hour: f64) -> Option<f64> {
    let is_sound =
        tok_s > 0.0 && tok_s.is_finite() && usd_per_hour >= 0.0 && usd_per_hour.is_finite();
    is_sound.then(|| usd_per_hour / 3600.0 / tok_s * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choice::fixture::{by_the_hour, row};

    #[test]
    fn what_a_thousand_tokens_cost_is_the_hour_by_the_tokens_that_it_gives() {
        // 3.00 / 3600 / 45.3 * 1000 = 0.018396; 1.04 / 3600 / 38.1 * 1000 = 0.0075824.
        assert!((cost_per_1k_tokens(45.3, 3.00).unwrap() - 0.018_396).abs() < 5e-7);
        assert!((cost_per_1k_tokens(38.1, 1.04).unwrap() - 0.007_582_4).abs() < 5e-8);
        for unfit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(cost_per_1k_tokens(unfit, 1.0), None);
        }
        assert_eq!(cost_per_1k_tokens(10.0, f64::NAN), None);
    }

    #[test]
    fn what_is_paid_by_the_token_has_a_cost_and_no_hour() {
        let rate = Rate::Tokens { prompt_usd_per_million: 1.0, output_usd_per_million: 4.0 };
        let price = Some(Price { rate, source: "test".to_owned() });
        let hosted =
            Measured { price, prompt_tokens: Some(300), output_tokens: Some(100), ..row("m", 1.0) };
        // (300 * 1 + 100 * 4) / 1e6 USD for 100 tokens: 7e-6 each, 0.007 a thousand.
        assert!((hosted.cost_per_1k().unwrap() - 0.007).abs() < 1e-12);
        assert_eq!((hosted.usd_per_hour(), hosted.efficiency()), (None, None));
        let uncounted = Measured { output_tokens: Some(0), ..hosted };
        assert_eq!(uncounted.cost_per_1k(), None);
    }

    #[test]
    fn hardware_is_called_by_the_nearest_name() {
        let bare = Measured { machine: "cpu-2c-x".to_owned(), ..row("m", 1.0) };
        let card = Measured { gpu: Some("NVIDIA L4".to_owned()), gpus: Some(2), ..bare.clone() };
        let rented = Measured { instance: Some("g6.xlarge".to_owned()), ..card.clone() };
        let named = [&bare, &card, &rented].map(|row| row.hardware().to_string());
        assert_eq!(named, ["cpu-2c-x", "NVIDIA L4 x2", "g6.xlarge"]);
        let both = Measured { vram_bytes: Some(24 << 30), ..card };
        assert_eq!(both.vram_of_all(), Some(48 << 30));
        assert_eq!(Measured { gpus: None, ..both }.vram_of_all(), None);
    }

    #[test]
    fn what_costs_nothing_has_no_efficiency() {
        let free = Measured { tok_s: Some(10.0), price: by_the_hour(0.0), ..row("m", 1.0) };
        assert_eq!((free.cost_per_1k(), free.efficiency()), (Some(0.0), None));
    }
}

//! What measuring a target costs, and so what its tokens do.

use crate::case::{DriverKind, Target};
use crate::hardware::{Catalogue, Listed};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Time, whatever is done with it: US dollars an hour.
    Hour(f64),
    /// Tokens.
    Tokens {
        /// A million tokens of prompts, US dollars.
        prompt_usd_per_million: f64,
        /// A million tokens of answers, US dollars.
        output_usd_per_million: f64,
    },
}

/// What a target costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// What is paid for.
    pub rate: Rate,
    /// Who says so: `--hourly-cost`, `runs_on`, or an entry of the catalogue and its date.
    pub source: String,
}

/// What prices are told by.
#[derive(Debug, Clone, PartialEq)]
pub struct Prices {
    /// What is known of hardware and prices.
    pub catalogue: Catalogue,
    /// What an hour of any target costs, as the user says; US dollars.
    pub hourly_usd: Option<f64>,
}

impl Default for Prices {
    fn default() -> Self {
        Self { catalogue: Catalogue::shipped(), hourly_usd: None }
    }
}

impl Prices {
    /// What a target costs: as the user says, else as its owner does, else as the catalogue has it
    /// for the instance, the hosted model or the GPU that is declared. A GPU that was merely found
    /// has no price: it may be bought, or not be what answers.
    #[must_use]
    pub fn of(&self, target: &Target) -> Option<Price> {
        let hour = |usd: f64, source: String| Price { rate: Rate::Hour(usd), source };
        if let Some(usd) = self.hourly_usd {
            return Some(hour(usd, "--hourly-cost".to_owned()));
        }
        let declared = target.runs_on.as_ref();
        if let Some(usd) = declared.and_then(|declared| declared.price_per_hour_usd) {
            return Some(hour(usd, "runs_on".to_owned()));
        }
        let instance = || {
            let name = declared?.instance.as_deref()?;
            let Listed { entry, as_of } = self.catalogue.instance(name)?;
            Some(hour(entry.price_per_hour_usd, format!("{name}, catalogue of {as_of}")))
        };
        let card = || {
            let (name, count) = (declared?.gpu.as_deref()?, declared?.gpus.unwrap_or(1));
            let Listed { entry, as_of } = self.catalogue.card(name)?;
            let usd = entry.price_per_hour_usd? * f64::from(count);
            Some(hour(usd, format!("{count} x {}, catalogue of {as_of}", entry.name)))
        };
        instance().or_else(|| self.hosted(target)).or_else(card)
    }

    /// The rate of a target that was measured: what was stored with it; where nothing was, what is known now.
    #[must_use]
    pub fn stored(&self, target: &Target) -> Option<Rate> {
        target.price.clone().or_else(|| self.of(target)).map(|price| price.rate)
    }

    fn hosted(&self, target: &Target) -> Option<Price> {
        let (host, name) = (host(target.base_url.as_deref()?)?, target.model.as_deref()?);
        let known = self.catalogue.hosted(host, name);
        let Listed { entry, as_of } = known.filter(|_| target.driver == DriverKind::Openai)?;
        let rate = Rate::Tokens {
            prompt_usd_per_million: entry.prompt_usd_per_million,
            output_usd_per_million: entry.output_usd_per_million,
        };
        Some(Price { rate, source: format!("{name} at {host}, catalogue of {as_of}") })
    }
}

/// The host of an address, without its port.
fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?']).next()?;
    let host = authority.rsplit('@').next()?;
    host.split(':').next().filter(|host| !host.is_empty())
}

impl Rate {
    /// US dollars for so many seconds, prompt tokens and output tokens.
    #[must_use]
    pub fn usd(self, seconds: f64, prompt_tokens: f64, output_tokens: f64) -> f64 {
        match self {
            Self::Hour(usd) => usd * seconds / 3600.0,
            Self::Tokens { prompt_usd_per_million, output_usd_per_million } => {
                let prompts = prompt_tokens * prompt_usd_per_million;
                (prompts + output_tokens * output_usd_per_million) / 1e6
            }
        }
    }
}

impl fmt::Display for Price {
    /// `3.00 USD/h (--hourly-cost)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rate {
            Rate::Hour(usd) => write!(f, "{usd:.2} USD/h")?,
            Rate::Tokens { prompt_usd_per_million: prompt, output_usd_per_million: output } => {
                write!(f, "{prompt} + {output} USD per million prompt + output tokens")?;
            }
        }
        write!(f, " ({})", self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::RunsOn;

    fn prices(hourly_usd: Option<f64>) -> Prices {
        Prices { hourly_usd, ..Prices::default() }
    }

    fn at(base_url: &str, model: &str, runs_on: Option<&RunsOn>) -> Target {
        Target {
            base_url: Some(base_url.to_owned()),
            model: Some(model.to_owned()),
            runs_on: runs_on.cloned(),
            ..Target::of(DriverKind::Openai)
        }
    }

    #[test]
    fn what_was_stored_with_a_target_is_what_it_cost() {
        let stored = prices(Some(2.5)).of(&at(HERE, "any", None));
        let target = Target { price: stored, ..at(HERE, "any", None) };
        assert_eq!(prices(None).stored(&target), Some(Rate::Hour(2.5)));
        let declared = RunsOn { price_per_hour_usd: Some(2.0), ..RunsOn::default() };
        let unpriced = at(HERE, "any", Some(&declared));
        assert_eq!(prices(None).stored(&unpriced), Some(Rate::Hour(2.0)));
    }

    const HERE: &str = "http://127.0.0.1:8000/v1";

    #[test]
    fn the_nearer_word_on_a_price_counts() {
        let all = RunsOn {
            instance: Some("g1-gpu-rtx6000-2".to_owned()),
            price_per_hour_usd: Some(2.0),
            ..RunsOn::default()
        };
        let named = RunsOn { price_per_hour_usd: None, ..all.clone() };
        let card = RunsOn { gpu: Some("H100 80GB".to_owned()), gpus: Some(2), ..RunsOn::default() };
        let rate = |prices: Prices, runs_on: &RunsOn| {
            prices.of(&at(HERE, "any", Some(runs_on))).map(|price| price.rate)
        };
        assert_eq!(rate(prices(Some(1.0)), &all), Some(Rate::Hour(1.0)));
        assert_eq!(rate(prices(None), &all), Some(Rate::Hour(2.0)));
        assert_eq!(rate(prices(None), &named), Some(Rate::Hour(3.0)));
        assert_eq!(rate(prices(None), &card), Some(Rate::Hour(2.0 * 2.99)));
        assert_eq!(rate(prices(None), &RunsOn::default()), None);
    }

    #[test]
    fn a_hosted_model_is_paid_by_the_token_and_only_at_its_host() {
        let price = |url| prices(None).of(&at(url, "gpt-4o-mini", None));
        let hosted = price("https://api.openai.com/v1").unwrap();
        assert!((hosted.rate.usd(99.0, 2e6, 1e6) - 0.90).abs() < 1e-12);
        assert_eq!(hosted.source, "gpt-4o-mini at api.openai.com, catalogue of 2025-06");
        assert_eq!(price("https://api.openai.com:443/v1"), Some(hosted));
        assert_eq!(price("https://api.openai.com.example/v1"), None);
        assert_eq!(price(HERE), None);
    }

    #[test]
    fn an_hour_costs_the_same_however_many_tokens_come_of_it() {
        assert_eq!(Rate::Hour(3.0).usd(1200.0, 1e9, 1e9), 1.0);
    }
}

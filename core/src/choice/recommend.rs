//! Which configurations to take, and why.
//!
//! Of the configurations that fit a wish, each has a score between 0 and 1:
//!
//! `score = 0.3 · confidence + 0.4 · value + 0.3 · preference`
//!
//! - *confidence*: 1/3 for one run, 2/3 for two, 1 for three and more;
//! - *value*: its efficiency (output tokens a second for each US dollar an hour) by the best one's; where
//!   one of those that fit has no efficiency, its output tokens a second by the fastest one's, for all;
//! - *preference*: with `x` the place of the model's parameters between the smallest (0) and the
//!   largest (1) of those that fit, by their logarithm: `1 - x` for the smallest, `x` for the largest,
//!   `1 - |2x - 1|` for balanced; 1 for all where all have one size, 0 where it is unknown.

use super::configuration::Configuration;
use super::fit::{Candidate, LeftOut, candidates};
use super::measured::Measured;
use super::reliance::{Confidence, Warning};
use super::size::of_model;
use super::wish::Wish;
use serde::Serialize;

/// How many are recommended.
const TOP: usize = 3;
/// What being relied on weighs.
const CONFIDENCE: f64 = 0.3;
/// What tokens for money weigh: most, since that is what is asked for, and less than both others
/// together, so that one lucky run of a model of the wrong size is not the first choice.
const VALUE: f64 = 0.4;
/// What the model's size weighs.
const PREFERENCE: f64 = 0.3;
/// Sizes nearer to each other than this are one size.
const SAME_SIZE: f64 = 1e-9;

/// What is recommended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommended {
    /// At most three, the best first.
    pub top: Vec<Recommendation>,
    /// How many configurations fit.
    pub fitting: u64,
    /// Those that do not, the nearest first.
    pub left_out: Vec<LeftOut>,
    /// Whether value is speed alone, since one of those that fit has no price by the hour.
    pub is_by_speed: bool,
}

/// A configuration that is recommended.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recommendation {
    /// What to take.
    pub configuration: Configuration,
    /// By which it is ranked.
    pub score: f64,
    /// What the score is made of.
    pub parts: Parts,
    /// Why, in words.
    pub why: Vec<String>,
    /// Why it should be relied on less.
    pub warnings: Vec<Warning>,
}

/// What a score is made of, each between 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Parts {
    /// By the number of runs.
    pub confidence: f64,
    /// Tokens for money.
    pub value: f64,
    /// The model's size, by what is preferred.
    pub preference: f64,
}

impl Parts {
    /// The weighted sum.
    #[must_use]
    pub fn score(self) -> f64 {
        CONFIDENCE * self.confidence + VALUE * self.value + PREFERENCE * self.preference
    }
}

/// The best three configurations for a wish. Time is microseconds since 1970.
///
/// One whose window of context is too small, or unknown, is never among them where a context is asked
/// for.
#[must_use]
pub fn recommend(rows: &[Measured], wish: &Wish, now_us: i64) -> Recommended {
    let (fitting, missing): (Vec<Candidate>, Vec<Candidate>) =
        candidates(rows, wish, now_us).into_iter().partition(|one| one.misses.is_empty());
    let fitting: Vec<Configuration> = fitting.into_iter().map(|one| one.configuration).collect();
    let scale = Scale::of(&fitting);
    let (count, is_by_speed) = (fitting.len() as u64, scale.is_by_speed);
    let mut ranked: Vec<Recommendation> =
        fitting.into_iter().map(|one| scale.recommendation(one, wish)).collect();
    ranked.sort_by(|a, b| {
        let name = |it: &Recommendation| {
            (it.configuration.model.clone(), it.configuration.hardware.clone())
        };
        let faster = || {
            b.configuration.tok_s.unwrap_or(0.0).total_cmp(&a.configuration.tok_s.unwrap_or(0.0))
        };
        b.score.total_cmp(&a.score).then_with(faster).then_with(|| name(a).cmp(&name(b)))
    });
    ranked.truncate(TOP);
    Recommended { top: ranked, fitting: count, left_out: nearest_first(missing), is_by_speed }
}

/// Those that miss the fewest wishes, and these by the least, first.
fn nearest_first(mut missing: Vec<Candidate>) -> Vec<LeftOut> {
    let distance = |one: &Candidate| one.misses.iter().map(|miss| miss.distance()).sum::<f64>();
    missing.sort_by(|a, b| {
        a.misses.len().cmp(&b.misses.len()).then_with(|| distance(a).total_cmp(&distance(b)))
    });
    missing.into_iter().map(Candidate::left_out).collect()
}

impl Recommended {
    /// What to do where nothing fits; empty where something does.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        match (self.top.is_empty(), self.left_out.first()) {
            (false, _) => Vec::new(),
            (true, None) => vec![
                "nothing is measured yet that says something about a model: `tokgate run` measures one, \
                 `tokgate status` says what is there"
                    .to_owned(),
            ],
            (true, Some(LeftOut { hardware, model, misses })) => {
                let why: Vec<String> = misses.iter().map(ToString::to_string).collect();
                let nearest = format!("nearest is {model} on {hardware}, but {}", why.join(", and "));
                std::iter::once(nearest).chain(misses.iter().map(|miss| miss.advice())).collect()
            }
        }
    }
}

/// What the parts of a score are measured by.
struct Scale {
    count: usize,
    is_by_speed: bool,
    best: f64,
    smallest: f64,
    largest: f64,
}

impl Scale {
    fn of(fitting: &[Configuration]) -> Self {
        let is_by_speed = fitting.iter().any(|one| one.efficiency.is_none());
        let values = fitting.iter().filter_map(|one| value(one, is_by_speed));
        let sizes: Vec<f64> = fitting.iter().filter_map(size).collect();
        Self {
            count: fitting.len(),
            is_by_speed,
            best: values.fold(0.0, f64::max),
            smallest: sizes.iter().copied().fold(f64::INFINITY, f64::min),
            largest: sizes.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn recommendation(&self, one: Configuration, wish: &Wish) -> Recommendation {
        let parts = self.parts(&one, wish);
        let (why, warnings) = (self.why(&one, wish, parts), one.warnings());
        Recommendation { configuration: one, score: parts.score(), parts, why, warnings }
    }

    fn parts(&self, one: &Configuration, wish: &Wish) -> Parts {
        let found = value(one, self.is_by_speed).unwrap_or(0.0);
        Parts {
            confidence: one.confidence.share(),
            value: if self.best > 0.0 { found / self.best } else { 0.0 },
            preference: self.preference(one, wish),
        }
    }

    fn preference(&self, one: &Configuration, wish: &Wish) -> f64 {
        let Some(size) = size(one) else { return wish.preference.share(None) };
        match self.largest - self.smallest {
            range if range < SAME_SIZE => 1.0,
            range => wish.preference.share(Some((size - self.smallest) / range)),
        }
    }

    fn why(&self, one: &Configuration, wish: &Wish, parts: Parts) -> Vec<String> {
        let tok_s = one.tok_s.unwrap_or(0.0);
        let value = match (self.is_by_speed, one.efficiency) {
            (false, Some(efficiency)) => format!(
                "{tok_s:.1} tok/s, {efficiency:.1} for each USD an hour: {:.0} % of the best of {}",
                100.0 * parts.value,
                self.count
            ),
            _ => format!(
                "{tok_s:.1} tok/s: {:.0} % of the fastest of {}",
                100.0 * parts.value,
                self.count
            ),
        };
        let relied = match one.confidence {
            Confidence::High => format!("relied on: {} runs", one.runs),
            Confidence::Medium => "relied on a little: 2 runs".to_owned(),
            Confidence::Low => "hardly relied on: 1 run".to_owned(),
        };
        let size = match size(one) {
            Some(_) => format!(
                "its size fits the preference `{}` by {:.0} %",
                wish.preference.as_str(),
                100.0 * parts.preference
            ),
            None => "nobody says how large the model is, so its size counts for nothing".to_owned(),
        };
        vec![value, relied, size]
    }
}

fn value(one: &Configuration, is_by_speed: bool) -> Option<f64> {
    if is_by_speed { one.tok_s } else { one.efficiency }
}

/// The logarithm of the number of a model's parameters.
fn size(one: &Configuration) -> Option<f64> {
    of_model(one.size_params.as_deref(), &one.model).map(f64::ln)
}

#[cfg(test)]
mod tests;

//! What the text of an answer is like, beside how fast it came: how much it repeats itself, how
//! probable its tokens were to the model, whether it is what was expected.

use crate::dataset::{Message, fnv1a};
use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Words of a run that counts as a repetition.
const RUN: usize = 4;
/// Largest compiled pattern, bytes: a hostile one must not take all memory.
const PATTERN_BYTES: usize = 1 << 20;

/// What is looked at in answers: the table `[quality]` of a scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Settings {
    /// Whether the target is asked for the probabilities of its tokens, for `coherence`; it may be slower with.
    pub logprobs: bool,
    /// Answers whose text is kept with the result, the first 2000 characters of each; 0 keeps none.
    #[schemars(range(min = 0, max = 1000))]
    pub sample_responses: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { logprobs: false, sample_responses: 5 }
    }
}

/// How an answer is held against the expected one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// It is the expected text, but for space around it.
    #[default]
    Exact,
    /// The expected text is in it, whatever the case of its letters.
    Contains,
    /// The expected text is a regular expression that is found in it.
    Regex,
}

/// The answers that are expected of a data set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expect {
    /// One for each prompt, in their order; empty where a file of prompts brings them.
    pub answers: Vec<String>,
    /// How they are compared.
    pub how: Match,
}

/// An expected answer, ready to be compared.
#[derive(Debug, Clone)]
pub enum Check {
    /// [`Match::Exact`]
    Exact(String),
    /// [`Match::Contains`], in lower case.
    Contains(String),
    /// [`Match::Regex`]
    Regex(Regex),
}

impl Check {
    /// Prepares an expected answer.
    ///
    /// # Errors
    /// When it should be a regular expression and is none, or too large a one.
    pub fn new(how: Match, expected: &str) -> Result<Self, String> {
        let pattern = || regex::RegexBuilder::new(expected).size_limit(PATTERN_BYTES).build();
        match how {
            Match::Exact => Ok(Self::Exact(expected.trim().to_owned())),
            Match::Contains => Ok(Self::Contains(expected.trim().to_lowercase())),
            Match::Regex => pattern().map(Self::Regex).map_err(|error| error.to_string()),
        }
    }

    /// Whether an answer is what was expected.
    #[must_use]
    pub fn passes(&self, answer: &str) -> bool {
        match self {
            Self::Exact(expected) => answer.trim() == expected,
            Self::Contains(expected) => answer.to_lowercase().contains(expected),
            Self::Regex(pattern) => pattern.is_match(answer),
        }
    }
}

/// The natural logarithms of the probabilities that a target gave its own tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Likelihood {
    /// Tokens that have one.
    pub tokens: u64,
    /// Their sum.
    pub sum: f64,
}

impl Likelihood {
    /// Takes in one more token.
    pub fn add(&mut self, logprob: f64) {
        self.tokens += 1;
        self.sum += logprob;
    }

    /// The geometric mean of the probabilities, 0 to 1: the inverse of the perplexity. `None`
    /// without tokens.
    #[must_use]
    pub fn mean_probability(&self) -> Option<f64> {
        let mean = self.sum / self.tokens as f64;
        // Rounding may leave a certain token above 1.
        (self.tokens > 0).then(|| mean.exp().min(1.0))
    }
}

/// What the text of one answer is like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Quality {
    /// Its characters.
    pub characters: u64,
    /// Its words: runs of anything but white space.
    pub words: u64,
    /// Share of its runs of four words that stood in it before (`rep-4` of Welleck et al., 2020);
    /// absent where it has fewer words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repetition: Option<f64>,
    /// Different words / words (`distinct-1` of Li et al., 2016); absent without words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_1: Option<f64>,
    /// Different pairs of words / pairs of words; absent below two words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distinct_2: Option<f64>,
    /// How probable its tokens were to the target, where it said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub likelihood: Option<Likelihood>,
    /// Whether it is what was expected, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correct: Option<bool>,
    /// Tells the prompt from others.
    pub prompt: u64,
    /// Tells the text from others.
    pub answer: u64,
}

impl Quality {
    /// What `answer` to `prompt` is like.
    #[must_use]
    pub fn of(prompt: &[Message], answer: &str) -> Self {
        let words: Vec<&str> = answer.split_whitespace().collect();
        Self {
            characters: answer.trim().chars().count() as u64,
            words: words.len() as u64,
            repetition: runs(&words, RUN).map(|(all, different)| (all - different) / all),
            distinct_1: runs(&words, 1).map(|(all, different)| different / all),
            distinct_2: runs(&words, 2).map(|(all, different)| different / all),
            likelihood: None,
            correct: None,
            prompt: digest_of(prompt),
            answer: digest(answer.as_bytes()),
        }
    }
}

/// How many runs of `n` words there are, and how many different ones; `None` where there is none.
fn runs(words: &[&str], n: usize) -> Option<(f64, f64)> {
    let runs = words.windows(n);
    let all = runs.len();
    let different = runs.collect::<HashSet<_>>().len();
    (all > 0).then_some((all as f64, different as f64))
}

/// As much of a hash as every reader of JSON keeps.
fn digest(bytes: &[u8]) -> u64 {
    fnv1a(bytes) >> 11
}

fn digest_of(prompt: &[Message]) -> u64 {
    let mut bytes = Vec::new();
    for message in prompt {
        // No text has these bytes, so that messages do not run into each other.
        bytes.extend([0xff, message.role as u8]);
        bytes.extend(message.content.as_bytes());
    }
    digest(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(answer: &str) -> Quality {
        Quality::of(&[Message::user("why?")], answer)
    }

    #[test]
    fn what_repeats_itself_has_few_distinct_runs() {
        // Five runs of four words, of which the last is the first again.
        let quality = of("the cat sat on the cat sat on");
        assert_eq!((quality.words, quality.repetition), (8, Some(0.2)));
        assert_eq!((quality.distinct_1, quality.distinct_2), (Some(0.5), Some(4.0 / 7.0)));
        assert_eq!(of("all words here differ").repetition, Some(0.0));
    }

    #[test]
    fn a_short_answer_says_only_what_it_can() {
        let quality = of(" yes\n");
        assert_eq!((quality.words, quality.repetition, quality.distinct_2), (1, None, None));
        assert_eq!((of("").words, of("").distinct_1), (0, None));
    }

    #[test]
    fn answers_and_prompts_are_told_apart() {
        assert_eq!(of("a b").answer, of("a b").answer);
        assert_ne!(of("a b").answer, of("a  b").answer);
        let prompt = |texts: &[&str]| {
            let messages: Vec<Message> = texts.iter().map(|text| Message::user(*text)).collect();
            Quality::of(&messages, "").prompt
        };
        assert_ne!(prompt(&["ab"]), prompt(&["a", "b"]));
        assert!(prompt(&["ab"]) < 1 << 53);
    }

    #[test]
    fn the_mean_probability_is_the_inverse_of_the_perplexity() {
        let mut likelihood = Likelihood::default();
        assert_eq!(likelihood.mean_probability(), None);
        [0.5f64, 0.125].iter().for_each(|probability| likelihood.add(probability.ln()));
        assert!((likelihood.mean_probability().unwrap() - 0.25).abs() < 1e-12);
    }

    #[test]
    fn an_answer_passes_as_it_is_to_be_compared() {
        let passes =
            |how, expected: &str, answer| Check::new(how, expected).unwrap().passes(answer);
        assert!(passes(Match::Exact, "4", " 4\n"));
        assert!(!passes(Match::Exact, "4", "It is 4."));
        assert!(passes(Match::Contains, "Paris", "it is PARIS."));
        assert!(passes(Match::Regex, r"\b4\b", "It is 4."));
        assert!(!passes(Match::Regex, r"\b4\b", "44"));
        assert!(Check::new(Match::Regex, "(").is_err());
        assert!(Check::new(Match::Regex, r"\w{1000}{1000}").is_err());
    }
}

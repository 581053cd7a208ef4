//! Vectors of texts, and OpenAI's way to say them.
//!
//! A text lies where its words do: each word has a direction of its own, drawn from the seed and
//! the model, and a text is the sum of them, of length 1. So equal texts have equal vectors, and
//! texts that share words lie near each other.

use super::fault::Framing;
use super::luck::mix;
use super::openai::{self, put};
use super::voice::{Ending, ErrorShape, Piece, Setting, Voice};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use tokgate_core::case::Encoding;
use tokgate_core::dataset::fnv1a;

/// The word of a text that has none.
const SILENCE: u64 = 1;

/// Where texts lie.
#[derive(Debug, Clone)]
pub(super) struct Space {
    seed: u64,
    dimensions: u32,
}

impl Space {
    /// The space of a model.
    pub(super) fn new(seed: u64, model: &str, dimensions: u32) -> Self {
        Self { seed: mix(seed ^ fnv1a(model.as_bytes())), dimensions }
    }

    /// The vector of a text with these words: finite, and of length 1.
    fn vector(&self, words: &[u64]) -> Vec<f32> {
        let words = if words.is_empty() { &[SILENCE] } else { words };
        let sum: Vec<f64> = (0..self.dimensions)
            .map(|component| words.iter().map(|word| self.direction(*word, component)).sum())
            .collect();
        let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
        // Draws that cancel out to nothing would take more luck than there is.
        sum.into_iter().map(|value| (value / length.max(f64::MIN_POSITIVE)) as f32).collect()
    }

    /// A component of a word's direction, from -1 to 1.
    fn direction(&self, word: u64, component: u32) -> f64 {
        let bits = mix(self.seed ^ mix(word.wrapping_add(1)) ^ mix(u64::from(component) << 32));
        (bits >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    }
}

/// The voice of `/v1/embeddings`. Nothing of it is streamed.
pub(super) struct Embeddings(pub(super) Setting);

impl Embeddings {
    fn vector(&self, words: &[u64], out: &mut Vec<u8>) {
        let vector = self.0.space.vector(words);
        match self.0.question.encoding {
            Encoding::Float => {
                let numbers: Vec<String> = vector.iter().map(f32::to_string).collect();
                put(out, format_args!("[{}]", numbers.join(",")));
            }
            Encoding::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
                put(out, format_args!("\"{}\"", STANDARD.encode(bytes)));
            }
        }
    }
}

impl Voice for Embeddings {
    fn framing(&self) -> Framing {
        Framing::Whole
    }

    fn opening(&self, _: &mut Vec<u8>) {}

    fn piece(&self, _: &Piece<'_>, _: &mut Vec<u8>) {}

    fn ending(&self, _: &Ending<'_>, _: &mut Vec<u8>) {}

    fn frame(&self, json: &str, out: &mut Vec<u8>) {
        put(out, format_args!("{json}"));
    }

    fn error(&self, shape: ErrorShape, message: &str) -> String {
        openai::error(shape, message, 500).to_string()
    }

    fn whole(&self, ending: &Ending<'_>) -> Vec<u8> {
        let mut out = br#"{"object":"list","data":["#.to_vec();
        for (index, words) in self.0.question.inputs.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            put(
                &mut out,
                format_args!(r#"{comma}{{"object":"embedding","index":{index},"embedding":"#),
            );
            self.vector(words, &mut out);
            out.push(b'}');
        }
        let usage = json!({ "prompt_tokens": ending.counted, "total_tokens": ending.counted });
        let usage = if self.0.says_usage { usage } else { json!(null) };
        put(&mut out, format_args!(r#"],"model":{},"usage":{usage}}}"#, self.0.identity.quoted()));
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(one: &[f32], other: &[f32]) -> f32 {
        one.iter().zip(other).map(|(a, b)| a * b).sum()
    }

    #[test]
    fn texts_that_share_words_lie_near_each_other() {
        let space = Space::new(1, "mock", 64);
        let of = |words: &[u64]| space.vector(words);
        let text = of(&[1, 2, 3, 4]);
        assert!((near(&text, &text) - 1.0).abs() < 1e-5, "of length 1");
        assert_eq!(text, of(&[1, 2, 3, 4]));
        let (shares, strange) = (near(&text, &of(&[1, 2, 3, 9])), near(&text, &of(&[5, 6, 7, 8])));
        assert!(shares > 0.5 && strange < 0.4, "{shares} {strange}");
    }

    #[test]
    fn another_model_or_seed_is_another_space() {
        let of = |seed, model| Space::new(seed, model, 8).vector(&[1]);
        assert_ne!(of(1, "mock"), of(2, "mock"));
        assert_ne!(of(1, "mock"), of(1, "mock-swapped"));
        assert!(Space::new(1, "mock", 8).vector(&[]).iter().any(|value| *value != 0.0));
    }
}

//! The engine's greedy next token at every position of some texts, for a comparison with another
//! engine. Which one, and what is made of the differences, does not live here: see
//! `tests/real/llamacpp_agreement.sh`.

use super::bpe::Bpe;
use super::gguf::Gguf;
use super::llama::{Llama, Source, Span};
use super::sampler::Sampler;
use candle_core::Device;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where the texts are read from, a JSON object a line; the answers go beside it, `.answers`.
const TEXTS: &str = "TOKGATE_AGREEMENT_TEXTS";
/// The model file.
const MODEL: &str = "TOKGATE_AGREEMENT_MODEL";

/// A text, and how much of an answer is added to it.
#[derive(Deserialize)]
struct Text {
    text: String,
    /// Whether the text is a message, to be wrapped in the model's template.
    chat: bool,
    /// Greedy tokens to add, so that the positions of an answer are compared, too.
    answer: usize,
}

/// The tokens of a text with its answer, and the greedy token after each of them.
#[derive(Serialize)]
struct Forced {
    tokens: Vec<u32>,
    next: Vec<u32>,
    /// How many of the tokens are the text's own.
    given: usize,
}

struct Teacher {
    bpe: Bpe,
    model: Llama,
}

impl Teacher {
    fn open(path: &Path) -> Self {
        let mut file = Gguf::open(path, &Device::Cpu).unwrap();
        let bpe = Bpe::from_gguf(file.content()).unwrap();
        let shape = file.shape().clone();
        let model = Llama::load(shape, &mut file as &mut dyn Source, Device::Cpu).unwrap();
        Self { bpe, model }
    }

    fn force(&self, text: &Text) -> Forced {
        let whole = if text.chat { self.bpe.as_chat(&text.text) } else { text.text.clone() };
        let mut tokens = self.bpe.encode(&whole).unwrap();
        let given = tokens.len();
        let mut cache = self.model.cache(given + text.answer).unwrap();
        let mut next: Vec<u32> = Vec::new();
        while next.len() < given + text.answer {
            tokens.extend(next.last().filter(|_| next.len() >= given));
            let mut spans = [Span { tokens: &tokens[next.len()..=next.len()], cache: &mut cache }];
            let logits = self.model.forward(&mut spans).unwrap();
            let logits: Vec<f32> = logits.squeeze(0).unwrap().to_vec1().unwrap();
            next.push(Sampler::new(0.0, 0).draw(&logits).unwrap());
        }
        Forced { tokens, next, given }
    }
}

#[test]
#[ignore = "needs a model file and another engine; tests/real/llamacpp_agreement.sh runs it"]
fn next_tokens_are_written_for_a_comparison() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (texts, model) = (variable(TEXTS), variable(MODEL));
    let teacher = Teacher::open(Path::new(&model));
    let forced =
        std::fs::read_to_string(&texts).unwrap().lines().fold(String::new(), |all, line| {
            let forced = teacher.force(&serde_json::from_str(line).unwrap());
            all + &serde_json::to_string(&forced).unwrap() + "\n"
        });
    assert!(!forced.is_empty(), "{texts} has no line");
    std::fs::write(format!("{texts}.answers"), forced).unwrap();
}

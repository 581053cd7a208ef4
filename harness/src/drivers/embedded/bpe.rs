//! The tokenizer and chat template of a GGUF file.
//!
//! Only byte-pair vocabularies of the GPT-2 family are read; the file's Jinja template is not run:
//! ChatML is recognised and written, every other model gets the prompt as it is.

use super::header::text;
use candle_core::quantized::gguf_file::Content;
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use tokenizers::Tokenizer;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;

/// A byte-pair tokenizer, and how it wraps a message.
pub(crate) struct Bpe {
    tokenizer: Tokenizer,
    chat: Option<ChatMl>,
    stops: Vec<u32>,
}

/// The ChatML template.
#[derive(Debug, Clone, PartialEq)]
struct ChatMl {
    /// The system message that the model's own template adds when there is none.
    system: Option<String>,
}

impl Bpe {
    /// Reads the vocabulary, the chat template and the end tokens of a file.
    ///
    /// # Errors
    /// When the vocabulary is missing, damaged or of another family.
    pub(crate) fn from_gguf(content: &Content) -> candle_core::Result<Self> {
        let mut tokenizer = Tokenizer::from_gguf(content)?;
        mend(&mut tokenizer, text(content, "tokenizer.ggml.pre").unwrap_or_default());
        let ends = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"];
        let stops = ends.iter().filter_map(|key| content.metadata.get(*key)?.to_u32().ok());
        Ok(Self {
            stops: stops.collect(),
            chat: text(content, "tokenizer.chat_template").and_then(ChatMl::of),
            tokenizer,
        })
    }

    /// The tokens of a text, special tokens recognised.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>, String> {
        let encoding = self.tokenizer.encode_fast(text, true).map_err(|error| error.to_string())?;
        Ok(encoding.get_ids().to_vec())
    }

    /// Tokens of a text, with none that a model would put around it.
    pub(crate) fn count(&self, text: &str) -> Option<u64> {
        self.tokenizer.encode_fast(text, false).ok().map(|encoding| encoding.len() as u64)
    }

    /// A user's message as the model was trained to see it.
    pub(crate) fn as_chat(&self, message: &str) -> String {
        self.chat.as_ref().map_or_else(|| message.to_owned(), |chat| chat.wrap(message))
    }

    /// The text of tokens, without special tokens; a character split over tokens comes out whole.
    pub(crate) fn decode(&self, tokens: &[u32]) -> Result<String, String> {
        self.tokenizer.decode(tokens, true).map_err(|error| error.to_string())
    }

    /// The tokens that end an answer.
    pub(crate) fn stops(&self) -> &[u32] {
        &self.stops
    }
}

/// candle reads vocabularies that it does not know by name as GPT-2's with a space before the first
/// word, which no such model was trained with, and does not split the digits of SmolLM's.
fn mend(tokenizer: &mut Tokenizer, pre: &str) {
    let bytes = ByteLevel::new(false, true, true);
    match pre {
        "qwen2" | "smaug-bpe" | "lfm2" | "llama3" => {}
        "smollm" => {
            let steps = vec![Digits::new(true).into(), bytes.into()];
            tokenizer.with_pre_tokenizer(Some(Sequence::new(steps)));
        }
        _ => {
            tokenizer.with_pre_tokenizer(Some(bytes));
        }
    }
}

impl ChatMl {
    /// Reads a Jinja template: ChatML has `<|im_start|>`.
    fn of(template: &str) -> Option<Self> {
        const BEGIN: &str = "<|im_start|>system";
        template.contains("<|im_start|>").then(|| Self {
            system: template.split(BEGIN).skip(1).find_map(literal).map(str::to_owned),
        })
    }

    fn wrap(&self, message: &str) -> String {
        let turn = |role: &str, text: &str| format!("<|im_start|>{role}\n{text}<|im_end|>\n");
        let system = self.system.as_deref().map(|text| turn("system", text)).unwrap_or_default();
        format!("{system}{}<|im_start|>assistant\n", turn("user", message))
    }
}

/// What stands up to `<|im_end|>`, if it is plain text and not an expression.
fn literal(after: &str) -> Option<&str> {
    let (text, _) = after.split_once("<|im_end|>")?;
    let text = text.strip_prefix('\n').or_else(|| text.strip_prefix("\\n"))?;
    (!text.contains(['\'', '"', '{', '}', '\\'])).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_system_message_is_taken_from_the_template() {
        let template = "{{ '<|im_start|>system\\n' + content }}{{ '<|im_start|>system\\nBe kind.<|im_end|>\\n' }}";
        assert_eq!(
            ChatMl::of(template).unwrap().wrap("hello"),
            "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n"
        );
    }

    #[test]
    fn a_template_without_a_default_adds_none() {
        let template = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>";
        assert_eq!(ChatMl::of(template), Some(ChatMl { system: None }));
        assert_eq!(ChatMl::of("[INST] {{ message }} [/INST]"), None);
    }
}

//! What a request asks for, read from its body.

use super::luck::mix;
use super::truth::Endpoint;
use serde_json::Value;
use tokgate_core::case::Encoding;

/// Tokens of an answer when the request names no number.
const USUAL_TOKENS: u32 = 128;
/// Most tokens of all answers of one request: a million is hours at any real pace.
const MOST_TOKENS: u64 = 1 << 20;

/// Most components of all vectors of one request.
const MOST_COMPONENTS: u64 = 1 << 24;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Question {
    /// Where.
    pub(super) endpoint: Endpoint,
    /// Which model is to answer; empty where none is named.
    pub(super) model: String,
    /// Whether the answer comes in pieces.
    pub(super) stream: bool,
    /// Whether a stream is to end with its usage.
    pub(super) wants_usage: bool,
    /// Whether each piece is to say the usage so far.
    pub(super) wants_continuous_usage: bool,
    /// Tokens of each answer.
    pub(super) max_tokens: u32,
    /// How many prompts, each of which gets an answer.
    pub(super) prompts: u32,
    /// Tokens of all prompts.
    pub(super) prompt_tokens: u64,
    /// A number that the same prompt has again.
    pub(super) fingerprint: u64,
    /// The texts to embed, each as its words, and each word as a number; none where nothing is to
    /// be embedded.
    pub(super) inputs: Vec<Vec<u64>>,
    /// How their vectors are to be written.
    pub(super) encoding: Encoding,
    /// Components that are asked for.
    pub(super) dimensions: Option<u32>,
}

/// The prompts as they are read: words are tokens here.
#[derive(Debug, Default)]
struct Reading {
    prompts: u32,
    tokens: u64,
    fingerprint: u64,
    /// Words of the prompt that is being read, where they are kept.
    words: Option<Vec<u64>>,
    inputs: Vec<Vec<u64>>,
}

impl Question {
    /// Whether the model is only to be loaded: that is what a question without a prompt means to
    /// Ollama.
    pub(super) fn only_loads(&self) -> bool {
        self.endpoint.is_ollama() && self.prompts == 0
    }

    /// # Errors
    /// What is wrong with the body, in words for whoever wrote it.
    pub(super) fn read(endpoint: Endpoint, body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the body is no JSON: {error}"))?;
        let body = body.as_object().ok_or("the body is no JSON object")?;
        let of = |name: &str| body.get(name).unwrap_or(&Value::Null);
        let asked = &of("stream_options");
        let question = Self {
            endpoint,
            model: of("model").as_str().unwrap_or_default().to_owned(),
            // Ollama streams unless it is told not to, OpenAI the other way round.
            stream: of("stream").as_bool().unwrap_or(endpoint.is_ollama())
                && endpoint != Endpoint::Embeddings,
            wants_usage: asked["include_usage"] == true,
            wants_continuous_usage: asked["continuous_usage_stats"] == true,
            max_tokens: max_tokens(endpoint, &of)?,
            prompts: 0,
            prompt_tokens: 0,
            fingerprint: 0,
            inputs: Vec::new(),
            encoding: encoding(of("encoding_format"))?,
            dimensions: dimensions(of("dimensions"))?,
        };
        question.with(Reading::of(endpoint, &of)?)
    }

    fn with(self, reading: Reading) -> Result<Self, String> {
        if u64::from(reading.prompts) * u64::from(self.max_tokens) > MOST_TOKENS {
            return Err(format!("more than {MOST_TOKENS} tokens are asked for; ask for fewer"));
        }
        let components = u64::from(self.dimensions.unwrap_or(1)) * reading.inputs.len() as u64;
        if components > MOST_COMPONENTS {
            return Err(format!(
                "more than {MOST_COMPONENTS} numbers are asked for; ask for fewer"
            ));
        }
        Ok(Self {
            prompts: reading.prompts,
            prompt_tokens: reading.tokens,
            fingerprint: reading.fingerprint,
            inputs: reading.inputs,
            ..self
        })
    }
}

/// The length asked for. Ollama's negative ones mean "no limit", which here is the usual.
fn max_tokens<'a>(endpoint: Endpoint, of: &impl Fn(&str) -> &'a Value) -> Result<u32, String> {
    if endpoint == Endpoint::Embeddings {
        return Ok(0);
    }
    let asked = match endpoint.is_ollama() {
        true => &of("options")["num_predict"],
        false if of("max_completion_tokens").is_null() => of("max_tokens"),
        false => of("max_completion_tokens"),
    };
    if asked.is_null() || (endpoint.is_ollama() && asked.as_i64().is_some_and(|it| it < 0)) {
        return Ok(USUAL_TOKENS);
    }
    let tokens = asked.as_u64().filter(|tokens| (1..=MOST_TOKENS).contains(tokens));
    tokens
        .and_then(|tokens| u32::try_from(tokens).ok())
        .ok_or_else(|| format!("the length is {asked}; ask for 1 to {MOST_TOKENS} tokens"))
}

fn encoding(asked: &Value) -> Result<Encoding, String> {
    match asked.as_str() {
        None if asked.is_null() => Ok(Encoding::Float),
        Some("float") => Ok(Encoding::Float),
        Some("base64") => Ok(Encoding::Base64),
        _ => Err(format!("`encoding_format` is {asked}; write \"float\" or \"base64\"")),
    }
}

fn dimensions(asked: &Value) -> Result<Option<u32>, String> {
    const MOST: u64 = 16_384;
    if asked.is_null() {
        return Ok(None);
    }
    let number = asked.as_u64().filter(|number| (1..=MOST).contains(number));
    let number = number.ok_or_else(|| format!("`dimensions` is {asked}; ask for 1 to {MOST}"))?;
    Ok(u32::try_from(number).ok())
}

impl Reading {
    fn of<'a>(endpoint: Endpoint, of: &impl Fn(&str) -> &'a Value) -> Result<Self, String> {
        let mut reading = Self::default();
        match endpoint {
            Endpoint::Chat | Endpoint::OllamaChat => {
                let messages = of("messages").as_array().ok_or("`messages` is no array")?;
                messages.iter().for_each(|message| reading.content(&message["content"]));
                reading.prompts = u32::from(!messages.is_empty() || !endpoint.is_ollama());
            }
            Endpoint::Completions => reading.prompt("prompt", of("prompt"))?,
            Endpoint::Embeddings => {
                reading.words = Some(Vec::new());
                reading.prompt("input", of("input"))?;
            }
            Endpoint::OllamaGenerate if of("prompt").as_str().is_none_or(str::is_empty) => {}
            Endpoint::OllamaGenerate => {
                reading.content(of("system"));
                reading.prompt("prompt", of("prompt"))?;
            }
        }
        Ok(reading)
    }

    /// A prompt as text or token ids, or several of them.
    fn prompt(&mut self, name: &str, prompt: &Value) -> Result<(), String> {
        match prompt {
            Value::String(text) => self.text(text),
            Value::Array(ids) if ids.first().is_some_and(Value::is_number) => self.ids(ids),
            Value::Array(prompts) if !prompts.is_empty() => {
                return prompts.iter().try_for_each(|prompt| self.prompt(name, prompt));
            }
            _ => {
                return Err(format!("`{name}` is neither text nor token ids nor an array of them"));
            }
        }
        self.prompts += 1;
        self.inputs.extend(self.words.as_mut().map(std::mem::take));
        Ok(())
    }

    /// The content of a message: text, or parts of which some are text.
    fn content(&mut self, content: &Value) {
        match content {
            Value::String(text) => self.text(text),
            Value::Array(parts) => {
                parts.iter().filter_map(|part| part["text"].as_str()).for_each(|it| self.text(it));
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        for word in text.split_whitespace() {
            self.tokens += 1;
            let sum = word.bytes().fold(0, |sum: u64, byte| sum.rotate_left(8) ^ u64::from(byte));
            self.fingerprint = mix(self.fingerprint ^ sum);
            if let Some(words) = &mut self.words {
                words.push(sum);
            }
        }
    }

    fn ids(&mut self, ids: &[Value]) {
        self.tokens += ids.len() as u64;
        let sums = ids.iter().map(|id| id.as_u64().unwrap_or_default());
        self.fingerprint = sums.clone().fold(self.fingerprint, |print, sum| mix(print ^ sum));
        if let Some(words) = &mut self.words {
            words.extend(sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(endpoint: Endpoint, body: &str) -> Result<Question, String> {
        Question::read(endpoint, body.as_bytes())
    }

    #[test]
    fn words_of_all_messages_are_prompt_tokens() {
        let body = r#"{"messages":[{"role":"system","content":"be brief"},
            {"role":"user","content":[{"type":"text","text":"a b  c"}]}],"max_tokens":5}"#;
        let question = read(Endpoint::Chat, body).unwrap();
        assert_eq!((question.prompt_tokens, question.prompts, question.max_tokens), (5, 1, 5));
        assert!(!question.stream);
    }

    #[test]
    fn prompts_come_as_text_as_ids_and_as_arrays_of_them() {
        for (prompt, prompts, tokens) in
            [(r#""a b""#, 1, 2), (r#"["a b","c"]"#, 2, 3), ("[1,2,3]", 1, 3), ("[[1,2],[3]]", 2, 3)]
        {
            let body = format!(r#"{{"prompt":{prompt}}}"#);
            let question = read(Endpoint::Completions, &body).unwrap();
            assert_eq!((question.prompts, question.prompt_tokens), (prompts, tokens), "{prompt}");
        }
    }

    #[test]
    fn ollama_streams_by_itself_and_has_its_length_among_the_options() {
        let body = r#"{"prompt":"a","options":{"num_predict":7}}"#;
        let question = read(Endpoint::OllamaGenerate, body).unwrap();
        assert!(question.stream);
        assert_eq!(question.max_tokens, 7);
        let endless = r#"{"prompt":"a","options":{"num_predict":-1}}"#;
        let question = read(Endpoint::OllamaGenerate, endless).unwrap();
        assert_eq!(question.max_tokens, USUAL_TOKENS);
    }

    #[test]
    fn texts_to_embed_are_kept_as_their_words() {
        let body = r#"{"input":["a b","a"],"encoding_format":"base64","stream":true}"#;
        let question = read(Endpoint::Embeddings, body).unwrap();
        let [both, one] = &question.inputs[..] else { panic!("{question:?}") };
        assert_eq!((both.len(), one[0] == both[0], question.prompt_tokens), (2, true, 3));
        assert_eq!((question.encoding, question.stream), (Encoding::Base64, false));
        for (body, said) in [
            (r#"{"prompt":"a"}"#, "`input`"),
            (r#"{"input":"a","encoding_format":"hex"}"#, "`encoding_format` is \"hex\""),
            (r#"{"input":"a","dimensions":0}"#, "`dimensions` is 0"),
        ] {
            let error = read(Endpoint::Embeddings, body).unwrap_err();
            assert!(error.contains(said), "{body}: {error}");
        }
    }

    #[test]
    fn what_cannot_be_answered_is_told() {
        for (body, said) in [
            ("{", "no JSON"),
            ("[]", "no JSON object"),
            (r#"{"prompt":{}}"#, "`prompt`"),
            (r#"{"prompt":"a","max_tokens":0}"#, "the length is 0"),
            (r#"{"prompt":["a","b"],"max_tokens":1000000}"#, "fewer"),
        ] {
            let error = read(Endpoint::Completions, body).unwrap_err();
            assert!(error.contains(said), "{body}: {error}");
        }
    }
}

//! What is measured, by the name that people call it: how it is spoken to and started is taken from the
//! scenario of that name that comes with tokgate.

use crate::project::Project;
use anyhow::{Context, Result};
use toml::{Table, Value};

/// A server or an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Engine {
    /// Any server that speaks OpenAI's API.
    Openai,
    /// Ollama, by its own protocol.
    Ollama,
    /// llama.cpp's llama-server.
    #[value(name = "llama-cpp", alias = "llama_cpp")]
    LlamaCpp,
    /// vLLM.
    Vllm,
    /// SGLang.
    Sglang,
    /// Text Generation Inference.
    Tgi,
    /// A model in tokgate's own process.
    Embedded,
}

/// What is known of an engine without asking the user.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Usual {
    /// How it is spoken to.
    pub(super) driver: String,
    /// The model that its scenario asks for.
    pub(super) model: Option<Value>,
    /// Further fields of a request.
    pub(super) body: Option<Value>,
    /// How it is started, and when it is ready.
    pub(super) launch: Option<Table>,
}

impl Engine {
    /// The shipped scenario that knows it; `None` where nothing has to be known.
    fn scenario(self) -> Option<&'static str> {
        match self {
            Self::Openai => Some("openai"),
            Self::Ollama => Some("ollama"),
            Self::LlamaCpp => Some("llama_cpp"),
            Self::Vllm => Some("vllm"),
            Self::Sglang => Some("sglang"),
            Self::Tgi => Some("tgi"),
            Self::Embedded => None,
        }
    }

    /// What is known of it.
    ///
    /// # Errors
    /// When the scenario that comes with tokgate is not as it should be.
    pub(super) fn usual(self) -> Result<Usual> {
        let Some(name) = self.scenario() else {
            return Ok(Usual { driver: "embedded".to_owned(), ..Usual::default() });
        };
        let source = Project { root: None }.scenario(name)?;
        let text = String::from_utf8(source.bytes).context("a shipped scenario is no text")?;
        let scenario: Table = text.parse().with_context(|| format!("the shipped {name}.toml"))?;
        let target = scenario.get("target").and_then(Value::as_table);
        let target = target.with_context(|| format!("the shipped {name}.toml has no target"))?;
        let driver = target.get("driver").and_then(Value::as_str).unwrap_or("openai");
        Ok(Usual {
            driver: driver.to_owned(),
            model: target.get("model").cloned(),
            body: target.get("body").cloned(),
            launch: target.get("launch").and_then(Value::as_table).cloned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_engine_is_known_and_those_with_a_program_of_their_own_can_be_started() {
        for engine in Engine::value_variants() {
            let usual = engine.usual().unwrap();
            let serves = !matches!(engine, Engine::Openai | Engine::Embedded);
            assert_eq!(usual.launch.is_some(), serves, "{engine:?}");
            assert!(!usual.driver.is_empty());
        }
        assert_eq!(Engine::Ollama.usual().unwrap().driver, "ollama");
        assert!(Engine::Vllm.usual().unwrap().body.is_some());
    }
}

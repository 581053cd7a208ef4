//! Who the server is: its engine, its version, and what it says of the model.

use super::models::{Listing, Model};
use super::vllm;
use crate::http::{Address, Named, fetch};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokgate_core::run::TargetIdentity;

/// The engines that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Vllm,
    LlamaCpp,
    Sglang,
    Tgi,
    /// Text Embeddings Inference.
    Tei,
    Ollama,
    /// Any other server that speaks the protocol.
    Openai,
}

/// Where an engine says its version.
struct VersionPage {
    path: &'static str,
    field: &'static str,
}

impl Platform {
    /// What the list of models gives away.
    fn of(model: &Model, server: &str) -> Self {
        match model.owned_by.as_deref() {
            Some("vllm") => Self::Vllm,
            Some("llamacpp") => Self::LlamaCpp,
            Some("sglang") => Self::Sglang,
            Some("library") => Self::Ollama,
            _ if server.starts_with("llama.cpp") => Self::LlamaCpp,
            _ => Self::Openai,
        }
    }

    /// The platform as ids of tests and rows write it.
    fn as_str(self) -> &'static str {
        match self {
            Self::Vllm => "vllm-serve",
            Self::LlamaCpp => "llama-cpp",
            Self::Sglang => "sglang",
            Self::Tgi => "tgi",
            Self::Tei => "tei",
            Self::Ollama => "ollama",
            Self::Openai => "openai",
        }
    }

    /// The engine's own name.
    fn engine(self) -> &'static str {
        match self {
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llama.cpp",
            Self::Sglang | Self::Tgi | Self::Tei | Self::Ollama | Self::Openai => self.as_str(),
        }
    }

    /// The page on which the engine says its version; of the servers that keep silent in their
    /// list, TGI and TEI may be asked for.
    fn version_page(self) -> VersionPage {
        match self {
            Self::Vllm => VersionPage { path: "/version", field: "version" },
            Self::LlamaCpp => VersionPage { path: "/props", field: "build_info" },
            Self::Sglang => VersionPage { path: "/get_server_info", field: "version" },
            Self::Ollama => VersionPage { path: "/api/version", field: "version" },
            Self::Tgi | Self::Tei | Self::Openai => VersionPage { path: "/info", field: "version" },
        }
    }

    /// The platform once its page is known: TGI signs it, TEI says what kind of model it has.
    fn with(self, page: &Value) -> Self {
        let router = page["router"].as_str().unwrap_or_default();
        if router.starts_with("text-generation-router") {
            Self::Tgi
        } else if page["model_type"]["embedding"].is_object() {
            Self::Tei
        } else {
            self
        }
    }
}

/// The identity of the server at `address`. What it does not say is absent.
pub(crate) async fn identify(
    address: &Address,
    listing: &Listing,
    model: &Model,
) -> TargetIdentity {
    let platform = Platform::of(model, &listing.server);
    let asked = platform.version_page();
    let page = page(asked.path, address).await.unwrap_or_default();
    let platform = platform.with(&page);
    let version = page[asked.field].as_str().filter(|_| platform != Platform::Openai);
    let meta = model.meta.clone().unwrap_or_default();
    let mut config = config(address, listing, model);
    if platform == Platform::Vllm {
        config.extend(vllm::settings(address).await);
    }
    TargetIdentity {
        platform: platform.as_str().to_owned(),
        model: address.quote(&model.id),
        engine: engine(platform.engine(), version.map(|it| address.quote(it)).as_deref()),
        size_params: meta.n_params.map(size_in_words),
        size_bytes: meta.size,
        quantization: meta.ftype.as_deref().map(|it| address.quote(it)),
        context_window: model.max_model_len.or(meta.n_ctx).or(meta.n_ctx_train),
        config,
    }
}

/// Whether the server closes a connection after each stream although it announces to keep it, as
/// llama.cpp does: the next request on it would be lost if it was sent before the end was noticed.
pub(crate) fn hangs_up_after_streams(listing: &Listing, model: &Model) -> bool {
    Platform::of(model, &listing.server) == Platform::LlamaCpp
}

/// `vllm 0.32.0`, or the name alone.
pub(crate) fn engine(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

/// The identity with what replies named.
pub(crate) fn with(mut identity: TargetIdentity, named: Named) -> TargetIdentity {
    // llama.cpp's fingerprint is its build; its page about it can be switched off.
    if identity.engine == "llama.cpp" {
        identity.engine = engine("llama.cpp", named.fingerprint.as_deref());
    }
    named.put_into(&mut identity);
    identity
}

/// A page of the server as JSON. It is a courtesy: any failure is silence.
async fn page(path: &str, address: &Address) -> Option<Value> {
    let fetched = fetch(address.get_at_root(path), address).await.ok()?;
    serde_json::from_str(&fetched.body).ok()
}

fn config(address: &Address, listing: &Listing, model: &Model) -> BTreeMap<String, Value> {
    let meta = model.meta.as_ref();
    let facts = [
        ("http", Some(json!(listing.transport)).filter(|it| it != "")),
        ("root", model.root.as_deref().map(|root| json!(address.quote(root)))),
        ("max_model_len", model.max_model_len.map(|it| json!(it))),
        ("n_ctx", meta.and_then(|meta| meta.n_ctx).map(|it| json!(it))),
        ("n_ctx_train", meta.and_then(|meta| meta.n_ctx_train).map(|it| json!(it))),
    ];
    facts.into_iter().filter_map(|(name, fact)| Some((name.to_owned(), fact?))).collect()
}

/// A number of parameters in the field's words: `135m`, `1.5b`, `70b`.
pub(crate) fn size_in_words(parameters: u64) -> String {
    let billions = parameters as f64 / 1e9;
    if billions < 0.9995 {
        format!("{:.0}m", billions * 1e3)
    } else if billions < 9.95 {
        format!("{billions:.1}").trim_end_matches(".0").to_owned() + "b"
    } else {
        format!("{billions:.0}b")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_people_write_them() {
        for (parameters, words) in [
            (134_515_008, "135m"),
            (999_900_000, "1b"),
            (1_543_714_304, "1.5b"),
            (8_030_261_248, "8b"),
            (70_553_706_496, "71b"),
        ] {
            assert_eq!(size_in_words(parameters), words);
        }
    }
}

//! One model in memory: its tokenizer, its engine, and what it says of itself.

use super::batch::MOST_RUNNING;
use super::bpe::Bpe;
use super::device;
use super::engine::Engine;
use super::gguf::Gguf;
use super::llama::{Llama, Source};
use super::shape::{SYNTHETIC, Shape, synthetic};
use super::synthetic::Seeded;
use super::tokenizer::Tokenizer;
use super::words::Words;
use crate::checksum::sha256;
use crate::clock::Clock;
use crate::driver::OpenError;
use candle_core::Device;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use tokgate_core::run::TargetIdentity;

/// Keys and values may take this part of the memory that is free after loading. The rest is for
/// activations, the harness, and whatever else runs.
const CACHE_SHARE: u64 = 2;

/// A model that answers.
pub(crate) struct Model {
    pub(crate) engine: Engine,
    pub(crate) tokenizer: Tokenizer,
    pub(crate) identity: TargetIdentity,
    /// Longest prompt and answer together, tokens.
    pub(crate) longest: usize,
    /// What loading took, seconds; of a file with its checks and its checksum.
    pub(crate) load_s: f64,
}

/// What differs by where the weights came from.
struct Origin {
    name: String,
    tokenizer: Tokenizer,
    size_bytes: u64,
    quantization: String,
    config: BTreeMap<String, Value>,
}

impl Model {
    /// Loads a synthetic model by its name, or else a GGUF file by its path.
    ///
    /// # Errors
    /// When there is no such model, or it cannot be used; the message says what to do.
    pub(crate) fn load(model: &str) -> Result<Self, OpenError> {
        let device = device::fastest();
        match synthetic(model) {
            Some(shape) => Self::seeded(model, shape, device),
            None if Path::new(model).extension().is_some_and(|kind| kind == "gguf") => {
                Self::from_file(Path::new(model), device)
            }
            None => Err(OpenError::Invalid(unknown(model))),
        }
    }

    fn seeded(name: &str, shape: Shape, device: Device) -> Result<Self, OpenError> {
        let origin = Origin {
            name: name.to_owned(),
            tokenizer: Tokenizer::Words(Words::new(shape.vocabulary)),
            size_bytes: shape.parameters() * size_of::<f32>() as u64,
            quantization: "f32".to_owned(),
            config: BTreeMap::from([("weights".to_owned(), json!("seeded"))]),
        };
        let clock = Clock::start();
        let llama = Llama::load(shape, &mut Seeded(device.clone()), device.clone());
        let llama = llama.map_err(|error| failed(name, &error))?;
        Self::started(llama, origin, &device, &clock)
    }

    fn from_file(path: &Path, device: Device) -> Result<Self, OpenError> {
        let clock = Clock::start();
        let mut file = Gguf::open(path, &device)?;
        let tokenizer = Bpe::from_gguf(file.content())
            .map_err(|error| file.refused(&format!("its tokenizer cannot be used: {error}")))?;
        let (stored, held) = file.formats();
        let checksum =
            File::open(path).and_then(sha256).map_err(|error| file.refused(&error.to_string()))?;
        let origin = Origin {
            name: path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            tokenizer: Tokenizer::Bpe(Box::new(tokenizer)),
            size_bytes: file.weight_bytes(),
            quantization: held.clone(),
            config: BTreeMap::from([
                ("weights".to_owned(), json!(stored)),
                ("weights_as".to_owned(), json!(held)),
                ("sha256".to_owned(), json!(checksum)),
            ]),
        };
        let shape = file.shape().clone();
        let llama = Llama::load(shape, &mut file as &mut dyn Source, device.clone())
            .map_err(|error| file.refused(&error.to_string()))?;
        Self::started(llama, origin, &device, &clock)
    }

    fn started(
        llama: Llama,
        origin: Origin,
        device: &Device,
        clock: &Clock,
    ) -> Result<Self, OpenError> {
        let shape = llama.shape().clone();
        let room = cache_room(&shape, device);
        let mut config = origin.config;
        config.extend(settings(&shape, device));
        let engine = Engine::start(llama, room).map_err(|error| failed(&origin.name, &error))?;
        Ok(Self {
            engine,
            tokenizer: origin.tokenizer,
            identity: TargetIdentity {
                platform: "embedded".to_owned(),
                model: origin.name,
                engine: device::engine(device),
                size_params: Some(shape.size_params()),
                size_bytes: Some(origin.size_bytes),
                quantization: Some(origin.quantization),
                context_window: Some(shape.context as u64),
                config,
            },
            longest: shape.context.min(room),
            load_s: clock.now().seconds(),
        })
    }
}

/// Tokens whose keys and values have room in memory. No limit where the memory is not known, as on
/// a GPU, which refuses an allocation without bringing the process down.
fn cache_room(shape: &Shape, device: &Device) -> usize {
    let available = device::available_memory().filter(|_| device.is_cpu());
    let room = available.map(|bytes| bytes / CACHE_SHARE / shape.cache_bytes_per_token());
    room.and_then(|room| usize::try_from(room).ok()).unwrap_or(usize::MAX)
}

/// The settings in force, by name.
fn settings(shape: &Shape, device: &Device) -> BTreeMap<String, Value> {
    let settings = json!({
        "device": device::name(device),
        "instructions": device::instructions(),
        "threads": candle_core::utils::get_num_threads(),
        "max_running": MOST_RUNNING,
        "parameters": shape.parameters(),
        "hidden": shape.hidden,
        "feed_forward": shape.feed_forward,
        "layers": shape.layers,
        "heads": shape.heads,
        "kv_heads": shape.kv_heads,
        "vocabulary": shape.vocabulary,
    });
    match settings {
        Value::Object(map) => map.into_iter().collect(),
        other => BTreeMap::from([("settings".to_owned(), other)]),
    }
}

fn failed(model: &str, error: &dyn std::fmt::Display) -> OpenError {
    OpenError::Unavailable(format!(
        "model {model} could not be loaded: {error}; free some memory or take a smaller model"
    ))
}

fn unknown(model: &str) -> String {
    format!(
        "target.model: there is no embedded model `{model}`; take one of {} or the path of a .gguf file",
        SYNTHETIC.join(", ")
    )
}

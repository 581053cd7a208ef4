//! GGUF files, whole and damaged: small ones written here, and SmolLM2 where it has been fetched.

use super::batch::{Ask, Batch, Job};
use super::bpe::Bpe;
use super::gguf::Gguf;
use super::header;
use super::llama::{Llama, Source};
use super::model::Model;
use super::reference::Reference;
use super::sampler::Sampler;
use super::shape::Shape;
use super::synthetic::values;
use crate::clock::Clock;
use crate::driver::OpenError;
use crate::recorder::Reply;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokio::sync::oneshot;

const SMOLLM2: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../models/SmolLM2-135M-Instruct.Q4_1.gguf");

fn tiny() -> Shape {
    Shape {
        hidden: 64,
        feed_forward: 96,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        vocabulary: 257,
        context: 64,
        rope_base: 10_000.0,
        epsilon: f64::from(1e-5f32),
        tied: true,
    }
}

/// The metadata of a tiny model with one token per byte and one that ends an answer.
fn metadata() -> Vec<(&'static str, Value)> {
    let mut bytes: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    bytes.sort_unstable();
    let tokens = bytes.into_iter().map(String::from).chain(["<|im_end|>".to_owned()]);
    let shape = tiny();
    let count = |number: usize| Value::U32(number as u32);
    vec![
        ("general.architecture", Value::String("llama".to_owned())),
        ("general.alignment", Value::U32(32)),
        ("llama.embedding_length", count(shape.hidden)),
        ("llama.feed_forward_length", count(shape.feed_forward)),
        ("llama.block_count", count(shape.layers)),
        ("llama.attention.head_count", count(shape.heads)),
        ("llama.attention.head_count_kv", count(shape.kv_heads)),
        ("llama.context_length", count(shape.context)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
        ("tokenizer.ggml.eos_token_id", Value::U32(256)),
        ("tokenizer.ggml.tokens", Value::Array(tokens.map(Value::String).collect())),
        ("tokenizer.ggml.merges", Value::Array(Vec::new())),
    ]
}

/// The tiny model as a file's bytes, matrices stored as `dtype`.
fn written(metadata: &[(&str, Value)], dtype: GgmlDType) -> Vec<u8> {
    let tensors: Vec<(String, QTensor)> = tiny()
        .tensors()
        .into_iter()
        .map(|(name, [rows, columns])| {
            let drawn =
                Tensor::from_vec(values(&name, [rows, columns]), (rows, columns), &Device::Cpu);
            let (drawn, dtype) = match rows {
                1 => (drawn.unwrap().squeeze(0).unwrap(), GgmlDType::F32),
                _ => (drawn.unwrap(), dtype),
            };
            (name, QTensor::quantize(&drawn, dtype).unwrap())
        })
        .collect();
    let metadata: Vec<_> = metadata.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<_> = tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect();
    let mut bytes = Cursor::new(Vec::new());
    gguf_file::write(&mut bytes, &metadata, &tensors).unwrap();
    bytes.into_inner()
}

/// A file that is removed at the end of its test.
struct Temporary(PathBuf);

impl Temporary {
    fn new(bytes: &[u8]) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name =
            format!("tokgate-{}-{}.gguf", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

fn opened(bytes: &[u8]) -> Result<Gguf, OpenError> {
    Gguf::open(&Temporary::new(bytes).0, &Device::Cpu)
}

fn refusal(metadata: &[(&str, Value)]) -> String {
    opened(&written(metadata, GgmlDType::F32)).err().unwrap().to_string()
}

fn greedy(mut file: Gguf, prompt: &[u32], max_tokens: usize) -> Vec<u32> {
    let shape = file.shape().clone();
    let model = Llama::load(shape, &mut file as &mut dyn Source, Device::Cpu).unwrap();
    let mut batch = Batch::new(model, 1024);
    let (done, end) = oneshot::channel();
    let ask = Ask {
        prompt: prompt.to_vec(),
        max_tokens,
        sampler: Sampler::new(0.0, 0),
        stops: Vec::new(),
        logprobs: false,
    };
    batch.enqueue(Job { ask, reply: Reply::new(Clock::start()), done });
    while !batch.is_idle() {
        batch.step();
    }
    end.blocking_recv().unwrap().unwrap().tokens
}

#[test]
fn a_file_answers_as_a_forward_pass_in_f64() {
    let file = opened(&written(&metadata(), GgmlDType::F32)).unwrap();
    assert_eq!(
        greedy(file, &[5, 9, 200, 41], 24),
        Reference::new(&tiny()).greedy(&[5, 9, 200, 41], 24)
    );
}

#[test]
fn scalar_formats_are_held_as_q8_0_and_others_as_they_are() {
    for (dtype, names) in [
        (GgmlDType::Q4_1, ("q4_1", "q8_0")),
        (GgmlDType::Q8_0, ("q8_0", "q8_0")),
        (GgmlDType::Q4_0, ("q4_0", "q4_0")),
        (GgmlDType::F16, ("f16", "f32")),
    ] {
        let file = opened(&written(&metadata(), dtype)).unwrap();
        assert_eq!(file.formats(), (names.0.to_owned(), names.1.to_owned()));
        assert_eq!(greedy(file, &[5, 9, 200, 41], 8).len(), 8);
    }
}

#[test]
fn a_loaded_file_says_what_it_is() {
    let file = Temporary::new(&written(&metadata(), GgmlDType::Q4_1));
    let identity = Model::load(&file.0.to_string_lossy()).unwrap().identity;
    assert_eq!(Some(identity.model.as_str()), file.0.file_stem().and_then(|stem| stem.to_str()));
    assert_eq!(identity.quantization.as_deref(), Some("q8_0"));
    assert_eq!(identity.context_window, Some(64));
    assert_eq!(identity.config["weights"], "q4_1");
    assert_eq!(identity.config["sha256"].as_str().map(str::len), Some(64));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let whole = written(&metadata(), GgmlDType::Q8_0);
    let last_byte = whole.len() - 32;
    for length in (0..last_byte).step_by(131).chain([last_byte]) {
        let error = opened(&whole[..length]).err();
        assert!(matches!(error, Some(OpenError::Invalid(_))), "cut at {length}: {error:?}");
    }
}

#[test]
fn wild_numbers_in_the_header_are_refused_or_harmless() {
    let whole = written(&metadata(), GgmlDType::Q8_0);
    let header = header::read(&mut whole.as_slice()).unwrap().tensor_data_offset as usize;
    let wild =
        [[0xff; 8], [0; 8], [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0x40]];
    for at in (4..header - 8).step_by(5) {
        for number in wild {
            let mut bytes = whole.clone();
            bytes[at..at + 8].copy_from_slice(&number);
            if let Ok(mut file) = opened(&bytes) {
                let shape = file.shape().clone();
                drop(Bpe::from_gguf(file.content()));
                drop(Llama::load(shape, &mut file as &mut dyn Source, Device::Cpu));
            }
        }
    }
}

#[test]
fn each_refusal_names_what_is_wrong() {
    let with = |key: &str, value: Value| {
        let mut changed = metadata();
        changed.retain(|(known, _)| *known != key);
        let key = Box::leak(key.to_owned().into_boxed_str());
        changed.push((key, value));
        refusal(&changed)
    };
    let says = |error: String, what: &str| assert!(error.contains(what), "{error}");
    says(
        with("general.architecture", Value::String("mamba".to_owned())),
        "architecture is `mamba`",
    );
    says(with("general.alignment", Value::U32(0)), "general.alignment = 0");
    says(with("llama.block_count", Value::U32(0)), "llama.block_count = U32(0)");
    says(with("llama.block_count", Value::U32(3)), "`blk.2.attn_k.weight` is missing");
    says(with("llama.block_count", Value::U32(1)), "has no place in a plain Llama model");
    says(with("llama.attention.head_count", Value::U32(7)), "64 wide, 7 heads");
    says(with("llama.feed_forward_length", Value::U32(97)), "where the header says");
    says(with("llama.rope.scaling.type", Value::String("yarn".to_owned())), "scaled by `yarn`");
    says(with("llama.rope.freq_base", Value::F32(f32::NAN)), "not a positive number");
    says(opened(b"PK\x03\x04 a zip archive").err().unwrap().to_string(), "not a GGUF file");
    says(
        Gguf::open(&std::env::temp_dir(), &Device::Cpu).err().unwrap().to_string(),
        "regular file",
    );
}

/// SmolLM2, if `scripts/fetch-smollm2.sh` was run; says so if not.
fn smollm2() -> Option<&'static Path> {
    let path = Path::new(SMOLLM2);
    if !path.exists() {
        eprintln!("skipped: {SMOLLM2} is missing; scripts/fetch-smollm2.sh fetches it");
    }
    path.exists().then_some(path)
}

#[test]
fn smollm2_reads_text_as_it_was_trained_to() {
    let Some(path) = smollm2() else { return };
    let file = Gguf::open(path, &Device::Cpu).unwrap();
    let bpe = Bpe::from_gguf(file.content()).unwrap();
    // The ids that llama.cpp's server gives; with a space before it, Hello would be 38699.
    assert_eq!(bpe.encode("Hello").unwrap(), [19556]);
    assert_eq!(bpe.encode("<|im_start|>Hello<|im_end|>").unwrap(), [1, 19556, 2]);
    assert_eq!(bpe.stops(), [2]);
    let probe = "Hello world 2026, é 你好 😀";
    assert_eq!(bpe.decode(&bpe.encode(probe).unwrap()).unwrap(), probe);
    let words = tokgate_core::words::WORDS;
    let prompt = format!(" {}", words.join(" "));
    assert_eq!(bpe.encode(&prompt).unwrap().len(), words.len());
}

#[tokio::test]
async fn smollm2_answers_in_english() {
    let Some(path) = smollm2() else { return };
    let model = Model::load(&path.to_string_lossy()).unwrap();
    let prompt = model.tokenizer.prompt("What is the capital of France?", true).unwrap();
    let stops = model.tokenizer.stops().to_vec();
    let ask = Ask { prompt, max_tokens: 32, sampler: Sampler::new(0.0, 0), stops, logprobs: false };
    let generated = model.engine.generate(ask, &Reply::new(Clock::start())).await.unwrap();
    let text = model.tokenizer.text(&generated.tokens).unwrap();
    eprintln!("{text}");
    assert!(text.contains("Paris"), "{text}");
}

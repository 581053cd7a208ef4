//! The header of a GGUF file, and the shape that it describes.

use super::shape::Shape;
use candle_core::quantized::gguf_file::{Content, Value};
use std::io::{Cursor, Read};

/// Longest header that is read: several times those of the largest vocabularies in use. candle
/// keeps each value of an array in 32 bytes, so this bounds what a hostile header can allocate.
const LONGEST: u64 = 32 << 20;

/// Largest number in a shape that is believed; products of two stay far inside 64 bits.
const LARGEST: u64 = 1 << 24;

/// Reads a header through candle, which checks every length against the bytes it is given.
///
/// # Errors
/// What is wrong with it, as a fragment about the file.
pub(crate) fn read(file: &mut impl Read) -> Result<Content, String> {
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if !bytes.starts_with(b"GGUF") {
        return Err("it is not a GGUF file, which would begin with `GGUF`".to_owned());
    }
    if is_aligned_to_nothing(&bytes) {
        return Err("its header says general.alignment = 0".to_owned());
    }
    Content::read(&mut Cursor::new(bytes))
        .map_err(|error| format!("its header is damaged: {error}"))
}

/// Whether the header has an alignment of 0, by which candle would divide.
fn is_aligned_to_nothing(header: &[u8]) -> bool {
    const KEY: &[u8] = b"general.alignment";
    memchr::memmem::find_iter(header, KEY).any(|at| {
        // After the key come four bytes of type, then the number, little end first.
        let kind = header.get(at + KEY.len()).copied();
        let value = header.get(at + KEY.len() + 4..).unwrap_or_default();
        let width = match kind {
            Some(0 | 1) => 1,
            Some(2 | 3) => 2,
            _ => 4,
        };
        value.get(..width).is_some_and(|number| number.iter().all(|&byte| byte == 0))
    })
}

/// The shape of the model.
///
/// # Errors
/// What is missing, contradictory or not supported, as a fragment about the file.
pub(crate) fn shape(content: &Content) -> Result<Shape, String> {
    check_architecture(content)?;
    let heads = required(content, "attention.head_count")?;
    let shape = Shape {
        hidden: required(content, "embedding_length")?,
        feed_forward: required(content, "feed_forward_length")?,
        layers: required(content, "block_count")?,
        heads,
        kv_heads: optional(content, "attention.head_count_kv")?.unwrap_or(heads),
        vocabulary: vocabulary(content)?,
        context: required(content, "context_length")?,
        rope_base: positive(content, "rope.freq_base")?.unwrap_or(10_000.0),
        epsilon: positive(content, "attention.layer_norm_rms_epsilon")?
            .ok_or("its header lacks llama.attention.layer_norm_rms_epsilon")?,
        tied: !content.tensor_infos.contains_key("output.weight"),
    };
    check_heads(content, &shape).map(|()| shape)
}

fn check_architecture(content: &Content) -> Result<(), String> {
    match text(content, "general.architecture") {
        Some("llama") => {}
        Some(other) => {
            return Err(format!("its architecture is `{other}`, and only `llama` is supported"));
        }
        None => return Err("its header names no architecture".to_owned()),
    }
    match text(content, "llama.rope.scaling.type") {
        None | Some("none") => Ok(()),
        Some(other) => {
            Err(format!("its positions are scaled by `{other}`, which is not supported"))
        }
    }
}

/// Heads of one even width, whole groups of them, and nothing that says otherwise.
fn check_heads(content: &Content, shape: &Shape) -> Result<(), String> {
    let divides = |part: usize, whole: usize| whole.is_multiple_of(part);
    if !divides(2 * shape.heads, shape.hidden) || !divides(shape.kv_heads, shape.heads) {
        let Shape { hidden, heads, kv_heads, .. } = shape;
        return Err(format!(
            "its header does not add up: {hidden} wide, {heads} heads, {kv_heads} key heads"
        ));
    }
    let widths = ["rope.dimension_count", "attention.key_length", "attention.value_length"];
    widths.into_iter().try_for_each(|key| match optional(content, key)? {
        Some(width) if width != shape.head_dim() => Err(format!(
            "its header says llama.{key} = {width} where heads are {} wide",
            shape.head_dim()
        )),
        _ => Ok(()),
    })
}

/// Rows of the embedding. There may be more of them than named tokens, never fewer.
fn vocabulary(content: &Content) -> Result<usize, String> {
    let embedding = content.tensor_infos.get("token_embd.weight");
    let rows = embedding.and_then(|info| info.shape.dims().first().copied());
    let rows = rows.ok_or("its tensor `token_embd.weight` is missing")?;
    let named = content.metadata.get("tokenizer.ggml.tokens").map(Value::to_vec);
    match named {
        Some(Ok(tokens)) if tokens.len() <= rows && rows as u64 <= LARGEST => Ok(rows),
        Some(Ok(tokens)) => Err(format!("it names {} tokens and embeds {rows}", tokens.len())),
        Some(Err(_)) | None => Err("its header has no tokenizer".to_owned()),
    }
}

fn required(content: &Content, key: &str) -> Result<usize, String> {
    optional(content, key)?.ok_or_else(|| format!("its header lacks llama.{key}"))
}

/// A whole number of the architecture; `None` where it is not said.
fn optional(content: &Content, key: &str) -> Result<Option<usize>, String> {
    let Some(value) = content.metadata.get(&format!("llama.{key}")) else {
        return Ok(None);
    };
    let number = value.to_u64().ok().or_else(|| u64::try_from(value.to_i32().ok()?).ok());
    match number.filter(|number| (1..=LARGEST).contains(number)) {
        Some(number) => Ok(Some(number as usize)),
        None => Err(format!(
            "its header says llama.{key} = {value:?}, not a number from 1 to {LARGEST}"
        )),
    }
}

/// A positive number of the architecture; `None` where it is not said.
fn positive(content: &Content, key: &str) -> Result<Option<f64>, String> {
    let Some(value) = content.metadata.get(&format!("llama.{key}")) else {
        return Ok(None);
    };
    match value.to_f32().ok().filter(|number| number.is_finite() && *number > 0.0) {
        Some(number) => Ok(Some(f64::from(number))),
        None => Err(format!("its header says llama.{key} = {value:?}, not a positive number")),
    }
}

/// A text of the header.
pub(crate) fn text<'a>(content: &'a Content, key: &str) -> Option<&'a str> {
    content.metadata.get(key)?.to_string().ok().map(String::as_str)
}

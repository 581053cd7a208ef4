//! The forward pass of a Llama-architecture transformer (RMS norm, rotary positions, grouped-query
//! attention, SwiGLU), with a position per sequence.
//!
//! One pass takes any number of sequences, each with any number of new tokens: a prompt is one
//! sequence with many, a decode step many sequences with one each. All rows go through each weight
//! matrix together; only attention is done sequence by sequence, since each has keys of its own.
//! When to run a pass and what to do with its logits does not live here.

use super::matrix::Matrix;
use super::shape::{Shape, in_block};
use candle_core::{DType, Device, Result, Tensor};
use candle_nn::ops::{rms_norm, softmax_last_dim};
use candle_nn::rotary_emb::rope_i;

/// Where weights come from, by their GGUF names.
pub(crate) trait Source {
    /// A matrix of `[rows, columns]`.
    fn matrix(&mut self, name: &str, size: [usize; 2]) -> Result<Matrix>;
    /// The gains of a norm.
    fn vector(&mut self, name: &str, length: usize) -> Result<Tensor>;
}

/// New tokens of one sequence, and what it has already seen.
pub(crate) struct Span<'a> {
    /// At least one token.
    pub(crate) tokens: &'a [u32],
    /// The keys and values of the tokens before; those of `tokens` are added.
    pub(crate) cache: &'a mut Cache,
}

/// The keys and values of one sequence, allocated once for its whole length. Dropping it frees
/// everything that the model holds for the sequence.
#[derive(Debug)]
pub(crate) struct Cache {
    layers: Vec<KeysValues>,
    length: usize,
}

#[derive(Debug)]
struct KeysValues {
    /// `[kv_heads, head_dim, tokens]`: products with few queries then need no repacked copy.
    keys: Tensor,
    /// `[kv_heads, tokens, head_dim]`.
    values: Tensor,
}

/// A model in memory.
pub(crate) struct Llama {
    shape: Shape,
    device: Device,
    embedding: Matrix,
    blocks: Vec<Block>,
    norm: Tensor,
    output: Matrix,
    /// Rotary frequencies, one per pair of a head's components.
    frequencies: Vec<f64>,
}

struct Block {
    attention_norm: Tensor,
    query: Matrix,
    key: Matrix,
    value: Matrix,
    attention_output: Matrix,
    feed_forward_norm: Tensor,
    gate: Matrix,
    up: Matrix,
    down: Matrix,
}

/// Cosines and sines of each row's rotary angles, `[rows, 1, head_dim / 2]`.
struct Angles {
    cos: Tensor,
    sin: Tensor,
}

/// What is the same for all blocks of one pass.
struct Pass {
    angles: Angles,
    /// Per span with more than one token, what each of its rows must not see: `[tokens, seen]`.
    masks: Vec<Option<Tensor>>,
    /// Number of each span's last row: the only rows whose logits are asked for.
    last_rows: Tensor,
}

impl Llama {
    /// Reads all weights of `shape` from `source` into the memory of `device`.
    ///
    /// # Errors
    /// When the source fails or the device is out of memory.
    pub(crate) fn load(shape: Shape, source: &mut dyn Source, device: Device) -> Result<Self> {
        let ends = [shape.vocabulary, shape.hidden];
        let embedding = source.matrix("token_embd.weight", ends)?;
        let output = match shape.tied {
            true => embedding.clone(),
            false => source.matrix("output.weight", ends)?,
        };
        let blocks = (0..shape.layers).map(|layer| Block::load(layer, &shape, source));
        Ok(Self {
            blocks: blocks.collect::<Result<_>>()?,
            norm: source.vector("output_norm.weight", shape.hidden)?,
            frequencies: frequencies(&shape),
            embedding,
            output,
            shape,
            device,
        })
    }

    /// The model's shape.
    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }

    /// Room for a sequence of `capacity` tokens.
    ///
    /// # Errors
    /// When the device is out of memory.
    pub(crate) fn cache(&self, capacity: usize) -> Result<Cache> {
        let (heads, width) = (self.shape.kv_heads, self.shape.head_dim());
        let zeros = |rows, columns| Tensor::zeros((heads, rows, columns), DType::F32, &self.device);
        let layers = (0..self.shape.layers)
            .map(|_| {
                Ok(KeysValues { keys: zeros(width, capacity)?, values: zeros(capacity, width)? })
            })
            .collect::<Result<_>>()?;
        Ok(Cache { layers, length: 0 })
    }

    /// The logits after the last token of each span, `[spans, vocabulary]`.
    ///
    /// # Errors
    /// When a token is not in the vocabulary, a cache is full, or the device fails.
    pub(crate) fn forward(&self, spans: &mut [Span<'_>]) -> Result<Tensor> {
        let pass = self.pass(spans)?;
        let tokens: Vec<u32> = spans.iter().flat_map(|span| span.tokens).copied().collect();
        let rows = tokens.len();
        let mut x = self.embedding.rows(&Tensor::from_vec(tokens, rows, &self.device)?)?;
        for (layer, block) in self.blocks.iter().enumerate() {
            let mixed = self.attend(layer, &x, spans, &pass)?;
            let is_last = layer + 1 == self.blocks.len();
            let narrowed = |rows: Tensor| match is_last {
                true => rows.index_select(&pass.last_rows, 0),
                false => Ok(rows),
            };
            x = (narrowed(x)? + block.attention_output.apply(&narrowed(mixed)?)?)?;
            x = (&x + block.feed_forward(&x, self.shape.epsilon as f32)?)?;
        }
        for span in spans {
            span.cache.length += span.tokens.len();
        }
        self.output.apply(&rms_norm(&x, &self.norm, self.shape.epsilon as f32)?)
    }

    fn pass(&self, spans: &[Span<'_>]) -> Result<Pass> {
        let positions: Vec<usize> = spans.iter().flat_map(Span::positions).collect();
        let ends = spans.iter().scan(0, |rows, span| {
            *rows += span.tokens.len() as u32;
            Some(*rows - 1)
        });
        let last_rows = Tensor::from_vec(ends.collect(), spans.len(), &self.device)?;
        let masks = spans.iter().map(|span| span.mask(&self.device)).collect::<Result<_>>()?;
        Ok(Pass { angles: self.angles(&positions)?, masks, last_rows })
    }

    /// Of position · frequency, in f64: f32 would blur late positions.
    fn angles(&self, positions: &[usize]) -> Result<Angles> {
        let size = (positions.len(), 1, self.frequencies.len());
        let table = |of: fn(f64) -> f64| {
            let row =
                |&position| self.frequencies.iter().map(move |f| of(position as f64 * f) as f32);
            Tensor::from_vec(positions.iter().flat_map(row).collect(), size, &self.device)
        };
        Ok(Angles { cos: table(f64::cos)?, sin: table(f64::sin)? })
    }

    /// Attention of all rows `[rows, hidden]` over the caches, before the output matrix.
    fn attend(
        &self,
        layer: usize,
        x: &Tensor,
        spans: &mut [Span<'_>],
        pass: &Pass,
    ) -> Result<Tensor> {
        let block = &self.blocks[layer];
        let x = rms_norm(x, &block.attention_norm, self.shape.epsilon as f32)?;
        let scale = 1.0 / (self.shape.head_dim() as f64).sqrt();
        let queries = (self.rotated(&block.query.apply(&x)?, &pass.angles)? * scale)?;
        let keys = self.rotated(&block.key.apply(&x)?, &pass.angles)?;
        let values = self.in_heads(&block.value.apply(&x)?)?;
        let mut row = 0;
        let mut mixed = Vec::with_capacity(spans.len());
        for (span, mask) in spans.iter_mut().zip(&pass.masks) {
            let count = span.tokens.len();
            let by_head = |rows: &Tensor| rows.narrow(0, row, count)?.transpose(0, 1)?.contiguous();
            let new = KeysValues {
                keys: keys.narrow(0, row, count)?.permute((1, 2, 0))?.contiguous()?,
                values: by_head(&values)?,
            };
            let seen = span.cache.extend(layer, &new)?;
            mixed.push(attention(&by_head(&queries)?, &seen, mask.as_ref())?);
            row += count;
        }
        Tensor::cat(&mixed, 0)
    }

    /// `[rows, heads × head_dim]` as `[rows, heads, head_dim]`.
    fn in_heads(&self, x: &Tensor) -> Result<Tensor> {
        x.reshape((x.dim(0)?, (), self.shape.head_dim()))
    }

    /// `[rows, heads × head_dim]`, turned by each row's angles, as `[rows, heads, head_dim]`.
    fn rotated(&self, x: &Tensor, angles: &Angles) -> Result<Tensor> {
        // To the kernel each row is a batch of its own with one position: the angles differ by row.
        let rows = x.reshape((x.dim(0)?, (), 1, self.shape.head_dim()))?;
        rope_i(&rows, &angles.cos, &angles.sin)?.squeeze(2)
    }
}

impl Block {
    fn load(layer: usize, shape: &Shape, source: &mut dyn Source) -> Result<Self> {
        let (hidden, wide, kv) = (shape.hidden, shape.feed_forward, shape.kv_width());
        let name = |part| in_block(layer, part);
        Ok(Self {
            attention_norm: source.vector(&name("attn_norm"), hidden)?,
            query: source.matrix(&name("attn_q"), [hidden, hidden])?,
            key: source.matrix(&name("attn_k"), [kv, hidden])?,
            value: source.matrix(&name("attn_v"), [kv, hidden])?,
            attention_output: source.matrix(&name("attn_output"), [hidden, hidden])?,
            feed_forward_norm: source.vector(&name("ffn_norm"), hidden)?,
            gate: source.matrix(&name("ffn_gate"), [wide, hidden])?,
            up: source.matrix(&name("ffn_up"), [wide, hidden])?,
            down: source.matrix(&name("ffn_down"), [hidden, wide])?,
        })
    }

    /// SwiGLU: `down(silu(gate x) ⊙ up x)` of the normalised rows (Shazeer, GLU variants improve
    /// transformer, 2020).
    fn feed_forward(&self, x: &Tensor, epsilon: f32) -> Result<Tensor> {
        let x = rms_norm(x, &self.feed_forward_norm, epsilon)?;
        self.down.apply(&(self.gate.apply(&x)?.silu()? * self.up.apply(&x)?)?)
    }
}

/// base^(−2i / head_dim) (Su et al., RoFormer, 2021).
fn frequencies(shape: &Shape) -> Vec<f64> {
    let half = shape.head_dim() / 2;
    (0..half).map(|i| shape.rope_base.powf(-(i as f64) / half as f64)).collect()
}

impl Span<'_> {
    fn positions(&self) -> std::ops::Range<usize> {
        self.cache.length..self.cache.length + self.tokens.len()
    }

    /// `-∞` where a key is later than the row. A single token sees all there is.
    fn mask(&self, device: &Device) -> Result<Option<Tensor>> {
        let (before, count) = (self.cache.length, self.tokens.len());
        if count == 1 {
            return Ok(None);
        }
        let seen = before + count;
        let hidden =
            |row: usize, key: usize| if key > before + row { f32::NEG_INFINITY } else { 0.0 };
        let mask = (0..count).flat_map(|row| (0..seen).map(move |key| hidden(row, key))).collect();
        Tensor::from_vec(mask, (count, seen), device).map(Some)
    }
}

impl Cache {
    /// Adds keys and values; all that are now there.
    fn extend(&self, layer: usize, new: &KeysValues) -> Result<KeysValues> {
        let held = &self.layers[layer];
        held.keys.slice_set(&new.keys, 2, self.length)?;
        held.values.slice_set(&new.values, 1, self.length)?;
        let seen = self.length + new.values.dim(1)?;
        Ok(KeysValues {
            keys: held.keys.narrow(2, 0, seen)?,
            values: held.values.narrow(1, 0, seen)?,
        })
    }
}

/// Scaled dot-product attention of one sequence: softmax(Q Kᵀ + mask) V, queries `[heads, tokens,
/// head_dim]` already scaled, to `[tokens, heads × head_dim]`. Query heads that share a key head
/// are rows of one product.
fn attention(queries: &Tensor, seen: &KeysValues, mask: Option<&Tensor>) -> Result<Tensor> {
    let (heads, tokens, width) = queries.dims3()?;
    let (kv_heads, _, length) = seen.keys.dims3()?;
    let grouped = queries.reshape((kv_heads, (), width))?;
    let scores = grouped.matmul(&seen.keys)?;
    let scores = match mask {
        Some(mask) => scores.reshape((heads, tokens, length))?.broadcast_add(mask)?,
        None => scores,
    };
    let weights = softmax_last_dim(&scores)?.reshape((kv_heads, (), length))?;
    let mixed = weights.matmul(&seen.values)?.reshape((heads, tokens, width))?;
    mixed.transpose(0, 1)?.contiguous()?.reshape((tokens, heads * width))
}

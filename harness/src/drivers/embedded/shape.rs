//! The shape of a Llama-architecture model, and the shapes that need no file.
//!
//! What the weights are does not live here: see `synthetic` and `gguf`.

/// Hyperparameters of a Llama-architecture model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shape {
    /// Width of the residual stream.
    pub(crate) hidden: usize,
    /// Width of the feed-forward network.
    pub(crate) feed_forward: usize,
    /// Transformer blocks.
    pub(crate) layers: usize,
    /// Query heads.
    pub(crate) heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub(crate) kv_heads: usize,
    /// Tokens known.
    pub(crate) vocabulary: usize,
    /// Longest prompt and answer together, tokens.
    pub(crate) context: usize,
    /// Base of the rotary position angles.
    pub(crate) rope_base: f64,
    /// Added to the mean square before its root in RMS norms.
    pub(crate) epsilon: f64,
    /// Whether the output matrix is the embedding itself.
    pub(crate) tied: bool,
}

impl Shape {
    /// Width of one head.
    pub(crate) fn head_dim(&self) -> usize {
        self.hidden / self.heads
    }

    /// Width of all keys (or values) of one token in one layer.
    pub(crate) fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim()
    }

    /// Every tensor of the model under its GGUF name, as `[rows, columns]`; a norm is one row.
    pub(crate) fn tensors(&self) -> Vec<(String, [usize; 2])> {
        let output =
            (!self.tied).then(|| ("output.weight".to_owned(), [self.vocabulary, self.hidden]));
        let mut all = vec![
            ("token_embd.weight".to_owned(), [self.vocabulary, self.hidden]),
            ("output_norm.weight".to_owned(), [1, self.hidden]),
        ];
        all.extend(output);
        all.extend((0..self.layers).flat_map(|layer| self.block(layer)));
        all
    }

    /// The tensors of one transformer block.
    fn block(&self, layer: usize) -> [(String, [usize; 2]); 9] {
        let (hidden, wide, kv) = (self.hidden, self.feed_forward, self.kv_width());
        [
            ("attn_norm", [1, hidden]),
            ("attn_q", [hidden, hidden]),
            ("attn_k", [kv, hidden]),
            ("attn_v", [kv, hidden]),
            ("attn_output", [hidden, hidden]),
            ("ffn_norm", [1, hidden]),
            ("ffn_gate", [wide, hidden]),
            ("ffn_up", [wide, hidden]),
            ("ffn_down", [hidden, wide]),
        ]
        .map(|(part, size)| (in_block(layer, part), size))
    }

    /// Weights in all.
    pub(crate) fn parameters(&self) -> u64 {
        self.tensors().iter().map(|(_, [rows, columns])| (rows * columns) as u64).sum()
    }

    /// Parameters in the field's words: `6.8m`, `135m`, `8b`; one decimal below ten.
    pub(crate) fn size_params(&self) -> String {
        let (value, unit) = match self.parameters() {
            count if count >= 1_000_000_000 => (count as f64 / 1e9, 'b'),
            count => (count as f64 / 1e6, 'm'),
        };
        let decimals = usize::from(value < 10.0);
        format!("{value:.decimals$}{unit}")
    }

    /// Bytes of keys and values that one token leaves behind, in f32.
    pub(crate) fn cache_bytes_per_token(&self) -> u64 {
        (2 * self.layers * self.kv_width() * size_of::<f32>()) as u64
    }
}

/// The GGUF name of a tensor of one block.
pub(crate) fn in_block(layer: usize, part: &str) -> String {
    format!("blk.{layer}.{part}.weight")
}

/// The synthetic models by name, smallest first.
pub(crate) const SYNTHETIC: [&str; 4] =
    ["synthetic-1.3m", "synthetic-6.8m", "synthetic-15m", "synthetic-28m"];

/// The model of a case that names none: about 27 MB, small enough for any machine to answer a
/// short scenario in seconds, large enough to be bound by memory like a real one.
pub(crate) const DEFAULT: &str = "synthetic-6.8m";

/// The shape of a synthetic model; heads are 64 wide, as in SmolLM2 and Llama 3.2 1B (32 in the
/// smallest).
pub(crate) fn synthetic(name: &str) -> Option<Shape> {
    let shape = |[hidden, feed_forward, layers, heads, kv_heads, vocabulary]: [usize; 6]| Shape {
        hidden,
        feed_forward,
        layers,
        heads,
        kv_heads,
        vocabulary,
        // Room for the longest prompts that come with tokgate: some 6 600 tokens of these
        // vocabularies, and an answer of 1000.
        context: 8192,
        rope_base: 10_000.0,
        epsilon: 1e-5,
        tied: true,
    };
    match name {
        "synthetic-1.3m" => Some(shape([128, 384, 6, 4, 2, 1024])),
        "synthetic-6.8m" => Some(shape([256, 768, 8, 4, 2, 2048])),
        "synthetic-15m" => Some(shape([384, 1024, 8, 6, 3, 4096])),
        "synthetic-28m" => Some(shape([512, 1408, 8, 8, 4, 8192])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_synthetic_name_says_its_size() {
        for name in SYNTHETIC {
            assert_eq!(format!("synthetic-{}", synthetic(name).unwrap().size_params()), name);
        }
    }

    #[test]
    fn the_default_is_a_synthetic_model() {
        assert_eq!(synthetic(DEFAULT).unwrap().parameters(), 6_820_096);
    }
}

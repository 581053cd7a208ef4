//! The same transformer once more, in plain loops over f64 and without candle: what the engine's
//! greedy answers are checked against.

use super::shape::{Shape, in_block};
use super::synthetic::values;

/// Weights in f64, and the keys and values of the tokens seen, per layer and position.
pub(crate) struct Reference {
    shape: Shape,
    embedding: Vec<f64>,
    norm: Vec<f64>,
    layers: Vec<Layer>,
}

struct Layer {
    attention_norm: Vec<f64>,
    query: Vec<f64>,
    key: Vec<f64>,
    value: Vec<f64>,
    output: Vec<f64>,
    feed_forward_norm: Vec<f64>,
    gate: Vec<f64>,
    up: Vec<f64>,
    down: Vec<f64>,
    keys: Vec<Vec<f64>>,
    values: Vec<Vec<f64>>,
}

impl Reference {
    /// The synthetic model of a shape, having seen nothing.
    pub(crate) fn new(shape: &Shape) -> Self {
        let sizes: std::collections::HashMap<_, _> = shape.tensors().into_iter().collect();
        let read = |name: &str| values(name, sizes[name]).into_iter().map(f64::from).collect();
        let layer = |layer: usize| Layer {
            attention_norm: read(&in_block(layer, "attn_norm")),
            query: read(&in_block(layer, "attn_q")),
            key: read(&in_block(layer, "attn_k")),
            value: read(&in_block(layer, "attn_v")),
            output: read(&in_block(layer, "attn_output")),
            feed_forward_norm: read(&in_block(layer, "ffn_norm")),
            gate: read(&in_block(layer, "ffn_gate")),
            up: read(&in_block(layer, "ffn_up")),
            down: read(&in_block(layer, "ffn_down")),
            keys: Vec::new(),
            values: Vec::new(),
        };
        Self {
            embedding: read("token_embd.weight"),
            norm: read("output_norm.weight"),
            layers: (0..shape.layers).map(layer).collect(),
            shape: shape.clone(),
        }
    }

    /// The greedy answer to a prompt: `count` tokens.
    pub(crate) fn greedy(mut self, prompt: &[u32], count: usize) -> Vec<u32> {
        let mut logits = Vec::new();
        for &token in prompt {
            logits = self.step(token);
        }
        let mut answer = Vec::new();
        while answer.len() < count {
            let best = (0..logits.len()).max_by(|&a, &b| logits[a].total_cmp(&logits[b]));
            answer.push(best.expect("a vocabulary has tokens") as u32);
            logits = self.step(answer[answer.len() - 1]);
        }
        answer
    }

    /// The logits after one more token.
    fn step(&mut self, token: u32) -> Vec<f64> {
        let width = self.shape.hidden;
        let start = token as usize * width;
        let mut x = self.embedding[start..start + width].to_vec();
        for layer in &mut self.layers {
            x = sum(&x, &layer.attention(&self.shape, &x));
            x = sum(&x, &layer.feed_forward(&self.shape, &x));
        }
        times(&self.embedding, &normalised(&x, &self.norm, self.shape.epsilon))
    }
}

impl Layer {
    fn attention(&mut self, shape: &Shape, x: &[f64]) -> Vec<f64> {
        let x = normalised(x, &self.attention_norm, shape.epsilon);
        let position = self.keys.len();
        let query = rotated(shape, &times(&self.query, &x), position);
        self.keys.push(rotated(shape, &times(&self.key, &x), position));
        self.values.push(times(&self.value, &x));
        let heads =
            (0..shape.heads).flat_map(|head| self.head(shape, &query, head)).collect::<Vec<_>>();
        times(&self.output, &heads)
    }

    fn head(&self, shape: &Shape, query: &[f64], head: usize) -> Vec<f64> {
        let width = shape.head_dim();
        let kv = head / (shape.heads / shape.kv_heads) * width;
        let query = &query[head * width..(head + 1) * width];
        let score = |key: &Vec<f64>| dot(query, &key[kv..kv + width]) / (width as f64).sqrt();
        let weights: Vec<f64> = self.keys.iter().map(|key| score(key).exp()).collect();
        let total: f64 = weights.iter().sum();
        let component = |i: usize| {
            let weighted = weights.iter().zip(&self.values).map(|(w, value)| w * value[kv + i]);
            weighted.sum::<f64>() / total
        };
        (0..width).map(component).collect()
    }

    fn feed_forward(&self, shape: &Shape, x: &[f64]) -> Vec<f64> {
        let x = normalised(x, &self.feed_forward_norm, shape.epsilon);
        let gate = times(&self.gate, &x);
        let up = times(&self.up, &x);
        let inner: Vec<f64> =
            gate.iter().zip(&up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
        times(&self.down, &inner)
    }
}

/// Each pair of components turned by position · base^(−2i / head_dim).
fn rotated(shape: &Shape, x: &[f64], position: usize) -> Vec<f64> {
    let width = shape.head_dim();
    let mut turned = x.to_vec();
    for (pair, two) in turned.chunks_mut(2).enumerate() {
        let i = pair % (width / 2);
        let angle = position as f64 / shape.rope_base.powf(2.0 * i as f64 / width as f64);
        let (a, b) = (two[0], two[1]);
        two[0] = a * angle.cos() - b * angle.sin();
        two[1] = a * angle.sin() + b * angle.cos();
    }
    turned
}

fn normalised(x: &[f64], gains: &[f64], epsilon: f64) -> Vec<f64> {
    let root = (dot(x, x) / x.len() as f64 + epsilon).sqrt();
    x.iter().zip(gains).map(|(x, gain)| x / root * gain).collect()
}

fn times(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks(x.len()).map(|row| dot(row, x)).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn sum(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

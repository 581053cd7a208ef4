//! Blocks of neighbouring requests, and how they are drawn.

use crate::dependence::autocorrelation_time;
use crate::student;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;

/// Requests of one epoch in their order, and how many neighbours are drawn together.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Blocks {
    /// Requests in all.
    pub requests: usize,
    length: usize,
}

impl Blocks {
    /// b = clamp(max(⌈n^⅓⌉, ⌈2τ⌉), 1, n / 10), with τ over one number a request.
    pub(crate) fn of(per_request: &[f64]) -> Self {
        let n = per_request.len();
        let tau = autocorrelation_time(per_request);
        let wanted = (n as f64).cbrt().ceil().max((2.0 * tau).ceil()) as usize;
        Self { requests: n, length: wanted.clamp(1, (n / 10).max(1)) }
    }

    /// Adds to `times` how often each request was drawn; the draws are `requests` in all.
    fn draw(self, rng: &mut ChaCha8Rng, times: &mut [u32]) {
        let mut left = self.requests;
        while left > 0 {
            let start = below(rng, self.requests);
            let taken = self.length.min(left);
            (start..start + taken).for_each(|at| times[at % self.requests] += 1);
            left -= taken;
        }
    }
}

/// A uniform number in 0 .. `end` (Lemire's multiplication; its bias is below end / 2^64).
pub(crate) fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    ((u128::from(rng.next_u64()) * end as u128) >> 64) as usize
}

/// How often each request was drawn, the epochs one after the other.
pub(crate) fn draw(epochs: &[Blocks], rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut times = vec![0; epochs.iter().map(|epoch| epoch.requests).sum()];
    let mut rest = times.as_mut_slice();
    for epoch in epochs {
        let (own, others) = rest.split_at_mut(epoch.requests);
        epoch.draw(rng, own);
        rest = others;
    }
    times
}

/// How much further than the resamples the truth may lie: t_.975(m − 1) / z_.975 · √(m / (m − 1))
/// for m blocks, which are what a run has of independent pieces. Without it intervals at 95 %
/// hold the truth in 91 % of independent runs of 30 requests, and in 81 % of runs of 100 at a
/// lag-1 correlation of 0.8; with it in 95 % and 87 %.
pub(crate) fn widening(epochs: &[Blocks]) -> f64 {
    let blocks: usize = epochs.iter().map(|epoch| epoch.requests.div_ceil(epoch.length)).sum();
    let df = (blocks as f64 - 1.0).max(1.0);
    let student = student::quantile(0.975, df) / student::quantile(0.975, f64::INFINITY);
    student * ((df + 1.0) / df).sqrt()
}

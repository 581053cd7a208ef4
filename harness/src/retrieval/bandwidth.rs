//! How fast this machine reads memory: what no scan of all vectors can beat.

use rayon::prelude::*;
use std::hint::black_box;
use std::time::Instant;

/// Bytes below which processors have them in their caches, and it is not memory that is read.
const LEAST: usize = 256 << 20;
/// Bytes read at most in one go: enough that the start of the threads does not count.
const MOST: usize = 1 << 30;
/// Best of so many: what else runs on the machine only ever makes it slower.
const ROUNDS: usize = 3;
/// Sums side by side: additions that wait for each other would be slower than memory.
const LANES: usize = 64;

/// Bytes a second that `threads` read of `values` together, at best; `None` where there are too few to
/// tell, or no more threads.
#[must_use]
pub fn read(values: &[f32], threads: usize) -> Option<f64> {
    let values = &values[..values.len().min(MOST / size_of::<f32>())];
    let bytes = size_of_val(values);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().ok()?;
    (bytes >= LEAST).then(|| {
        let seconds = (0..ROUNDS).map(|_| pool.install(|| read_once(values, threads)));
        bytes as f64 / seconds.fold(f64::INFINITY, f64::min)
    })
}

/// Seconds that it takes.
fn read_once(values: &[f32], threads: usize) -> f64 {
    let began = Instant::now();
    let sum: f32 = values.par_chunks(values.len().div_ceil(threads)).map(sum).sum();
    // A sum that nobody uses need not be made.
    black_box(sum);
    began.elapsed().as_secs_f64()
}

fn sum(values: &[f32]) -> f32 {
    let mut sums = [0.0f32; LANES];
    for lanes in values.chunks_exact(LANES) {
        sums.iter_mut().zip(lanes).for_each(|(sum, value)| *sum += value);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_has_a_rate_and_what_fits_into_caches_has_none() {
        let values = vec![1.0f32; LEAST / size_of::<f32>()];
        assert!(read(&values, 2).is_some_and(|rate| rate.is_finite() && rate > 0.0));
        assert_eq!(read(&values[1..], 1), None);
    }

    #[test]
    fn every_number_is_read() {
        assert_eq!(sum(&vec![1.0; 10 * LANES]), 640.0);
    }
}

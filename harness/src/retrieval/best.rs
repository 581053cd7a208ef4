//! A neighbour, and the best k of many.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// A row and how close it is.
#[derive(Debug, Clone, Copy)]
pub struct Neighbour {
    /// Row number in the corpus.
    pub id: u32,
    /// Inner product with the query: the cosine, for unit vectors.
    pub score: f32,
}

impl Ord for Neighbour {
    /// Better first: the higher score, and of equal scores the lower row, so that a result does
    /// not depend on the order in which rows were looked at.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Neighbour {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Neighbour {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Neighbour {}

/// The best `k` of all neighbours offered.
#[derive(Debug, Clone)]
pub struct Best {
    k: usize,
    /// Nothing below this can enter; cached so that the scan compares one number.
    floor: f32,
    /// The worst on top.
    heap: BinaryHeap<Neighbour>,
}

impl Best {
    /// Keeps the best `k`.
    #[must_use]
    pub fn new(k: usize) -> Self {
        Self { k, floor: f32::NEG_INFINITY, heap: BinaryHeap::with_capacity(k + 1) }
    }

    /// Considers a neighbour. Its score is not NaN.
    #[inline]
    pub fn offer(&mut self, neighbour: Neighbour) {
        if neighbour.score >= self.floor {
            self.insert(neighbour);
        }
    }

    /// The best of what two have kept.
    #[must_use]
    pub fn merged(mut self, other: Self) -> Self {
        other.heap.into_iter().for_each(|neighbour| self.offer(neighbour));
        self
    }

    /// What was kept, best first.
    #[must_use]
    pub fn into_sorted(self) -> Vec<Neighbour> {
        self.heap.into_sorted_vec()
    }

    #[cold]
    fn insert(&mut self, neighbour: Neighbour) {
        self.heap.push(neighbour);
        if self.heap.len() > self.k {
            self.heap.pop();
        }
        if self.heap.len() == self.k {
            self.floor = self.heap.peek().map_or(f32::INFINITY, |worst| worst.score);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_are_kept_and_of_equal_scores_the_lower_rows() {
        let mut best = Best::new(3);
        for (id, score) in [(5, 0.1), (4, 0.9), (3, 0.5), (2, 0.5), (1, 0.5), (0, -1.0)] {
            best.offer(Neighbour { id, score });
        }
        let ids: Vec<u32> = best.into_sorted().iter().map(|neighbour| neighbour.id).collect();
        assert_eq!(ids, [4, 1, 2]);
    }

    #[test]
    fn two_halves_merge_into_what_the_whole_would_have_kept() {
        let score = |id: u32| ((id * 37) % 11) as f32;
        let keep = |ids: std::ops::Range<u32>| {
            let mut best = Best::new(4);
            ids.for_each(|id| best.offer(Neighbour { id, score: score(id) }));
            best
        };
        let halves = keep(20..40).merged(keep(0..20));
        assert_eq!(halves.into_sorted(), keep(0..40).into_sorted());
    }
}

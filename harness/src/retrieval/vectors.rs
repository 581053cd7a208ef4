//! Rows of equal length, checked once where they come in, and their inner product.

use std::sync::Arc;

/// Components of every vector come in groups of this many: what the scan kernels need.
pub const GROUP: usize = 8;

/// What is wrong with one vector.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VectorFault {
    /// Not as long as the others.
    #[error("{got} components where {expected} are expected")]
    Length {
        /// Components of the corpus.
        expected: usize,
        /// Components of this vector.
        got: usize,
    },
    /// A component is NaN or infinite.
    #[error("component {component} is {value}; only finite numbers can be compared")]
    NotFinite {
        /// Which one.
        component: usize,
        /// What it is.
        value: f32,
    },
    /// All components are 0, so that it has no direction.
    #[error("it is the zero vector, which has no direction and so no neighbours")]
    Zero,
}

/// Why rows are refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum VectorsError {
    /// Not a positive multiple of [`GROUP`].
    #[error("{0} dimensions; take a positive multiple of {GROUP} (pad with zeros)")]
    Dimensions(usize),
    /// No row at all, or an incomplete last one.
    #[error("{values} numbers do not make one or more whole rows of {dimensions}")]
    Rows {
        /// Numbers given.
        values: usize,
        /// Components of a row.
        dimensions: usize,
    },
    /// One row is unusable.
    #[error("row {row}: {fault}")]
    Row {
        /// Which one, from 0.
        row: usize,
        /// What is wrong with it.
        fault: VectorFault,
    },
}

/// One or more rows of f32, all finite, none zero, of a length that is a multiple of [`GROUP`].
#[derive(Debug, Clone)]
pub struct Vectors {
    dimensions: usize,
    /// Shared with others, which may have more or fewer of them.
    store: Arc<Vec<f32>>,
    /// How many of the numbers are ours, from the first on.
    count: usize,
}

impl PartialEq for Vectors {
    fn eq(&self, other: &Self) -> bool {
        (self.dimensions, self.values()) == (other.dimensions, other.values())
    }
}

impl Vectors {
    /// Takes `values`, row after row.
    ///
    /// # Errors
    /// When a row is unusable; the message names it.
    pub fn new(dimensions: usize, values: Vec<f32>) -> Result<Self, VectorsError> {
        check_shape(dimensions, values.len())?;
        let vectors = Self::of(dimensions, values);
        for (row, vector) in vectors.rows().enumerate() {
            check(vector, dimensions).map_err(|fault| VectorsError::Row { row, fault })?;
        }
        Ok(vectors)
    }

    /// Takes rows that were made usable, without reading a gigabyte again.
    pub(super) fn checked(dimensions: usize, values: Vec<f32>) -> Self {
        debug_assert!(check_shape(dimensions, values.len()).is_ok());
        Self::of(dimensions, values)
    }

    fn of(dimensions: usize, values: Vec<f32>) -> Self {
        Self { dimensions, count: values.len(), store: Arc::new(values) }
    }

    /// The numbers of the rows beyond as many as the others are.
    pub(super) fn since(&self, others: &Self) -> &[f32] {
        &self.values()[others.count..]
    }

    /// The first `count` of these rows, at least one; nothing is copied.
    ///
    /// # Panics
    /// When there are not so many, or none is asked for.
    #[must_use]
    pub fn first(&self, count: usize) -> Self {
        assert!((1..=self.len()).contains(&count), "{count} of {} rows", self.len());
        Self { count: count * self.dimensions, ..self.clone() }
    }

    /// Components of a row.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Number of rows; never 0.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "there is always a row")]
    pub fn len(&self) -> usize {
        self.count / self.dimensions
    }

    /// All numbers, row after row.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.store[..self.count]
    }

    /// One row.
    ///
    /// # Panics
    /// When there is no such row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values()[row * self.dimensions..][..self.dimensions]
    }

    /// The rows in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values().chunks_exact(self.dimensions)
    }

    /// Bytes they occupy.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        size_of_val(self.values()) as u64
    }
}

/// Checks one vector that shall be compared with rows of `dimensions`.
///
/// # Errors
/// What is wrong with it.
pub fn check(vector: &[f32], dimensions: usize) -> Result<(), VectorFault> {
    if vector.len() != dimensions {
        return Err(VectorFault::Length { expected: dimensions, got: vector.len() });
    }
    if let Some(component) = vector.iter().position(|value| !value.is_finite()) {
        return Err(VectorFault::NotFinite { component, value: vector[component] });
    }
    match vector.iter().all(|value| *value == 0.0) {
        true => Err(VectorFault::Zero),
        false => Ok(()),
    }
}

fn check_shape(dimensions: usize, values: usize) -> Result<(), VectorsError> {
    if dimensions == 0 || !dimensions.is_multiple_of(GROUP) {
        return Err(VectorsError::Dimensions(dimensions));
    }
    match values > 0 && values.is_multiple_of(dimensions) {
        true => Ok(()),
        false => Err(VectorsError::Rows { values, dimensions }),
    }
}

/// Inner product of two vectors whose length is a multiple of [`GROUP`]: one running sum per
/// lane, then `((0+4)+(2+6)) + ((1+5)+(3+7))`. The order is fixed and nothing is fused, so the
/// result is the same on every machine.
#[must_use]
#[inline]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    debug_assert!(a.len() == b.len() && a.len().is_multiple_of(GROUP));
    let mut sum = [0f32; GROUP];
    for (a, b) in a.as_chunks::<GROUP>().0.iter().zip(b.as_chunks::<GROUP>().0) {
        for lane in 0..GROUP {
            sum[lane] += a[lane] * b[lane];
        }
    }
    ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unusable_rows_are_refused_by_name() {
        let refused = |values: Vec<f32>| Vectors::new(8, values).unwrap_err().to_string();
        let mut rows = vec![1.0; 16];
        rows[11] = f32::NAN;
        assert!(refused(rows.clone()).starts_with("row 1: component 3 is NaN"));
        rows[11] = f32::INFINITY;
        assert!(refused(rows).starts_with("row 1: component 3 is inf"));
        assert!(refused(vec![0.0; 8]).contains("zero vector"));
        assert!(refused(vec![1.0; 12]).contains("12 numbers"));
        assert!(refused(vec![]).contains("0 numbers"));
    }

    #[test]
    fn dimensions_are_a_positive_multiple_of_eight() {
        assert_eq!(Vectors::new(100, vec![1.0; 100]), Err(VectorsError::Dimensions(100)));
        assert_eq!(Vectors::new(0, vec![]), Err(VectorsError::Dimensions(0)));
    }

    #[test]
    fn the_inner_product_reads_every_component() {
        let a: Vec<f32> = (0..24).map(|i| i as f32).collect();
        let squares: f32 = (0..24).map(|i| (i * i) as f32).sum();
        assert_eq!(dot(&a, &a), squares);
    }
}

//! The inner loop of a scan of signs: for each row of a block, what its nibbles come to in a table.

/// Rows of a block.
pub(super) const BLOCK: usize = 32;
/// Bytes of a nibble of all rows of a block, and of a nibble's table.
const STEP: usize = BLOCK / 2;

/// The sum of each row of a block. `codes` has [`STEP`] bytes for each nibble: that of row `r` in
/// the lower half of byte `r`, that of row `r + 16` in the upper one. `tables` has as many: what
/// each of the 16 patterns adds.
///
/// # Panics
/// When they are not equally long, or the nibbles are no even number.
#[inline]
pub(super) fn sums(codes: &[u8], tables: &[u8]) -> [u32; BLOCK] {
    assert!(codes.len() == tables.len() && codes.len().is_multiple_of(2 * STEP));
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        // SAFETY: the one instruction set that the function asks for is there.
        #[allow(unsafe_code)]
        return unsafe { avx2::sums(codes, tables) };
    }
    portable(codes, tables)
}

/// Whether this machine has instructions for it.
#[cfg(target_arch = "x86_64")]
pub(super) fn is_fast() -> bool {
    is_x86_feature_detected!("avx2")
}

/// Whether this machine has instructions for it.
#[cfg(not(target_arch = "x86_64"))]
pub(super) fn is_fast() -> bool {
    false
}

fn portable(codes: &[u8], tables: &[u8]) -> [u32; BLOCK] {
    let mut sums = [0; BLOCK];
    for (codes, table) in codes.chunks_exact(STEP).zip(tables.chunks_exact(STEP)) {
        for (row, code) in codes.iter().enumerate() {
            sums[row] += u32::from(table[usize::from(code & 0x0f)]);
            sums[row + STEP] += u32::from(table[usize::from(code >> 4)]);
        }
    }
    sums
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, STEP};
    use std::arch::x86_64::{
        __m256i, _mm256_add_epi16, _mm256_and_si256, _mm256_set1_epi8, _mm256_setzero_si256,
        _mm256_shuffle_epi8, _mm256_slli_epi16, _mm256_srli_epi16, _mm256_sub_epi16,
    };

    /// Bytes whose sums fit into 16 bits: two nibbles at a time, each adding up to 255.
    const FITTING: usize = 256 * 2 * STEP;

    /// Two nibbles of all rows at a time.
    #[target_feature(enable = "avx2")]
    pub(super) fn sums(codes: &[u8], tables: &[u8]) -> [u32; BLOCK] {
        let mut sums = [0; BLOCK];
        for (codes, tables) in codes.chunks(FITTING).zip(tables.chunks(FITTING)) {
            let (mut low, mut high) = (Halves::zero(), Halves::zero());
            let nibble = _mm256_set1_epi8(0x0f);
            for (codes, tables) in codes.chunks_exact(2 * STEP).zip(tables.chunks_exact(2 * STEP)) {
                let (codes, tables) = (loaded(codes), loaded(tables));
                let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(codes), nibble);
                low.add(_mm256_shuffle_epi8(tables, _mm256_and_si256(codes, nibble)));
                high.add(_mm256_shuffle_epi8(tables, upper));
            }
            low.add_to(&mut sums[..STEP]);
            high.add_to(&mut sums[STEP..]);
        }
        sums
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn loaded(bytes: &[u8]) -> __m256i {
        bytemuck::pod_read_unaligned(bytes)
    }

    /// Sums of bytes in 16 bits: of all, which the odd bytes spill into, and of the odd ones.
    #[derive(Clone, Copy)]
    struct Halves {
        all: __m256i,
        odd: __m256i,
    }

    impl Halves {
        #[target_feature(enable = "avx2")]
        #[inline]
        fn zero() -> Self {
            Self { all: _mm256_setzero_si256(), odd: _mm256_setzero_si256() }
        }

        #[target_feature(enable = "avx2")]
        #[inline]
        fn add(&mut self, bytes: __m256i) {
            self.all = _mm256_add_epi16(self.all, bytes);
            self.odd = _mm256_add_epi16(self.odd, _mm256_srli_epi16::<8>(bytes));
        }

        /// Adds what the two nibbles came to, row by row.
        #[target_feature(enable = "avx2")]
        #[inline]
        fn add_to(self, sums: &mut [u32]) {
            let even = _mm256_sub_epi16(self.all, _mm256_slli_epi16::<8>(self.odd));
            let even: [u16; STEP] = bytemuck::cast(even);
            let odd: [u16; STEP] = bytemuck::cast(self.odd);
            for (pair, sums) in sums.chunks_exact_mut(2).enumerate() {
                let other = pair + STEP / 2;
                sums[0] += u32::from(even[pair]) + u32::from(even[other]);
                sums[1] += u32::from(odd[pair]) + u32::from(odd[other]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instructions_come_to_what_a_plain_loop_does() {
        for nibbles in [2, 32, 96, 514, 1030] {
            let bytes =
                |factor: usize| (0..nibbles * STEP).map(move |at| ((at * factor) >> 3) as u8);
            let (codes, tables): (Vec<u8>, Vec<u8>) = (bytes(37).collect(), bytes(101).collect());
            assert_eq!(sums(&codes, &tables), portable(&codes, &tables), "{nibbles} nibbles");
        }
    }

    #[test]
    fn the_largest_sums_of_the_longest_vectors_do_not_overflow() {
        let nibbles = 16_384 / 4;
        let bytes = vec![0xff; nibbles * STEP];
        assert_eq!(sums(&bytes, &bytes), [nibbles as u32 * 255; BLOCK]);
    }
}

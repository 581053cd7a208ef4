//! The two units that Linux counts in under `/proc`: pages, and ticks of CPU time.
//!
//! The kernel hands both to every program at its start (getauxval(3)), so that neither is guessed.

use std::path::Path;

/// Entries of the auxiliary vector (`elf.h`).
const AT_PAGESZ: usize = 6;
const AT_CLKTCK: usize = 17;

/// What one page and one tick are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Units {
    /// Bytes of a page.
    pub(super) page_bytes: u64,
    /// Ticks of a second.
    pub(super) ticks_s: u64,
}

impl Units {
    /// Those of this machine; `None` where it is no Linux.
    pub(super) fn read(proc: &Path) -> Option<Self> {
        Self::parse(&std::fs::read(proc.join("self/auxv")).ok()?)
    }

    fn parse(vector: &[u8]) -> Option<Self> {
        let words: Vec<usize> = vector
            .chunks_exact(size_of::<usize>())
            .filter_map(|word| Some(usize::from_ne_bytes(word.try_into().ok()?)))
            .collect();
        let entry = |wanted| {
            let found = words.chunks_exact(2).find(|entry| entry[0] == wanted)?[1];
            u64::try_from(found).ok().filter(|value| *value > 0)
        };
        Some(Self { page_bytes: entry(AT_PAGESZ)?, ticks_s: entry(AT_CLKTCK)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_and_ticks_are_what_the_kernel_says() {
        let words = [16, 7, AT_PAGESZ, 4096, AT_CLKTCK, 100, 0, 0];
        let vector: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        assert_eq!(Units::parse(&vector), Some(Units { page_bytes: 4096, ticks_s: 100 }));
        assert_eq!(Units::parse(&vector[..32]), None);
    }
}

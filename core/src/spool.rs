//! Lists that may be longer than memory holds: written once, and read as often as is needed, in the order in which
//! they were written or ascending.
//!
//! Formulas over all samples of an epoch are written against [`Spool`]; whoever has the samples says by a maker
//! ([`Spools`]) where they are kept. The one that lives here, [`Held`], keeps them in memory; what keeps them in
//! files does not, on purpose.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::convert::Infallible;

/// Makes spools.
pub trait Spools {
    /// Why one cannot be written or read.
    type Error;
    /// What it makes.
    type Of<const N: usize>: Spool<N, Error = Self::Error>;

    /// An empty list of entries of `N` numbers.
    ///
    /// # Errors
    /// When there is no room for one.
    fn spool<const N: usize>(&self) -> Result<Self::Of<N>, Self::Error>;
}

/// One such list. Entries are compared number by number.
pub trait Spool<const N: usize> {
    /// Why it cannot be written or read.
    type Error;

    /// Adds an entry.
    ///
    /// # Errors
    /// When there is no room for it.
    fn push(&mut self, entry: [u64; N]) -> Result<(), Self::Error>;

    /// How many entries there are.
    fn count(&self) -> u64;

    /// The entries in the order in which they came.
    ///
    /// # Errors
    /// When they cannot be read again.
    fn arrived(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<[u64; N], Self::Error>>, Self::Error>;

    /// The entries, the smallest first.
    ///
    /// # Errors
    /// When they cannot be sorted, or not be read again.
    fn ascending(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<[u64; N], Self::Error>>, Self::Error>;
}

/// Keeps lists in memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Held;

/// A list in memory.
#[derive(Debug, Clone, Default)]
pub struct HeldSpool<const N: usize> {
    arrived: Vec<[u64; N]>,
    ascending: Vec<[u64; N]>,
}

impl Spools for Held {
    type Error = Infallible;
    type Of<const N: usize> = HeldSpool<N>;

    fn spool<const N: usize>(&self) -> Result<HeldSpool<N>, Infallible> {
        Ok(HeldSpool { arrived: Vec::new(), ascending: Vec::new() })
    }
}

impl<const N: usize> Spool<N> for HeldSpool<N> {
    type Error = Infallible;

    fn push(&mut self, entry: [u64; N]) -> Result<(), Infallible> {
        self.arrived.push(entry);
        Ok(())
    }

    fn count(&self) -> u64 {
        self.arrived.len() as u64
    }

    fn arrived(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<[u64; N], Infallible>>, Infallible> {
        Ok(self.arrived.iter().copied().map(Ok))
    }

    fn ascending(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<[u64; N], Infallible>>, Infallible> {
        if self.ascending.len() != self.arrived.len() {
            self.ascending.clone_from(&self.arrived);
            self.ascending.sort_unstable();
        }
        Ok(self.ascending.iter().copied().map(Ok))
    }
}

/// What in memory cannot fail.
pub(crate) fn held<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// Ascending lists as one. After an error there is nothing more.
pub struct Merged<I, const N: usize> {
    lists: Vec<I>,
    heads: BinaryHeap<Reverse<([u64; N], usize)>>,
}

impl<I, E, const N: usize> Merged<I, N>
where
    I: Iterator<Item = Result<[u64; N], E>>,
{
    /// Of those lists.
    ///
    /// # Errors
    /// When one of them cannot be read.
    pub fn of(lists: Vec<I>) -> Result<Self, E> {
        let mut merged = Self { heads: BinaryHeap::with_capacity(lists.len()), lists };
        for list in 0..merged.lists.len() {
            merged.advance(list)?;
        }
        Ok(merged)
    }

    fn advance(&mut self, list: usize) -> Result<(), E> {
        if let Some(head) = self.lists[list].next() {
            self.heads.push(Reverse((head?, list)));
        }
        Ok(())
    }
}

impl<I, E, const N: usize> Iterator for Merged<I, N>
where
    I: Iterator<Item = Result<[u64; N], E>>,
{
    type Item = Result<[u64; N], E>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut head = self.heads.peek_mut()?;
        let Reverse((entry, list)) = *head;
        match self.lists[list].next() {
            // In its place: the heap puts it where it belongs when this is dropped.
            Some(Ok(next)) => *head = Reverse((next, list)),
            Some(Err(error)) => {
                drop(head);
                self.heads.clear();
                return Some(Err(error));
            }
            None => {
                std::collections::binary_heap::PeekMut::pop(head);
            }
        }
        Some(Ok(entry))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(entries: &[[u64; 2]]) -> HeldSpool<2> {
        let mut spool = held(Held.spool());
        entries.iter().for_each(|entry| held(spool.push(*entry)));
        spool
    }

    #[test]
    fn a_list_is_read_as_it_came_and_ascending_again_and_again() {
        let mut spool = pushed(&[[2, 0], [1, 9], [1, 2], [2, 0]]);
        for _ in 0..2 {
            let arrived: Vec<_> = held(held(spool.arrived()).collect());
            assert_eq!(arrived, [[2, 0], [1, 9], [1, 2], [2, 0]]);
            let ascending: Vec<_> = held(held(spool.ascending()).collect());
            assert_eq!(ascending, [[1, 2], [1, 9], [2, 0], [2, 0]]);
        }
        held(spool.push([0, 0]));
        assert_eq!((spool.count(), held(spool.ascending()).next()), (5, Some(Ok([0, 0]))));
    }

    #[test]
    fn ascending_lists_become_one_and_an_error_ends_it() {
        let lists = |broken: bool| {
            let end = broken.then_some(Err("torn"));
            let one: Vec<Result<[u64; 1], &str>> =
                [Ok([1]), Ok([4])].into_iter().chain(end).collect();
            let others = [vec![], vec![Ok([0]), Ok([4]), Ok([9])]];
            Merged::of([one].into_iter().chain(others).map(Vec::into_iter).collect()).unwrap()
        };
        let whole: Result<Vec<_>, _> = lists(false).collect();
        assert_eq!(whole, Ok(vec![[0], [1], [4], [4], [9]]));
        let torn: Vec<_> = lists(true).collect();
        assert_eq!(torn, [Ok([0]), Ok([1]), Err("torn")]);
    }
}

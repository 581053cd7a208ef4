//! One list: a file of its entries as they came, and one of them in sorted pieces.

use super::file::Unnamed;
use super::read::{NUMBER, Reader};
use super::{LARGEST, Sizes, SpoolError, share};
use std::path::{Path, PathBuf};
use tokgate_core::spool::{Merged, Spool};

/// A list of entries of `N` numbers. One that is as short as its buffer is in no file.
#[derive(Debug)]
pub struct FileSpool<const N: usize> {
    folder: PathBuf,
    sizes: Sizes,
    count: u64,
    /// What was not written yet.
    pending: Vec<u8>,
    arrived: Option<Unnamed>,
    sorted: Option<Sorted>,
}

/// Its entries in pieces, each ascending.
#[derive(Debug)]
struct Sorted {
    /// Absent where all of it was still in memory, and is one piece.
    file: Option<Unnamed>,
    /// Where each piece begins, and where the last one ends.
    edges: Vec<u64>,
    /// Of how many entries.
    of: u64,
}

impl<const N: usize> FileSpool<N> {
    pub(super) fn new(folder: &Path, sizes: Sizes) -> Self {
        let folder = folder.to_owned();
        Self { folder, sizes, count: 0, pending: Vec::new(), arrived: None, sorted: None }
    }

    fn flush(&mut self) -> Result<(), SpoolError> {
        let file = match self.arrived.take() {
            Some(file) => file,
            None => Unnamed::create(&self.folder)?,
        };
        self.arrived.insert(file).append(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    /// The entries as they came.
    fn all(&mut self) -> Result<Reader<'_, N>, SpoolError> {
        if self.arrived.is_some() && !self.pending.is_empty() {
            self.flush()?;
            // It is mostly whole by now, and there are as many lists as all epochs together have metrics.
            self.pending = Vec::new();
        }
        Ok(match &self.arrived {
            Some(file) => Reader::of(file, 0, file.written(), LARGEST),
            None => Reader::held(self.pending.clone()),
        })
    }

    /// Sorts what there is, piece by piece.
    fn sort(&mut self) -> Result<Sorted, SpoolError> {
        let (of, folder) = (self.count, self.folder.clone());
        if self.arrived.is_none() {
            return Ok(Sorted { file: None, edges: Vec::new(), of });
        }
        let at_once = (self.sizes.piece / (N * NUMBER)).max(1);
        let (mut file, mut edges) = (Unnamed::create(&folder)?, vec![0]);
        let mut all = self.all()?;
        let mut piece: Vec<[u64; N]> = Vec::new();
        loop {
            piece.clear();
            for entry in all.by_ref().take(at_once) {
                piece.push(entry?);
            }
            if piece.is_empty() {
                return Ok(Sorted { file: Some(file), edges, of });
            }
            piece.sort_unstable();
            for some in piece.chunks(LARGEST / (N * NUMBER)) {
                file.append(&encoded(some))?;
            }
            edges.push(file.written());
        }
    }

    /// The pieces of what was sorted.
    fn pieces(&self) -> Vec<Reader<'_, N>> {
        let Some(Sorted { file, edges, .. }) = &self.sorted else { return Vec::new() };
        let Some(file) = file else {
            let mut entries: Vec<[u64; N]> =
                Reader::held(self.pending.clone()).filter_map(Result::ok).collect();
            entries.sort_unstable();
            return vec![Reader::held(encoded(&entries))];
        };
        let most = share(edges.len().saturating_sub(1));
        let piece = |edges: &[u64]| Reader::of(file, edges[0], edges[1], most).ascending();
        edges.windows(2).map(piece).collect()
    }
}

impl<const N: usize> Spool<N> for FileSpool<N> {
    type Error = SpoolError;

    fn push(&mut self, entry: [u64; N]) -> Result<(), SpoolError> {
        if self.pending.len() >= self.sizes.buffer {
            self.flush()?;
        }
        self.pending.extend(entry.iter().flat_map(|number| number.to_le_bytes()));
        self.count += 1;
        Ok(())
    }

    fn count(&self) -> u64 {
        self.count
    }

    fn arrived(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<[u64; N], SpoolError>>, SpoolError> {
        self.all()
    }

    fn ascending(
        &mut self,
    ) -> Result<impl Iterator<Item = Result<[u64; N], SpoolError>>, SpoolError> {
        if self.sorted.as_ref().is_none_or(|sorted| sorted.of != self.count) {
            self.sorted = None;
            self.sorted = Some(self.sort()?);
        }
        Merged::of(self.pieces())
    }
}

fn encoded<const N: usize>(entries: &[[u64; N]]) -> Vec<u8> {
    entries.iter().flatten().flat_map(|number| number.to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::FileSpools;
    use proptest::prelude::*;
    use tokgate_core::spool::Spools;

    /// So small that a few entries are several pieces.
    const SMALL: Sizes = Sizes { buffer: 48, piece: 160 };

    fn spool<const N: usize>(folder: &Path, entries: &[[u64; N]]) -> FileSpool<N> {
        let mut spool = FileSpools::with(folder, SMALL).spool().unwrap();
        entries.iter().for_each(|entry| spool.push(*entry).unwrap());
        spool
    }

    fn many() -> Vec<[u64; 1]> {
        (0..500).map(|n| [n * 7919 % 500]).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_list_comes_back_as_it_came_and_ascending(
            entries in proptest::collection::vec((0u64..9, any::<u64>()), 0..300),
            more in proptest::collection::vec((any::<u64>(), 0u64..3), 0..9),
        ) {
            let pair = |(one, other): (u64, u64)| [one, other];
            let folder = tempfile::tempdir().unwrap();
            let mut expected: Vec<[u64; 2]> = entries.into_iter().map(pair).collect();
            let mut spool = spool(folder.path(), &expected);
            for entry in more.into_iter().map(pair) {
                let arrived: Vec<_> = spool.arrived().unwrap().map(Result::unwrap).collect();
                prop_assert_eq!(&arrived, &expected);
                let mut sorted = expected.clone();
                sorted.sort_unstable();
                let ascending: Vec<_> = spool.ascending().unwrap().map(Result::unwrap).collect();
                prop_assert_eq!(ascending, sorted);
                spool.push(entry).unwrap();
                expected.push(entry);
            }
            prop_assert_eq!(spool.count(), expected.len() as u64);
            prop_assert_eq!(folder.path().read_dir().unwrap().count(), 0);
        }
    }

    #[test]
    fn a_short_list_is_in_no_file() {
        let nowhere = Path::new("/nowhere/at/all");
        let mut spool = spool(nowhere, &[[3], [1], [2]]);
        let ascending: Vec<_> = spool.ascending().unwrap().map(Result::unwrap).collect();
        assert_eq!(ascending, [[1], [2], [3]]);
    }

    #[test]
    fn a_folder_that_takes_no_file_is_named() {
        let mut spool: FileSpool<1> =
            FileSpools::with(Path::new("/nowhere/at/all"), SMALL).spool().unwrap();
        let error = many().iter().find_map(|entry| spool.push(*entry).err()).unwrap();
        assert!(
            error.to_string().starts_with("cannot make a temporary file in /nowhere/at/all: "),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_was_cut_off_is_an_error_and_ends_the_list() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = spool(folder.path(), &many());
        assert!(spool.arrived().unwrap().all(|entry| entry.is_ok()));
        spool.arrived.as_ref().unwrap().cut(100);
        let last = spool.arrived().unwrap().last().unwrap();
        assert!(matches!(last, Err(SpoolError::Torn { .. })), "{last:?}");
        assert!(spool.ascending().is_err());
    }

    #[test]
    fn a_sorted_piece_that_was_changed_is_an_error_and_no_other_number() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = spool(folder.path(), &many());
        spool.ascending().unwrap().for_each(|entry| assert!(entry.is_ok()));
        let sorted = spool.sorted.as_ref().and_then(|sorted| sorted.file.as_ref()).unwrap();
        sorted.overwrite(80, &u64::MAX.to_le_bytes());
        let found: Result<Vec<_>, _> = spool.ascending().unwrap().collect();
        assert!(found.unwrap_err().to_string().contains("ascend"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_said_by_name() {
        use std::io::{Error, ErrorKind};
        let full = super::super::file::failed(
            "write",
            Path::new("/full"),
            Error::from(ErrorKind::StorageFull),
        );
        assert!(full.to_string().starts_with("no room is left in /full for samples"), "{full}");
    }
}

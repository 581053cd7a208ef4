//! Entries read one after the other from a stretch of a file, or from memory.

use super::SpoolError;
use super::file::Unnamed;

/// Bytes of a number.
pub(super) const NUMBER: usize = size_of::<u64>();

/// The entries of a stretch. After an error there is nothing more.
#[derive(Debug)]
pub(super) struct Reader<'a, const N: usize> {
    file: Option<&'a Unnamed>,
    at: u64,
    end: u64,
    /// Most bytes that are read at once: whole entries.
    most: usize,
    bytes: Vec<u8>,
    next: usize,
    /// The entry before, where each is to be no smaller than that one.
    last: Option<[u64; N]>,
}

impl<'a, const N: usize> Reader<'a, N> {
    /// Of the bytes from `at` to `end`, with about `most` of them in memory.
    pub(super) fn of(file: &'a Unnamed, at: u64, end: u64, most: usize) -> Self {
        let most = (most / (N * NUMBER)).max(1) * N * NUMBER;
        Self { file: Some(file), at, end, most, bytes: Vec::new(), next: 0, last: None }
    }

    /// Of what is in memory.
    pub(super) fn held(bytes: Vec<u8>) -> Self {
        Self { file: None, at: 0, end: 0, most: 0, bytes, next: 0, last: None }
    }

    /// Entries that ascend: a file that was changed meanwhile is an error and gives no other number.
    pub(super) fn ascending(self) -> Self {
        Self { last: Some([0; N]), ..self }
    }

    /// Reads on; `false` at the end.
    fn fill(&mut self) -> Result<bool, SpoolError> {
        let Some(file) = self.file else { return Ok(false) };
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        self.bytes.resize(left.min(self.most), 0);
        self.next = 0;
        if let Err(error) = file.read(self.at, &mut self.bytes) {
            self.stop();
            return Err(error);
        }
        self.at += self.bytes.len() as u64;
        Ok(!self.bytes.is_empty())
    }

    fn stop(&mut self) {
        (self.at, self.next, self.bytes) = (self.end, 0, Vec::new());
    }

    /// Whether an entry may follow the one before.
    fn follows(&mut self, entry: [u64; N]) -> bool {
        let follows = self.last.is_none_or(|last| last <= entry);
        self.last = self.last.map(|_| entry);
        follows
    }
}

impl<const N: usize> Iterator for Reader<'_, N> {
    type Item = Result<[u64; N], SpoolError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next == self.bytes.len() {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        let bytes = self.bytes.get(self.next..self.next + N * NUMBER)?;
        self.next += N * NUMBER;
        let mut entry = [0; N];
        for (number, bytes) in entry.iter_mut().zip(bytes.as_chunks::<NUMBER>().0) {
            *number = u64::from_le_bytes(*bytes);
        }
        match (self.follows(entry), self.file) {
            (false, Some(file)) => {
                self.stop();
                Some(Err(file.torn("its entries do not ascend".to_owned())))
            }
            (true, _) | (false, None) => Some(Ok(entry)),
        }
    }
}

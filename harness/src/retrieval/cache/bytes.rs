//! Numbers as bytes, lowest first, and back: nothing is read beyond the end, and no room is taken
//! for what is not there.

use super::Unfit;
use std::io::{self, Write};

/// Numbers turned into bytes at a time.
const AT_ONCE: usize = 1 << 14;

/// Bytes that are read from the first on.
pub(in super::super) struct Bytes<'a> {
    rest: &'a [u8],
}

impl<'a> Bytes<'a> {
    /// All of these.
    pub(in super::super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// A number of things, not more than `most`.
    pub(in super::super) fn count(&mut self, most: usize) -> Result<usize, Unfit> {
        let [count] = *self.words::<8>(1)? else { return Err(ended()) };
        let count = u64::from_le_bytes(count);
        match usize::try_from(count) {
            Ok(count) if count <= most => Ok(count),
            Ok(_) | Err(_) => Err(Unfit(format!("it names {count} of what {most} are possible"))),
        }
    }

    /// So many offsets or the like.
    pub(in super::super) fn u64s(&mut self, count: usize) -> Result<Vec<u64>, Unfit> {
        Ok(self.words(count)?.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    /// So many bytes as they are.
    #[cfg(feature = "hnsw")]
    pub(in super::super) fn raw(&mut self, count: usize) -> Result<&'a [u8], Unfit> {
        self.words::<1>(count).map(<[_]>::as_flattened)
    }

    /// Some counts of 32 bits.
    #[cfg(feature = "hnsw")]
    pub(in super::super) fn u32s<const COUNT: usize>(&mut self) -> Result<[u32; COUNT], Unfit> {
        let words = self.words::<4>(COUNT)?;
        Ok(std::array::from_fn(|place| u32::from_le_bytes(words[place])))
    }

    /// So many row numbers, each below `rows`.
    pub(in super::super) fn rows(&mut self, count: usize, rows: usize) -> Result<Vec<u32>, Unfit> {
        let ids: Vec<u32> =
            self.words(count)?.iter().map(|word| u32::from_le_bytes(*word)).collect();
        match ids.iter().find(|id| **id as usize >= rows) {
            Some(id) => Err(Unfit(format!("it names row {id} of {rows}"))),
            None => Ok(ids),
        }
    }

    /// So many finite numbers.
    pub(in super::super) fn f32s(&mut self, count: usize) -> Result<Vec<f32>, Unfit> {
        let values: Vec<f32> =
            self.words(count)?.iter().map(|word| f32::from_le_bytes(*word)).collect();
        match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(Unfit(format!("it has the number {value}"))),
            None => Ok(values),
        }
    }

    /// So many codes.
    pub(in super::super) fn i8s(&mut self, count: usize) -> Result<Vec<i8>, Unfit> {
        Ok(self.words::<1>(count)?.iter().map(|[byte]| i8::from_le_bytes([*byte])).collect())
    }

    /// Checks that nothing is left.
    pub(in super::super) fn end(self) -> Result<(), Unfit> {
        match self.rest.len() {
            0 => Ok(()),
            left => Err(Unfit(format!("{left} bytes follow its end"))),
        }
    }

    fn words<const SIZE: usize>(&mut self, count: usize) -> Result<&'a [[u8; SIZE]], Unfit> {
        let length = count.checked_mul(SIZE).ok_or_else(ended)?;
        let (words, rest) = self.rest.split_at_checked(length).ok_or_else(ended)?;
        self.rest = rest;
        Ok(words.as_chunks().0)
    }
}

fn ended() -> Unfit {
    Unfit("it ends too early".to_owned())
}

/// Writes offsets and counts, as [`Bytes::u64s`] and [`Bytes::count`] read them.
pub(in super::super) fn write_u64s(into: &mut dyn Write, values: &[u64]) -> io::Result<()> {
    write(into, values, |value| value.to_le_bytes())
}

/// Writes row numbers, as [`Bytes::rows`] reads them.
pub(in super::super) fn write_u32s(into: &mut dyn Write, values: &[u32]) -> io::Result<()> {
    write(into, values, |value| value.to_le_bytes())
}

/// Writes numbers, as [`Bytes::f32s`] reads them.
pub(in super::super) fn write_f32s(into: &mut dyn Write, values: &[f32]) -> io::Result<()> {
    write(into, values, |value| value.to_le_bytes())
}

/// Writes codes, as [`Bytes::i8s`] reads them.
pub(in super::super) fn write_i8s(into: &mut dyn Write, values: &[i8]) -> io::Result<()> {
    write(into, values, |value| value.to_le_bytes())
}

fn write<T: Copy, const SIZE: usize>(
    into: &mut dyn Write,
    values: &[T],
    bytes: fn(T) -> [u8; SIZE],
) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(AT_ONCE * SIZE);
    for values in values.chunks(AT_ONCE) {
        buffer.clear();
        buffer.extend(values.iter().flat_map(|value| bytes(*value)));
        into.write_all(&buffer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_as_they_were_written() {
        let mut bytes = Vec::new();
        write_u64s(&mut bytes, &[2, 7]).unwrap();
        write_u32s(&mut bytes, &[0, 4]).unwrap();
        write_f32s(&mut bytes, &[1.5, -0.0]).unwrap();
        write_i8s(&mut bytes, &[-127, 127]).unwrap();
        let mut read = Bytes::new(&bytes);
        assert_eq!(read.count(2), Ok(2));
        assert_eq!(read.u64s(1), Ok(vec![7]));
        assert_eq!(read.rows(2, 5), Ok(vec![0, 4]));
        assert_eq!(read.f32s(2), Ok(vec![1.5, -0.0]));
        assert_eq!(read.i8s(2), Ok(vec![-127, 127]));
        assert_eq!(read.end(), Ok(()));
    }

    #[test]
    fn what_cannot_be_is_refused_before_room_is_taken_for_it() {
        let bytes = |value: u64| value.to_le_bytes();
        assert!(Bytes::new(&bytes(9)).count(8).unwrap_err().0.contains("9 of what 8"));
        assert_eq!(Bytes::new(&bytes(0)).u64s(2), Err(ended()));
        assert_eq!(Bytes::new(&bytes(0)).u64s(usize::MAX), Err(ended()));
        assert!(Bytes::new(&bytes(5)).rows(1, 5).unwrap_err().0.contains("row 5 of 5"));
        let not_a_number = f32::NAN.to_le_bytes();
        assert!(Bytes::new(&not_a_number).f32s(1).unwrap_err().0.contains("NaN"));
        assert!(Bytes::new(&[0]).end().unwrap_err().0.contains("1 bytes follow"));
    }
}

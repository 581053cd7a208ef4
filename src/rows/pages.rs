//! What the pages of a column say of their sizes, read before one of them is decoded: the decoder makes room for
//! what a page says, and a kilobyte of zstd may say two gigabytes.
//!
//! A page's head is a structure of Thrift's compact protocol; of it the two sizes are taken, and all else is
//! passed over.

use parquet::file::metadata::ColumnChunkMetaData;
use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

/// Structures within structures: a head has three.
const DEEPEST: u8 = 8;
/// The fields of a head that say how long a page is, and how long it becomes.
const UNCOMPRESSED: i64 = 2;
const COMPRESSED: i64 = 3;

/// Looks whether the pages of a column become as large as the file's end says of all of them together, at most.
///
/// # Errors
/// When they say that they become larger, or say nothing that can be read.
pub(super) fn fit(file: &File, column: &ColumnChunkMetaData) -> Result<(), String> {
    let wrong = || "the pages of a column say sizes that cannot be".to_owned();
    let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
    let number = |size: i64| u64::try_from(size).map_err(|_| wrong());
    let (start, length) = (number(start)?, number(column.compressed_size())?);
    let become_bytes = sizes(file, start, length).map_err(|_| wrong())?;
    match become_bytes <= number(column.uncompressed_size())? {
        true => Ok(()),
        false => Err(wrong()),
    }
}

/// What the pages within `length` bytes from `start` on become, with their heads.
fn sizes(file: &File, start: u64, length: u64) -> io::Result<u64> {
    let mut heads = Heads { bytes: BufReader::with_capacity(4096, file), read: 0 };
    heads.bytes.seek(SeekFrom::Start(start))?;
    let mut all = 0u64;
    while heads.read < length {
        let before = heads.read;
        let Head { compressed, uncompressed } = heads.head()?;
        let head = heads.read - before;
        all = all
            .checked_add(head)
            .and_then(|all| all.checked_add(uncompressed))
            .ok_or_else(broken)?;
        heads.skip(compressed)?;
    }
    if heads.read == length { Ok(all) } else { Err(broken()) }
}

/// What a page says of itself, bytes.
struct Head {
    compressed: u64,
    uncompressed: u64,
}

struct Heads<'a> {
    bytes: BufReader<&'a File>,
    /// Bytes that are behind us.
    read: u64,
}

impl Heads<'_> {
    fn head(&mut self) -> io::Result<Head> {
        let (mut compressed, mut uncompressed) = (None, None);
        self.structure(DEEPEST, &mut |field, value| match field {
            UNCOMPRESSED => uncompressed = u64::try_from(value).ok(),
            COMPRESSED => compressed = u64::try_from(value).ok(),
            _ => {}
        })?;
        let (compressed, uncompressed) = compressed.zip(uncompressed).ok_or_else(broken)?;
        Ok(Head { compressed, uncompressed })
    }

    /// Passes over a structure, and tells of each field its number and what it says where that is a number.
    fn structure(&mut self, depth: u8, tell: &mut dyn FnMut(i64, i64)) -> io::Result<()> {
        let deeper = depth.checked_sub(1).ok_or_else(broken)?;
        let mut field = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Ok(());
            }
            field = match head >> 4 {
                0 => self.number()?,
                more => field.wrapping_add(more.into()),
            };
            let value = self.value(head & 15, deeper)?;
            tell(field, value);
        }
    }

    /// Passes over a value; what it says where that is a number, else 0.
    fn value(&mut self, kind: u8, depth: u8) -> io::Result<i64> {
        match kind {
            1 | 2 => {}
            3 => return self.byte().map(i64::from),
            4..=6 => return self.number(),
            7 => self.skip(8)?,
            8 => {
                let length = self.varint()?;
                self.skip(length)?;
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                for _ in 0..count {
                    self.element(head & 15, depth)?;
                }
            }
            12 => self.structure(depth, &mut |_, _| {})?,
            // Maps are in no head.
            _ => return Err(broken()),
        }
        Ok(0)
    }

    /// Passes over what stands in a list, where a truth is a byte of its own.
    fn element(&mut self, kind: u8, depth: u8) -> io::Result<()> {
        match kind {
            1 | 2 => self.skip(1),
            kind => self.value(kind, depth).map(drop),
        }
    }

    fn number(&mut self) -> io::Result<i64> {
        let zigzag = self.varint()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(broken())
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.bytes.read_exact(&mut byte)?;
        self.read += 1;
        Ok(byte[0])
    }

    fn skip(&mut self, bytes: u64) -> io::Result<()> {
        let further = i64::try_from(bytes).map_err(|_| broken())?;
        self.bytes.seek_relative(further)?;
        self.read = self.read.checked_add(bytes).ok_or_else(broken)?;
        Ok(())
    }
}

fn broken() -> io::Error {
    ErrorKind::InvalidData.into()
}

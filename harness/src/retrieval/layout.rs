//! How the numbers of a vector file lie in it, as its first bytes say and its length confirms.
//! Nothing is believed that the length does not bear out, and nothing is allocated by it.

use std::ops::Range;

/// Bytes of a file that are looked at to learn its layout; a longer header is refused.
pub(super) const HEAD: usize = 1 << 16;
/// What the scan engines take, with room for padding.
pub(super) const MOST_DIMENSIONS: usize = 16_376;

/// How one number is written, little-endian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    U8,
    F16,
    F32,
    F64,
}

/// Where the rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) rows: u64,
    pub(super) dimensions: usize,
    number: Number,
    /// Bytes before the first row.
    pub(super) header: usize,
    /// Bytes before the numbers of each row, which say how many these are.
    prefix: usize,
}

impl Layout {
    /// The layout of a file of `length` bytes that begins with `head`; its ending says the format.
    pub(super) fn of(path: &str, head: &[u8], length: u64) -> Result<Self, String> {
        let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("npy") => npy(head, length),
            Some("fvecs") => vecs(head, length, Number::F32),
            Some("bvecs") => vecs(head, length, Number::U8),
            Some(_) | None => {
                Err("vectors are read from `.npy`, `.fvecs`, `.bvecs` and `.parquet` files"
                    .to_owned())
            }
        }
    }

    /// Bytes of a row.
    pub(super) fn row_bytes(&self) -> usize {
        self.prefix + self.dimensions * self.number.bytes()
    }

    /// Reads the bytes of a row into as many numbers as it has; what comes after is left alone.
    pub(super) fn read(&self, bytes: &[u8], row: &mut [f32]) -> Result<(), String> {
        let (prefix, numbers) = bytes.split_at(self.prefix);
        if let Ok(prefix) = prefix.try_into()
            && i64::from(i32::from_le_bytes(prefix)) != self.dimensions as i64
        {
            let (got, first) = (i32::from_le_bytes(prefix), self.dimensions);
            return Err(format!("{got} components where the first row has {first}"));
        }
        for (value, bytes) in row.iter_mut().zip(numbers.chunks_exact(self.number.bytes())) {
            *value = self.number.read(bytes);
        }
        Ok(())
    }
}

impl Number {
    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::F16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// The number in as many bytes as it has; what f32 cannot hold becomes infinite.
    fn read(self, bytes: &[u8]) -> f32 {
        let value = match self {
            Self::U8 => bytes.first().map(|byte| f32::from(*byte)),
            Self::F16 => bytes.try_into().ok().map(|bytes| half(u16::from_le_bytes(bytes))),
            Self::F32 => bytes.try_into().ok().map(f32::from_le_bytes),
            Self::F64 => bytes.try_into().ok().map(|bytes| f64::from_le_bytes(bytes) as f32),
        };
        value.expect("a number is read from as many bytes as it has")
    }
}

/// IEEE 754 binary16: 1 sign bit, 5 bits of exponent, 10 of fraction.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f32.powi(exponent - 15),
    };
    if bits >> 15 == 1 { -size } else { size }
}

/// Rows that each begin with their number of components, as the TEXMEX data sets are written.
fn vecs(head: &[u8], length: u64, number: Number) -> Result<Layout, String> {
    let Some(first) = head.first_chunk::<4>() else { return Err(no_rows()) };
    let dimensions = usize::try_from(i32::from_le_bytes(*first)).unwrap_or(0);
    check_dimensions(dimensions as u64)?;
    let layout = Layout { rows: 0, dimensions, number, header: 0, prefix: 4 };
    let row_bytes = layout.row_bytes() as u64;
    let (rows, rest) = (length / row_bytes, length % row_bytes);
    match rest {
        0 => Ok(Layout { rows, ..layout }),
        _ => Err(format!(
            "row {rows} is cut off: {rest} of {row_bytes} bytes are there; copy the file again"
        )),
    }
}

/// NumPy's format, versions 1 to 3: a magic, the length of the header, and a Python dictionary.
fn npy(head: &[u8], length: u64) -> Result<Layout, String> {
    let header = npy_header(head)?;
    let dictionary = std::str::from_utf8(&head[header.clone()])
        .map_err(|_| "the header of the .npy file is no text".to_owned())?;
    let said = |key: &str| {
        let after = dictionary.split_once(&format!("'{key}':")).map(|(_, after)| after.trim());
        after.ok_or_else(|| format!("the header of the .npy file does not say `{key}`"))
    };
    let number = npy_number(said("descr")?)?;
    if !said("fortran_order")?.starts_with("False") {
        let help = "save `numpy.ascontiguousarray(x)`";
        return Err(format!("the array is stored column by column (Fortran order); {help}"));
    }
    let [rows, dimensions] = npy_shape(said("shape")?)?;
    if rows == 0 {
        return Err(no_rows());
    }
    check_dimensions(dimensions)?;
    let promised = u128::from(rows) * u128::from(dimensions) * number.bytes() as u128;
    let there = length.saturating_sub(header.end as u64);
    match promised == u128::from(there) {
        true => {
            let (dimensions, header) = (dimensions as usize, header.end);
            Ok(Layout { rows, dimensions, number, header, prefix: 0 })
        }
        false => Err(format!(
            "the header promises {rows} rows of {dimensions}, which are {promised} bytes, and {there} are there; copy the file again"
        )),
    }
}

/// Where the dictionary lies.
fn npy_header(head: &[u8]) -> Result<Range<usize>, String> {
    let bad = || "it does not begin as a .npy file does".to_owned();
    let rest = head.strip_prefix(b"\x93NUMPY").ok_or_else(bad)?;
    let (start, length) = match rest {
        [1, _, a, b, ..] => (10, usize::from(u16::from_le_bytes([*a, *b]))),
        [2 | 3, _, a, b, c, d, ..] => (12, u32::from_le_bytes([*a, *b, *c, *d]) as usize),
        _ => return Err(bad()),
    };
    let end = start + length;
    match end <= head.len() {
        true => Ok(start..end),
        false => Err(format!(
            "its header says that it is {length} bytes long, and {} are there (at most {HEAD} are read)",
            head.len().saturating_sub(start)
        )),
    }
}

fn npy_number(said: &str) -> Result<Number, String> {
    let name = said.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
    match name.map(|(name, _)| name) {
        Some("<f2") => Ok(Number::F16),
        Some("<f4") => Ok(Number::F32),
        Some("<f8") => Ok(Number::F64),
        Some(other) => Err(format!(
            "numbers of dtype \"{}\"; save `x.astype(\"<f4\")` (or `<f2`, `<f8`)",
            other.escape_debug()
        )),
        None => Err("its rows have fields; save a plain array of `<f4`".to_owned()),
    }
}

fn npy_shape(said: &str) -> Result<[u64; 2], String> {
    let inside = said.strip_prefix('(').and_then(|rest| rest.split_once(')')).map(|(in_, _)| in_);
    let sizes: Option<Vec<u64>> = inside.and_then(|inside| {
        let parts = inside.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(|part| part.parse().ok()).collect()
    });
    let sizes = sizes.ok_or("the header of the .npy file has no readable `shape`")?;
    let axes = sizes.len();
    sizes.try_into().map_err(|_| {
        format!("the array has {axes} axes; rows of vectors have 2: `x.reshape(rows, dimensions)`")
    })
}

pub(super) fn check_dimensions(dimensions: u64) -> Result<(), String> {
    match (1..=MOST_DIMENSIONS as u64).contains(&dimensions) {
        true => Ok(()),
        false => {
            Err(format!("vectors of {dimensions} components; 1 to {MOST_DIMENSIONS} are read"))
        }
    }
}

fn no_rows() -> String {
    "there are no rows in it".to_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A `.npy` header as NumPy writes it.
    pub(in super::super) fn header(dictionary: &str) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((dictionary.len() as u16).to_le_bytes());
        bytes.extend(dictionary.as_bytes());
        bytes
    }

    fn said(descr: &str, order: &str, shape: &str) -> Vec<u8> {
        header(&format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"))
    }

    fn refused(head: &[u8], more: u64) -> String {
        Layout::of("a.npy", head, head.len() as u64 + more).unwrap_err()
    }

    #[test]
    fn an_array_of_any_float_is_laid_out_as_its_header_says() {
        for (descr, bytes) in [("'<f2'", 2), ("'<f4'", 4), ("'<f8'", 8)] {
            let head = said(descr, "False", "(3, 5)");
            let layout = Layout::of("a.npy", &head, head.len() as u64 + 15 * bytes).unwrap();
            assert_eq!((layout.rows, layout.dimensions), (3, 5));
            assert_eq!((layout.header, layout.row_bytes() as u64), (head.len(), 5 * bytes));
        }
    }

    #[test]
    fn a_header_is_not_believed_beyond_the_file() {
        let f4 = |shape: &str| said("'<f4'", "False", shape);
        assert!(refused(&f4("(3, 5)"), 59).contains("60 bytes, and 59 are there"));
        assert!(refused(&f4("(3, 5)"), 61).contains("60 bytes, and 61 are there"));
        let huge = f4("(18446744073709551615, 16000)");
        assert!(refused(&huge, 60).contains("and 60 are there"));
        assert!(refused(&f4("(18446744073709551616, 5)"), 60).contains("no readable `shape`"));
        assert!(refused(&f4("(0, 5)"), 0).contains("no rows"));
        assert!(refused(&f4("(3, 0)"), 0).contains("0 components"));
        assert!(refused(&f4("(15,)"), 60).contains("1 axes"));
        assert!(
            refused(b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", 9).contains("4294967295 bytes long")
        );
        assert!(refused(b"PK", 9).contains("does not begin as a .npy"));
    }

    #[test]
    fn other_orders_and_numbers_are_refused_with_the_way_out() {
        assert!(refused(&said("'<f4'", "True", "(3, 5)"), 60).contains("ascontiguousarray"));
        assert!(refused(&said("'>f4'", "False", "(3, 5)"), 60).contains("dtype \">f4\"; save"));
        assert!(refused(&said("'<i8'", "False", "(3, 5)"), 60).contains("dtype \"<i8\""));
        assert!(refused(&said("[('x', '<f4')]", "False", "(3,)"), 60).contains("have fields"));
        assert!(Layout::of("a.csv", b"1,2", 3).unwrap_err().contains("`.fvecs`"));
    }

    #[test]
    fn a_row_that_is_cut_off_is_named() {
        let head = 2i32.to_le_bytes();
        assert_eq!(Layout::of("a.fvecs", &head, 36).unwrap().rows, 3);
        assert!(
            Layout::of("a.fvecs", &head, 35).unwrap_err().contains("row 2 is cut off: 11 of 12")
        );
        assert!(Layout::of("a.bvecs", &[], 0).unwrap_err().contains("no rows"));
        let negative = Layout::of("a.bvecs", &(-1i32).to_le_bytes(), 36).unwrap_err();
        assert!(negative.contains("1 to 16376 are read"), "{negative}");
    }

    #[test]
    fn halves_are_what_the_standard_says() {
        for (bits, value) in
            [(0x3c00, 1.0), (0xc000, -2.0), (0x3555, 0.333_251_95), (1, 5.960_464_5e-8)]
        {
            assert_eq!(half(bits), value);
        }
        assert_eq!((half(0x7bff), half(0xfc00)), (65504.0, f32::NEG_INFINITY));
        assert!(half(0x7e00).is_nan());
    }

    proptest! {
        #[test]
        fn no_beginning_of_a_file_makes_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            length in any::<u64>(),
            magic in any::<bool>(),
        ) {
            let bytes = if magic { [b"\x93NUMPY\x01\x00", &bytes[..]].concat() } else { bytes };
            for name in ["a.npy", "a.fvecs", "a.bvecs"] {
                if let Ok(layout) = Layout::of(name, &bytes, length) {
                    let rows = u128::from(layout.rows) * layout.row_bytes() as u128;
                    prop_assert_eq!(rows + layout.header as u128, u128::from(length));
                }
            }
        }
    }
}

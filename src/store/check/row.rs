//! A row as bytes: compared to the last bit, in the order in which SQLite sorts.

use rusqlite::Row;
use rusqlite::types::ValueRef;
use std::fmt;

/// Longest text of a cell that is told, characters.
const LONGEST: usize = 60;

/// What a cell holds. Kinds are in SQLite's order; text is bytes, since a flipped one may be no text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cell {
    Null,
    Integer(i64),
    // The bits of the number.
    Real(u64),
    Text(Vec<u8>),
    Blob(Vec<u8>),
}

impl From<ValueRef<'_>> for Cell {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(n) => Self::Integer(n),
            ValueRef::Real(x) => Self::Real(x.to_bits()),
            ValueRef::Text(bytes) => Self::Text(bytes.to_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_owned()),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Integer(n) => write!(f, "{n}"),
            Self::Real(bits) => write!(f, "{:?}", f64::from_bits(*bits)),
            Self::Text(bytes) => {
                let text = String::from_utf8_lossy(bytes);
                let short: String = text.chars().take(LONGEST).collect();
                let rest = if short.len() < text.len() { "…" } else { "" };
                write!(f, "{short:?}{rest}")
            }
            Self::Blob(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

/// The cells of a row; the first ones name it.
pub(super) fn cells(row: &Row<'_>, width: usize) -> rusqlite::Result<Vec<Cell>> {
    (0..width).map(|at| Ok(row.get_ref(at)?.into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_told_apart_to_the_last_bit_and_shortly() {
        let real = |x: f64| Cell::from(ValueRef::Real(x));
        assert_ne!(real(0.1 + 0.2), real(0.3));
        assert_eq!(real(0.1 + 0.2).to_string(), "0.30000000000000004");
        assert!(Cell::Null < Cell::Integer(i64::MIN) && Cell::Integer(9) < Cell::Text(Vec::new()));
        let long = "é\n".repeat(100);
        let told = Cell::from(ValueRef::Text(long.as_bytes())).to_string();
        assert!(told.ends_with("\"…") && told.len() < 200 && !told.contains('\n'), "{told}");
        assert_eq!(Cell::Text(vec![0x61, 0xff]).to_string(), "\"a\u{fffd}\"");
    }
}

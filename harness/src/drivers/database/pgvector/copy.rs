//! Rows in PostgreSQL's binary formats: a vector as pgvector reads it, and a table as `COPY` does.
//! <https://www.postgresql.org/docs/current/sql-copy.html>, "Binary Format".

use crate::retrieval::filter::Filter;
use crate::retrieval::vectors::Vectors;
use bytes::{BufMut, Bytes, BytesMut};
use std::error::Error;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

/// How a binary copy begins: signature, no flags, no extension.
const HEAD: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
/// How it ends: a row of -1 columns.
const END: i16 = -1;
/// Bytes of a part of the copy: enough that a part's own cost is none, few enough that progress
/// is seen.
const PART_BYTES: usize = 1 << 20;

/// A part of a copy, and how many rows it ends.
pub(super) struct Part {
    pub(super) bytes: Bytes,
    pub(super) rows: usize,
}

/// The table of `rows`, each with its number, and with its attribute where there is a filter, in
/// parts.
pub(super) fn parts(rows: &Vectors, filter: Option<Filter>) -> impl Iterator<Item = Part> {
    let attribute_bytes = filter.map_or(0, |_| 4 + 4);
    let row_bytes = 2 + 4 + 4 + attribute_bytes + 4 + vector_bytes(rows.dimensions());
    let many = (PART_BYTES / row_bytes).max(1);
    let count = rows.len();
    (0..count).step_by(many).map(move |first| {
        let last = (first + many).min(count);
        let mut bytes = BytesMut::with_capacity(HEAD.len() + (last - first) * row_bytes + 2);
        if first == 0 {
            bytes.put_slice(HEAD);
        }
        for row in first..last {
            put_row(&mut bytes, row as u32, rows.row(row), filter);
        }
        if last == count {
            bytes.put_i16(END);
        }
        Part { bytes: bytes.freeze(), rows: last - first }
    })
}

fn put_row(bytes: &mut BytesMut, number: u32, vector: &[f32], filter: Option<Filter>) {
    bytes.put_i16(2 + i16::from(filter.is_some()));
    bytes.put_i32(4);
    bytes.put_u32(number);
    if let Some(filter) = filter {
        bytes.put_i32(4);
        bytes.put_u32(filter.bucket(number).into());
    }
    bytes.put_i32(vector_bytes(vector.len()) as i32);
    put_vector(bytes, vector);
}

fn vector_bytes(dimensions: usize) -> usize {
    4 + 4 * dimensions
}

/// Dimensions, a number that is not used, and the components.
fn put_vector(bytes: &mut BytesMut, vector: &[f32]) {
    bytes.put_u16(vector.len() as u16);
    bytes.put_u16(0);
    vector.iter().for_each(|component| bytes.put_f32(*component));
}

/// A vector as the parameter of a query.
#[derive(Debug)]
pub(super) struct Parameter<'a>(pub(super) &'a [f32]);

impl ToSql for Parameter<'_> {
    fn to_sql(
        &self,
        _: &Type,
        bytes: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        put_vector(bytes, self.0);
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "vector"
    }

    to_sql_checked!();
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokgate_core::share::Share;

    fn rows(count: usize, dimensions: usize) -> Vectors {
        Vectors::new(dimensions, vec![1.5; count * dimensions]).unwrap()
    }

    #[test]
    fn a_small_table_is_one_part_from_signature_to_end() {
        let parts: Vec<Part> = parts(&rows(2, 8), None).collect();
        assert_eq!((parts.len(), parts[0].rows), (1, 2));
        let bytes = &parts[0].bytes;
        assert!(bytes.starts_with(b"PGCOPY\n\xff\r\n\0") && bytes.ends_with(&[0xff, 0xff]));
        let row = &bytes[19..];
        assert_eq!(row[..10], [0, 2, 0, 0, 0, 4, 0, 0, 0, 0], "two columns, row 0");
        assert_eq!(row[10..18], [0, 0, 0, 36, 0, 8, 0, 0], "36 bytes, 8 dimensions");
        assert_eq!(row[18..22], 1.5_f32.to_be_bytes());
        assert_eq!(row[50..60], [0, 2, 0, 0, 0, 4, 0, 0, 0, 1], "row 1 follows");
        assert_eq!(bytes.len(), 19 + 2 * 50 + 2);
    }

    #[test]
    fn a_row_has_its_attribute_where_there_is_a_filter() {
        let filter = Filter { seed: 42, share: Share::of(0.1).unwrap() };
        let parts: Vec<Part> = parts(&rows(2, 8), Some(filter)).collect();
        let row = &parts[0].bytes[19..];
        assert_eq!(row[..14], [0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 4], "three columns, row 0");
        assert_eq!(row[14..18], u32::from(filter.bucket(0)).to_be_bytes());
        assert_eq!(row[18..24], [0, 0, 0, 36, 0, 8], "the vector is the last");
        assert_eq!(parts[0].bytes.len(), 19 + 2 * 58 + 2);
    }

    #[test]
    fn a_large_table_comes_in_parts_with_one_head_and_one_end() {
        let rows = rows(3000, 128);
        let parts: Vec<Part> = parts(&rows, None).collect();
        assert!(parts.len() > 1);
        assert_eq!(parts.iter().map(|part| part.rows).sum::<usize>(), 3000);
        let heads = parts.iter().filter(|part| part.bytes.starts_with(b"PGCOPY")).count();
        let all: usize = parts.iter().map(|part| part.bytes.len()).sum();
        assert_eq!((heads, all), (1, 19 + 3000 * (2 + 4 + 4 + 4 + 4 + 512) + 2));
    }
}

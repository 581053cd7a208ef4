//! One file of a table in the making: rows are gathered column by column, and written a group at a time, so
//! that a file of any length takes the memory of one group. It gets its name once it is whole.

use super::cells::{self, Cell};
use super::manifest::FileFacts;
use super::schema::{Column, KEYS, Kind, Table, VERSION, VERSION_KEY};
use super::slice::Slice;
use super::{RowsError, open};
use crate::store::atomic::doing;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::NamedTempFile;

/// Rows of a group: enough that each page of a column is worth its head, few enough that a group of events is
/// some tens of megabytes of memory.
const ROWS: usize = 1 << 18;
/// Bytes of text after which a group ends before.
const TEXT: usize = 32 << 20;
/// Values that are handed to the encoder at a time, of columns that say the same all along.
const AT_ONCE: usize = 4096;
/// The third of twenty-two: rows are a third smaller than by the first, and writing them is still no work beside
/// what measuring them was.
const ZSTD: i32 = 3;

/// Numbers whose differences are no smaller than they: without them zstd finds more (2.8 bytes of an event's time
/// instead of 3.7, over 268000 events).
const PLAIN: [&str; 2] = ["at_ns", "gap_ns"];

/// A file of rows that is being written.
pub(super) struct Sheet {
    writer: SerializedFileWriter<Counted>,
    table: &'static Table,
    keys: [Cell; KEYS],
    columns: Vec<Gathered>,
    /// Rows that are gathered.
    gathered: usize,
    /// Bytes of their texts.
    text: usize,
    rows: u64,
    /// Beneath the folder.
    path: String,
    at: PathBuf,
}

/// A column's part of the group in the making.
enum Gathered {
    Int(Values<i64>),
    Real(Values<f64>),
    Flag(Values<bool>),
    Text(Values<ByteArray>),
}

/// Values as Parquet takes them: those that are there, and of each row whether there is one.
struct Values<T> {
    there: Vec<T>,
    defined: Vec<i16>,
    is_optional: bool,
}

/// Bytes on their way into a temporary file, counted and summed up.
struct Counted {
    file: BufWriter<NamedTempFile>,
    bytes: u64,
    sum: crc32fast::Hasher,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sheet {
    /// Begins the file of a slice beneath `folder`, which is made where it is not there.
    pub(super) fn create(
        folder: &Path,
        table: &'static Table,
        slice: &Slice,
        origin_ns: u64,
    ) -> Result<Self, RowsError> {
        let path = slice.path(table);
        let at = folder.join(&path);
        let beside = at.parent().unwrap_or(folder);
        fs::create_dir_all(beside).map_err(doing("make", beside))?;
        let file = tempfile::Builder::new().prefix(".tokgate-").tempfile_in(beside);
        let file = BufWriter::new(file.map_err(doing("write", &at))?);
        let counted = Counted { file, bytes: 0, sum: crc32fast::Hasher::new() };
        let writer = SerializedFileWriter::new(
            counted,
            schema(table).map_err(unwritten(&at))?,
            properties(table, slice, origin_ns),
        );
        Ok(Self {
            writer: writer.map_err(unwritten(&at))?,
            table,
            keys: keys(slice),
            columns: table.own().iter().map(Gathered::new).collect(),
            gathered: 0,
            text: 0,
            rows: 0,
            path,
            at,
        })
    }

    /// Takes one more row: a cell for each column beyond the keys.
    pub(super) fn push(&mut self, cells: Vec<Cell>) -> Result<(), RowsError> {
        assert_eq!(
            cells.len(),
            self.columns.len(),
            "a row of {} has all its cells",
            self.table.name
        );
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            self.text += column.take(cell);
        }
        self.gathered += 1;
        match self.gathered == ROWS || self.text >= TEXT {
            true => self.write_group(),
            false => Ok(()),
        }
    }

    /// Writes what is gathered, and gives the file its name.
    pub(super) fn close(mut self) -> Result<FileFacts, RowsError> {
        if self.gathered > 0 {
            self.write_group()?;
        }
        let Self { writer, rows, path, at, .. } = self;
        let counted = writer.into_inner().map_err(unwritten(&at))?;
        let Counted { file, bytes, sum } = counted;
        let file = file.into_inner().map_err(|error| doing("write", &at)(error.into_error()))?;
        file.as_file().sync_all().map_err(doing("sync", &at))?;
        file.persist(&at).map_err(|error| doing("write", &at)(error.error))?;
        Ok(FileFacts { path, bytes, rows, crc32: sum.finalize() })
    }

    fn write_group(&mut self) -> Result<(), RowsError> {
        let (writer, keys, columns) = (&mut self.writer, &self.keys, &mut self.columns);
        let write = || -> Result<(), ParquetError> {
            let mut group = writer.next_row_group()?;
            for key in keys {
                if let Some(mut column) = group.next_column()? {
                    repeat(&mut column, key, self.gathered)?;
                    column.close()?;
                }
            }
            for gathered in columns {
                if let Some(mut column) = group.next_column()? {
                    gathered.write(&mut column)?;
                    column.close()?;
                }
            }
            group.close().map(drop)
        };
        write().map_err(unwritten(&self.at))?;
        self.rows += self.gathered as u64;
        (self.gathered, self.text) = (0, 0);
        Ok(())
    }
}

impl Gathered {
    fn new(column: &Column) -> Self {
        match column.kind {
            Kind::Int => Self::Int(Values::new(column)),
            Kind::Real => Self::Real(Values::new(column)),
            Kind::Flag => Self::Flag(Values::new(column)),
            Kind::Text => Self::Text(Values::new(column)),
        }
    }

    /// Takes a cell, and says how many bytes of text it has.
    fn take(&mut self, cell: Cell) -> usize {
        match (self, cell) {
            (Self::Int(values), Cell::Int(value)) => values.take(value),
            (Self::Real(values), Cell::Real(value)) => values.take(value),
            (Self::Flag(values), Cell::Flag(value)) => values.take(value),
            (Self::Text(values), Cell::Text(value)) => {
                let bytes = value.as_ref().map_or(0, ByteArray::len);
                values.take(value);
                return bytes;
            }
            _ => panic!("a cell is of its column's kind"),
        }
        0
    }

    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match self {
            Self::Int(values) => values.write::<Int64Type>(column),
            Self::Real(values) => values.write::<DoubleType>(column),
            Self::Flag(values) => values.write::<BoolType>(column),
            Self::Text(values) => values.write::<ByteArrayType>(column),
        }
    }
}

impl<V> Values<V> {
    fn new(column: &Column) -> Self {
        Self { there: Vec::new(), defined: Vec::new(), is_optional: column.is_optional }
    }

    fn take(&mut self, value: Option<V>) {
        assert!(self.is_optional || value.is_some(), "a column that is not optional has a value");
        if self.is_optional {
            self.defined.push(value.is_some().into());
        }
        self.there.extend(value);
    }

    fn write<T: DataType<T = V>>(
        &mut self,
        column: &mut SerializedColumnWriter<'_>,
    ) -> Result<(), ParquetError> {
        let defined = self.is_optional.then_some(&self.defined[..]);
        column.typed::<T>().write_batch(&self.there, defined, None)?;
        self.there.clear();
        self.defined.clear();
        Ok(())
    }
}

/// Writes the same value so many times.
fn repeat(
    column: &mut SerializedColumnWriter<'_>,
    cell: &Cell,
    mut rows: usize,
) -> Result<(), ParquetError> {
    while rows > 0 {
        let count = rows.min(AT_ONCE);
        match (column.untyped(), cell) {
            (ColumnWriter::Int64ColumnWriter(column), Cell::Int(Some(value))) => {
                column.write_batch(&vec![*value; count], None, None)?;
            }
            (ColumnWriter::ByteArrayColumnWriter(column), Cell::Text(Some(value))) => {
                column.write_batch(&vec![value.clone(); count], None, None)?;
            }
            _ => return Err(ParquetError::General("a key is of its column's kind".to_owned())),
        }
        rows -= count;
    }
    Ok(())
}

fn keys(slice: &Slice) -> [Cell; KEYS] {
    let Slice { run, case, worker, epoch, arm, .. } = slice;
    [
        Cell::text(run),
        Cell::text(case),
        Cell::int((*worker).into()),
        Cell::int((*epoch).into()),
        Cell::word(cells::arm(*arm)),
    ]
}

/// The physical type of a kind.
pub(super) fn physical(kind: Kind) -> Physical {
    match kind {
        Kind::Int => Physical::INT64,
        Kind::Real => Physical::DOUBLE,
        Kind::Flag => Physical::BOOLEAN,
        Kind::Text => Physical::BYTE_ARRAY,
    }
}

fn schema(table: &Table) -> Result<Arc<Type>, ParquetError> {
    let of_column = |column: &Column| {
        let repetition = match column.is_optional {
            true => Repetition::OPTIONAL,
            false => Repetition::REQUIRED,
        };
        let text = (column.kind == Kind::Text).then_some(LogicalType::String);
        Type::primitive_type_builder(column.name, physical(column.kind))
            .with_repetition(repetition)
            .with_logical_type(text)
            .build()
            .map(Arc::new)
    };
    let columns = table.columns.iter().map(of_column).collect::<Result<_, _>>()?;
    Type::group_type_builder(table.name).with_fields(columns).build().map(Arc::new)
}

/// Words by dictionary; numbers by their differences, since those of requests rise.
fn properties(table: &Table, slice: &Slice, origin_ns: u64) -> WriterPropertiesPtr {
    let pairs = [(VERSION_KEY.to_owned(), VERSION.to_string())].into_iter();
    let said = open::said(table, slice, origin_ns);
    let said = pairs.chain(said).map(|(key, value)| KeyValue::new(key, value)).collect();
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("tokgate rows version {VERSION}"))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(ZSTD).unwrap_or_default()))
        .set_key_value_metadata(Some(said));
    for column in table.columns.iter().filter(|column| column.kind == Kind::Int) {
        let encoding = match PLAIN.contains(&column.name) {
            true => Encoding::PLAIN,
            false => Encoding::DELTA_BINARY_PACKED,
        };
        builder = builder
            .set_column_dictionary_enabled(ColumnPath::from(column.name), false)
            .set_column_encoding(ColumnPath::from(column.name), encoding);
    }
    Arc::new(builder.build())
}

fn unwritten(path: &Path) -> impl FnOnce(ParquetError) -> RowsError {
    move |error| doing("write", path)(io::Error::other(error)).into()
}

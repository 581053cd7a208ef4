//! Opening a file of rows: what it says of itself, and how far that is believed before a page is read. All of
//! it comes from outside: every name, type, level and size is checked, and what the decoder panics over is a
//! fault of the file.

use super::cells::{self, Cell};
use super::schema::{Column, Kind, Table, VERSION, VERSION_KEY};
use super::sheet::physical;
use super::slice::Slice;
use super::{RowsError, pages, schema};
use crate::store::atomic::doing;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{FileMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::types::SchemaDescriptor;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Rows that are decoded at a time.
const AT_ONCE: usize = 1024;
/// Rows of a group at most: sixty times as many as are written.
const MOST_ROWS: u64 = 1 << 24;
/// Bytes of a column in a group at most: a group is written after 32 MB of text, and one text is at most 64 MB.
const MOST_BYTES: u64 = 1 << 28;
/// Bytes of a file's footer at most: a group of rows takes about three thousand of them.
const MOST_FOOTER: u64 = 1 << 26;

/// What a file says of itself beside its columns: whose rows they are.
pub(super) fn said(table: &Table, slice: &Slice, origin_ns: u64) -> [(String, String); 8] {
    let Slice { run, case, worker, epoch, arm, attempt } = slice;
    [
        ("table", table.name.to_owned()),
        ("run", run.clone()),
        ("case", case.clone()),
        ("worker", worker.to_string()),
        ("epoch", epoch.to_string()),
        ("arm", cells::arm(*arm).to_owned()),
        ("attempt", attempt.clone()),
        (ORIGIN, origin_ns.to_string()),
    ]
    .map(|(key, value)| (format!("tokgate.rows.{key}"), value))
}

const ORIGIN: &str = "origin_ns";

/// A file that is open, and how it is told.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Opened {
    /// The file at `path`.
    pub(super) fn at(path: &Path) -> Result<Self, RowsError> {
        let file = File::open(path).map_err(doing("read", path))?;
        Ok(Self { file, path: path.to_owned() })
    }
}

/// A file of rows that is being read, of each row the columns that are wanted.
pub(super) struct Source {
    reader: SerializedFileReader<File>,
    /// The same file, for the heads of its pages.
    file: File,
    path: PathBuf,
    wanted: Vec<(usize, Column)>,
    /// The group that is read next.
    group: usize,
    lanes: Vec<Lane>,
    /// Rows of the group that are not decoded yet.
    ahead: usize,
    /// Rows that are decoded and not handed out yet.
    decoded: usize,
    pub(super) rows: u64,
    pub(super) origin_ns: u64,
}

impl Source {
    /// Of a file that should be the rows of `slice`.
    pub(super) fn of(
        opened: Opened,
        table: &Table,
        slice: &Slice,
        wanted: &[&str],
    ) -> Result<Self, RowsError> {
        let Opened { file, path } = opened;
        let bytes = file.metadata().map_err(doing("read", &path))?.len();
        let name = path.clone();
        let damaged = |what| RowsError::Damaged { path: name, what };
        guarded(|| {
            footer(&file, bytes)?;
            let again = file.try_clone().map_err(|error| error.to_string())?;
            let reader = SerializedFileReader::new(file).map_err(undecodable)?;
            let metadata = reader.metadata().file_metadata();
            let origin_ns = is_of(metadata, table, slice)?;
            has_columns(metadata.schema_descr(), table)?;
            let rows = counted(reader.metadata().row_groups(), bytes)?;
            let place = |name: &&str| {
                let at = table.columns.iter().position(|column| column.name == *name);
                at.map(|at| (at, table.columns[at]))
            };
            let wanted = wanted.iter().filter_map(place).collect();
            let (group, ahead, decoded, lanes) = (0, 0, 0, Vec::new());
            let file = again;
            Ok(Self { reader, file, path, wanted, group, lanes, ahead, decoded, rows, origin_ns })
        })
        .map_err(damaged)
    }

    /// The wanted cells of the next row; `None` after the last.
    pub(super) fn next(&mut self) -> Result<Option<Vec<Cell>>, RowsError> {
        guarded(|| self.advance()).map_err(|what| self.damaged(what))
    }

    /// What is wrong with the file.
    pub(super) fn damaged(&self, what: String) -> RowsError {
        RowsError::Damaged { path: self.path.clone(), what }
    }

    fn advance(&mut self) -> Result<Option<Vec<Cell>>, String> {
        while self.decoded == 0 {
            if self.ahead > 0 {
                self.decode()?;
            } else if !self.open_group()? {
                return Ok(None);
            }
        }
        self.decoded -= 1;
        let cells: Option<Vec<Cell>> = self.lanes.iter_mut().map(Lane::next).collect();
        cells.map(Some).ok_or_else(|| "a column has fewer values than rows".to_owned())
    }

    fn decode(&mut self) -> Result<(), String> {
        let count = self.ahead.min(AT_ONCE);
        self.lanes.iter_mut().try_for_each(|lane| lane.decode(count))?;
        self.ahead -= count;
        self.decoded = count;
        Ok(())
    }

    fn open_group(&mut self) -> Result<bool, String> {
        if self.group == self.reader.num_row_groups() {
            return Ok(false);
        }
        let group = self.reader.get_row_group(self.group).map_err(undecodable)?;
        let lane = |(at, column): &(usize, Column)| {
            pages::fit(&self.file, group.metadata().column(*at))?;
            let reader = group.get_column_reader(*at).map_err(undecodable)?;
            Lane::new(reader, column)
        };
        self.lanes = self.wanted.iter().map(lane).collect::<Result<_, _>>()?;
        // Counted before, and not negative.
        self.ahead = usize::try_from(group.metadata().num_rows()).unwrap_or_default();
        self.group += 1;
        Ok(true)
    }
}

/// One column while it is read.
enum Lane {
    Int(Values<Int64Type>),
    Real(Values<DoubleType>),
    Flag(Values<BoolType>),
    Text(Values<ByteArrayType>),
}

struct Values<T: DataType> {
    column: ColumnReaderImpl<T>,
    is_optional: bool,
    there: std::vec::IntoIter<T::T>,
    defined: std::vec::IntoIter<i16>,
}

impl Lane {
    fn new(reader: ColumnReader, column: &Column) -> Result<Self, String> {
        let is_optional = column.is_optional;
        match (reader, column.kind) {
            (ColumnReader::Int64ColumnReader(it), Kind::Int) => {
                Ok(Self::Int(Values::new(it, is_optional)))
            }
            (ColumnReader::DoubleColumnReader(it), Kind::Real) => {
                Ok(Self::Real(Values::new(it, is_optional)))
            }
            (ColumnReader::BoolColumnReader(it), Kind::Flag) => {
                Ok(Self::Flag(Values::new(it, is_optional)))
            }
            (ColumnReader::ByteArrayColumnReader(it), Kind::Text) => {
                Ok(Self::Text(Values::new(it, is_optional)))
            }
            _ => Err(format!("column `{}` is not of its type", column.name)),
        }
    }

    fn decode(&mut self, rows: usize) -> Result<(), String> {
        match self {
            Self::Int(values) => values.decode(rows),
            Self::Real(values) => values.decode(rows),
            Self::Flag(values) => values.decode(rows),
            Self::Text(values) => values.decode(rows),
        }
    }

    fn next(&mut self) -> Option<Cell> {
        match self {
            Self::Int(values) => values.next().map(Cell::Int),
            Self::Real(values) => values.next().map(Cell::Real),
            Self::Flag(values) => values.next().map(Cell::Flag),
            Self::Text(values) => values.next().map(Cell::Text),
        }
    }
}

impl<T: DataType> Values<T> {
    fn new(column: ColumnReaderImpl<T>, is_optional: bool) -> Self {
        let (there, defined) = (Vec::new().into_iter(), Vec::new().into_iter());
        Self { column, is_optional, there, defined }
    }

    fn decode(&mut self, rows: usize) -> Result<(), String> {
        let (mut there, mut defined) = (Vec::new(), Vec::new());
        let mut read = 0;
        while read < rows {
            let levels = self.is_optional.then_some(&mut defined);
            let (more, ..) = self
                .column
                .read_records(rows - read, levels, None, &mut there)
                .map_err(undecodable)?;
            if more == 0 {
                return Err("it has fewer rows than it says; copy the file again".to_owned());
            }
            read += more;
        }
        (self.there, self.defined) = (there.into_iter(), defined.into_iter());
        Ok(())
    }

    /// What the next row has; `None` where there is no next row.
    fn next(&mut self) -> Option<Option<T::T>> {
        match self.is_optional {
            true if self.defined.next()? == 0 => Some(None),
            _ => self.there.next().map(Some),
        }
    }
}

/// Whether the footer is one that can be read: the last bytes of a Parquet file are its length and four letters.
fn footer(file: &File, bytes: u64) -> Result<(), String> {
    use std::io::{Read, Seek, SeekFrom};
    let torn = || "it does not end as a Parquet file does: it is torn".to_owned();
    let mut end = [0; 8];
    let mut file = file;
    let read = file.seek(SeekFrom::End(-8)).and_then(|_| file.read_exact(&mut end));
    let [a, b, c, d, magic @ ..] = end;
    if read.is_err() || magic != *b"PAR1" {
        return Err(torn());
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    match length <= MOST_FOOTER && length + 12 <= bytes {
        true => Ok(()),
        false => Err(torn()),
    }
}

/// Whether it says that it is the rows of this slice, in this version; with the beginning that it names.
fn is_of(metadata: &FileMetaData, table: &Table, slice: &Slice) -> Result<u64, String> {
    let pairs = metadata.key_value_metadata();
    let said_of = |key: &str| {
        let pair = pairs.into_iter().flatten().find(|pair| pair.key == key);
        pair.and_then(|pair| pair.value.as_deref())
    };
    match said_of(VERSION_KEY).map(str::parse::<u32>) {
        None => return Err("it has no rows of tokgate's".to_owned()),
        Some(Ok(VERSION)) => {}
        Some(_) => {
            return Err(format!(
                "its columns are of another version, and this tokgate reads {}",
                schema::VERSION
            ));
        }
    }
    let mut origin_ns = None;
    for (key, value) in said(table, slice, 0) {
        let found = said_of(&key).unwrap_or_default();
        if key.ends_with(ORIGIN) {
            origin_ns = found.parse().ok();
        } else if found != value {
            let key = key.trim_start_matches("tokgate.rows.");
            return Err(format!("it says that its {key} is {found:?}, and it should be {value:?}"));
        }
    }
    origin_ns.ok_or_else(|| "it does not say when its load began".to_owned())
}

/// Whether its columns are those of the table, each of its type, none of them repeated.
fn has_columns(schema: &SchemaDescriptor, table: &Table) -> Result<(), String> {
    let found = schema.columns();
    for (at, column) in table.columns.iter().enumerate() {
        let fits = found.get(at).is_some_and(|found| {
            found.path().parts() == [column.name]
                && found.physical_type() == physical(column.kind)
                && found.max_rep_level() == 0
                && found.max_def_level() == i16::from(column.is_optional)
        });
        if !fits {
            return Err(format!("column {} is not `{}` of its type", at + 1, column.name));
        }
    }
    match found.len() == table.columns.len() {
        true => Ok(()),
        false => Err(format!("it has {} columns instead of {}", found.len(), table.columns.len())),
    }
}

/// How many rows its groups have, none of which is larger than what is written.
fn counted(groups: &[RowGroupMetaData], bytes: u64) -> Result<u64, String> {
    let mut all = 0u64;
    for (number, group) in groups.iter().enumerate() {
        let rows = u64::try_from(group.num_rows()).ok().filter(|rows| *rows <= MOST_ROWS);
        let rows =
            rows.ok_or_else(|| format!("row group {number} has {} rows", group.num_rows()))?;
        let is_sound = |column: &parquet::file::metadata::ColumnChunkMetaData| {
            let within = |size: i64, most: u64| u64::try_from(size).is_ok_and(|size| size <= most);
            let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
            let end = start.checked_add(column.compressed_size());
            within(column.uncompressed_size(), MOST_BYTES)
                && within(column.compressed_size(), bytes)
                && u64::try_from(start).is_ok()
                && end.is_some_and(|end| within(end, bytes))
                && u64::try_from(column.num_values()) == Ok(rows)
        };
        if !group.columns().iter().all(is_sound) {
            return Err(format!("row group {number} says sizes that cannot be"));
        }
        all += rows;
    }
    Ok(all)
}

/// What the decoder panics over is a fault of the file, too.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("it cannot be decoded: it is damaged".to_owned()))
}

fn undecodable(error: ParquetError) -> String {
    format!("it cannot be decoded: {error}")
}

//! Vectors in Apache Parquet files: a column of lists of floats, each row as long as the first.
//!
//! A file says itself how much is in it, and nothing of that is believed: what the numbers of its
//! footer allow is bounded before a page is read, and what the decoder stumbles over is an error with
//! the row's number. What does not live here: checksums, and which rows are wanted.

use super::layout::check_dimensions;
use ::parquet::basic::Type;
use ::parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use ::parquet::data_type::{DataType, DoubleType, FloatType};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::RowGroupMetaData;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};
use std::fs::File;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rows decoded at a time: a few megabytes of them, however long they are.
const AT_ONCE: usize = 64;
/// Groups that a column's path has at most: its own name, the list, and the element.
const DEEPEST: usize = 3;
/// Columns that an error names at most.
const NAMED: usize = 8;

/// A column of lists of floats.
pub(super) struct Table {
    reader: SerializedFileReader<File>,
    /// Which of the file's columns.
    leaf: usize,
    pub(super) rows: u64,
    pub(super) dimensions: usize,
}

/// Whoever takes a row: its number, and its components.
type Take<'a> = dyn FnMut(u64, &[f32]) -> Result<(), String> + 'a;

impl Table {
    /// Looks into a file: where it has lists of floats, in the column of that name or the only one, and
    /// how long the first is.
    pub(super) fn open(file: File, column: Option<&str>) -> Result<Self, String> {
        guarded(|| {
            let reader = SerializedFileReader::new(file).map_err(unreadable)?;
            let metadata = reader.metadata();
            let leaf = chosen(metadata.file_metadata().schema_descr(), column)?;
            let rows = counted(metadata.row_groups(), leaf)?;
            let mut table = Self { reader, leaf, rows, dimensions: 0 };
            if rows == 0 {
                return Err("there are no rows in it".to_owned());
            }
            table.dimensions = table.length_of_first()?;
            check_dimensions(table.dimensions as u64)?;
            Ok(table)
        })
    }

    /// Hands on the rows of these ranges, in their order.
    pub(super) fn read(&self, ranges: &[Range<u64>], take: &mut Take<'_>) -> Result<(), String> {
        guarded(|| {
            let mut first = 0;
            for (number, group) in self.reader.metadata().row_groups().iter().enumerate() {
                let rows = first..first + group.num_rows() as u64;
                if ranges.iter().any(|range| range.start < rows.end && rows.start < range.end) {
                    self.read_group(number, rows.clone(), &mut |row, values| {
                        let is_wanted = ranges.iter().any(|range| range.contains(&row));
                        let values = self.checked(values?)?;
                        if is_wanted { take(row, values) } else { Ok(()) }
                    })?;
                }
                first = rows.end;
            }
            Ok(())
        })
    }

    fn checked<'a>(&self, values: &'a [f32]) -> Result<&'a [f32], String> {
        match values.len() == self.dimensions {
            true => Ok(values),
            false => Err(format!(
                "{} components where the first row has {}",
                values.len(),
                self.dimensions
            )),
        }
    }

    fn length_of_first(&self) -> Result<usize, String> {
        let is_filled = |group: &RowGroupMetaData| group.num_rows() > 0;
        let groups = self.reader.metadata().row_groups();
        let group = groups.iter().position(is_filled).unwrap_or_default();
        let mut length = 0;
        self.read_group(group, 0..1, &mut |_, values| {
            length = values?.len();
            Ok(())
        })?;
        Ok(length)
    }

    /// Hands on the first rows of a group, which have these numbers in the file.
    fn read_group(
        &self,
        group: usize,
        rows: Range<u64>,
        each: &mut Each<'_>,
    ) -> Result<(), String> {
        let group = self.reader.get_row_group(group).map_err(unreadable)?;
        match group.get_column_reader(self.leaf).map_err(unreadable)? {
            ColumnReader::FloatColumnReader(column) => {
                Lists::<FloatType>::of(column, self.descriptor()).read(rows, |it| it, each)
            }
            ColumnReader::DoubleColumnReader(column) => {
                Lists::<DoubleType>::of(column, self.descriptor()).read(rows, |it| it as f32, each)
            }
            _ => Err("its column is no longer one of floats".to_owned()),
        }
    }

    fn descriptor(&self) -> &ColumnDescriptor {
        &self.reader.metadata().file_metadata().schema_descr().columns()[self.leaf]
    }
}

/// Whoever sees each row: its number, and its components or what is wrong with them.
type Each<'a> = dyn FnMut(u64, Result<&[f32], String>) -> Result<(), String> + 'a;

/// Lists as they lie in a column: numbers, and for each place where one could be, whether a row begins
/// there and whether there is one.
struct Lists<T: DataType> {
    column: ColumnReaderImpl<T>,
    /// What is said of a place where there is a number.
    there: i16,
    /// What is said where there is none although its list has a place for it, if that can be.
    hole: Option<i16>,
}

impl<T: DataType<T: Copy>> Lists<T> {
    fn of(column: ColumnReaderImpl<T>, descriptor: &ColumnDescriptor) -> Self {
        let there = descriptor.max_def_level();
        let hole = descriptor.self_type().is_optional().then(|| there - 1);
        Self { column, there, hole }
    }

    /// Hands on each row, its numbers as f32.
    fn read(
        mut self,
        rows: Range<u64>,
        as_f32: impl Fn(T::T) -> f32,
        each: &mut Each<'_>,
    ) -> Result<(), String> {
        let (mut values, mut defined, mut repeated) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = rows.start;
        while next < rows.end {
            values.clear();
            defined.clear();
            repeated.clear();
            let most = usize::try_from(rows.end - next).unwrap_or(AT_ONCE).min(AT_ONCE);
            let (read, ..) = self
                .column
                .read_records(most, Some(&mut defined), Some(&mut repeated), &mut values)
                .map_err(|error| format!("row {next}: {}", unreadable(error)))?;
            let numbers: Vec<f32> = values.iter().map(|value| as_f32(*value)).collect();
            let lists = begun(&repeated).map(|places| &defined[places]);
            let handed = self.hand_on(next, lists, &numbers, each)?;
            if read == 0 || handed != read as u64 {
                return Err(format!("row {}: it is not there; copy the file again", next + handed));
            }
            next += handed;
        }
        Ok(())
    }

    /// Hands on rows whose places are these, and says how many they were.
    fn hand_on<'a>(
        &self,
        first: u64,
        lists: impl Iterator<Item = &'a [i16]>,
        mut numbers: &[f32],
        each: &mut Each<'_>,
    ) -> Result<u64, String> {
        let mut row = first;
        for places in lists {
            let count = places.iter().filter(|place| **place == self.there).count();
            let (values, rest) = numbers.split_at_checked(count).unwrap_or((numbers, &[]));
            numbers = rest;
            let values = match places.iter().position(|place| *place != self.there) {
                None => Ok(values),
                Some(place) if Some(places[place]) == self.hole => {
                    Err(format!("component {place} is null"))
                }
                Some(_) => Err("it is null or an empty list".to_owned()),
            };
            each(row, values).map_err(|what| format!("row {row}: {what}"))?;
            row += 1;
        }
        Ok(row - first)
    }
}

/// The places of each row: one begins where nothing is repeated.
fn begun(repeated: &[i16]) -> impl Iterator<Item = Range<usize>> {
    let mut starts: Vec<usize> =
        (0..repeated.len()).filter(|place| repeated[*place] == 0).collect();
    starts.push(repeated.len());
    (1..starts.len()).map(move |row| starts[row - 1]..starts[row])
}

/// The column of that name, or the only one of lists of floats.
fn chosen(schema: &SchemaDescriptor, column: Option<&str>) -> Result<usize, String> {
    let fits: Vec<usize> =
        (0..schema.num_columns()).filter(|leaf| is_list(&schema.columns()[*leaf])).collect();
    let name = |leaf: &usize| schema.get_column_root(*leaf).name();
    let all = || listed(fits.iter().map(name));
    match (column, &fits[..]) {
        (Some(wanted), _) => {
            fits.iter().find(|leaf| name(leaf) == wanted).copied().ok_or_else(|| {
                format!(
                    "it has no column `{wanted}` of lists of floats (f32 or f64); it has {}",
                    all()
                )
            })
        }
        (None, [only]) => Ok(*only),
        (None, []) => Err(format!(
            "it has no column of lists of floats (f32 or f64); its columns are {}",
            listed((0..schema.num_columns()).map(|leaf| name(&leaf)))
        )),
        (None, _) => {
            Err(format!("it has several columns of lists; write `column` and one of {}", all()))
        }
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(NAMED + 1).map(|name| format!("{name:?}")).collect();
    match names.len() {
        0 => "none".to_owned(),
        count if count > NAMED => format!("{}, ...", names[..NAMED].join(", ")),
        _ => names.join(", "),
    }
}

/// Whether a column is a list of floats, and nothing in a list of lists, a map or a struct.
fn is_list(column: &ColumnDescriptor) -> bool {
    matches!(column.physical_type(), Type::FLOAT | Type::DOUBLE)
        && column.max_rep_level() == 1
        && column.path().parts().len() <= DEEPEST
}

/// How many rows there are. A group has a number at most for each component that a row can have, and
/// one at least for each row.
fn counted(groups: &[RowGroupMetaData], leaf: usize) -> Result<u64, String> {
    let mut rows = 0u64;
    for (number, group) in groups.iter().enumerate() {
        let false_sizes = |_| format!("row group {number} has a negative size");
        let count = u64::try_from(group.num_rows()).map_err(false_sizes)?;
        let values = group.columns().get(leaf).map_or(-1, |column| column.num_values());
        let values = u64::try_from(values).map_err(false_sizes)?;
        let most = count.saturating_mul(super::layout::MOST_DIMENSIONS as u64);
        if !(count..=most).contains(&values) {
            return Err(format!("row group {number} says that {count} rows have {values} numbers"));
        }
        rows =
            rows.checked_add(count).ok_or("it says that it has more rows than can be counted")?;
    }
    Ok(rows)
}

/// What the decoder panics over is a fault of the file, too.
fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err("it cannot be decoded: it is damaged".to_owned()))
}

fn unreadable(error: ParquetError) -> String {
    format!("it cannot be decoded: {error}")
}

#[cfg(test)]
#[path = "parquet_tests.rs"]
mod tests;

//! Reading files of vectors: first what is in them, for the case to be stored with, and later
//! their rows. Both read the whole file, and both must have read the same bytes.

use super::layout::{HEAD, Layout};
use super::parquet::Table;
use super::vectors::{VectorFault, check};
use crate::checksum::{Sha256, sha256};
use crate::datafile::opened;
use crate::driver::OpenError;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::ops::Range;
use std::slice;
use tokgate_core::case::{
    QuerySource, Similarity, VectorContents, VectorFile, VectorKind, VectorSet,
};

/// Largest file that is opened: a hundred million rows of 1024 numbers fit.
const MOST_BYTES: u64 = 1 << 39;
/// Beyond, a sum of squares could leave the range of f32.
const LARGEST: f32 = 1e15;

const CHANGED: &str = "it changed while it was measured";

/// Looks into the files of a vector set, and says in it what was found: how many rows of how
/// many components, and the checksums. A set that is no file is as it was.
///
/// # Errors
/// When a file cannot be used; the message names it.
pub(crate) fn surveyed(set: &VectorSet) -> Result<VectorSet, OpenError> {
    let VectorKind::File(file) = &set.kind else { return Ok(set.clone()) };
    check_column(file)?;
    let column = file.column.as_deref();
    let rows = survey(&file.path, column)?;
    let (held_out, queries) = match &file.queries {
        QuerySource::HeldOut(count) => (u64::from(*count), None),
        QuerySource::Queries(path) => (0, Some(survey(path, column)?)),
    };
    if let (Some(found), QuerySource::Queries(path)) = (&queries, &file.queries)
        && found.dimensions != rows.dimensions
    {
        let (queries, rows) = (found.dimensions, rows.dimensions);
        return Err(refused(path, format!("queries of {queries} components for rows of {rows}")));
    }
    let indexed = rows.rows.saturating_sub(held_out);
    if indexed == 0 {
        let (rows, what) = (rows.rows, "rows, of which `held_out` takes");
        return Err(refused(&file.path, format!("{rows} {what} {held_out}; write fewer")));
    }
    let contents = VectorContents {
        sha256: rows.sha256,
        rows: rows.rows,
        queries: queries.as_ref().map_or(held_out, |found| found.rows),
        queries_sha256: queries.map(|found| found.sha256),
    };
    let kind = VectorKind::File(VectorFile { contents: Some(contents), ..file.clone() });
    let entries = u32::try_from(indexed).unwrap_or(u32::MAX).min(set.entries);
    Ok(VectorSet::new(kind, entries, rows.dimensions as u32))
}

/// A column is a table's.
fn check_column(file: &VectorFile) -> Result<(), OpenError> {
    let queries = match &file.queries {
        QuerySource::Queries(path) => is_table(path),
        QuerySource::HeldOut(_) => false,
    };
    match &file.column {
        Some(column) if !queries && !is_table(&file.path) => Err(refused(
            &file.path,
            format!("`column` is {column:?}, and only `.parquet` files have columns; leave it out"),
        )),
        Some(_) | None => Ok(()),
    }
}

/// Whether a file has columns, by its ending.
fn is_table(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("parquet"))
}

struct Found {
    rows: u64,
    dimensions: usize,
    sha256: String,
}

fn survey(path: &str, column: Option<&str>) -> Result<Found, OpenError> {
    if is_table(path) {
        let (Table { rows, dimensions, .. }, file) = table(path, column)?;
        return Ok(Found { rows, dimensions, sha256: hashed(path, file)? });
    }
    let (Layout { rows, dimensions, .. }, head, file) = begun(path)?;
    Ok(Found { rows, dimensions, sha256: hashed(path, head.as_slice().chain(file))? })
}

fn hashed(path: &str, from: impl Read) -> Result<String, OpenError> {
    sha256(from).map_err(|error| refused(path, format!("cannot be read: {error}")))
}

/// A column of a file, and the file, to be read from its first byte on.
fn table(path: &str, column: Option<&str>) -> Result<(Table, File), OpenError> {
    let mut file = opened(path, MOST_BYTES).map_err(|what| refused(path, what))?;
    let unreadable = |error: std::io::Error| refused(path, format!("cannot be read: {error}"));
    let again = file.try_clone().map_err(unreadable)?;
    let table = Table::open(again, column).map_err(|what| refused(path, what))?;
    file.rewind().map_err(unreadable)?;
    Ok((table, file))
}

/// The layout of a file, its first bytes, and what is left to read.
fn begun(path: &str) -> Result<(Layout, Vec<u8>, File), OpenError> {
    let refused = |what: String| refused(path, what);
    let unreadable = |error: std::io::Error| refused(format!("cannot be read: {error}"));
    let mut file = opened(path, MOST_BYTES).map_err(refused)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let mut head = Vec::new();
    (&mut file).take(HEAD as u64).read_to_end(&mut head).map_err(unreadable)?;
    let layout = Layout::of(path, &head, length).map_err(refused)?;
    Ok((layout, head, file))
}

/// Rows and queries of a surveyed file, each row followed by zeros up to a width.
pub(super) struct Numbers {
    pub(super) rows: Vec<f32>,
    pub(super) queries: Vec<f32>,
}

/// Reads the rows of a set, and as many of its queries as are there, up to `most_queries`.
///
/// # Errors
/// When a row is unusable, or a file is no longer what it was; the message names file and row.
pub(super) fn load(
    set: &VectorSet,
    file: &VectorFile,
    width: usize,
    most_queries: u64,
) -> Result<Numbers, OpenError> {
    let Some(contents) = &file.contents else {
        return Err(refused(
            &file.path,
            "it was not looked into before it was measured".to_owned(),
        ));
    };
    let metric = file.metric;
    let queries = contents.queries.min(most_queries);
    let rows = 0..u64::from(set.entries);
    let read = |path: &str, sha256: &str, ranges: &[Range<u64>]| {
        let reading = Reading { path, sha256, width, metric };
        match is_table(path) {
            true => reading.rows_of_table(file.column.as_deref(), ranges),
            false => reading.rows(ranges),
        }
    };
    let mut found = match (&file.queries, &contents.queries_sha256) {
        (QuerySource::Queries(path), Some(sha256)) => {
            let mut found = read(&file.path, &contents.sha256, slice::from_ref(&rows))?;
            found.extend(read(path, sha256, slice::from_ref(&(0..queries)))?);
            found
        }
        (QuerySource::Queries(_) | QuerySource::HeldOut(_), _) => {
            let first = contents.rows - contents.queries;
            read(&file.path, &contents.sha256, &[rows, first..first + queries])?
        }
    };
    let queries = found.pop().unwrap_or_default();
    Ok(Numbers { rows: found.pop().unwrap_or_default(), queries })
}

/// One file that is read row by row.
struct Reading<'a> {
    path: &'a str,
    /// Of what was found when it was looked into.
    sha256: &'a str,
    width: usize,
    metric: Similarity,
}

impl Reading<'_> {
    /// The rows of each range.
    fn rows(&self, ranges: &[Range<u64>]) -> Result<Vec<Vec<f32>>, OpenError> {
        let unreadable =
            |error: std::io::Error| refused(self.path, format!("cannot be read: {error}"));
        let (layout, head, file) = begun(self.path)?;
        let mut from = BufReader::with_capacity(1 << 20, head.as_slice().chain(file));
        let mut hash = Sha256::start();
        let mut bytes = vec![0; layout.header];
        from.read_exact(&mut bytes).map_err(unreadable)?;
        hash.update(&bytes);
        bytes.resize(layout.row_bytes(), 0);
        let mut found = vec![Vec::new(); ranges.len()];
        for row in 0..layout.rows {
            from.read_exact(&mut bytes).map_err(unreadable)?;
            hash.update(&bytes);
            for (range, values) in ranges.iter().zip(&mut found) {
                if range.contains(&row) {
                    self.take(layout.dimensions, values, |row| layout.read(&bytes, row))
                        .map_err(|what| refused(self.path, format!("row {row}: {what}")))?;
                }
            }
        }
        self.unchanged(&hash.finish()).map(|()| found)
    }

    /// The rows of each range, of a file with columns. Its bytes are hashed after its rows were read: had
    /// they been others by then, or before, the sum would be another.
    fn rows_of_table(
        &self,
        column: Option<&str>,
        ranges: &[Range<u64>],
    ) -> Result<Vec<Vec<f32>>, OpenError> {
        let (table, mut file) = table(self.path, column)?;
        let mut found = vec![Vec::new(); ranges.len()];
        let mut take = |row: u64, components: &[f32]| {
            for (range, values) in ranges.iter().zip(&mut found) {
                if range.contains(&row) {
                    self.take(table.dimensions, values, |row| {
                        row.copy_from_slice(components);
                        Ok(())
                    })?;
                }
            }
            Ok(())
        };
        table.read(ranges, &mut take).map_err(|what| refused(self.path, what))?;
        file.rewind().map_err(|error| refused(self.path, format!("cannot be read: {error}")))?;
        self.unchanged(&hashed(self.path, file)?).map(|()| found)
    }

    /// Whether the file is what it was when it was looked into.
    fn unchanged(&self, sha256: &str) -> Result<(), OpenError> {
        match sha256 == self.sha256 {
            true => Ok(()),
            false => Err(refused(self.path, CHANGED.to_owned())),
        }
    }

    /// Adds a row of so many components, padded, and checked when it was read.
    fn take(
        &self,
        dimensions: usize,
        values: &mut Vec<f32>,
        read: impl FnOnce(&mut [f32]) -> Result<(), String>,
    ) -> Result<(), String> {
        let start = values.len();
        values.resize(start + self.width, 0.0);
        // A file that was written again since may have longer rows.
        let row = values[start..].get_mut(..dimensions).ok_or(CHANGED)?;
        read(row)?;
        match check(row, dimensions) {
            // A point like any other, where distances count.
            Err(VectorFault::Zero) if self.metric == Similarity::L2 => {}
            checked => checked.map_err(|fault| fault.to_string())?,
        }
        match row.iter().position(|value| value.abs() > LARGEST) {
            Some(component) => Err(format!(
                "component {component} is {}; numbers beyond {LARGEST:e} cannot be compared in f32",
                row[component]
            )),
            None => Ok(()),
        }
    }
}

fn refused(path: &str, what: String) -> OpenError {
    OpenError::Invalid(format!("vector file {path}: {what}"))
}

#[cfg(test)]
mod tests {
    use super::super::layout::tests::header;
    use super::*;
    use proptest::prelude::*;
    use tempfile::TempDir;

    const WIDTH: usize = 8;

    fn npy(rows: &[[f32; 3]]) -> Vec<u8> {
        let shape = format!("({}, 3)", rows.len());
        let mut bytes =
            header(&format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}\n"));
        bytes.extend(rows.iter().flatten().flat_map(|value| value.to_le_bytes()));
        bytes
    }

    fn put(folder: &TempDir, name: &str, bytes: &[u8]) -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    fn set(path: String, queries: QuerySource) -> VectorSet {
        let metric = Similarity::Cosine;
        let file = VectorFile { path, queries, metric, column: None, contents: None };
        VectorSet::new(VectorKind::File(file), 1000, 0)
    }

    fn read(set: &VectorSet) -> Result<(VectorSet, Numbers), OpenError> {
        let found = surveyed(set)?;
        let numbers = loaded(&found)?;
        Ok((found, numbers))
    }

    fn loaded(set: &VectorSet) -> Result<Numbers, OpenError> {
        match &set.kind {
            VectorKind::File(file) => load(set, file, WIDTH, 100),
            VectorKind::Mixture | VectorKind::Iid => panic!("a file was expected"),
        }
    }

    fn said(set: &VectorSet) -> String {
        read(set).err().expect("a refusal").to_string()
    }

    #[test]
    fn rows_are_padded_and_the_last_ones_are_held_out() {
        let folder = tempfile::tempdir().unwrap();
        let rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0], [1.0, 0.0, 0.0]];
        let path = put(&folder, "a.npy", &npy(&rows));
        let (found, numbers) = read(&set(path.clone(), QuerySource::HeldOut(1))).unwrap();
        assert_eq!((found.entries, found.dimensions), (3, 3));
        assert_eq!(numbers.rows[..WIDTH], [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(
            (numbers.rows.len(), &numbers.queries[..4]),
            (3 * WIDTH, &[1.0, 0.0, 0.0, 0.0][..])
        );
        // Fewer rows are the first ones, and the queries stay the same.
        let fewer = VectorSet { entries: 2, ..set(path, QuerySource::HeldOut(1)) };
        let (found, fewer) = read(&fewer).unwrap();
        assert_eq!((found.entries, fewer.rows.len()), (2, 2 * WIDTH));
        assert_eq!(fewer.queries, numbers.queries);
    }

    #[test]
    fn queries_may_have_a_file_and_format_of_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = put(&folder, "a.npy", &npy(&[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]));
        let queries = put(&folder, "q.bvecs", &[3, 0, 0, 0, 7, 8, 255]);
        let (found, numbers) = read(&set(path.clone(), QuerySource::Queries(queries))).unwrap();
        assert_eq!((found.entries, numbers.queries[..3].to_vec()), (2, vec![7.0, 8.0, 255.0]));
        let queries = put(&folder, "r.bvecs", &[2, 0, 0, 0, 7, 8]);
        let other = said(&set(path, QuerySource::Queries(queries)));
        assert!(other.contains("r.bvecs: queries of 2 components for rows of 3"), "{other}");
    }

    #[test]
    fn bad_rows_are_named_with_their_file_and_component() {
        let folder = tempfile::tempdir().unwrap();
        let bad = |value: [f32; 3]| {
            let path = put(&folder, "a.npy", &npy(&[[1.0, 2.0, 3.0], value, [1.0, 1.0, 1.0]]));
            said(&set(path, QuerySource::HeldOut(1)))
        };
        assert!(bad([0.0, f32::NAN, 1.0]).contains("a.npy: row 1: component 1 is NaN"));
        assert!(bad([0.0, 1.0, f32::INFINITY]).contains("row 1: component 2 is inf"));
        assert!(bad([0.0; 3]).contains("row 1: it is the zero vector"));
        assert!(bad([1e20, 0.0, 0.0]).contains("row 1: component 0 is 1"));
        let all = put(&folder, "b.npy", &npy(&[[1.0; 3]]));
        assert!(said(&set(all, QuerySource::HeldOut(1))).contains("`held_out` takes 1"));
        let rows = [2i32.to_le_bytes(), [7, 8, 3, 0], [0, 0, 7, 8]].concat();
        let uneven = put(&folder, "a.bvecs", &rows);
        let uneven = said(&set(uneven, QuerySource::HeldOut(1)));
        assert!(uneven.contains("row 1: 3 components where the first row has 2"), "{uneven}");
    }

    #[test]
    fn a_file_that_changes_between_looking_and_reading_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = put(&folder, "a.npy", &npy(&[[1.0; 3], [2.0; 3]]));
        let found = surveyed(&set(path, QuerySource::HeldOut(1))).unwrap();
        put(&folder, "a.npy", &npy(&[[1.0; 3], [2.5; 3]]));
        assert!(loaded(&found).err().unwrap().to_string().contains("it changed"));
    }

    #[cfg(not(feature = "parquet"))]
    #[test]
    fn a_build_without_parquet_says_how_to_have_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = put(&folder, "a.parquet", b"PAR1");
        let refused = said(&set(path, QuerySource::HeldOut(1)));
        assert!(refused.contains("a.parquet: this build reads no `.parquet` files"), "{refused}");
        assert!(refused.contains("build with `--features parquet`"), "{refused}");
    }

    proptest! {
        #[test]
        fn what_was_written_is_read_bit_by_bit(
            rows in proptest::collection::vec(proptest::array::uniform3(-1e6f32..1e6), 2..20),
        ) {
            prop_assume!(rows.iter().all(|row| row.iter().any(|value| *value != 0.0)));
            let folder = tempfile::tempdir().unwrap();
            let path = put(&folder, "a.npy", &npy(&rows));
            let (_, numbers) = read(&set(path, QuerySource::HeldOut(1))).unwrap();
            let all = numbers.rows.chunks(WIDTH).chain(numbers.queries.chunks(WIDTH));
            prop_assert_eq!(all.map(|row| row[..3].to_vec()).collect::<Vec<_>>(), rows);
        }
    }
}

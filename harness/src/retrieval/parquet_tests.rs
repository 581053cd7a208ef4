use super::super::vectorfile::{Numbers, load, surveyed};
use crate::driver::OpenError;
use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::parser::parse_message_type;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;
use tokgate_core::case::{QuerySource, Similarity, VectorFile, VectorKind, VectorSet};

const WIDTH: usize = 8;
/// A list that may be absent, of numbers that may be: what most programs write.
const LIST: &str = "optional group vector (LIST) {
    repeated group list { optional float element; } }";

/// A row as it is in a list column, which may lack it, or some of its numbers.
type Row = Option<Vec<Option<f32>>>;

fn row(values: &[f32]) -> Row {
    Some(values.iter().copied().map(Some).collect())
}

fn rows() -> Vec<Row> {
    (0..10u8).map(|number| row(&[f32::from(number) + 0.1, 1.0, -2.5])).collect()
}

type Group<'a> = SerializedRowGroupWriter<'a, File>;

/// Writes a file of groups of rows, one column after the other.
fn write(path: &Path, columns: &str, groups: &[&[Row]], each: &dyn Fn(&mut Group<'_>, &[Row])) {
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {columns} }}")).unwrap());
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let file = File::create(path).unwrap();
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).unwrap();
    for rows in groups {
        let mut group = writer.next_row_group().unwrap();
        each(&mut group, rows);
        group.close().unwrap();
    }
    writer.close().unwrap();
}

fn put<T: DataType>(group: &mut Group<'_>, values: &[T::T], levels: Option<(&[i16], &[i16])>) {
    let mut column = group.next_column().unwrap().unwrap();
    let (defined, repeated) = levels.unzip();
    column.typed::<T>().write_batch(values, defined, repeated).unwrap();
    column.close().unwrap();
}

/// The levels of a list column as [`LIST`] is, and its numbers.
fn levels(rows: &[Row]) -> (Vec<i16>, Vec<i16>, Vec<f32>) {
    let (mut defined, mut repeated, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        let list = row.as_deref().unwrap_or_default();
        if list.is_empty() {
            defined.push(i16::from(row.is_some()));
            repeated.push(0);
        }
        for (place, value) in list.iter().enumerate() {
            defined.push(if value.is_some() { 3 } else { 2 });
            repeated.push(i16::from(place > 0));
            values.extend(value);
        }
    }
    (defined, repeated, values)
}

fn put_list(group: &mut Group<'_>, rows: &[Row]) {
    let (defined, repeated, values) = levels(rows);
    put::<FloatType>(group, &values, Some((&defined, &repeated)));
}

/// A file of one column [`LIST`].
fn list(folder: &TempDir, rows: &[Row]) -> String {
    let path = folder.path().join("a.parquet");
    write(&path, LIST, &[rows], &put_list);
    path.display().to_string()
}

fn set(path: String, column: Option<&str>) -> VectorSet {
    let file = VectorFile {
        path,
        queries: QuerySource::HeldOut(2),
        metric: Similarity::Cosine,
        column: column.map(str::to_owned),
        contents: None,
    };
    VectorSet::new(VectorKind::File(file), 1000, 0)
}

fn read(path: String, column: Option<&str>) -> Result<(VectorSet, Numbers), OpenError> {
    let found = surveyed(&set(path, column))?;
    let VectorKind::File(file) = &found.kind else { panic!("a file was expected") };
    let numbers = load(&found, file, WIDTH, 100)?;
    Ok((found, numbers))
}

fn said(path: String, column: Option<&str>) -> String {
    read(path, column).err().expect("a refusal").to_string()
}

/// The first three numbers of each row.
fn shown(values: &[f32]) -> Vec<[f32; 3]> {
    values.chunks(WIDTH).map(|row| [row[0], row[1], row[2]]).collect()
}

fn written(rows: &[Row]) -> Vec<[f32; 3]> {
    let all = |row: &Row| row.iter().flatten().map(|value| value.unwrap()).collect::<Vec<_>>();
    rows.iter().map(|row| all(row).try_into().unwrap()).collect()
}

#[test]
fn rows_of_a_file_of_several_groups_are_read_bit_by_bit_and_the_last_are_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let (path, rows) = (folder.path().join("a.parquet"), rows());
    write(&path, LIST, &[&rows[..3], &rows[3..9], &rows[9..]], &put_list);
    let (found, numbers) = read(path.display().to_string(), None).unwrap();
    assert_eq!((found.entries, found.dimensions), (8, 3));
    assert_eq!(shown(&numbers.rows), written(&rows[..8]));
    assert_eq!(shown(&numbers.queries), written(&rows[8..]));
    let VectorKind::File(VectorFile { contents: Some(contents), .. }) = found.kind else {
        panic!("what is in the file was not said")
    };
    let bytes = std::fs::read(&path).unwrap();
    assert_eq!(contents.sha256, crate::checksum::sha256(&bytes[..]).unwrap());
    assert_eq!((contents.rows, contents.queries), (10, 2));
}

#[test]
fn more_rows_than_are_decoded_at_a_time_come_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Row> = (0..1000u16).map(|n| row(&[f32::from(n), 1.0, 2.0])).collect();
    let (_, numbers) = read(list(&folder, &rows), None).unwrap();
    assert_eq!(shown(&numbers.rows), written(&rows[..998]));
}

#[test]
fn doubles_that_cannot_be_absent_are_read_beside_columns_of_other_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let columns = "required int64 id; optional binary text (UTF8);
        required group embedding (LIST) { repeated group list { required double element; } }";
    write(&path, columns, &[&rows()], &|group, rows| {
        put::<Int64Type>(group, &(0..rows.len() as i64).collect::<Vec<_>>(), None);
        let texts = vec![b"words".to_vec().into(); rows.len()];
        let mut column = group.next_column().unwrap().unwrap();
        let there = vec![1; rows.len()];
        column.typed::<ByteArrayType>().write_batch(&texts, Some(&there), None).unwrap();
        column.close().unwrap();
        let values: Vec<f64> = levels(rows).2.into_iter().map(f64::from).collect();
        let repeated: Vec<i16> = (0..values.len()).map(|n| i16::from(n % 3 > 0)).collect();
        put::<DoubleType>(group, &values, Some((&vec![1; values.len()], &repeated)));
    });
    let path = path.display().to_string();
    for column in [None, Some("embedding")] {
        let (_, numbers) = read(path.clone(), column).unwrap();
        assert_eq!(shown(&numbers.rows), written(&rows()[..8]));
    }
    let other = said(path, Some("id"));
    assert!(other.contains("no column `id` of lists of floats"), "{other}");
    assert!(other.contains("it has \"embedding\""), "{other}");
}

#[test]
fn of_several_columns_one_has_to_be_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    let columns = format!("{LIST} {}", LIST.replace("vector", "title"));
    let twice = |group: &mut Group<'_>, rows: &[Row]| {
        put_list(group, rows);
        let negative = |row: &Row| {
            row.as_ref().map(|row| row.iter().map(|value| value.map(|it| -it)).collect())
        };
        put_list(group, &rows.iter().map(negative).collect::<Vec<_>>());
    };
    write(&path, &columns, &[&rows()], &twice);
    let path = path.display().to_string();
    let unnamed = said(path.clone(), None);
    assert!(unnamed.contains("write `column` and one of \"vector\", \"title\""), "{unnamed}");
    let first = |column| read(path.clone(), Some(column)).unwrap().1.rows[0];
    assert_eq!((first("vector"), first("title")), (0.1, -0.1));
}

#[test]
fn a_file_without_lists_says_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, "required float weight;", &[&rows()], &|group, _| {
        put::<FloatType>(group, &[1.0, 2.0], None);
    });
    let none = said(path.display().to_string(), None);
    assert!(none.contains("no column of lists of floats"), "{none}");
    assert!(none.contains("its columns are \"weight\""), "{none}");
}

#[test]
fn rows_that_are_no_vectors_are_named_with_their_file() {
    let folder = tempfile::tempdir().unwrap();
    let bad = |bad: Row| {
        let mut rows = rows();
        rows[4] = bad;
        said(list(&folder, &rows), None)
    };
    let ragged = bad(row(&[1.0, 2.0]));
    assert!(
        ragged.contains("a.parquet: row 4: 2 components where the first row has 3"),
        "{ragged}"
    );
    assert!(bad(None).contains("row 4: it is null or an empty list"));
    assert!(bad(Some(Vec::new())).contains("row 4: it is null or an empty list"));
    let hole = bad(Some(vec![Some(1.0), None, Some(2.0)]));
    assert!(hole.contains("row 4: component 1 is null"), "{hole}");
    assert!(bad(row(&[1.0, f32::NAN, 2.0])).contains("row 4: component 1 is NaN"));
    assert!(bad(row(&[0.0; 3])).contains("row 4: it is the zero vector"));
}

#[test]
fn a_file_without_rows_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    write(&path, LIST, &[], &put_list);
    assert!(said(path.display().to_string(), None).contains("there are no rows in it"));
}

#[test]
fn a_file_that_is_cut_off_is_refused_wherever_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = list(&folder, &rows());
    let whole = std::fs::read(&path).unwrap();
    for length in 0..whole.len() {
        std::fs::write(&path, &whole[..length]).unwrap();
        let cut = said(path.clone(), None);
        assert!(cut.contains("a.parquet: it cannot be decoded"), "{length} bytes: {cut}");
    }
}

#[test]
fn damaged_bytes_are_refused_or_read_as_other_numbers_and_nothing_else_happens() {
    let folder = tempfile::tempdir().unwrap();
    let path = list(&folder, &rows());
    let whole = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for place in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut changed = whole.clone();
            changed[place] ^= 1 << bit;
            std::fs::write(&path, changed).unwrap();
            match read(path.clone(), None) {
                Ok((found, numbers)) => {
                    assert_eq!(numbers.rows.len(), found.entries as usize * WIDTH);
                }
                Err(error) => {
                    assert!(error.to_string().contains("a.parquet: "), "{error}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > whole.len(), "{refused} of {} refused", 3 * whole.len());
}

#[test]
fn a_file_that_changes_between_looking_and_reading_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let found = surveyed(&set(list(&folder, &rows()), None)).unwrap();
    let VectorKind::File(file) = &found.kind else { panic!("a file was expected") };
    let changed = |rows: &[Row]| {
        list(&folder, rows);
        load(&found, file, WIDTH, 100).err().unwrap().to_string()
    };
    let mut other = rows();
    other[3] = row(&[1.0, 1.0, 1.0]);
    assert!(changed(&other).contains("it changed while it was measured"));
    let wide = vec![row(&[1.0; 99]); 10];
    assert!(changed(&wide).contains("it changed while it was measured"));
}

#[test]
fn a_column_of_a_file_that_has_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.fvecs");
    std::fs::write(&path, [[1, 0, 0, 0], 1f32.to_le_bytes()].concat()).unwrap();
    let refused = said(path.display().to_string(), Some("vector"));
    assert!(refused.contains("only `.parquet` files have columns"), "{refused}");
}

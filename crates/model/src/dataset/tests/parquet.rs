//! `dataset.parquet`: the same table as the CSV, in columns.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use ::parquet::schema::printer::print_schema;
use arrow_array::{ArrayRef, Int32Array, RecordBatch};
use proptest::prelude::*;

use super::row;
use crate::Flags;
use crate::dataset::*;

fn write(path: &Path, batches: &[&[DatasetRow]], max_tags: usize) -> DatasetDigest {
    let mut writer = DatasetWriter::create_as(DatasetFormat::Parquet, path, max_tags).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap()
}

fn read(path: &Path) -> Result<Vec<DatasetRow>, DatasetError> {
    DatasetReader::open(path)?.collect()
}

/// More than a row group.
fn many() -> Vec<DatasetRow> {
    (1..=70_000).map(|id| row(id, &[("red", 0.5), ("blue", 0.25)][..(id % 3) as usize])).collect()
}

#[test]
fn the_form_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.parquet");
    let first =
        DatasetRow { content: Flags::NSFW | Flags::POL, ..row(1, &[("red", 0.206543), ("a \"b\"", 0.1)]) };
    let rows = [first, row(2, &[])];
    let digest = write(&path, &[&rows], 2);
    assert_eq!(digest.rows, 2);
    assert_eq!(read(&path).unwrap(), rows);
    assert_eq!(DatasetReader::open(&path).unwrap().max_tags(), 2);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let file = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    let facts = file.metadata().file_metadata();
    assert_eq!((facts.created_by(), facts.key_value_metadata()), (Some("tagmill"), None));
    let mut schema = Vec::new();
    print_schema(&mut schema, facts.schema());
    insta::assert_snapshot!(String::from_utf8(schema).unwrap(), @r"
    message arrow_schema {
      REQUIRED INT64 id;
      REQUIRED BYTE_ARRAY image (STRING);
      REQUIRED INT64 created;
      REQUIRED INT32 width (INTEGER(32,false));
      REQUIRED INT32 height (INTEGER(32,false));
      REQUIRED INT32 flags (INTEGER(32,false));
      REQUIRED BOOLEAN is_nsfw;
      REQUIRED BOOLEAN is_nsfl;
      REQUIRED BOOLEAN is_nsfp;
      REQUIRED BOOLEAN is_pol;
      OPTIONAL BYTE_ARRAY tag1 (STRING);
      OPTIONAL FLOAT confidence1;
      OPTIONAL BYTE_ARRAY tag2 (STRING);
      OPTIONAL FLOAT confidence2;
    }
    ");
}

/// A change here changes the hash of every table, which users compare.
#[test]
fn the_bytes_are_pinned() {
    let folder = tempfile::tempdir().unwrap();
    let digest = write(&folder.path().join("dataset.parquet"), &[&many()], 2);
    insta::assert_snapshot!(digest.sha256, @"1dd1fe7231d34123ddacad4ef2431605160eea01845180cdb02d8ad3cd4a5cf9");
}

#[test]
fn batches_do_not_show_in_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.parquet");
    let rows = many();
    let together = write(&path, &[&rows], 24);
    for size in [1000, 8191, 8192, 50_000] {
        let batches: Vec<&[DatasetRow]> = rows.chunks(size).collect();
        assert_eq!(write(&path, &batches, 24), together, "{size}");
    }
    assert_eq!(read(&path).unwrap(), rows);
    let file = SerializedFileReader::new(fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(file.metadata().num_row_groups(), 2);
}

#[test]
fn a_table_without_rows_has_its_columns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.parquet");
    write(&path, &[], 1);
    assert_eq!(read(&path).unwrap(), []);
    assert_eq!(DatasetReader::open(&path).unwrap().max_tags(), 1);
}

#[test]
fn a_table_that_is_given_up_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.parquet");
    write(&path, &[&[row(1, &[])]], 1);
    let mut writer = DatasetWriter::create_as(DatasetFormat::Parquet, &path, 1).unwrap();
    writer.write(&many()).unwrap();
    drop(writer);
    assert_eq!(read(&path).unwrap().len(), 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[track_caller]
fn check_error(bytes: &[u8], expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.parquet");
    fs::write(&path, bytes).unwrap();
    let error = read(&path).unwrap_err().to_string().replace(&path.display().to_string(), "dataset.parquet");
    assert_eq!(error, expected);
}

fn file_with(column: &str, values: ArrayRef) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter([(column, values)]).unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn says_what_is_wrong() {
    let damaged = |what: &str| {
        format!("`dataset.parquet` is not a dataset: it begins as Parquet, but is not whole ({what})")
    };
    check_error(b"PAR1", &damaged("EOF: Parquet file too small. Size is 4 but need 8"));
    check_error(b"PAR1 and then text", &damaged("Parquet error: Invalid Parquet file. Corrupt footer"));
    let column = |name| file_with(name, Arc::new(Int32Array::from(vec![1])));
    check_error(&column("a"), "`dataset.parquet` is not a dataset: its header has no column `is_nsfw`");
    check_error(
        &column("is_nsfw"),
        "`dataset.parquet` is not a dataset: its column `is_nsfw` is of type Int32, not Boolean",
    );
}

#[test]
fn says_where_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dataset.parquet");
    write(&path, &[&[row(1, &[]), row(2, &[("red", f32::NAN)])]], 1);
    let error = read(&path).unwrap_err().to_string().replace(&path.display().to_string(), "dataset.parquet");
    assert_eq!(error, "`dataset.parquet` line 3, column `confidence1`: `NaN` is not a finite number");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn rows_round_trip(names in prop::collection::vec(".{1,20}", 0..8), confidence in 0.0f32..1.0, flags: u32) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.parquet");
        let tags: Vec<(&str, f32)> = names.iter().map(|name| (name.as_str(), confidence)).collect();
        let rows = vec![DatasetRow { flags: Flags::from_bits_retain(flags), ..row(i64::MAX, &tags) }, row(-2, &[])];
        write(&path, &[&rows], 8);
        prop_assert_eq!(read(&path).unwrap(), rows);
    }
}

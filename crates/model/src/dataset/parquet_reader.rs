//! `dataset.parquet`, read.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Int64Type, UInt32Type};
use arrow_array::{
    Array, ArrowPrimitiveType, BooleanArray, Float32Array, Int64Array, PrimitiveArray, RecordBatch,
    RecordBatchReader, StringArray, UInt32Array,
};
use arrow_schema::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::schema::types::SchemaDescriptor;

use super::batch::CONTENT;
use super::{DatasetError, DatasetRow};
use crate::{Flags, ItemId, MediaPath, Tag, parquet_file};

pub(super) struct ParquetRows {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    columns: Columns,
    row: usize,
    line: u64,
}

/// A batch of rows, each column as its type.
struct Columns {
    rows: usize,
    id: Int64Array,
    image: StringArray,
    created: Int64Array,
    width: UInt32Array,
    height: UInt32Array,
    flags: UInt32Array,
    content: Vec<(BooleanArray, Flags)>,
    tags: Vec<(StringArray, Float32Array)>,
}

impl ParquetRows {
    pub(super) fn open(file: File, path: &Path) -> Result<ParquetRows, DatasetError> {
        ParquetRows::of(file, path, |_| ProjectionMask::all())
    }

    /// As [`ParquetRows::open`], with these columns alone, which costs as little as they are.
    pub(super) fn open_columns(file: File, path: &Path, names: &[&str]) -> Result<ParquetRows, DatasetError> {
        ParquetRows::of(file, path, |schema| ProjectionMask::columns(schema, names.iter().copied()))
    }

    fn of(
        file: File,
        path: &Path,
        mask: impl FnOnce(&SchemaDescriptor) -> ProjectionMask,
    ) -> Result<ParquetRows, DatasetError> {
        let batches = ParquetRecordBatchReaderBuilder::try_new(file)
            .and_then(|builder| {
                let mask = mask(builder.parquet_schema());
                builder.with_projection(mask).with_batch_size(parquet_file::ROWS_A_BATCH).build()
            })
            .map_err(|error| damaged(path, &error))?;
        let columns = Columns::of(&RecordBatch::new_empty(batches.schema()), path)?;
        Ok(ParquetRows { path: path.to_owned(), batches, columns, row: 0, line: 1 })
    }

    pub(super) fn max_tags(&self) -> usize {
        self.columns.tags.len()
    }

    pub(super) fn read(&mut self) -> Option<Result<DatasetRow, DatasetError>> {
        while self.row == self.columns.rows {
            let batch = self.batches.next()?.map_err(|error| damaged(&self.path, &error));
            match batch.and_then(|batch| Columns::of(&batch, &self.path)) {
                Ok(columns) => (self.columns, self.row) = (columns, 0),
                Err(error) => return Some(Err(error)),
            }
        }
        (self.row, self.line) = (self.row + 1, self.line + 1);
        Some(self.columns.row(self.row - 1).map_err(|cell| DatasetError::MalformedCell {
            path: self.path.clone(),
            line: self.line,
            column: cell.column,
            value: cell.value,
            expected: cell.expected,
        }))
    }
}

fn damaged(path: &Path, error: &dyn std::error::Error) -> DatasetError {
    let fault = format!("it begins as Parquet, but is not whole ({error})");
    DatasetError::MalformedFile { path: path.to_owned(), fault }
}

struct BadCell {
    column: String,
    value: String,
    expected: &'static str,
}

impl Columns {
    fn of(batch: &RecordBatch, path: &Path) -> Result<Columns, DatasetError> {
        let columns = Named { batch, schema: batch.schema_ref(), path };
        let mut content = Vec::new();
        for (name, class) in CONTENT {
            content.push((columns.boolean(name)?, class));
        }
        let mut tags = Vec::new();
        while columns.schema.column_with_name(&format!("tag{}", tags.len() + 1)).is_some() {
            let rank = tags.len() + 1;
            tags.push((
                columns.text(&format!("tag{rank}"))?,
                columns.number::<Float32Type>(&format!("confidence{rank}"))?,
            ));
        }
        Ok(Columns {
            rows: batch.num_rows(),
            id: columns.number::<Int64Type>("id")?,
            image: columns.text("image")?,
            created: columns.number::<Int64Type>("created")?,
            width: columns.number::<UInt32Type>("width")?,
            height: columns.number::<UInt32Type>("height")?,
            flags: columns.number::<UInt32Type>("flags")?,
            content,
            tags,
        })
    }

    fn row(&self, row: usize) -> Result<DatasetRow, BadCell> {
        let bad = |column: &str, value: &str, expected| {
            Err(BadCell { column: column.to_owned(), value: value.to_owned(), expected })
        };
        let Some(id) = number(&self.id, row) else { return bad("id", "", "a whole number") };
        let image = text(&self.image, row);
        let Ok(path) = MediaPath::parse(image) else { return bad("image", image, "a safe relative path") };
        let mut content = Flags::empty();
        for (column, class) in &self.content {
            content.set(*class, column.is_valid(row) && column.value(row));
        }
        let mut tags = Vec::new();
        for (rank, (names, confidences)) in self.tags.iter().enumerate() {
            let name = text(names, row);
            if name.is_empty() {
                continue;
            }
            match number(confidences, row).filter(|confidence| confidence.is_finite()) {
                Some(confidence) => tags.push(Tag { name: name.to_owned(), confidence }),
                None => {
                    let value = number(confidences, row).map_or(String::new(), |value| value.to_string());
                    return bad(&format!("confidence{}", rank + 1), &value, "a finite number");
                }
            }
        }
        Ok(DatasetRow {
            id: ItemId(id),
            image: path,
            created: number(&self.created, row).unwrap_or(0),
            width: number(&self.width, row).unwrap_or(0),
            height: number(&self.height, row).unwrap_or(0),
            flags: Flags::from_bits_retain(number(&self.flags, row).unwrap_or(0)),
            content,
            tags,
        })
    }
}

fn text(column: &StringArray, row: usize) -> &str {
    if column.is_null(row) { "" } else { column.value(row) }
}

fn number<T: ArrowPrimitiveType>(column: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    column.is_valid(row).then(|| column.value(row))
}

/// The columns of a batch by their names.
struct Named<'a> {
    batch: &'a RecordBatch,
    schema: &'a Schema,
    path: &'a Path,
}

impl Named<'_> {
    fn number<T: ArrowPrimitiveType>(&self, name: &str) -> Result<PrimitiveArray<T>, DatasetError> {
        let column = self.column(name)?;
        column
            .as_primitive_opt()
            .cloned()
            .ok_or_else(|| self.mistyped(name, &T::DATA_TYPE, column.data_type()))
    }

    fn text(&self, name: &str) -> Result<StringArray, DatasetError> {
        let column = self.column(name)?;
        column
            .as_string_opt()
            .cloned()
            .ok_or_else(|| self.mistyped(name, &DataType::Utf8, column.data_type()))
    }

    fn boolean(&self, name: &str) -> Result<BooleanArray, DatasetError> {
        let column = self.column(name)?;
        let mistyped = || self.mistyped(name, &DataType::Boolean, column.data_type());
        column.as_boolean_opt().cloned().ok_or_else(mistyped)
    }

    fn column(&self, name: &str) -> Result<&dyn Array, DatasetError> {
        let missing = || DatasetError::MissingColumn { path: self.path.to_owned(), column: name.to_owned() };
        Ok(self.batch.column_by_name(name).ok_or_else(missing)?.as_ref())
    }

    fn mistyped(&self, name: &str, expected: &DataType, found: &DataType) -> DatasetError {
        let fault = format!("its column `{name}` is of type {found}, not {expected}");
        DatasetError::MalformedFile { path: self.path.to_owned(), fault }
    }
}

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{Float32Builder, StringBuilder};
use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use sha2::{Digest, Sha256};

use super::{DatasetError, DatasetRow};
use crate::{AtomicFile, Flags};

/// Writes a table in batches. The file appears under its name when [`DatasetWriter::finish`] returns, not before.
///
/// The same rows give the same bytes, however they are cut into batches.
pub struct DatasetWriter {
    path: std::path::PathBuf,
    schema: Arc<Schema>,
    max_tags: usize,
    rows: u64,
    csv: arrow_csv::Writer<Hashing<AtomicFile>>,
}

/// What [`DatasetWriter::finish`] knows of the finished table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetDigest {
    /// Rows, the header not counted.
    pub rows: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

impl DatasetWriter {
    /// Starts a table with `max_tags` pairs of tag columns.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the file cannot be created.
    pub fn create(path: &Path, max_tags: usize) -> Result<DatasetWriter, DatasetError> {
        let io = |source| DatasetError::Io { path: path.to_owned(), source };
        let file = Hashing { inner: AtomicFile::create(path).map_err(io)?, hash: Sha256::new() };
        let schema = schema(max_tags);
        let mut csv = arrow_csv::WriterBuilder::new().with_header(true).build(file);
        // The header stands even in a table without rows.
        csv.write(&RecordBatch::new_empty(schema.clone())).map_err(|error| io(into_io(error)))?;
        Ok(DatasetWriter { path: path.to_owned(), schema, max_tags, rows: 0, csv })
    }

    /// Appends rows. Tags beyond the table's columns are left out.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the disk is full.
    pub fn write(&mut self, rows: &[DatasetRow]) -> Result<(), DatasetError> {
        let batch = RecordBatch::try_new(self.schema.clone(), columns(rows, self.max_tags))
            .expect("the columns are built in the schema's order and types");
        self.csv.write(&batch).map_err(|error| self.io(into_io(error)))?;
        self.rows += rows.len() as u64;
        Ok(())
    }

    /// Gives the table its name.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the disk is full; what stood at the path before is then still there.
    pub fn finish(self) -> Result<DatasetDigest, DatasetError> {
        let io = |source| DatasetError::Io { path: self.path.clone(), source };
        let Hashing { inner, hash } = self.csv.into_inner();
        inner.commit().map_err(io)?;
        let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(DatasetDigest { rows: self.rows, sha256 })
    }

    fn io(&self, source: io::Error) -> DatasetError {
        DatasetError::Io { path: self.path.clone(), source }
    }
}

fn schema(max_tags: usize) -> Arc<Schema> {
    let column = |name: &str, kind| Field::new(name, kind, false);
    let mut fields = vec![
        column("id", DataType::Int64),
        column("image", DataType::Utf8),
        column("created", DataType::Int64),
        column("width", DataType::UInt32),
        column("height", DataType::UInt32),
        column("flags", DataType::UInt32),
        column("is_nsfw", DataType::Boolean),
        column("is_nsfl", DataType::Boolean),
        column("is_nsfp", DataType::Boolean),
        column("is_pol", DataType::Boolean),
    ];
    for rank in 1..=max_tags {
        fields.push(Field::new(format!("tag{rank}"), DataType::Utf8, true));
        fields.push(Field::new(format!("confidence{rank}"), DataType::Float32, true));
    }
    Arc::new(Schema::new(fields))
}

fn columns(rows: &[DatasetRow], max_tags: usize) -> Vec<ArrayRef> {
    let is = |class: Flags| -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(row.content.contains(class))).collect::<BooleanArray>())
    };
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.id.0))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.image.as_str()))),
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.created))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.width))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.height))),
        Arc::new(UInt32Array::from_iter_values(rows.iter().map(|row| row.flags.bits()))),
        is(Flags::NSFW),
        is(Flags::NSFL),
        is(Flags::NSFP),
        is(Flags::POL),
    ];
    for rank in 0..max_tags {
        let mut names = StringBuilder::with_capacity(rows.len(), rows.len() * 12);
        let mut confidences = Float32Builder::with_capacity(rows.len());
        for row in rows {
            let tag = row.tags.get(rank);
            names.append_option(tag.map(|tag| tag.name.as_str()));
            confidences.append_option(tag.map(|tag| tag.confidence));
        }
        columns.push(Arc::new(names.finish()));
        columns.push(Arc::new(confidences.finish()));
    }
    columns
}

fn into_io(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, source) => source,
        other => io::Error::other(other),
    }
}

/// Hashes what passes through to the file.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

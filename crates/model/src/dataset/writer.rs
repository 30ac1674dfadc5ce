use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow_schema::SchemaRef;
#[cfg(feature = "parquet")]
use arrow_select::coalesce::BatchCoalescer;
#[cfg(feature = "parquet")]
use parquet::arrow::ArrowWriter;
use serde::{Deserialize, Serialize};

use super::encode::{Encoded, EncodedRows, RowEncoder, RowHead};
use super::{DatasetError, DatasetRow};
use crate::AtomicFile;
use crate::hash::Hashing;
#[cfg(feature = "parquet")]
use crate::parquet_file;

/// The form of a table's file. The columns are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatasetFormat {
    /// Text, for every program: what training reads.
    #[default]
    Csv,
    /// Typed and compressed columns, for data frames and query engines.
    #[cfg(feature = "parquet")]
    Parquet,
}

impl DatasetFormat {
    /// What the file's name ends in, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            DatasetFormat::Csv => "csv",
            #[cfg(feature = "parquet")]
            DatasetFormat::Parquet => "parquet",
        }
    }
}

/// Writes a table in batches. The file appears under its name when [`DatasetWriter::finish`] returns, not before.
///
/// The same rows give the same bytes, however they are cut into batches.
pub struct DatasetWriter {
    path: PathBuf,
    encoder: RowEncoder,
    rows: u64,
    file: File,
}

/// What [`DatasetWriter::finish`] knows of the finished table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetDigest {
    /// Rows, the header not counted.
    pub rows: u64,
    /// Length of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
}

impl DatasetWriter {
    /// Starts a CSV table with `max_tags` pairs of tag columns.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the file cannot be created.
    pub fn create(path: &Path, max_tags: usize) -> Result<DatasetWriter, DatasetError> {
        DatasetWriter::create_as(DatasetFormat::Csv, path, max_tags)
    }

    /// Starts a table with `max_tags` pairs of tag columns, in either form.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the file cannot be created.
    pub fn create_as(
        format: DatasetFormat,
        path: &Path,
        max_tags: usize,
    ) -> Result<DatasetWriter, DatasetError> {
        let encoder = RowEncoder::new(format, max_tags);
        let file = File::create(format, path, encoder.schema())
            .map_err(|source| DatasetError::Io { path: path.to_owned(), source })?;
        Ok(DatasetWriter { path: path.to_owned(), encoder, rows: 0, file })
    }

    /// Appends rows. Tags beyond the table's columns are left out.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the disk is full.
    pub fn write(&mut self, rows: &[DatasetRow]) -> Result<(), DatasetError> {
        for row in rows {
            let DatasetRow { id, created, width, height, flags, content, .. } = *row;
            let head = RowHead { id, image: row.image.as_str(), created, width, height, flags, content };
            self.encoder.push(&head, row.tags.iter().map(|tag| (tag.name.as_str(), tag.confidence)));
        }
        let rows = self.encoder.finish();
        self.append(rows)
    }

    /// Appends rows that a [`RowEncoder`] made for a table of the same form and columns, perhaps on another thread.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the disk is full, or the rows were encoded for another form.
    pub fn append(&mut self, rows: EncodedRows) -> Result<(), DatasetError> {
        self.rows += rows.rows;
        self.file.append(rows.form).map_err(|source| DatasetError::Io { path: self.path.clone(), source })
    }

    /// Gives the table its name.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the disk is full; what stood at the path before is then still there.
    pub fn finish(self) -> Result<DatasetDigest, DatasetError> {
        let DatasetWriter { path, rows, file, .. } = self;
        let (bytes, sha256) = file.finish().map_err(|source| DatasetError::Io { path, source })?;
        Ok(DatasetDigest { rows, bytes, sha256 })
    }
}

enum File {
    Csv(Hashing<AtomicFile>),
    #[cfg(feature = "parquet")]
    Parquet {
        /// The pages of the file follow the batches, so these must not follow the caller's.
        batches: Box<BatchCoalescer>,
        file: Box<ArrowWriter<Hashing<AtomicFile>>>,
    },
}

impl File {
    fn create(format: DatasetFormat, path: &Path, schema: SchemaRef) -> io::Result<File> {
        let mut file = Hashing::new(AtomicFile::create(path)?);
        match format {
            DatasetFormat::Csv => {
                let header: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
                writeln!(file, "{}", header.join(","))?;
                Ok(File::Csv(file))
            }
            #[cfg(feature = "parquet")]
            DatasetFormat::Parquet => {
                let file = parquet_file::writer(file, schema.clone(), &["id", "created"], &["image"])?;
                let batches = BatchCoalescer::new(schema, parquet_file::ROWS_A_BATCH);
                Ok(File::Parquet { batches: Box::new(batches), file: Box::new(file) })
            }
        }
    }

    fn append(&mut self, rows: Encoded) -> io::Result<()> {
        match (self, rows) {
            (File::Csv(file), Encoded::Lines(lines)) => file.write_all(&lines),
            #[cfg(feature = "parquet")]
            (File::Parquet { batches, file }, Encoded::Batches(rows)) => {
                for batch in rows {
                    batches.push_batch(batch).map_err(io::Error::other)?;
                    write_completed(batches, file)?;
                }
                Ok(())
            }
            #[cfg(feature = "parquet")]
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "the rows were encoded for another form")),
        }
    }

    /// The finished file's length, and its hash in hex.
    fn finish(self) -> io::Result<(u64, String)> {
        match self {
            File::Csv(file) => commit(file),
            #[cfg(feature = "parquet")]
            File::Parquet { mut batches, mut file } => {
                batches.finish_buffered_batch().map_err(io::Error::other)?;
                write_completed(&mut batches, &mut file)?;
                commit(file.into_inner().map_err(parquet_file::into_io)?)
            }
        }
    }
}

#[cfg(feature = "parquet")]
fn write_completed(
    batches: &mut BatchCoalescer,
    file: &mut ArrowWriter<Hashing<AtomicFile>>,
) -> io::Result<()> {
    while let Some(batch) = batches.next_completed_batch() {
        file.write(&batch).map_err(parquet_file::into_io)?;
    }
    Ok(())
}

/// Puts the file in place. Its length, and its hash in hex.
fn commit(file: Hashing<AtomicFile>) -> io::Result<(u64, String)> {
    let (file, hash, length) = file.finish();
    file.commit()?;
    Ok((length, hash))
}

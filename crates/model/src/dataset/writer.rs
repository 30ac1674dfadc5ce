use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow_schema::ArrowError;
#[cfg(feature = "parquet")]
use parquet::arrow::ArrowWriter;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::columns::Columns;
use super::{DatasetError, DatasetRow};
use crate::AtomicFile;
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
    columns: Columns,
    rows: u64,
    file: File,
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
        let mut columns = Columns::new(max_tags);
        let file = File::create(format, path, &mut columns)
            .map_err(|source| DatasetError::Io { path: path.to_owned(), source })?;
        Ok(DatasetWriter { path: path.to_owned(), columns, rows: 0, file })
    }

    /// Appends rows. Tags beyond the table's columns are left out.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the disk is full.
    pub fn write(&mut self, rows: &[DatasetRow]) -> Result<(), DatasetError> {
        self.rows += rows.len() as u64;
        self.file
            .append(rows, &mut self.columns)
            .map_err(|source| DatasetError::Io { path: self.path.clone(), source })
    }

    /// Gives the table its name.
    ///
    /// # Errors
    /// [`DatasetError::Io`] where the disk is full; what stood at the path before is then still there.
    pub fn finish(self) -> Result<DatasetDigest, DatasetError> {
        let DatasetWriter { path, columns, rows, file } = self;
        let sha256 = file.finish(columns).map_err(|source| DatasetError::Io { path, source })?;
        Ok(DatasetDigest { rows, sha256 })
    }
}

enum File {
    Csv(Box<arrow_csv::Writer<Hashing<AtomicFile>>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ArrowWriter<Hashing<AtomicFile>>>),
}

impl File {
    fn create(format: DatasetFormat, path: &Path, columns: &mut Columns) -> io::Result<File> {
        let file = Hashing { inner: AtomicFile::create(path)?, hash: Sha256::new() };
        match format {
            DatasetFormat::Csv => {
                let mut csv = arrow_csv::WriterBuilder::new().with_header(true).build(file);
                // The header stands even in a table without rows.
                csv.write(&columns.take()).map_err(csv_error)?;
                Ok(File::Csv(Box::new(csv)))
            }
            #[cfg(feature = "parquet")]
            DatasetFormat::Parquet => {
                let writer = parquet_file::writer(file, columns.schema(), &["id", "created"], &["image"])?;
                Ok(File::Parquet(Box::new(writer)))
            }
        }
    }

    fn append(&mut self, rows: &[DatasetRow], columns: &mut Columns) -> io::Result<()> {
        match self {
            File::Csv(csv) => {
                columns.append(rows);
                csv.write(&columns.take()).map_err(csv_error)
            }
            #[cfg(feature = "parquet")]
            File::Parquet(parquet) => {
                let mut rest = rows;
                while !rest.is_empty() {
                    // The pages of the file follow the batches, so these must not follow the caller's.
                    let room = parquet_file::ROWS_A_BATCH - columns.rows();
                    let now;
                    (now, rest) = rest.split_at(room.min(rest.len()));
                    columns.append(now);
                    if columns.rows() == parquet_file::ROWS_A_BATCH {
                        parquet.write(&columns.take()).map_err(parquet_file::into_io)?;
                    }
                }
                Ok(())
            }
        }
    }

    /// The finished file's hash, in hex.
    #[cfg_attr(not(feature = "parquet"), expect(unused_mut, unused_variables, reason = "CSV keeps no rows"))]
    fn finish(self, mut columns: Columns) -> io::Result<String> {
        let Hashing { inner, hash } = match self {
            File::Csv(csv) => csv.into_inner(),
            #[cfg(feature = "parquet")]
            File::Parquet(mut parquet) => {
                parquet.write(&columns.take()).map_err(parquet_file::into_io)?;
                parquet.into_inner().map_err(parquet_file::into_io)?
            }
        };
        inner.commit()?;
        Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn csv_error(error: ArrowError) -> io::Error {
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

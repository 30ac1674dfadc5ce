use std::fs::File;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};

use super::cells::{BadCell, Cells, Columns, SAFE_PATH, header};
#[cfg(feature = "parquet")]
use super::parquet_reader::ParquetRows;
use super::{DatasetError, DatasetRow, RowHead};
use crate::{MediaPath, Tag};

/// Rows that arrow-csv hands over at a time: enough to amortise it, small enough to stay in cache.
const ROWS_A_BATCH: usize = 4096;

/// Reads a table row by row, in constant memory: CSV, and with the feature `parquet` also Parquet, told by its first bytes.
///
/// The first malformed line ends the reading with an error that names line and column.
pub struct DatasetReader {
    rows: Rows,
    failed: bool,
}

enum Rows {
    Csv(Box<CsvRows>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>),
}

struct CsvRows {
    path: PathBuf,
    csv: arrow_csv::Reader<File>,
    columns: Columns,
    batch: Option<RecordBatch>,
    row: usize,
    line: u64,
}

impl DatasetReader {
    /// Opens a table and reads its header.
    ///
    /// # Errors
    /// [`DatasetError::NotFound`], [`DatasetError::Io`], or where it is no dataset [`DatasetError::MissingColumn`] and
    /// [`DatasetError::MalformedFile`].
    pub fn open(path: &Path) -> Result<DatasetReader, DatasetError> {
        let file = File::open(path).map_err(|source| DatasetError::io(path, source))?;
        #[cfg(feature = "parquet")]
        if crate::parquet_file::is_parquet(&file).map_err(|source| DatasetError::io(path, source))? {
            let rows = Rows::Parquet(Box::new(ParquetRows::open(file, path)?));
            return Ok(DatasetReader { rows, failed: false });
        }
        Ok(DatasetReader { rows: Rows::Csv(Box::new(CsvRows::open(file, path)?)), failed: false })
    }

    /// How many tags a row can hold.
    pub fn max_tags(&self) -> usize {
        match &self.rows {
            Rows::Csv(rows) => rows.columns.tags.len(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.max_tags(),
        }
    }
}

impl CsvRows {
    fn open(mut file: File, path: &Path) -> Result<CsvRows, DatasetError> {
        let io = |source| DatasetError::io(path, source);
        let columns = Columns::of(header(&file, path)?, path)?;
        file.rewind().map_err(io)?;
        // All cells are read as text: arrow-csv's own conversion would name neither the column nor what it expected.
        let fields: Vec<Field> =
            columns.names.iter().map(|name| Field::new(name, DataType::Utf8, true)).collect();
        let csv = arrow_csv::ReaderBuilder::new(Arc::new(Schema::new(fields)))
            .with_header(true)
            .with_batch_size(ROWS_A_BATCH)
            .build(file)
            .map_err(|error| DatasetError::MalformedLine {
                path: path.to_owned(),
                line: 1,
                fault: error.to_string(),
            })?;
        Ok(CsvRows { path: path.to_owned(), csv, columns, batch: None, row: 0, line: 1 })
    }

    fn read(&mut self) -> Option<Result<DatasetRow, DatasetError>> {
        while self.batch.as_ref().is_none_or(|batch| self.row == batch.num_rows()) {
            match self.csv.next()? {
                Ok(batch) => (self.batch, self.row) = (Some(batch), 0),
                Err(error) => {
                    return Some(Err(DatasetError::MalformedLine {
                        path: self.path.clone(),
                        line: line_in(&error.to_string()).unwrap_or(self.line + 1),
                        fault: without_prefix(&error.to_string()),
                    }));
                }
            }
        }
        self.line += 1;
        self.row += 1;
        let batch = self.batch.as_ref()?;
        let line = Line { columns: &self.columns, batch, row: self.row - 1 };
        Some(line.parse().map_err(|cell| DatasetError::MalformedCell {
            path: self.path.clone(),
            line: self.line,
            column: self.columns.names[cell.column].clone(),
            value: line.text(cell.column).to_owned(),
            expected: cell.expected,
        }))
    }
}

impl Iterator for DatasetReader {
    type Item = Result<DatasetRow, DatasetError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let row = match &mut self.rows {
            Rows::Csv(rows) => rows.read(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows) => rows.read(),
        };
        self.failed = matches!(row, Some(Err(_)));
        row
    }
}

struct Line<'a> {
    columns: &'a Columns,
    batch: &'a RecordBatch,
    row: usize,
}

impl Cells for Line<'_> {
    fn text(&self, column: usize) -> &str {
        let cells: &StringArray = self.batch.column(column).as_string();
        if cells.is_null(self.row) { "" } else { cells.value(self.row) }
    }
}

impl Line<'_> {
    fn parse(&self) -> Result<DatasetRow, BadCell> {
        let head = self.head(self.columns)?;
        let image = MediaPath::parse(head.image)
            .map_err(|_| BadCell { column: self.columns.image, expected: SAFE_PATH })?;
        let RowHead { id, created, width, height, flags, content, .. } = head;
        Ok(DatasetRow { id, image, created, width, height, flags, content, tags: self.tags()? })
    }

    fn tags(&self) -> Result<Vec<Tag>, BadCell> {
        let mut tags = Vec::new();
        for (name, confidence) in &self.columns.tags {
            if self.text(*name).is_empty() {
                continue;
            }
            let value: f32 = self.number(*confidence, "a number")?;
            if !value.is_finite() {
                return Err(BadCell { column: *confidence, expected: "a finite number" });
            }
            tags.push(Tag { name: self.text(*name).to_owned(), confidence: value });
        }
        Ok(tags)
    }
}

/// arrow-csv tells the line only inside its message: `incorrect number of fields for line 3, expected 5 got more than 5`.
fn line_in(message: &str) -> Option<u64> {
    let (_, after) = message.rsplit_once("line ")?;
    after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

fn without_prefix(message: &str) -> String {
    message.strip_prefix("Csv error: ").unwrap_or(message).to_owned()
}

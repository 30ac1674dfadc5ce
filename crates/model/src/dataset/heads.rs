//! The first columns of a table, for whoever does not look at tags.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek};
use std::path::{Path, PathBuf};

use super::cells::{Cells, Columns, header};
#[cfg(feature = "parquet")]
use super::parquet_reader::ParquetRows;
use super::{DatasetError, FIXED_COLUMNS, RowHead};

/// Bytes that are read at a time.
const BUFFER: usize = 1 << 18;

/// Reads a table without its tags, several times as fast as [`super::DatasetReader`]: CSV, and with the feature `parquet`
/// also Parquet. Most of a line is tags, and a line without quotes is cut at its commas; tags are not checked.
pub struct HeadReader(Rows);

enum Rows {
    Csv(CsvHeads),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetRows>, Option<super::DatasetRow>),
}

struct CsvHeads {
    path: PathBuf,
    file: BufReader<File>,
    columns: Columns,
    /// How many columns of a line hold all that is asked for.
    width: usize,
    /// The bytes of one record; more than one line where a cell in quotes has line ends.
    record: Vec<u8>,
    cells: csv::StringRecord,
    /// The line on which the record begins, and how many it has.
    line: u64,
    lines: u64,
}

impl HeadReader {
    /// Opens a table and reads its header.
    ///
    /// # Errors
    /// As [`super::DatasetReader::open`].
    pub fn open(path: &Path) -> Result<HeadReader, DatasetError> {
        let file = File::open(path).map_err(|source| DatasetError::io(path, source))?;
        #[cfg(feature = "parquet")]
        if crate::parquet_file::is_parquet(&file).map_err(|source| DatasetError::io(path, source))? {
            let rows = ParquetRows::open_columns(file, path, &FIXED_COLUMNS)?;
            return Ok(HeadReader(Rows::Parquet(Box::new(rows), None)));
        }
        CsvHeads::open(file, path).map(|heads| HeadReader(Rows::Csv(heads)))
    }

    /// The next row, lent; `None` at the end.
    ///
    /// # Errors
    /// [`DatasetError::Io`], or with line and column [`DatasetError::MalformedLine`] and [`DatasetError::MalformedCell`].
    /// After an error the rest of the table is of no use.
    pub fn read(&mut self) -> Result<Option<RowHead<'_>>, DatasetError> {
        match &mut self.0 {
            Rows::Csv(heads) => heads.read(),
            #[cfg(feature = "parquet")]
            Rows::Parquet(rows, row) => {
                *row = rows.read().transpose()?;
                Ok(row.as_ref().map(super::DatasetRow::head))
            }
        }
    }
}

impl CsvHeads {
    fn open(mut file: File, path: &Path) -> Result<CsvHeads, DatasetError> {
        let columns = Columns::of(header(&file, path)?, path)?;
        let is_fixed = |name: &String| FIXED_COLUMNS.contains(&name.as_str());
        let width = columns.names.iter().rposition(is_fixed).map_or(0, |last| last + 1);
        file.rewind().map_err(|source| DatasetError::io(path, source))?;
        let mut heads = CsvHeads {
            path: path.to_owned(),
            file: BufReader::with_capacity(BUFFER, file),
            columns,
            width,
            record: Vec::new(),
            cells: csv::StringRecord::new(),
            line: 1,
            lines: 0,
        };
        heads.next_record().map_err(|source| DatasetError::io(path, source))?;
        Ok(heads)
    }

    fn read(&mut self) -> Result<Option<RowHead<'_>>, DatasetError> {
        loop {
            if !self.next_record().map_err(|source| DatasetError::io(&self.path, source))? {
                return Ok(None);
            }
            // A blank line is no row, as for every reader of CSV.
            if !self.record.is_empty() {
                break;
            }
        }
        let found = self.split().map_err(|fault| self.malformed(fault))?;
        if found != self.columns.names.len() {
            let (line, expected) = (self.line, self.columns.names.len());
            let fault =
                format!("incorrect number of fields for line {line}, expected {expected} got {found}");
            return Err(self.malformed(fault));
        }
        let head = self.cells.head(&self.columns);
        Ok(Some(head.map_err(|cell| DatasetError::MalformedCell {
            path: self.path.clone(),
            line: self.line,
            column: self.columns.names[cell.column].clone(),
            value: self.cells.text(cell.column).to_owned(),
            expected: cell.expected,
        })?))
    }

    /// Reads the bytes up to the first line end that stands in no quotes, less that end. `false` at the end of the file.
    fn next_record(&mut self) -> io::Result<bool> {
        self.record.clear();
        self.line += self.lines;
        self.lines = 0;
        let mut in_quotes = false;
        loop {
            let start = self.record.len();
            if self.file.read_until(b'\n', &mut self.record)? == 0 {
                return Ok(start > 0);
            }
            self.lines += 1;
            let line = &self.record[start..];
            if line.contains(&b'"') {
                in_quotes ^= line.iter().filter(|byte| **byte == b'"').count() % 2 == 1;
            }
            if !in_quotes {
                for end in [b'\n', b'\r'] {
                    if self.record.last() == Some(&end) {
                        self.record.pop();
                    }
                }
                return Ok(true);
            }
        }
    }

    /// Takes the cells out of the record, the first [`CsvHeads::width`] ones at least, and returns how many there are.
    fn split(&mut self) -> Result<usize, String> {
        self.cells.clear();
        if self.record.contains(&b'"') {
            let mut csv = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .buffer_capacity(self.record.len())
                .from_reader(self.record.as_slice());
            csv.read_record(&mut self.cells).map_err(|error| error.to_string())?;
            return Ok(self.cells.len());
        }
        let mut rest = self.record.as_slice();
        for _ in 0..self.width {
            let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
            let cell = std::str::from_utf8(&rest[..end]).map_err(|error| error.to_string())?;
            self.cells.push_field(cell);
            match rest.get(end + 1..) {
                Some(behind) => rest = behind,
                None => return Ok(self.cells.len()),
            }
        }
        Ok(self.width + 1 + rest.iter().filter(|byte| **byte == b',').count())
    }

    fn malformed(&self, fault: String) -> DatasetError {
        DatasetError::MalformedLine { path: self.path.clone(), line: self.line, fault }
    }
}

impl Cells for csv::StringRecord {
    fn text(&self, column: usize) -> &str {
        self.get(column).unwrap_or_default()
    }
}

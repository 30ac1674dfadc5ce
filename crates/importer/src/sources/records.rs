//! The records of a CSV file, none of them without end: a quote that is not closed makes one of all that follows it. The crate
//! `csv` takes such a record without a word, and reads all of it before anybody could.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::listed::{LONGEST_LINE, MARK};
use crate::Error;

/// A cell of text may have some lines. One of so many is no cell, but a list behind a quote that is not closed.
pub(super) const MOST_LINES: u64 = 1000;

/// Reads records. Cells may be in quotes, and within them a quote is doubled.
pub(super) struct Records {
    file: PathBuf,
    input: BufReader<File>,
    delimiter: u8,
    /// The line that the next byte is in, from 1.
    line: u64,
    last: u8,
}

pub(crate) struct Record {
    /// The line that it begins in.
    pub(super) line: u64,
    /// Its cells; or why nobody knows them.
    pub(super) cells: Result<Vec<Vec<u8>>, String>,
}

#[derive(Clone, Copy)]
enum At {
    /// Before a record, where empty lines are none.
    Start,
    /// Before a cell.
    Cell,
    /// In a cell without quotes, or behind those of one that goes on.
    Bare,
    Quoted,
    /// Behind a quote in a quoted cell: it closes, or is the first of two.
    Quote,
}

impl Records {
    pub(super) fn open(file: &Path, delimiter: u8) -> io::Result<Records> {
        let mut input = BufReader::new(File::open(file)?);
        if input.fill_buf()?.starts_with(MARK) {
            input.consume(MARK.len());
        }
        Ok(Records { file: file.to_owned(), input, delimiter, line: 1, last: 0 })
    }

    /// The next record. Fails at one that is larger than any should be, as nobody knows where the next one begins.
    pub(super) fn next(&mut self) -> Result<Option<Record>, Error> {
        let (mut at, mut first, mut bytes) = (At::Start, self.line, 0);
        let (mut cells, mut cell, mut torn) = (Vec::new(), Vec::new(), None);
        for byte in self.input.by_ref().bytes() {
            let byte = byte.map_err(Error::source(&self.file))?;
            let line = self.line;
            // `\r\n` ends one line.
            let is_end = byte == b'\r' || (byte == b'\n' && self.last != b'\r');
            self.line += u64::from(is_end);
            self.last = byte;
            at = match (at, byte) {
                (At::Start, b'\n' | b'\r') => {
                    first = self.line;
                    continue;
                }
                (At::Start | At::Cell, b'"') => At::Quoted,
                (At::Quoted, b'"') => At::Quote,
                (At::Quote, b'"') | (At::Quoted, _) => {
                    cell.push(byte);
                    At::Quoted
                }
                (_, b'\n' | b'\r') => {
                    cells.push(cell);
                    let cells = torn.map_or(Ok(cells), Err);
                    return Ok(Some(Record { line: first, cells }));
                }
                (_, byte) if byte == self.delimiter => {
                    cells.push(std::mem::take(&mut cell));
                    At::Cell
                }
                _ => {
                    // The quote that opens a cell closed one of a line before it.
                    if matches!(at, At::Quote) && line > first {
                        torn = Some(format!(
                            "it goes on to line {line}: a quote is not closed, or one in a cell is not doubled"
                        ));
                    }
                    cell.push(byte);
                    At::Bare
                }
            };
            bytes += 1;
            let endless = |why| Err(Error::Endless { path: self.file.clone(), line: first, why });
            if bytes > LONGEST_LINE {
                return endless(format!("more than {LONGEST_LINE} bytes"));
            }
            if self.line - first >= MOST_LINES {
                return endless(format!("more than {MOST_LINES} lines: a quote is not closed"));
            }
        }
        let cells = match at {
            At::Start => return Ok(None),
            At::Quoted => Err("it goes on to the end of the list: a quote is not closed".to_owned()),
            At::Cell | At::Bare | At::Quote => {
                cells.push(cell);
                torn.map_or(Ok(cells), Err)
            }
        };
        Ok(Some(Record { line: first, cells }))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(list: &[u8]) -> Result<Vec<Record>, Error> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("list.csv");
        std::fs::write(&file, list).unwrap();
        let mut records = Records::open(&file, b',').unwrap();
        std::iter::from_fn(|| records.next().transpose()).collect()
    }

    /// Each record as `line: cells, between bars`.
    #[track_caller]
    fn check(list: &str, expected: &[&str]) {
        let records = read(list.as_bytes()).unwrap().into_iter().map(|Record { line, cells }| match cells {
            Ok(cells) => format!("{line}: {}", String::from_utf8(cells.join(&b'|')).unwrap()),
            Err(fault) => format!("{line}! {fault}"),
        });
        assert_eq!(records.collect::<Vec<_>>(), expected, "{list:?}");
    }

    #[test]
    fn records_have_cells_and_lines() {
        check("", &[]);
        check("\n\n\r\n", &[]);
        check("\u{feff}\"a\",b\n\nc", &["1: a|b", "3: c"]);
        check("a,b\r\n\r\nc,\"d\r\ne\"\r\nf\r\n", &["1: a|b", "3: c|d\r\ne", "5: f"]);
        check("a\rb\rc", &["1: a", "2: b", "3: c"]);
        check("a\"b,\"c\"\"d\",\"e\"f\n", &["1: a\"b|c\"d|ef"]);
        check(",\n\"\"", &["1: |", "2: "]);
    }

    #[test]
    fn quotes_that_are_not_closed() {
        let to = |line| {
            format!("! it goes on to line {line}: a quote is not closed, or one in a cell is not doubled")
        };
        check("a,\"b\nc,\"d\"\ne,f\n", &[&format!("1{}", to(2)), "3: e|f"]);
        check("a,\"b\nc,\"d\"", &[&format!("1{}", to(2))]);
        check("a\nb,\"c\nd,e\n", &["1: a", "2! it goes on to the end of the list: a quote is not closed"]);
    }

    #[track_caller]
    fn check_endless(list: &[u8], expected: &str) {
        let error = read(list).map(|records| records.len()).unwrap_err().to_string();
        assert_eq!(error.split_once(" of `").unwrap().0, expected.split_once(" of ").unwrap().0);
        assert_eq!(error.split_once("list.csv` ").unwrap().1, expected.split_once("list.csv ").unwrap().1);
    }

    #[test]
    fn a_record_without_an_end_does_not_fill_the_memory() {
        let rows = |count| "c,d\n".repeat(count);
        check_endless(
            format!("a,b\na,\"b\n{}", rows(5000)).as_bytes(),
            "line 2 of list.csv begins a record of more than 1000 lines: a quote is not closed",
        );
        assert_eq!(read(format!("a,\"{}\"\ne", rows(999)).as_bytes()).unwrap()[0].line, 1);
        let mut long = b"a\n".to_vec();
        long.resize(LONGEST_LINE as usize + 3, b'x');
        check_endless(&long, "line 2 of list.csv begins a record of more than 16777216 bytes");
    }

    proptest! {
        /// What can be read is read as others do.
        #[test]
        fn as_the_csv_crate(list in "[a,\"\n\r]{0,24}") {
            let mut others = csv::ReaderBuilder::new();
            let mut others = others.has_headers(false).flexible(true).from_reader(list.as_bytes());
            let others: Vec<csv::ByteRecord> = others.byte_records().map(Result::unwrap).collect();
            let records = read(list.as_bytes()).unwrap();
            prop_assert_eq!(records.len(), others.len());
            for (record, other) in records.into_iter().zip(others) {
                if let Ok(cells) = record.cells {
                    prop_assert_eq!(cells, other.iter().map(<[u8]>::to_vec).collect::<Vec<_>>());
                }
            }
        }
    }
}

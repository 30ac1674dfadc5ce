//! Predictions as text: rows that are written one behind the other, and found again.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use tagmill_model::{path_of_bytes, printable};

use super::{Failure, PathSet, Prediction};

/// How predictions stand in a file, each picture with a row or some.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputFormat {
    /// A JSON object a line, as serde writes a [`Prediction`].
    Jsonl,
    /// `path,tag,score`: a row a tag, and one with empty cells for a picture without any.
    Csv,
    /// `path: tag, tag, tag`. What would end the line, or the path too early, is spelled out: a line feed as `\u{a}`.
    Txt,
}

/// The column names of a CSV file.
const CSV_HEADER: &[u8] = b"path,tag,score\n";

/// How serde begins a [`Prediction`], and a [`Failure`].
const JSON_START: &[u8] = br#"{"path":""#;

/// What ends a path in a line of text.
const PATH_END: &[u8] = b": ";

impl OutputFormat {
    /// The format that a file's ending names.
    pub fn of_ending(file: &Path) -> Option<OutputFormat> {
        match file.extension()?.to_str()? {
            "jsonl" => Some(OutputFormat::Jsonl),
            "csv" => Some(OutputFormat::Csv),
            "txt" => Some(OutputFormat::Txt),
            _ => None,
        }
    }

    /// What stands before all pictures.
    pub fn header(self) -> &'static [u8] {
        if self == OutputFormat::Csv { CSV_HEADER } else { b"" }
    }

    /// What a picture came to, as whole lines.
    pub fn rows(self, prediction: &Prediction) -> Vec<u8> {
        match self {
            OutputFormat::Jsonl => {
                let json = serde_json::to_vec(prediction);
                let mut line = json.expect("predictions have text for keys and finite scores");
                line.push(b'\n');
                line
            }
            OutputFormat::Csv => csv_rows(prediction),
            OutputFormat::Txt => {
                let tags: Vec<_> = prediction.tags.iter().map(|tag| printable(&tag.name)).collect();
                let mut line = spelled(prediction.path.as_os_str().as_encoded_bytes());
                line.extend([PATH_END, tags.join(", ").as_bytes(), b"\n"].concat());
                line
            }
        }
    }

    /// Reads what stands behind the header. The error within is the number of a line that is no row of this format.
    pub(super) fn read(self, file: impl BufRead) -> std::io::Result<Result<Written, u64>> {
        match self {
            OutputFormat::Jsonl => read_lines(file, Some(JSON_START), path_of_json),
            OutputFormat::Txt => read_lines(file, None, path_of_line),
            OutputFormat::Csv => read_csv(file),
        }
    }
}

/// What was written before.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    /// The pictures that have rows.
    pub(super) done: PathSet,
    /// Bytes of all whole rows, without the header; a row that was cut off stands behind them.
    pub(super) bytes: u64,
    /// The last picture and where its rows begin, where some of them may be missing.
    pub(super) last: Option<(PathBuf, u64)>,
}

fn csv_rows(prediction: &Prediction) -> Vec<u8> {
    let path = prediction.path.as_os_str().as_encoded_bytes();
    csv_text(|csv| {
        if prediction.tags.is_empty() {
            csv.write_record([path, b"", b""])?;
        }
        prediction.tags.iter().try_for_each(|tag| {
            csv.write_record([path, tag.name.as_bytes(), tag.score.to_string().as_bytes()])
        })
    })
}

fn csv_text(write: impl FnOnce(&mut csv::Writer<Vec<u8>>) -> csv::Result<()>) -> Vec<u8> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    write(&mut csv).expect("a Vec takes everything");
    csv.into_inner().expect("a Vec takes everything")
}

/// Reads a row a line. All of them begin with `start`, where it is known. `path_of` knows the path of one; `Some(None)` is a
/// line that belongs here and says of no picture that it is done.
fn read_lines(
    mut file: impl BufRead,
    start: Option<&[u8]>,
    path_of: impl Fn(&[u8]) -> Option<Option<PathBuf>>,
) -> std::io::Result<Result<Written, u64>> {
    let (mut written, mut line, mut number) = (Written::default(), Vec::new(), 0);
    loop {
        line.clear();
        number += 1;
        file.read_until(b'\n', &mut line)?;
        let Some(row) = line.strip_suffix(b"\n") else {
            // The end, or a line that was cut off, unless it stands alone and may be anything.
            let is_ours = start.is_some_and(|start| line.starts_with(start) || start.starts_with(&line));
            let is_alone = written.bytes == 0 && !line.is_empty();
            return Ok(if is_alone && !is_ours { Err(number) } else { Ok(written) });
        };
        let Some(path) = path_of(row) else { return Ok(Err(number)) };
        if let Some(path) = path {
            written.done.insert(path.as_os_str().as_encoded_bytes());
        }
        written.bytes += line.len() as u64;
    }
}

/// Failures stand in what was printed on stdout: these pictures are tried again.
fn path_of_json(line: &[u8]) -> Option<Option<PathBuf>> {
    match serde_json::from_slice::<Prediction>(line) {
        Ok(prediction) => Some(Some(prediction.path)),
        Err(_) => serde_json::from_slice::<Failure>(line).ok().map(|_| None),
    }
}

fn path_of_line(line: &[u8]) -> Option<Option<PathBuf>> {
    let end = find(line, PATH_END)?;
    Some(Some(path_of_bytes(unspelled(&line[..end])?)))
}

/// A path without what would end it in a line; what only looks spelled out is spelled out too, so that all paths come back.
fn spelled(path: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(path.len());
    for (at, &byte) in path.iter().enumerate() {
        let rest = &path[at..];
        if byte.is_ascii_control() || rest.starts_with(PATH_END) || rest.starts_with(SPELLED) {
            text.extend(format!("\\u{{{byte:x}}}").bytes());
        } else {
            text.push(byte);
        }
    }
    text
}

/// How a byte begins that is spelled out.
const SPELLED: &[u8] = b"\\u{";

/// `None` where it is no text of [`spelled`]'s.
fn unspelled(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(text.len());
    while let Some(at) = find(text, SPELLED) {
        path.extend(&text[..at]);
        let digits = &text[at + SPELLED.len()..];
        let end = digits.iter().position(|&byte| byte == b'}')?;
        path.push(u8::from_str_radix(std::str::from_utf8(&digits[..end]).ok()?, 16).ok()?);
        text = &digits[end + 1..];
    }
    path.extend(text);
    Some(path)
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Reads rows of which each picture has some: whether it has all of them, nobody can tell of the last.
fn read_csv(file: impl BufRead) -> std::io::Result<Result<Written, u64>> {
    let mut csv = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(file);
    let (mut written, mut row) = (Written::default(), csv::ByteRecord::new());
    while csv.read_byte_record(&mut row)? {
        let end = csv.position().byte();
        if row.len() != 3 || csv_text(|csv| csv.write_byte_record(&row)).len() as u64 != end - written.bytes {
            let line = row.position().map_or(0, csv::Position::line);
            // One that was cut off is the last: an open quote takes in all that follows.
            let is_last = !csv.read_byte_record(&mut row)?;
            return Ok(if is_last { Ok(written) } else { Err(line + 1) });
        }
        if written.last.as_ref().is_none_or(|(path, _)| path.as_os_str().as_encoded_bytes() != &row[0]) {
            written.last = Some((path_of_bytes(row[0].to_vec()), written.bytes));
        }
        written.done.insert(&row[0]);
        written.bytes = end;
    }
    Ok(Ok(written))
}

#[cfg(test)]
mod tests;

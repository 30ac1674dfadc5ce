//! Predictions in a file that can be gone on with.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use super::output_format::Written;
use super::{ExistingFile, OutputFormat, PathSet, Prediction};
use crate::Error;

/// Where predictions go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The file.
    pub file: PathBuf,
    /// How they stand in it.
    pub format: OutputFormat,
    /// What becomes of a file that is there already. On going on, pictures with rows are done, and all rows stay, whatever
    /// inputs and settings made them.
    pub existing: ExistingFile,
}

/// The file while it grows: whole rows, and after a kill the beginning of one.
pub(super) struct Writer {
    path: PathBuf,
    format: OutputFormat,
    file: File,
    /// A picture whose rows may have been cut off, and where they begin.
    last: Option<(PathBuf, u64)>,
}

impl Writer {
    /// Opens the file, and says which pictures are in it.
    pub(super) fn open(output: &Output) -> Result<(Writer, PathSet), Error> {
        let Output { file: path, format, existing } = output;
        let file = existing.open(path)?;
        let mut writer = Writer { path: path.clone(), format: *format, file, last: None };
        let done = writer.go_on()?;
        Ok((writer, done))
    }

    /// The picture that has to be predicted again, before all others.
    pub(super) fn again(&self) -> Option<PathBuf> {
        self.last.as_ref().map(|(path, _)| path.clone())
    }

    /// Adds the rows of these pictures.
    pub(super) fn append<'a>(
        &mut self,
        predictions: impl Iterator<Item = &'a Prediction>,
    ) -> Result<(), Error> {
        let mut predictions = predictions.peekable();
        // Its rows are written over what is there of them, so that none is missing at any time.
        let again =
            self.last.take().filter(|(path, _)| predictions.peek().is_some_and(|first| first.path == *path));
        let rows: Vec<u8> = predictions.flat_map(|prediction| self.format.rows(prediction)).collect();
        let write = |file: &mut File| match again {
            None => file.write_all(&rows),
            Some((_, start)) => {
                file.seek(SeekFrom::Start(start))?;
                file.write_all(&rows)?;
                file.set_len(start + rows.len() as u64)
            }
        };
        write(&mut self.file).map_err(Error::io(&self.path))
    }

    /// Reads what is there, and takes away what stands behind the last whole row.
    fn go_on(&mut self) -> Result<PathSet, Error> {
        let header = self.format.header();
        let mut start = Vec::new();
        let read = (&self.file).take(header.len() as u64).read_to_end(&mut start);
        read.map_err(Error::io(&self.path))?;
        if !header.starts_with(&start) {
            return Err(self.not_resumable(format!(
                "it does not begin with `{}`",
                header.trim_ascii_end().escape_ascii()
            )));
        }
        let read = self.format.read(BufReader::new(&self.file)).map_err(Error::io(&self.path))?;
        let fault = |line| self.not_resumable(format!("line {line} is not one that predict wrote"));
        let Written { done, bytes, last } = read.map_err(fault)?;
        self.last = last.map(|(path, start)| (path, header.len() as u64 + start));
        self.cut(header, bytes).map_err(Error::io(&self.path))?;
        Ok(done)
    }

    fn cut(&mut self, header: &[u8], bytes: u64) -> std::io::Result<()> {
        if bytes == 0 {
            self.file.set_len(0)?;
            self.file.rewind()?;
            return self.file.write_all(header);
        }
        let end = header.len() as u64 + bytes;
        self.file.set_len(end)?;
        self.file.seek(SeekFrom::Start(end)).map(drop)
    }

    fn not_resumable(&self, fault: String) -> Error {
        Error::NotResumable { file: self.path.clone(), fault }
    }
}

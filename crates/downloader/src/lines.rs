//! Small lists that outlive a run, in the media folder's `.tagmill/`: a JSON object a line, each added as it happens.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;

/// The lines of a list, in its order.
#[derive(Debug)]
pub(crate) struct Lines<T> {
    pub(crate) lines: Vec<T>,
    /// Whether the file has something else, too: what a crash or an editor broke.
    pub(crate) is_untidy: bool,
}

impl<T: DeserializeOwned> Lines<T> {
    /// Reads a list; one that is not there is empty.
    pub(crate) fn read(path: &Path) -> Result<Lines<T>, Error> {
        let text = match fs::read(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            text => text.map_err(|source| Error::io(path, source))?,
        };
        let mut lines = Vec::new();
        // A kill between a line and its end: the next one must not be written behind it.
        let mut is_untidy = text.last().is_some_and(|last| *last != b'\n');
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            match serde_json::from_slice(line) {
                Ok(line) => lines.push(line),
                Err(_) => {
                    tracing::warn!(
                        "`{}` has a line that is none of its own; it is taken out",
                        path.display()
                    );
                    is_untidy = true;
                }
            }
        }
        Ok(Lines { lines, is_untidy })
    }
}

/// A list that is open to be added to.
#[derive(Debug)]
pub(crate) struct LineWriter {
    path: PathBuf,
    file: Mutex<File>,
}

impl LineWriter {
    /// Opens a list as it stands, made where it is not there.
    pub(crate) fn append(path: PathBuf) -> Result<LineWriter, Error> {
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = Mutex::new(file.map_err(|source| Error::io(&path, source))?);
        Ok(LineWriter { path, file })
    }

    /// Puts these lines in place of the list, whole or not at all, and opens it.
    pub(crate) fn replace<'a, T: Serialize + 'a>(
        path: PathBuf,
        lines: impl IntoIterator<Item = &'a T>,
    ) -> Result<LineWriter, Error> {
        let mut text = Vec::new();
        for line in lines {
            push(&mut text, line);
        }
        let new = path.with_extension("jsonl.new");
        fs::write(&new, text)
            .and_then(|()| fs::rename(&new, &path))
            .map_err(|source| Error::io(&path, source))?;
        LineWriter::append(path)
    }

    /// Adds a line by one call, so that a kill leaves it whole, cut or away, and the lines before it alone.
    pub(crate) fn add(&self, line: &impl Serialize) -> Result<(), Error> {
        let mut text = Vec::new();
        push(&mut text, line);
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&text).map_err(|source| Error::io(&self.path, source))
    }
}

fn push(text: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *text, line).expect("numbers and text are always JSON");
    text.push(b'\n');
}

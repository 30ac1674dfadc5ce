use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Error;

/// What becomes of a file of predictions that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ExistingFile {
    /// It stays as it is, and nothing is predicted.
    #[default]
    Refuse,
    /// What it lacks is added.
    Resume,
    /// It is replaced.
    Overwrite,
}

impl ExistingFile {
    /// Makes sure that none of these files is refused, before any of them is begun, and that they are different ones.
    pub(super) fn check(files: &[(PathBuf, ExistingFile)]) -> Result<(), Error> {
        for (index, (path, existing)) in files.iter().enumerate() {
            if *existing == ExistingFile::Refuse && path.exists() {
                return Err(Error::OutputExists { path: path.clone() });
            }
            if files[..index].iter().any(|(other, _)| other == path) {
                return Err(Error::OutputShared { path: path.clone() });
            }
        }
        Ok(())
    }

    /// Opens the file to read and write it, and keeps other programs that do so out as long as it is open.
    ///
    /// # Errors
    /// [`Error::OutputExists`], [`Error::OutputInUse`], [`Error::Io`].
    pub fn open(self, path: &Path) -> Result<File, Error> {
        let mut options = OpenOptions::new();
        options.read(true).write(true);
        let file = match self {
            ExistingFile::Refuse => options.create_new(true).open(path),
            ExistingFile::Resume | ExistingFile::Overwrite => options.create(true).open(path),
        };
        let file = file.map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => Error::OutputExists { path: path.to_owned() },
            _ => Error::io(path)(source),
        })?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::OutputInUse { path: path.to_owned() }),
            // Some file systems of networks have no locks; there, it is up to whoever starts a second program.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(Error::io(path)(error)),
        }
        // Only now that nobody else writes to it.
        if self == ExistingFile::Overwrite {
            file.set_len(0).map_err(Error::io(path))?;
        }
        Ok(file)
    }
}

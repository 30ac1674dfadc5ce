use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why pictures could not be decoded to disk. A picture that cannot be used is no such reason.
#[derive(Debug, Error)]
pub enum Error {
    /// What is to be kept would not fit.
    #[error(
        "`{}` has {} free, and the {what} of {pictures} pictures need {}",
        folder.display(), Bytes(*free), Bytes(*needed)
    )]
    NoSpace {
        /// Pixels or feature vectors.
        what: &'static str,
        /// Where they would lie.
        folder: PathBuf,
        /// Pictures that have to be decoded.
        pictures: u64,
        /// Bytes they take.
        needed: u64,
        /// Bytes there are.
        free: u64,
    },
    /// The cache cannot be cleared while somebody adds to it.
    #[error("the pixel cache `{}` is in use by another process", folder.display())]
    InUse {
        /// The cache.
        folder: PathBuf,
    },
    /// A file or folder could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Error {
    /// For `map_err`: an input or output fault of a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_owned(), source }
    }
}

/// A number of bytes for people to read.
pub(crate) struct Bytes(pub(crate) u64);

impl std::fmt::Display for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 as f64 {
            bytes if bytes >= 1e9 => write!(f, "{:.1} GB", bytes / 1e9),
            bytes => write!(f, "{:.1} MB", bytes / 1e6),
        }
    }
}

use std::io;
use std::path::{Path, PathBuf};

use tagmill_model::dataset::DatasetError;
use thiserror::Error;

use crate::Reason;

/// Why nothing more could be downloaded. What was saved before stays, and the next run goes on from there.
#[derive(Debug, Error)]
pub enum Error {
    /// The configuration cannot work.
    #[error("`{field}` {fault}")]
    InvalidConfig {
        /// The field of [`Config`](crate::Config).
        field: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The dataset that says what to download could not be read.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The items database that says what to download could not be read.
    #[error(transparent)]
    Items(#[from] tagmill_store::Error),
    /// Another process downloads into the same folder.
    #[error("another process downloads into `{}`", path.display())]
    InUse {
        /// The media folder.
        path: PathBuf,
    },
    /// No space is left.
    #[error("no space is left for `{}`", path.display())]
    DiskFull {
        /// The file that found no room.
        path: PathBuf,
    },
    /// Less is free on the disk than was to stay so.
    #[error("`{}` has {:.1} GB free, and {:.1} GB are to stay so", path.display(), *free as f64 / 1e9, *min_free as f64 / 1e9)]
    LowOnSpace {
        /// The media folder.
        path: PathBuf,
        /// Bytes that are free.
        free: u64,
        /// [`Config::min_free`](crate::Config::min_free).
        min_free: u64,
    },
    /// More of the last files failed than the configuration allows, so that the rest would most likely fail, too.
    #[error(
        "{failed} of the last {of} files failed, most of them as `{reason}`; the last was `{path}`: {detail}"
    )]
    TooManyFailures {
        /// How many failed.
        failed: usize,
        /// Of how many.
        of: usize,
        /// The most frequent reason.
        reason: Reason,
        /// The last that failed.
        path: String,
        /// Why it did, in a sentence.
        detail: String,
    },
    /// Where a folder or a medium should be stands something else: a symbolic link, or a file for a folder. A run lists
    /// the item as failed; only [`MediaStore`](crate::MediaStore) returns this.
    #[error("`{}` is in the way", path.display())]
    Obstructed {
        /// What stands there.
        path: PathBuf,
    },
    /// The media folder could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The media host does not answer, or does no more.
    #[error("the media host `{url}` does not answer")]
    Unreachable {
        /// The first of the file's [`Hosts`](crate::Hosts), without secrets.
        url: String,
        /// The last failure.
        #[source]
        source: tagmill_http::Error,
    },
    /// The media host answers, but to this client with nothing but refusals.
    #[error("the media host `{url}` turns this client away")]
    TurnedAway {
        /// The first of the file's [`Hosts`](crate::Hosts), without secrets.
        url: String,
        /// The refusal.
        #[source]
        source: tagmill_http::Error,
    },
    /// No HTTP client could be made.
    #[error("cannot make an http client")]
    Client {
        /// What is wrong with its configuration or with TLS.
        #[source]
        source: tagmill_http::Error,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, source: io::Error) -> Error {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
            io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => Error::Obstructed { path },
            _ => Error::Io { path, source },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_from_other_faults() {
        // ENOSPC and EDQUOT of Linux, then EACCES.
        for (code, full) in [(28, true), (122, true), (13, false)] {
            let error = Error::io(Path::new("a.jpg"), io::Error::from_raw_os_error(code));
            assert_eq!(matches!(error, Error::DiskFull { .. }), full, "{error:?}");
        }
    }
}

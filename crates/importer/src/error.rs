use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why nothing more could be imported. What was committed before stands, and importing again goes on from there.
#[derive(Debug, Error)]
pub enum Error {
    /// The source cannot be read.
    #[error("cannot read `{}`", path.display())]
    Source {
        /// The folder or the file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The source, or what a list's paths are relative to, is a file where a folder should be, or the other way round.
    #[error("`{}` is not a {expected}", path.display())]
    OtherKind {
        /// What was named.
        path: PathBuf,
        /// `folder` or `file`.
        expected: &'static str,
    },
    /// The folder holds the media folder, or lies in it: importing would find what it has imported.
    #[error("one of `{}` and the media folder `{}` lies in the other", folder.display(), media_dir.display())]
    Nested {
        /// The source.
        folder: PathBuf,
        /// The media folder.
        media_dir: PathBuf,
    },
    /// The CSV file lacks columns.
    #[error("`{}` has no column for {missing}; its columns are {}", path.display(), quoted(found))]
    MissingColumns {
        /// The file.
        path: PathBuf,
        /// What is missing, with the names that it may have.
        missing: &'static str,
        /// The columns that are there.
        found: Vec<String>,
    },
    /// A record of the CSV file is larger than any should be: nobody knows where the next one begins.
    #[error("line {line} of `{}` begins a record of {why}", path.display())]
    Endless {
        /// The file.
        path: PathBuf,
        /// The line that the record begins in.
        line: u64,
        /// How large it is, and what may be the matter.
        why: String,
    },
    /// There was nothing to import, or nothing of it could be.
    #[error("nothing was imported from `{}`: {why}", path.display())]
    Nothing {
        /// The source.
        path: PathBuf,
        /// What there was instead.
        why: String,
    },
    /// The items database could not be opened or written.
    #[error(transparent)]
    Store(#[from] tagmill_store::Error),
    /// No space is left.
    #[error("no space is left for `{}`", path.display())]
    DiskFull {
        /// The file that found no room.
        path: PathBuf,
    },
    /// The media folder, or the list of rejects, could not be written.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    pub(crate) fn write(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
        move |source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::DiskFull { path },
                _ => Error::Write { path, source },
            }
        }
    }

    pub(crate) fn source(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
        move |source| Error::Source { path: path.to_owned(), source }
    }
}

/// The first of them: what is no CSV may have any number of columns, of any length.
fn quoted(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let name = |name: &String| format!("`{}`", name.chars().take(40).collect::<String>().escape_debug());
    let more = names.len().checked_sub(SHOWN).filter(|more| *more > 0).map(|more| format!("{more} more"));
    names.iter().take(SHOWN).map(name).chain(more).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_shown_as_far_as_they_help() {
        let names = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(quoted(&names(2)), "`0`, `1`");
        assert!(quoted(&names(12)).ends_with(", `11`"));
        assert!(quoted(&names(100)).ends_with(", `11`, 88 more"));
        assert_eq!(quoted(&["\u{1}".repeat(99)]), format!("`{}`", "\\u{1}".repeat(40)));
    }
}

use std::path::{Path, PathBuf};

use thiserror::Error;

/// What SQLite said, through whichever library asked it.
pub(crate) type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why the database could not be opened, read or written.
#[derive(Debug, Error)]
pub enum Error {
    /// There is no file to read.
    #[error("there is no database at `{}`", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("`{}` is not a SQLite database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The database is another program's, or empty.
    #[error("`{}` has no table `items`", path.display())]
    NoItemsTable {
        /// The database.
        path: PathBuf,
    },
    /// There is a table `items`, but not of the form that this program and the original share.
    #[error("table `items` of `{}` has no column `{column}`", path.display())]
    MissingColumn {
        /// The database.
        path: PathBuf,
        /// The first column that is not there.
        column: &'static str,
    },
    /// A later version of tagmill wrote the database.
    #[error("`{}` has schema version {found}, newer than {supported}, the newest this program knows", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// [`crate::SCHEMA_VERSION`].
        supported: i64,
    },
    /// The database has the items of another board. Ids of two boards would stand for each other.
    #[error("`{}` has items of `{found}`, and cannot take those of `{wanted}`", path.display())]
    OtherOrigin {
        /// The database.
        path: PathBuf,
        /// Whose items it has.
        found: String,
        /// Whose items were to be added.
        wanted: String,
    },
    /// Another process is writing to the database, or holds it locked.
    #[error("`{}` is in use by another process", path.display())]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// No space is left. What was committed before stands.
    #[error("no space is left to write `{}`", path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// The database's pages contradict each other.
    #[error("`{}` is corrupt", path.display())]
    Corrupt {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Cause,
    },
    /// The system refused a file beside the database.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Anything else that SQLite says.
    #[error("SQLite failed on `{}`", path.display())]
    Sql {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: Cause,
    },
}

// Primary result codes of https://sqlite.org/rescode.html; the low byte of the extended ones.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;

/// An extended code: the index of the write-ahead log cannot grow. SQLite says so of a full disk, and of nothing else that
/// happens.
const LOG_INDEX_SIZE: i32 = 4874;

impl Error {
    /// For `map_err`: what `source` means to someone who works with the database at `path`.
    pub(crate) fn at(path: &Path) -> impl Fn(sqlx::Error) -> Error + '_ {
        move |source| {
            let code = source.as_database_error().and_then(|error| error.code()?.parse().ok());
            Error::of_code(code, path, source.into())
        }
    }

    /// As [`Error::at`], where rusqlite asked.
    pub(crate) fn of_scan(path: &Path) -> impl Fn(rusqlite::Error) -> Error + '_ {
        move |source| {
            let code = source.sqlite_error().map(|error| error.extended_code);
            Error::of_code(code, path, source.into())
        }
    }

    fn of_code(extended: Option<i32>, path: &Path, source: Cause) -> Error {
        let path = path.to_owned();
        match extended.map(|code| code & 0xff) {
            _ if extended == Some(LOG_INDEX_SIZE) => Error::DiskFull { path },
            Some(BUSY | LOCKED) => Error::InUse { path },
            Some(FULL) => Error::DiskFull { path },
            Some(NOT_A_DATABASE) => Error::NotADatabase { path },
            Some(CORRUPT) => Error::Corrupt { path, source },
            _ => Error::Sql { path, source },
        }
    }
}

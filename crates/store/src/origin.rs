//! Whose items the database has, in the table `origin`.

use std::path::Path;

use sqlx::SqliteConnection;

use crate::{Error, Interval};

/// The version of the schema that brought the table.
pub(crate) const SINCE: i64 = 3;

/// Whose items those of an older database are, as the migration notes it.
pub(crate) const FIRST: &str = "pr0gramm";

pub(crate) async fn get(connection: &mut SqliteConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT name FROM origin").fetch_optional(connection).await
}

pub(crate) async fn set(connection: &mut SqliteConnection, name: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT OR REPLACE INTO origin (rowid, name) VALUES (1, ?)")
        .bind(name)
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether a database at `path` may take the items of `wanted`, from whose it has and which ids. Without items it is nobody's.
///
/// # Errors
/// [`Error::OtherOrigin`].
pub(crate) fn check(
    path: &Path,
    found: Option<String>,
    ids: Option<Interval>,
    wanted: &str,
) -> Result<(), Error> {
    match found.filter(|found| found != wanted && ids.is_some()) {
        Some(found) => Err(Error::OtherOrigin { path: path.to_owned(), found, wanted: wanted.to_owned() }),
        None => Ok(()),
    }
}

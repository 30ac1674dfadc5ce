//! Whose items the database has, in the table `origin`.

use sqlx::SqliteConnection;

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

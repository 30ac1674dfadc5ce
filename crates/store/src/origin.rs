//! Whose items the database has, in the table `origin`.

use sqlx::SqliteConnection;

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

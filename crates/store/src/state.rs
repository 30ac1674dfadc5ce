//! Single numbers that the database remembers of itself, in the table `state`.

use sqlx::{Executor, Sqlite};

/// How many rows `items` has. Kept by every commit, because counting reads the whole table where it has no index.
pub(crate) const ITEMS: &str = "items";

/// When the refresh began that has not come to its end, Unix seconds.
pub(crate) const REFRESH: &str = "refresh_began";

pub(crate) async fn get<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    name: &str,
) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT value FROM state WHERE name = ?").bind(name).fetch_optional(executor).await
}

pub(crate) async fn set<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    name: &str,
    value: i64,
) -> Result<(), sqlx::Error> {
    let statement = "INSERT INTO state (name, value) VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    sqlx::query(statement).bind(name).bind(value).execute(executor).await?;
    Ok(())
}

pub(crate) async fn add<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    name: &str,
    more: i64,
) -> Result<(), sqlx::Error> {
    let statement = "UPDATE state SET value = value + ? WHERE name = ?";
    sqlx::query(statement).bind(more).bind(name).execute(executor).await?;
    Ok(())
}

pub(crate) async fn forget<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    name: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM state WHERE name = ?").bind(name).execute(executor).await?;
    Ok(())
}

//! The tables, their migrations, and what is refused.

use std::path::Path;

use sqlx::{Acquire, SqliteConnection};

use crate::Error;

/// The schema version that this program writes: `PRAGMA user_version`. A database of the original has 0.
pub const SCHEMA_VERSION: i64 = MIGRATIONS.len() as i64;

/// Migration `n` takes a database from version `n` to `n + 1`. Those that were released never change.
///
/// `IF NOT EXISTS`, because a database of the original has its `items` already, and is continued as it is.
const MIGRATIONS: [&str; 3] = [
    "
CREATE TABLE IF NOT EXISTS items (
    id INTEGER PRIMARY KEY,
    image TEXT NOT NULL,
    promoted INTEGER NOT NULL,
    up INTEGER NOT NULL,
    down INTEGER NOT NULL,
    created INTEGER NOT NULL,
    width INTEGER NOT NULL,
    height INTEGER NOT NULL,
    audio INTEGER NOT NULL,
    source TEXT,
    flags INTEGER NOT NULL,
    user_name TEXT NOT NULL,
    mark INTEGER NOT NULL,
    gift INTEGER NOT NULL,
    item_data TEXT,
    tags_data TEXT,
    comments_data TEXT,
    updated_at INTEGER NOT NULL
);
-- Ids from `first` to `last` are complete for the content class `class`, one bit of the flags.
CREATE TABLE IF NOT EXISTS scanned (
    class INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    PRIMARY KEY (class, first)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS failures (
    id INTEGER PRIMARY KEY,
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    failed_at INTEGER NOT NULL
);
",
    // The index finds and sorts out what is left to fetch without reading the table; it is as small as what is left.
    // `state` holds single numbers: see `state.rs`. Counting the rows of a database of the original reads one of its small
    // indexes.
    "
CREATE INDEX IF NOT EXISTS items_without_tags ON items (id, flags, image) WHERE tags_data IS NULL;
CREATE TABLE IF NOT EXISTS state (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
INSERT OR REPLACE INTO state (name, value) SELECT 'items', count(*) FROM items;
",
    // `origin` has one row at most: see `origin.rs`. Before there was this table, there was one kind of board.
    "
CREATE TABLE IF NOT EXISTS origin (name TEXT NOT NULL);
INSERT INTO origin (name) SELECT 'pr0gramm' WHERE EXISTS (SELECT 1 FROM items);
",
];

/// The columns of `items`, in their order.
pub(crate) const ITEM_COLUMNS: [&str; 18] = [
    "id",
    "image",
    "promoted",
    "up",
    "down",
    "created",
    "width",
    "height",
    "audio",
    "source",
    "flags",
    "user_name",
    "mark",
    "gift",
    "item_data",
    "tags_data",
    "comments_data",
    "updated_at",
];

/// What kind of database stands at the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// No table at all: a file just made.
    Nothing,
    /// An `items` table, and migrations up to this version.
    Version(i64),
}

/// Looks at a database without changing it.
pub(crate) async fn inspect(connection: &mut SqliteConnection, path: &Path) -> Result<Found, Error> {
    let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table'")
        .fetch_all(&mut *connection)
        .await
        .map_err(Error::at(path))?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.iter().any(|table| table == "items") {
        return Err(Error::NoItemsTable { path: path.to_owned() });
    }
    let found: i64 = sqlx::query_scalar("PRAGMA user_version")
        .fetch_one(&mut *connection)
        .await
        .map_err(Error::at(path))?;
    if found > SCHEMA_VERSION {
        return Err(Error::NewerSchema { path: path.to_owned(), found, supported: SCHEMA_VERSION });
    }
    let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info('items')")
        .fetch_all(&mut *connection)
        .await
        .map_err(Error::at(path))?;
    match ITEM_COLUMNS.into_iter().find(|column| !columns.iter().any(|name| name == column)) {
        Some(column) => Err(Error::MissingColumn { path: path.to_owned(), column }),
        None => Ok(Found::Version(found.max(0))),
    }
}

/// Brings a database from `version` to [`SCHEMA_VERSION`], in one transaction.
pub(crate) async fn migrate(connection: &mut SqliteConnection, version: i64) -> Result<(), sqlx::Error> {
    let done = usize::try_from(version).unwrap_or(0);
    if done >= MIGRATIONS.len() {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    for migration in &MIGRATIONS[done..] {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
    }
    // A pragma takes no parameters.
    let set_version = format!("PRAGMA user_version = {SCHEMA_VERSION}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(set_version)).execute(&mut *transaction).await?;
    transaction.commit().await
}

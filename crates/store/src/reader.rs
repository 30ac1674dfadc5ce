use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{Executor, Row as _, Sqlite, SqlitePool};
use tagmill_model::{Flags, ItemId};

use crate::schema::{self, Found};
use crate::{Error, Failure, Interval, Intervals};

/// Connections of a reader: a few tasks may ask at once.
const CONNECTIONS: u32 = 4;

/// Reads a database, beside a [`crate::Store`] or without one, and never changes a byte of it.
///
/// Where a writer was killed, SQLite keeps its log and an index of it (`-wal`, `-shm`) beside the database while reading.
#[derive(Debug, Clone)]
pub struct Reader {
    path: PathBuf,
    pool: SqlitePool,
    /// A database of the original has no tables of ours.
    ours: bool,
}

/// What preparing needs of an item. Values that are missing or absurd in the database are 0 or empty here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The board's number.
    pub id: ItemId,
    /// Path of the medium as the board sent it, not trusted.
    pub image: String,
    /// Upload time, Unix seconds, UTC.
    pub created: i64,
    /// Width in pixels; 0 when unknown.
    pub width: u32,
    /// Height in pixels; 0 when unknown.
    pub height: u32,
    /// Content class.
    pub flags: Flags,
    /// The tags as JSON, as the board sent them; `None` when not fetched yet.
    pub tags_data: Option<String>,
    /// When the row was last written, Unix seconds, UTC.
    pub updated_at: i64,
}

/// What downloading needs of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaRow {
    /// The board's number.
    pub id: ItemId,
    /// Path of the medium as the board sent it, not trusted.
    pub image: String,
    /// Content class.
    pub flags: Flags,
}

/// What is in a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Rows of `items`.
    pub items: u64,
    /// Rows whose tags are known, even where the item has none.
    pub with_tags: u64,
    /// The lowest and the highest id, where there is any item.
    pub ids: Option<Interval>,
    /// Failed items by reason.
    pub failures: BTreeMap<String, u64>,
}

impl Summary {
    /// Rows whose tags were not fetched yet.
    pub fn without_tags(&self) -> u64 {
        self.items - self.with_tags
    }
}

impl Reader {
    /// Opens the database at `path` for reading.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotADatabase`], [`Error::NoItemsTable`], [`Error::MissingColumn`],
    /// [`Error::NewerSchema`].
    pub async fn open(path: &Path) -> Result<Reader, Error> {
        if !path.try_exists().map_err(|source| Error::Io { path: path.to_owned(), source })? {
            return Err(Error::NotFound { path: path.to_owned() });
        }
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(CONNECTIONS)
            .test_before_acquire(false)
            .connect_with(options)
            .await
            .map_err(Error::at(path))?;
        let mut connection = pool.acquire().await.map_err(Error::at(path))?;
        let ours = match schema::inspect(&mut connection, path).await? {
            Found::Nothing => return Err(Error::NoItemsTable { path: path.to_owned() }),
            Found::Version(version) => version > 0,
        };
        drop(connection);
        Ok(Reader { path: path.to_owned(), pool, ours })
    }

    /// The next `limit` items behind `after`, or the first ones, by rising id. An empty page is the end.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn page(&self, after: Option<ItemId>, limit: u32) -> Result<Vec<Row>, Error> {
        // The original wrote its times as text, `2026-02-17 12:34:56`.
        let statement = "SELECT id, image, created, width, height, flags, tags_data,
                CASE WHEN typeof(updated_at) = 'text' AND updated_at LIKE '%-%-%'
                    THEN unixepoch(updated_at) ELSE updated_at END
            FROM items WHERE id > ? ORDER BY id LIMIT ?";
        let rows = self.rows(statement, after, limit).await?;
        rows.iter().map(row).collect::<Result<_, _>>().map_err(Error::at(&self.path))
    }

    /// The next `limit` items behind `after`, or the first ones, by rising id, without their tags.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn media_page(&self, after: Option<ItemId>, limit: u32) -> Result<Vec<MediaRow>, Error> {
        let statement = "SELECT id, image, flags FROM items WHERE id > ? ORDER BY id LIMIT ?";
        let rows = self.rows(statement, after, limit).await?;
        rows.iter().map(media_row).collect::<Result<_, _>>().map_err(Error::at(&self.path))
    }

    async fn rows(
        &self,
        statement: &'static str,
        after: Option<ItemId>,
        limit: u32,
    ) -> Result<Vec<SqliteRow>, Error> {
        sqlx::query(statement)
            .bind(after.map_or(i64::MIN, |id| id.0))
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::at(&self.path))
    }

    /// As [`crate::Store::coverage`]; nothing in a database of the original.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn coverage(&self, classes: Flags) -> Result<Intervals, Error> {
        match self.ours {
            true => coverage(&self.pool, classes).await.map_err(Error::at(&self.path)),
            false => Ok(Intervals::new()),
        }
    }

    /// As [`crate::Store::ids_with_tags`].
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn ids_with_tags(&self, interval: Interval) -> Result<Vec<ItemId>, Error> {
        ids_with_tags(&self.pool, interval).await.map_err(Error::at(&self.path))
    }

    /// As [`crate::Store::failures`]; nothing in a database of the original.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn failures(&self, interval: Interval) -> Result<Vec<Failure>, Error> {
        match self.ours {
            true => failures(&self.pool, interval).await.map_err(Error::at(&self.path)),
            false => Ok(Vec::new()),
        }
    }

    /// The lowest and the highest id, where there is any item. Takes no time, however large the table.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn ids(&self) -> Result<Option<Interval>, Error> {
        // Two subqueries: SQLite finds either end of the table at once, but not both in one scan.
        let ends: (Option<i64>, Option<i64>) =
            sqlx::query_as("SELECT (SELECT min(id) FROM items), (SELECT max(id) FROM items)")
                .fetch_one(&self.pool)
                .await
                .map_err(Error::at(&self.path))?;
        Ok(ends.0.zip(ends.1).map(|(first, last)| Interval::new(ItemId(first), ItemId(last))))
    }

    /// Counts what is in the database. Reads the whole `items` table once.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn summary(&self) -> Result<Summary, Error> {
        let (items, with_tags): (i64, i64) = sqlx::query_as("SELECT count(*), count(tags_data) FROM items")
            .fetch_one(&self.pool)
            .await
            .map_err(Error::at(&self.path))?;
        let failures: Vec<(String, i64)> = match self.ours {
            true => sqlx::query_as("SELECT reason, count(*) FROM failures GROUP BY reason")
                .fetch_all(&self.pool)
                .await
                .map_err(Error::at(&self.path))?,
            false => Vec::new(),
        };
        Ok(Summary {
            items: items.cast_unsigned(),
            with_tags: with_tags.cast_unsigned(),
            ids: self.ids().await?,
            failures: failures.into_iter().map(|(reason, count)| (reason, count.cast_unsigned())).collect(),
        })
    }

    /// Closes all connections. Dropping does so too, but does not wait for it.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

pub(crate) async fn coverage<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    classes: Flags,
) -> Result<Intervals, sqlx::Error> {
    let rows: Vec<(u32, i64, i64)> =
        sqlx::query_as("SELECT class, first, last FROM scanned").fetch_all(executor).await?;
    let of_class = |class: Flags| -> Intervals {
        rows.iter()
            .filter(|(bit, ..)| *bit == class.bits())
            .map(|(_, first, last)| Interval::new(ItemId(*first), ItemId(*last)))
            .collect()
    };
    Ok(classes.iter().map(of_class).reduce(|all, one| all.intersection(&one)).unwrap_or_default())
}

pub(crate) async fn ids_with_tags<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    interval: Interval,
) -> Result<Vec<ItemId>, sqlx::Error> {
    let ids: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM items WHERE id BETWEEN ? AND ? AND tags_data IS NOT NULL ORDER BY id",
    )
    .bind(interval.first.0)
    .bind(interval.last.0)
    .fetch_all(executor)
    .await?;
    Ok(ids.into_iter().map(ItemId).collect())
}

pub(crate) async fn failures<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    interval: Interval,
) -> Result<Vec<Failure>, sqlx::Error> {
    let rows: Vec<(i64, String, u32, i64)> = sqlx::query_as(
        "SELECT id, reason, attempts, failed_at FROM failures WHERE id BETWEEN ? AND ? ORDER BY id",
    )
    .bind(interval.first.0)
    .bind(interval.last.0)
    .fetch_all(executor)
    .await?;
    let failure = |(id, reason, attempts, failed_at)| Failure { id: ItemId(id), reason, attempts, failed_at };
    Ok(rows.into_iter().map(failure).collect())
}

fn row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    Ok(Row {
        id: ItemId(integer(row, 0)?),
        image: text(row, 1)?.unwrap_or_default(),
        created: integer(row, 2)?,
        width: u32::try_from(integer(row, 3)?).unwrap_or(0),
        height: u32::try_from(integer(row, 4)?).unwrap_or(0),
        flags: flags(row, 5)?,
        tags_data: text(row, 6)?,
        updated_at: integer(row, 7)?,
    })
}

fn media_row(row: &SqliteRow) -> Result<MediaRow, sqlx::Error> {
    Ok(MediaRow {
        id: ItemId(integer(row, 0)?),
        image: text(row, 1)?.unwrap_or_default(),
        flags: flags(row, 2)?,
    })
}

fn flags(row: &SqliteRow, column: usize) -> Result<Flags, sqlx::Error> {
    Ok(Flags::from_bits_retain(u32::try_from(integer(row, column)?).unwrap_or(0)))
}

// A column of SQLite holds values of any type. Unchecked, it gives them in the type asked for, as SQL's `CAST` does.

fn integer(row: &SqliteRow, column: usize) -> Result<i64, sqlx::Error> {
    Ok(row.try_get_unchecked::<Option<i64>, _>(column)?.unwrap_or(0))
}

/// SQLite does not promise that text is UTF-8; what is not becomes U+FFFD.
fn text(row: &SqliteRow, column: usize) -> Result<Option<String>, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(column)?;
    Ok(bytes.map(|bytes| {
        String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }))
}

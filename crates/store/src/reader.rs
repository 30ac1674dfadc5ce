use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{Executor, Row as _, Sqlite, SqlitePool};
use tagmill_model::{Flags, Item, ItemId};

use crate::schema::{self, Found};
use crate::{Error, Failure, Interval, Intervals, Scanner, origin, state};

/// Connections of a reader: a few tasks may ask at once.
const CONNECTIONS: u32 = 4;

/// The column as Unix seconds: the original wrote its times as text, `2026-02-17 12:34:56`.
macro_rules! updated_at {
    () => {
        "CASE WHEN typeof(updated_at) = 'text' AND updated_at LIKE '%-%-%'
            THEN unixepoch(updated_at) ELSE updated_at END"
    };
}
pub(crate) use updated_at;

/// Reads a database, beside a [`crate::Store`] or without one, and never changes a byte of it.
///
/// Where a writer was killed, SQLite keeps its log and an index of it (`-wal`, `-shm`) beside the database while reading.
#[derive(Debug, Clone)]
pub struct Reader {
    path: PathBuf,
    pool: SqlitePool,
    /// How far its schema is; 0 for a database of the original, which has no tables of ours.
    version: i64,
}

/// An item whose tags were not fetched yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntaggedRow {
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
    /// Rows whose tags were not fetched yet.
    pub without_tags: u64,
    /// The lowest and the highest id, where there is any item.
    pub ids: Option<Interval>,
    /// Failed items by reason.
    pub failures: BTreeMap<String, u64>,
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
        let version = match schema::inspect(&mut connection, path).await? {
            Found::Nothing => return Err(Error::NoItemsTable { path: path.to_owned() }),
            Found::Version(version) => version,
        };
        drop(connection);
        Ok(Reader { path: path.to_owned(), pool, version })
    }

    /// Another connection to the same database, for whoever reads all of it. Blocks while it opens the file.
    ///
    /// # Errors
    /// [`Error::InUse`], [`Error::Sql`] and their kin.
    pub fn scanner(&self) -> Result<Scanner, Error> {
        Scanner::open(&self.path)
    }

    /// As [`crate::Store::coverage`]; nothing in a database of the original.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn coverage(&self, classes: Flags) -> Result<Intervals, Error> {
        match self.has_our_tables() {
            true => coverage(&self.pool, classes).await.map_err(Error::at(&self.path)),
            false => Ok(Intervals::new()),
        }
    }

    /// Whose items these are, by the name of [`crate::Store::claim`]; `None` where nobody has claimed them. Before there were
    /// claims, there was one kind of board.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn origin(&self) -> Result<Option<String>, Error> {
        if self.version < origin::SINCE {
            return Ok(self.ids().await?.map(|_| origin::FIRST.to_owned()));
        }
        let found = async { origin::get(&mut *self.pool.acquire().await?).await };
        found.await.map_err(Error::at(&self.path))
    }

    /// Whether the database would take the items of `wanted`, as [`crate::Store::claim`] finds out.
    ///
    /// # Errors
    /// [`Error::OtherOrigin`].
    pub async fn check_origin(&self, wanted: &str) -> Result<(), Error> {
        origin::check(&self.path, self.origin().await?, self.ids().await?, wanted)
    }

    /// As [`crate::Store::ids_with_tags`].
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn ids_with_tags(&self, ids: &[ItemId]) -> Result<Vec<ItemId>, Error> {
        ids_with_tags(&self.pool, ids).await.map_err(Error::at(&self.path))
    }

    /// The next `limit` items below `before`, or the highest ones, by falling id, whose tags were not fetched yet. An empty
    /// list is the end.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn without_tags(&self, before: Option<ItemId>, limit: u32) -> Result<Vec<UntaggedRow>, Error> {
        let statement = "SELECT id, image, flags FROM items
            WHERE tags_data IS NULL AND id < ? ORDER BY id DESC LIMIT ?";
        let rows = sqlx::query(statement)
            .bind(before.map_or(i64::MAX, |id| id.0))
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::at(&self.path))?;
        rows.iter().map(untagged_row).collect::<Result<_, _>>().map_err(Error::at(&self.path))
    }

    /// How many items of an interval have no tags yet, by content class and end of the image's path: its last five
    /// characters, lower-cased, which hold every common extension.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn count_without_tags(&self, interval: Interval) -> Result<Vec<(Flags, String, u64)>, Error> {
        let statement = "SELECT flags, lower(substr(image, -5)), count(*) FROM items
            WHERE tags_data IS NULL AND id BETWEEN ? AND ? GROUP BY 1, 2";
        let rows = sqlx::query(statement)
            .bind(interval.first.0)
            .bind(interval.last.0)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::at(&self.path))?;
        let group = |row: &SqliteRow| {
            Ok((flags(row, 0)?, text(row, 1)?.unwrap_or_default(), integer(row, 2)?.cast_unsigned()))
        };
        rows.iter().map(group).collect::<Result<_, _>>().map_err(Error::at(&self.path))
    }

    /// The rows of these items as the listing filled them, by falling id: without tags and comments.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn listed(&self, ids: &[ItemId]) -> Result<Vec<Item>, Error> {
        let statement = concat!(
            "SELECT id, image, promoted, up, down, created, width, height, audio, source, flags, user_name, mark, gift,
                item_data, ",
            updated_at!(),
            " FROM items WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC"
        );
        let rows = sqlx::query(statement)
            .bind(json(ids))
            .fetch_all(&self.pool)
            .await
            .map_err(Error::at(&self.path))?;
        rows.iter().map(listed_item).collect::<Result<_, _>>().map_err(Error::at(&self.path))
    }

    /// The first `limit` items of an interval that have tags, were younger than `age` seconds when they were last fetched,
    /// and were last fetched before the time `before` (Unix seconds), by rising id. Reads the rows of the interval.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn fetched_young(
        &self,
        interval: Interval,
        age: i64,
        before: i64,
        limit: u32,
    ) -> Result<Vec<ItemId>, Error> {
        let statement = concat!(
            "SELECT id FROM items WHERE id BETWEEN ? AND ? AND tags_data IS NOT NULL AND (",
            updated_at!(),
            ") - created < ? AND (",
            updated_at!(),
            ") < ? ORDER BY id LIMIT ?"
        );
        let ids: Vec<i64> = sqlx::query_scalar(statement)
            .bind(interval.first.0)
            .bind(interval.last.0)
            .bind(age)
            .bind(before)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::at(&self.path))?;
        Ok(ids.into_iter().map(ItemId).collect())
    }

    /// When the refresh began that has not come to its end, Unix seconds; see [`crate::Store::begin_refresh`].
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn refresh_began(&self) -> Result<Option<i64>, Error> {
        match self.is_current() {
            true => state::get(&self.pool, state::REFRESH).await.map_err(Error::at(&self.path)),
            false => Ok(None),
        }
    }

    /// As [`crate::Store::failures`]; nothing in a database of the original.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn failures(&self, interval: Interval) -> Result<Vec<Failure>, Error> {
        match self.has_our_tables() {
            true => failures(&self.pool, interval).await.map_err(Error::at(&self.path)),
            false => Ok(Vec::new()),
        }
    }

    /// The lowest and the highest id, where there is any item. Takes no time, however large the table.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn ids(&self) -> Result<Option<Interval>, Error> {
        ids(&self.pool).await.map_err(Error::at(&self.path))
    }

    /// How many items of an interval have a row.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn count(&self, interval: Interval) -> Result<u64, Error> {
        let all = self.ids().await?;
        let spans_all = all.is_none_or(|all| interval.intersection(all) == all);
        if spans_all && self.is_current() {
            return self.items().await;
        }
        let statement = match spans_all {
            // Where there is an index, as in a database of the original, SQLite counts that.
            true => "SELECT count(*) FROM items",
            false => "SELECT count(*) FROM items WHERE id BETWEEN ? AND ?",
        };
        let mut query = sqlx::query_scalar(statement);
        if !spans_all {
            query = query.bind(interval.first.0).bind(interval.last.0);
        }
        let count: i64 = query.fetch_one(&self.pool).await.map_err(Error::at(&self.path))?;
        Ok(count.cast_unsigned())
    }

    /// The total that every commit keeps.
    async fn items(&self) -> Result<u64, Error> {
        let items = state::get(&self.pool, state::ITEMS).await.map_err(Error::at(&self.path))?;
        Ok(items.unwrap_or(0).max(0).cast_unsigned())
    }

    /// Counts what is in the database. Takes no time, however large the table; only where tagmill has not written to it
    /// yet, as in one that comes from the original, the table is read once.
    ///
    /// # Errors
    /// [`Error::Corrupt`], [`Error::Sql`] and their kin.
    pub async fn summary(&self) -> Result<Summary, Error> {
        let ids = self.ids().await?;
        let items = self.count(ids.unwrap_or(Interval::new(ItemId(1), ItemId(0)))).await?;
        let without_tags: i64 = sqlx::query_scalar("SELECT count(*) FROM items WHERE tags_data IS NULL")
            .fetch_one(&self.pool)
            .await
            .map_err(Error::at(&self.path))?;
        let failures: Vec<(String, i64)> = match self.has_our_tables() {
            true => sqlx::query_as("SELECT reason, count(*) FROM failures GROUP BY reason")
                .fetch_all(&self.pool)
                .await
                .map_err(Error::at(&self.path))?,
            false => Vec::new(),
        };
        let without_tags = without_tags.cast_unsigned();
        Ok(Summary {
            items,
            with_tags: items.saturating_sub(without_tags),
            without_tags,
            ids,
            failures: failures.into_iter().map(|(reason, count)| (reason, count.cast_unsigned())).collect(),
        })
    }

    /// The ids whose scan is complete, for each content class that any scan asked for.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn coverage_by_class(&self) -> Result<Vec<(Flags, Intervals)>, Error> {
        match self.has_our_tables() {
            true => coverage_by_class(&self.pool).await.map_err(Error::at(&self.path)),
            false => Ok(Vec::new()),
        }
    }

    fn has_our_tables(&self) -> bool {
        self.version > 0
    }

    /// Whether it has the index and the totals of the newest schema.
    fn is_current(&self) -> bool {
        self.version == schema::SCHEMA_VERSION
    }

    /// Closes all connections. Dropping does so too, but does not wait for it.
    pub async fn close(self) {
        self.pool.close().await;
    }
}

/// The ids that are complete for each of `classes`.
pub(crate) async fn coverage<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    classes: Flags,
) -> Result<Intervals, sqlx::Error> {
    let known = coverage_by_class(executor).await?;
    let of_class = |class: Flags| {
        let found = known.iter().find(|(known, _)| *known == class);
        found.map(|(_, intervals)| intervals.clone()).unwrap_or_default()
    };
    Ok(classes.iter().map(of_class).reduce(|all, one| all.intersection(&one)).unwrap_or_default())
}

async fn coverage_by_class<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
) -> Result<Vec<(Flags, Intervals)>, sqlx::Error> {
    let rows: Vec<(u32, i64, i64)> =
        sqlx::query_as("SELECT class, first, last FROM scanned ORDER BY class, first")
            .fetch_all(executor)
            .await?;
    let of_class = |rows: &[(u32, i64, i64)]| {
        let intervals = rows.iter().map(|(_, first, last)| Interval::new(ItemId(*first), ItemId(*last)));
        (Flags::from_bits_retain(rows[0].0), intervals.collect())
    };
    Ok(rows.chunk_by(|a, b| a.0 == b.0).map(of_class).collect())
}

pub(crate) async fn ids_with_tags<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    ids: &[ItemId],
) -> Result<Vec<ItemId>, sqlx::Error> {
    let statement = "SELECT id FROM items
        WHERE id IN (SELECT value FROM json_each(?)) AND tags_data IS NOT NULL ORDER BY id";
    let ids: Vec<i64> = sqlx::query_scalar(statement).bind(json(ids)).fetch_all(executor).await?;
    Ok(ids.into_iter().map(ItemId).collect())
}

/// How many of the ids have a row.
pub(crate) async fn count_known<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
    ids: &[ItemId],
) -> Result<u64, sqlx::Error> {
    let statement = "SELECT count(*) FROM json_each(?) AS ids CROSS JOIN items ON items.id = ids.value";
    let count: i64 = sqlx::query_scalar(statement).bind(json(ids)).fetch_one(executor).await?;
    Ok(count.cast_unsigned())
}

/// A list of any length as one parameter.
fn json(ids: &[ItemId]) -> String {
    let ids: Vec<String> = ids.iter().map(ItemId::to_string).collect();
    format!("[{}]", ids.join(","))
}

/// Both ends of the table, where it has any row.
pub(crate) async fn ids<'e>(
    executor: impl Executor<'e, Database = Sqlite>,
) -> Result<Option<Interval>, sqlx::Error> {
    // Two subqueries: SQLite finds either end of the table at once, but not both in one scan.
    let ends: (Option<i64>, Option<i64>) =
        sqlx::query_as("SELECT (SELECT min(id) FROM items), (SELECT max(id) FROM items)")
            .fetch_one(executor)
            .await?;
    Ok(ends.0.zip(ends.1).map(|(first, last)| Interval::new(ItemId(first), ItemId(last))))
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

/// A row as the listing filled it.
fn listed_item(row: &SqliteRow) -> Result<Item, sqlx::Error> {
    Ok(Item {
        id: ItemId(integer(row, 0)?),
        image: text(row, 1)?.unwrap_or_default(),
        promoted: integer(row, 2)?,
        up: integer(row, 3)?,
        down: integer(row, 4)?,
        created: integer(row, 5)?,
        width: integer(row, 6)?,
        height: integer(row, 7)?,
        audio: integer(row, 8)? != 0,
        source: text(row, 9)?.unwrap_or_default(),
        flags: flags(row, 10)?,
        user_name: text(row, 11)?.unwrap_or_default(),
        mark: integer(row, 12)?,
        gift: integer(row, 13)?,
        item_data: text(row, 14)?.unwrap_or_default(),
        tags_data: None,
        comments_data: None,
        updated_at: integer(row, 15)?,
    })
}

fn untagged_row(row: &SqliteRow) -> Result<UntaggedRow, sqlx::Error> {
    Ok(UntaggedRow {
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

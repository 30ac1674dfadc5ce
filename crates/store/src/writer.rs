use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqliteConnection};
use tagmill_model::{Flags, Item, ItemId};

use crate::schema::{self, Found};
use crate::{Error, Interval, Intervals, origin, reader, state, upsert};

/// Pragmas of the writing connection, set on every open. What each does was measured in
/// `docs/benchmarks/2026-11-24-writes.md`.
///
/// - WAL with `synchronous = NORMAL`: a commit appends and does not wait for the disk, and others read meanwhile. After a
///   crash of the program nothing is lost, after a power cut perhaps the last commits, never the database. A rollback
///   journal writes new rows once instead of twice, but waits for the disk in every commit, and needs twice the operations
///   of a RAID5 where old rows are written again.
/// - A checkpoint every 65,536 pages (1 GB) instead of 1,000: pages that many batches touch are written back once, which
///   halves the RAID5's operations where old rows are written again.
/// - 32 MB of cache are for databases of the original, whose indexes are written to here and there. Our own batches,
///   sorted by id, are as fast with 2 MB.
const PRAGMAS: &str = "
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 65536;
PRAGMA cache_size = -32768;
";

/// Page size of a new database. Rows are 1 to 4 KB: four to sixteen a page. With 4 KB pages new rows take 1.4 times as
/// long; with 32 KB pages a little less, but a refresh of scattered rows then writes more.
const PAGE_SIZE: &str = "PRAGMA page_size = 16384";

/// The one writer of a database.
///
/// Open, it holds a lock on `<database>.lock`, which dies with the process; the empty file stays. Killed at any moment,
/// at most the batch that was not yet committed is lost.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: SqliteConnection,
    /// Whether a transaction was begun whose end is not known: its commit failed, or its future was dropped.
    in_doubt: bool,
    _lock: File,
}

/// What is committed together.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Rows to insert, or to bring up to date. `None` in `tags_data` or `comments_data` leaves what is known of them.
    /// Of an id that occurs twice, the later row counts.
    pub items: Vec<Item>,
    /// Items whose tags could not be had. Their rows belong into `items` all the same, with what the listing said.
    pub failures: Vec<Failure>,
    /// Ids whose scan this batch completes: whatever the board has there stands in the database, or in this batch, or in
    /// its failures.
    pub scanned: Vec<Interval>,
    /// The content classes that the scan asked for: `scanned` holds for them and for no others.
    pub scanned_classes: Flags,
}

/// An item that was asked for in vain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The item.
    pub id: ItemId,
    /// Why, in few words that are the same for the same cause: reports count by it.
    pub reason: String,
    /// How often it was asked for. Committing adds to what earlier runs counted.
    pub attempts: u32,
    /// When it was last asked for, Unix seconds, UTC.
    pub failed_at: i64,
}

impl Batch {
    /// An empty batch of a scan that asks for these content classes.
    pub fn new(scanned_classes: Flags) -> Batch {
        Batch { items: Vec::new(), failures: Vec::new(), scanned: Vec::new(), scanned_classes }
    }
}

impl Store {
    /// Opens the database at `path` for writing, and makes it where there is none.
    ///
    /// A database of the original program is continued as it is: its table is not rewritten, its indexes stay.
    ///
    /// # Errors
    /// [`Error::InUse`] where another process (or this one) has it open for writing; [`Error::NotADatabase`],
    /// [`Error::NoItemsTable`], [`Error::MissingColumn`] or [`Error::NewerSchema`] where the file is not ours to
    /// continue, and it is then left as it is; [`Error::Io`] where the folder is missing or may not be written to.
    pub async fn open(path: &Path) -> Result<Store, Error> {
        let _lock = lock(path)?;
        let mut connection = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .connect()
            .await
            .map_err(Error::at(path))?;
        let version = match schema::inspect(&mut connection, path).await? {
            Found::Nothing => {
                sqlx::raw_sql(PAGE_SIZE).execute(&mut connection).await.map_err(Error::at(path))?;
                0
            }
            Found::Version(0) => {
                // A minute for six million rows on hard disks.
                tracing::info!("reading `{}` once, to learn which of its items lack tags", path.display());
                0
            }
            Found::Version(version) => version,
        };
        sqlx::raw_sql(PRAGMAS).execute(&mut connection).await.map_err(Error::at(path))?;
        schema::migrate(&mut connection, version).await.map_err(Error::at(path))?;
        Ok(Store { path: path.to_owned(), connection, in_doubt: false, _lock })
    }

    /// Notes that the database has the items of `origin`, and of nobody else: of one board, or of one person's files. Whoever is
    /// about to add items says whose they are.
    ///
    /// # Errors
    /// [`Error::OtherOrigin`] where it was another one's before.
    pub async fn claim(&mut self, origin: &str) -> Result<(), Error> {
        let path = self.path.clone();
        let connection = self.settled().await;
        let found = origin::get(&mut *connection).await.map_err(Error::at(&path))?;
        let ids = reader::ids(&mut *connection).await.map_err(Error::at(&path))?;
        origin::check(&path, found, ids, origin)?;
        origin::set(connection, origin).await.map_err(Error::at(&path))
    }

    /// Writes a batch in one transaction: all of it or, where this fails or its future is dropped, nothing.
    ///
    /// # Errors
    /// [`Error::DiskFull`] among others; what was committed before stands.
    pub async fn commit(&mut self, batch: Batch) -> Result<(), Error> {
        // Not sqlx's own transactions: where SQLite has rolled back by itself, as it does on a full disk, their rollback
        // fails and they refuse to begin another one.
        self.settled().await;
        self.in_doubt = true;
        self.transaction(batch).await.map_err(Error::at(&self.path))?;
        self.in_doubt = false;
        Ok(())
    }

    async fn transaction(&mut self, batch: Batch) -> Result<(), sqlx::Error> {
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut self.connection).await?;
        write(&mut self.connection, batch).await?;
        sqlx::raw_sql("COMMIT").execute(&mut self.connection).await?;
        Ok(())
    }

    /// The connection, outside of any transaction.
    async fn settled(&mut self) -> &mut SqliteConnection {
        if self.in_doubt {
            // Fails where the transaction has ended by itself, which is as good.
            let _ = sqlx::raw_sql("ROLLBACK").execute(&mut self.connection).await;
            self.in_doubt = false;
        }
        &mut self.connection
    }

    /// The ids whose scan is complete for each of `classes`, permanent gaps among them.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn coverage(&mut self, classes: Flags) -> Result<Intervals, Error> {
        let found = reader::coverage(self.settled().await, classes).await;
        found.map_err(Error::at(&self.path))
    }

    /// Those of the items whose tags are known, by rising id: they need no request.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn ids_with_tags(&mut self, ids: &[ItemId]) -> Result<Vec<ItemId>, Error> {
        let found = reader::ids_with_tags(self.settled().await, ids).await;
        found.map_err(Error::at(&self.path))
    }

    /// Notes that a refresh of items that are known begins at `now` (Unix seconds), and tells since when it is under way:
    /// what an interrupted one fetched since then is not to be fetched again.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn begin_refresh(&mut self, now: i64) -> Result<i64, Error> {
        let connection = self.settled().await;
        let began = async {
            let began = state::get(&mut *connection, state::REFRESH).await?;
            if began.is_none() {
                state::set(&mut *connection, state::REFRESH, now).await?;
            }
            Ok(began.unwrap_or(now))
        };
        began.await.map_err(Error::at(&self.path))
    }

    /// Notes that the refresh has come to its end.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn end_refresh(&mut self) -> Result<(), Error> {
        let connection = self.settled().await;
        state::forget(connection, state::REFRESH).await.map_err(Error::at(&self.path))
    }

    /// The failed items of an interval, by rising id.
    ///
    /// # Errors
    /// [`Error::Sql`] and its kin.
    pub async fn failures(&mut self, interval: Interval) -> Result<Vec<Failure>, Error> {
        let found = reader::failures(self.settled().await, interval).await;
        found.map_err(Error::at(&self.path))
    }

    /// Moves the write-ahead log into the database and leaves one plain file, which can be copied, and read from a
    /// read-only medium, without any file beside it.
    ///
    /// A store that is dropped instead loses nothing; the next to open it finds the log. A [`crate::Reader`] that is open
    /// meanwhile may keep an empty log beside the database.
    ///
    /// # Errors
    /// [`Error::DiskFull`] among others; all batches are then in the log, which the next open reads.
    pub async fn close(mut self) -> Result<(), Error> {
        let connection = self.settled().await;
        // A reader may wait for this to end while this waits for the reader. A tidier file is not worth that.
        let hurry = sqlx::raw_sql("PRAGMA busy_timeout = 500").execute(&mut *connection).await;
        let checkpoint = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *connection).await;
        // Refused while a reader is at it: the database then stays in WAL mode, and is none the worse.
        let _ = sqlx::raw_sql("PRAGMA journal_mode = DELETE").execute(connection).await;
        let closed = self.connection.close().await;
        hurry.and(checkpoint).map_err(Error::at(&self.path))?;
        closed.map_err(Error::at(&self.path))
    }
}

/// Two writers would each believe what the other is about to change, so there is one.
fn lock(path: &Path) -> Result<File, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock_path = PathBuf::from(name);
    let io = |source| Error::Io { path: lock_path.clone(), source };
    let file = File::options().create(true).append(true).open(&lock_path).map_err(io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(io(source)),
    }
}

async fn write(connection: &mut SqliteConnection, mut batch: Batch) -> Result<(), sqlx::Error> {
    // Rows in rising order fill pages one after the other; in falling order, as boards list them, they split every page
    // in half. A stable sort: of an id that occurs twice, the later row is written later.
    batch.items.sort_by_key(|item| item.id);
    let tagged: Vec<ItemId> =
        batch.items.iter().filter(|item| item.tags_data.is_some()).map(|item| item.id).collect();

    let new = count_new(connection, &batch.items).await?;
    upsert::items(connection, batch.items).await?;
    if new > 0 {
        state::add(&mut *connection, state::ITEMS, new).await?;
    }
    forget_failures(connection, &tagged).await?;
    for failure in batch.failures {
        add_failure(connection, failure).await?;
    }
    add_scanned(connection, batch.scanned_classes, batch.scanned.into_iter().collect()).await
}

/// How many of the items, sorted by id, have no row yet. Most lie above or below all that is known, which costs nothing.
async fn count_new(connection: &mut SqliteConnection, items: &[Item]) -> Result<i64, sqlx::Error> {
    let mut ids: Vec<ItemId> = items.iter().map(|item| item.id).collect();
    ids.dedup();
    let all = ids.len();
    let known = match reader::ids(&mut *connection).await? {
        None => 0,
        Some(table) => {
            ids.retain(|id| table.contains(*id));
            if ids.is_empty() { 0 } else { reader::count_known(connection, &ids).await? }
        }
    };
    Ok(all as i64 - known.cast_signed())
}

/// An item that has its tags is no failure any more. `tagged` is sorted.
async fn forget_failures(connection: &mut SqliteConnection, tagged: &[ItemId]) -> Result<(), sqlx::Error> {
    let (Some(first), Some(last)) = (tagged.first(), tagged.last()) else { return Ok(()) };
    let failed: Vec<i64> = sqlx::query_scalar("SELECT id FROM failures WHERE id BETWEEN ? AND ?")
        .bind(first.0)
        .bind(last.0)
        .fetch_all(&mut *connection)
        .await?;
    for id in failed.into_iter().filter(|id| tagged.binary_search(&ItemId(*id)).is_ok()) {
        sqlx::query("DELETE FROM failures WHERE id = ?").bind(id).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn add_failure(connection: &mut SqliteConnection, failure: Failure) -> Result<(), sqlx::Error> {
    let statement = "INSERT INTO failures (id, reason, attempts, failed_at) VALUES (?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET reason = excluded.reason, failed_at = excluded.failed_at,
            attempts = min(failures.attempts + excluded.attempts, 4294967295)";
    sqlx::query(statement)
        .bind(failure.id.0)
        .bind(failure.reason)
        .bind(failure.attempts)
        .bind(failure.failed_at)
        .execute(connection)
        .await?;
    Ok(())
}

/// Adds intervals to those of each class and merges those that touch, so that the table stays as small as the truth
/// allows.
async fn add_scanned(
    connection: &mut SqliteConnection,
    classes: Flags,
    scanned: Intervals,
) -> Result<(), sqlx::Error> {
    if classes.is_empty() || scanned.is_empty() {
        return Ok(());
    }
    let mut merged: BTreeMap<u32, Intervals> =
        classes.iter().map(|class| (class.bits(), scanned.clone())).collect();
    for interval in scanned.iter() {
        let touched: Vec<(u32, i64, i64)> = sqlx::query_as(
            "DELETE FROM scanned WHERE class & ? AND first <= ? AND last >= ? RETURNING class, first, last",
        )
        .bind(classes.bits())
        .bind(interval.last.0.saturating_add(1))
        .bind(interval.first.0.saturating_sub(1))
        .fetch_all(&mut *connection)
        .await?;
        for (class, first, last) in touched {
            merged.entry(class).or_default().insert(Interval::new(ItemId(first), ItemId(last)));
        }
    }
    let rows: Vec<String> = merged
        .iter()
        .flat_map(|(class, set)| set.iter().map(move |set| format!("[{class},{},{}]", set.first, set.last)))
        .collect();
    sqlx::query(
        "INSERT INTO scanned (class, first, last)
        SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?)",
    )
    .bind(format!("[{}]", rows.join(",")))
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failures(count: i64) -> Batch {
        let failure =
            |id| Failure { id: ItemId(id), reason: "x".repeat(1000), attempts: 1, failed_at: 1_780_000_000 };
        Batch { failures: (0..count).map(failure).collect(), ..Batch::new(Flags::SFW) }
    }

    #[tokio::test]
    async fn a_full_disk_is_said_to_be_full_and_costs_one_batch() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("items.db");
        let mut store = Store::open(&path).await.unwrap();
        store.commit(failures(1)).await.unwrap();
        sqlx::raw_sql("PRAGMA max_page_count = 20").execute(&mut store.connection).await.unwrap();
        let error = store.commit(failures(1000)).await.unwrap_err();
        assert!(matches!(error, Error::DiskFull { .. }), "{error}");

        // Someone makes space, and it goes on.
        sqlx::raw_sql("PRAGMA max_page_count = 2000").execute(&mut store.connection).await.unwrap();
        let all = Interval::new(ItemId(0), ItemId(5000));
        assert_eq!(store.failures(all).await.unwrap().len(), 1);
        store.commit(failures(1000)).await.unwrap();
        assert_eq!(store.failures(all).await.unwrap().len(), 1000);
        store.close().await.unwrap();
    }
}

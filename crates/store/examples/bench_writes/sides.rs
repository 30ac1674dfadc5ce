//! The ways of writing that are compared.
//!
//! All take the batch by value and so free it within the measured time, as `Store::commit` does.

use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use rusqlite::{Connection as Sqlite, params};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tagmill_model::{Flags, Item};
use tagmill_store::{Batch, Store};
use tokio::sync::oneshot;

use crate::Failed;
use crate::rows::{Board, Tag};

/// What `Store` sets on its connection: see `crates/store/src/writer.rs`.
pub(crate) const CHOSEN: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 65536; PRAGMA cache_size = -32768;";

/// WAL and nothing else: how a program writes that sets nothing.
pub(crate) const PLAIN: &str = "PRAGMA journal_mode = WAL;";

/// The page size of a database that `Store` made.
pub(crate) const CHOSEN_PAGE: u32 = 16_384;

/// Who writes, and into which tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Side {
    /// `Store::commit`.
    Store,
    /// A prepared statement of rusqlite, executed for each row by rising id.
    Loop,
    /// The same on a thread of its own, as sqlx executes too, and as an asynchronous program needs it.
    LoopOnThread,
    /// The loop in the order in which the rows come.
    LoopUnsorted,
    /// A sqlx query for each row, in the order in which they come.
    Queries,
    /// The original's tables, tags as rows, through rusqlite by rising id.
    TagsTable,
    /// The same, and the tags' JSON kept beside them.
    TagsTableAndJson,
}

impl Side {
    fn has_tags_table(self) -> bool {
        matches!(self, Side::TagsTable | Side::TagsTableAndJson)
    }

    /// What this side writes of a batch. That the tags came as JSON and have to be parsed for a table is not counted.
    pub(crate) fn part_of(self, rows: &Rows) -> Rows {
        let mut items = rows.items.clone();
        if self == Side::TagsTable {
            items.iter_mut().for_each(|item| item.tags_data = None);
        }
        Rows { items, tags: if self.has_tags_table() { rows.tags.clone() } else { Vec::new() } }
    }

    /// Makes the tables. `Store` makes its own, whatever will write into them.
    pub(crate) async fn create(self, path: &Path, page_size: u32) -> Result<(), Failed> {
        if self.has_tags_table() {
            let database = Sqlite::open(path)?;
            database.pragma_update(None, "page_size", page_size)?;
            database.execute_batch(ORIGINAL)?;
            return Ok(());
        }
        Store::open(path).await?.close().await?;
        if page_size != CHOSEN_PAGE {
            let database = Sqlite::open(path)?;
            database.pragma_update(None, "page_size", page_size)?;
            database.execute_batch("VACUUM")?;
        }
        Ok(())
    }

    /// Opens a database that was created. `Store` has its own pragmas.
    pub(crate) async fn open(self, path: &Path, pragmas: &str) -> Result<Writer, Failed> {
        Ok(match self {
            Side::Store => Writer::Store(Store::open(path).await?),
            Side::Queries => {
                let mut connection = SqliteConnectOptions::new().filename(path).connect().await?;
                sqlx::raw_sql(AssertSqlSafe(pragmas)).execute(&mut connection).await?;
                Writer::Queries(connection)
            }
            Side::LoopOnThread => {
                let connection = Sqlite::open(path)?;
                connection.execute_batch(pragmas)?;
                Writer::Thread(Thread::start(connection))
            }
            _ => {
                let connection = Sqlite::open(path)?;
                connection.execute_batch(pragmas)?;
                Writer::Loop { connection, sorted: self != Side::LoopUnsorted, statements: 0 }
            }
        })
    }
}

/// What is committed together.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    items: Vec<Item>,
    /// The same as in the items' JSON.
    tags: Vec<Tag>,
}

impl Rows {
    pub(crate) fn of(board: &Board, ids: &[i64], edition: u64) -> Rows {
        let tags = ids.iter().flat_map(|id| board.tags(*id, edition)).collect();
        Rows { items: ids.iter().map(|id| board.item(*id, edition)).collect(), tags }
    }

    /// How many items there are.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Batches of `size` rows.
    pub(crate) fn batches(board: &Board, ids: &[i64], size: usize, edition: u64) -> Vec<Rows> {
        ids.chunks(size).map(|ids| Rows::of(board, ids, edition)).collect()
    }
}

/// An open database.
pub(crate) enum Writer {
    Store(Store),
    Loop { connection: Sqlite, sorted: bool, statements: u64 },
    Thread(Thread),
    Queries(SqliteConnection),
}

impl Writer {
    pub(crate) async fn commit(&mut self, rows: Rows) -> Result<(), Failed> {
        match self {
            Writer::Store(store) => {
                store.commit(Batch { items: rows.items, ..Batch::new(Flags::SFW) }).await?;
            }
            Writer::Loop { connection, sorted, statements } => {
                *statements += commit_in_a_loop(connection, *sorted, rows)?;
            }
            Writer::Thread(thread) => thread.commit(rows).await?,
            Writer::Queries(connection) => commit_by_queries(connection, rows.items).await?,
        }
        Ok(())
    }

    /// Moves the log into the database and closes it, as `Store::close` does.
    pub(crate) async fn close(self) -> Result<(), Failed> {
        match self {
            Writer::Store(store) => store.close().await?,
            Writer::Loop { connection, .. } => connection.execute_batch(CLOSING)?,
            Writer::Thread(thread) => thread.close()?,
            Writer::Queries(mut connection) => {
                sqlx::raw_sql(CLOSING).execute(&mut connection).await?;
                connection.close().await?;
            }
        }
        Ok(())
    }
}

type Committed = oneshot::Sender<Result<u64, rusqlite::Error>>;

/// A connection on a thread of its own.
pub(crate) struct Thread {
    batches: mpsc::Sender<(Rows, Committed)>,
    closed: JoinHandle<Result<(), rusqlite::Error>>,
}

impl Thread {
    fn start(mut connection: Sqlite) -> Thread {
        let (batches, received) = mpsc::channel::<(Rows, Committed)>();
        let closed = std::thread::spawn(move || {
            for (rows, committed) in received {
                // Nobody listens any more where another side has failed.
                let _ = committed.send(commit_in_a_loop(&mut connection, true, rows));
            }
            connection.execute_batch(CLOSING)
        });
        Thread { batches, closed }
    }

    async fn commit(&self, rows: Rows) -> Result<(), Failed> {
        let (committed, done) = oneshot::channel();
        self.batches.send((rows, committed))?;
        done.await??;
        Ok(())
    }

    fn close(self) -> Result<(), Failed> {
        drop(self.batches);
        self.closed.join().map_err(|_| "the writing thread panicked")??;
        Ok(())
    }
}

/// Writes items into a database that was created, as what is there before a measurement begins.
pub(crate) async fn fill(side: Side, path: &Path, board: &Board, ids: &[i64]) -> Result<(), Failed> {
    let mut writer = side.open(path, CHOSEN).await?;
    for ids in ids.chunks(5_000) {
        writer.commit(side.part_of(&Rows::of(board, ids, 0))).await?;
    }
    writer.close().await
}

const CLOSING: &str = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE;";

const UPSERT: &str = "INSERT INTO items (id, image, promoted, up, down, created, width, height, audio, source, flags,
        user_name, mark, gift, item_data, tags_data, comments_data, updated_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET image = excluded.image, promoted = excluded.promoted, up = excluded.up,
        down = excluded.down, created = excluded.created, width = excluded.width, height = excluded.height,
        audio = excluded.audio, source = excluded.source, flags = excluded.flags, user_name = excluded.user_name,
        mark = excluded.mark, gift = excluded.gift, item_data = excluded.item_data,
        tags_data = coalesce(excluded.tags_data, items.tags_data),
        comments_data = coalesce(excluded.comments_data, items.comments_data), updated_at = excluded.updated_at";

const UPSERT_TAG: &str = "INSERT INTO tags (id, item_id, tag, confidence) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET confidence = excluded.confidence";

/// The original's tables and indexes.
const ORIGINAL: &str = "
CREATE TABLE items (id INTEGER PRIMARY KEY, image TEXT, promoted INTEGER, up INTEGER, down INTEGER, created INTEGER,
    width INTEGER, height INTEGER, audio INTEGER, source TEXT, flags INTEGER, user_name TEXT, mark INTEGER, gift INTEGER,
    item_data TEXT, tags_data TEXT, comments_data TEXT, updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE INDEX idx_items_created ON items (created);
CREATE INDEX idx_items_flags ON items (flags);
CREATE INDEX idx_items_promoted ON items (promoted);
CREATE TABLE tags (id INTEGER PRIMARY KEY, item_id INTEGER, tag TEXT, confidence REAL);
CREATE INDEX idx_tags_item_id ON tags (item_id);
CREATE INDEX idx_tags_tag ON tags (tag);
";

/// Returns how many statements were executed.
fn commit_in_a_loop(connection: &mut Sqlite, sorted: bool, mut rows: Rows) -> Result<u64, rusqlite::Error> {
    if sorted {
        rows.items.sort_by_key(|item| item.id);
        rows.tags.sort_by_key(|tag| tag.id);
    }
    let executed = 2 + rows.items.len() as u64 + rows.tags.len() as u64;
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut statement = connection.prepare(UPSERT)?;
    for item in rows.items {
        statement.execute(params![
            item.id.0,
            item.image,
            item.promoted,
            item.up,
            item.down,
            item.created,
            item.width,
            item.height,
            item.audio,
            item.source,
            item.flags.bits(),
            item.user_name,
            item.mark,
            item.gift,
            item.item_data,
            item.tags_data,
            item.comments_data,
            item.updated_at,
        ])?;
    }
    if !rows.tags.is_empty() {
        let mut statement = connection.prepare(UPSERT_TAG)?;
        for tag in rows.tags {
            statement.execute(params![tag.id, tag.item, tag.word, tag.confidence])?;
        }
    }
    drop(statement);
    connection.execute_batch("COMMIT")?;
    Ok(executed)
}

async fn commit_by_queries(connection: &mut SqliteConnection, items: Vec<Item>) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    for item in items {
        sqlx::query(UPSERT)
            .bind(item.id.0)
            .bind(item.image)
            .bind(item.promoted)
            .bind(item.up)
            .bind(item.down)
            .bind(item.created)
            .bind(item.width)
            .bind(item.height)
            .bind(item.audio)
            .bind(item.source)
            .bind(item.flags.bits())
            .bind(item.user_name)
            .bind(item.mark)
            .bind(item.gift)
            .bind(item.item_data)
            .bind(item.tags_data)
            .bind(item.comments_data)
            .bind(item.updated_at)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

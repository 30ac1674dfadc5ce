//! A piece of writing that another process of this program does, so that strace sees it alone.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection as Sqlite;
use tracing::span;

use crate::Failed;
use crate::rows::{Board, Order};
use crate::sides::{Rows, Side, Writer};
use crate::trace::{self, Written};

/// What to write, and how.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(crate) struct Job {
    pub(crate) side: Side,
    /// A database that was created.
    pub(crate) path: PathBuf,
    pub(crate) pragmas: String,
    /// Rows a commit.
    pub(crate) batch: usize,
    pub(crate) order: Order,
    pub(crate) first_id: i64,
    pub(crate) items: usize,
    pub(crate) edition: u64,
}

/// What the writing process knows of it.
#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Done {
    /// SQL statements executed, those that begin and commit included.
    pub(crate) statements: u64,
    /// Rows that the tables gained.
    pub(crate) rows: u64,
    /// Entries that the indexes gained.
    pub(crate) index_entries: u64,
    /// Size of the database at the end, in bytes.
    pub(crate) size: u64,
}

/// Does a job in a process of its own under strace.
pub(crate) fn traced(job: &Job) -> Result<(Done, Written), Failed> {
    let (output, written) = trace::run(&["job", &serde_json::to_string(job)?], &job.path)?;
    Ok((serde_json::from_str(&output)?, written))
}

/// Does a job here, and prints what came of it.
pub(crate) async fn run(argument: &str) -> Result<(), Failed> {
    let job: Job = serde_json::from_str(argument)?;
    let before = sizes(&job.path)?;
    // sqlx reports each statement that it executes as an event.
    tracing::subscriber::set_global_default(Statements)?;
    let board = Board::new();
    let mut writer = job.side.open(&job.path, &job.pragmas).await?;
    let opened = STATEMENTS.load(Ordering::Relaxed);
    for ids in job.order.ids(job.first_id, job.items).chunks(job.batch) {
        writer.commit(job.side.part_of(&Rows::of(&board, ids, job.edition))).await?;
    }
    let statements = match &writer {
        Writer::Loop { statements, .. } => *statements,
        _ => STATEMENTS.load(Ordering::Relaxed) - opened,
    };
    writer.close().await?;
    let after = sizes(&job.path)?;
    let done = Done {
        statements,
        rows: after.0 - before.0,
        index_entries: after.1 - before.1,
        size: std::fs::metadata(&job.path)?.len(),
    };
    println!("{}", serde_json::to_string(&done)?);
    Ok(())
}

/// Rows in all tables, and entries in all indexes.
fn sizes(path: &Path) -> Result<(u64, u64), Failed> {
    let database = Sqlite::open(path)?;
    let mut names =
        database.prepare("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE type <> 'view'")?;
    let mut all = names.query([])?;
    let (mut rows, mut entries) = (0, 0);
    while let Some(row) = all.next()? {
        let (kind, name, table): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let sql: Option<String> = row.get(3)?;
        let count =
            |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0).map(i64::unsigned_abs));
        if kind == "table" {
            rows += count(&format!("SELECT count(*) FROM \"{name}\""))?;
        } else {
            // A partial index holds the rows of its own condition.
            let condition = sql
                .as_deref()
                .and_then(|sql| sql.split_once(" WHERE "))
                .map_or("1", |(_, condition)| condition);
            entries += count(&format!("SELECT count(*) FROM \"{table}\" WHERE {condition}"))?;
        }
    }
    Ok((rows, entries))
}

static STATEMENTS: AtomicU64 = AtomicU64::new(0);

struct Statements;

impl tracing::Subscriber for Statements {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, _event: &tracing::Event<'_>) {
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}
    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}
    fn enter(&self, _span: &span::Id) {}
    fn exit(&self, _span: &span::Id) {}
}

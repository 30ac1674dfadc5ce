use std::sync::Arc;

use tagmill_model::dataset::meta_path;
use tagmill_model::{Outcome, Progress, atomic};
use tagmill_store::{Reader, Row};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio_util::sync::CancellationToken;

use crate::table::{Counts, Table};
use crate::{Config, Error, Report};

/// Rows a page: some 8 MB. Larger pages do not read faster.
const PAGE_ROWS: u32 = 8192;

/// Pages that wait between reading and interpreting. One is enough to keep both busy, and bounds the memory.
const PAGES_WAITING: usize = 1;

/// Reads the database and writes the table and its facts.
///
/// Progress is counted in ids, from the database's lowest to its highest: how many items there are is not known before
/// all were read.
///
/// # Errors
/// See [`Error`]. Neither an error nor cancelling changes a table that stands at the place already.
pub async fn run(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let reader = Reader::open(&config.database).await?;
    let report = prepare(Arc::new(config), &reader, progress, cancel).await;
    reader.close().await;
    report
}

async fn prepare(
    config: Arc<Config>,
    reader: &Reader,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(config.threads.map_or(0, std::num::NonZeroUsize::get))
        .thread_name(|thread| format!("prepare-{thread}"))
        .build()
        .map_err(|source| Error::Threads { source })?;
    let (pages, waiting) = mpsc::channel(PAGES_WAITING);
    let filling = spawn_blocking({
        let config = config.clone();
        move || Table::fill(&config, &pool, waiting)
    });
    let (read, table) = tokio::join!(read(reader, pages, progress, cancel), joined(filling));
    progress.finish();
    let table = table?;
    if read? == Outcome::Cancelled {
        return Ok(cancelled(&config, &table.counts));
    }
    if table.counts.rows == 0 {
        let Counts { items, .. } = table.counts;
        let rejects = table.counts.rejects();
        return Err(Error::NoRows { database: config.database.clone(), items, rejects });
    }
    joined(spawn_blocking(move || finish(&config, table))).await
}

/// Hands page after page to the table. Ends early when cancelled, or when the table takes no more.
async fn read(
    reader: &Reader,
    pages: Sender<Vec<Row>>,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Outcome, Error> {
    let ids = reader.ids().await?;
    progress.start("reading ids", ids.map(|ids| ids.ids()));
    let mut after = None;
    let mut seen = ids.map_or(0, |ids| ids.first.0.saturating_sub(1));
    loop {
        let page = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(Outcome::Cancelled),
            page = reader.page(after, PAGE_ROWS) => page?,
        };
        let Some(last) = page.last().map(|row| row.id) else { return Ok(Outcome::Completed) };
        after = Some(last);
        tracing::debug!(rows = page.len(), last = last.0, "page read");
        let sent = tokio::select! {
            biased;
            () = cancel.cancelled() => return Ok(Outcome::Cancelled),
            sent = pages.send(page) => sent,
        };
        if sent.is_err() {
            // The table is full, or could not be written, which its own result then says.
            return Ok(Outcome::Completed);
        }
        progress.advance(last.0.abs_diff(seen));
        seen = last.0;
    }
}

fn finish(config: &Config, table: Table) -> Result<Report, Error> {
    let (digest, counts) = table.finish()?;
    let report = Report {
        outcome: Outcome::Completed,
        rows_written: digest.rows,
        distinct_tags: counts.distinct_tags(),
        sha256: Some(digest.sha256.clone()),
        ..cancelled(config, &counts)
    };
    let path = meta_path(&config.output);
    let meta = counts.into_meta(config, &digest);
    let mut json = serde_json::to_vec_pretty(&meta).expect("the facts have plain fields and text keys only");
    json.push(b'\n');
    atomic::write(&path, &json).map_err(|source| Error::Meta { path, source })?;
    Ok(report)
}

/// What there is to report without a table.
fn cancelled(config: &Config, counts: &Counts) -> Report {
    Report {
        outcome: Outcome::Cancelled,
        items_read: counts.items,
        rows_written: 0,
        rejects: counts.rejects(),
        malformed: counts.malformed.clone(),
        distinct_tags: 0,
        dropped_tags: counts.dropped(),
        csv: config.output.clone(),
        sha256: None,
    }
}

/// The result of work on a thread of its own; a panic there goes on here.
async fn joined<T, E: Into<Error>>(work: JoinHandle<Result<T, E>>) -> Result<T, Error> {
    match work.await {
        Ok(result) => result.map_err(Into::into),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

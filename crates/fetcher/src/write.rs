//! The one writer: gathers what is done into batches and commits them.

use std::collections::HashMap;

use tagmill_model::{Item, ItemId, Progress};
use tagmill_store::{Batch, Failure, Store};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use crate::ask::{Done, Ended, now};
use crate::report::{FailedItem, LISTED_FAILURES};
use crate::walk::Part;
use crate::{ApiError, Config};

/// Items, failures and complete pages on their way into the database.
pub(crate) struct Writer<'a> {
    store: &'a mut Store,
    config: &'a Config,
    progress: &'a dyn Progress,
    batch: Batch,
    /// When the batch is committed even if it is not full; `None` while it is empty.
    due: Option<Instant>,
    /// Tasks done of each page that is not complete.
    pages: HashMap<u64, usize>,
    pub(crate) written: Written,
}

/// What stands in the database, and what of it failed.
#[derive(Debug, Default)]
pub(crate) struct Written {
    pub(crate) saved: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    pub(crate) failures: Vec<FailedItem>,
    pub(crate) commits: u64,
}

impl<'a> Writer<'a> {
    pub(crate) fn new(store: &'a mut Store, config: &'a Config, progress: &'a dyn Progress) -> Writer<'a> {
        Writer {
            store,
            config,
            progress,
            batch: Batch::new(config.flags),
            due: None,
            pages: HashMap::new(),
            written: Written::default(),
        }
    }

    /// Writes until nothing comes any more.
    pub(crate) async fn write(&mut self, mut done: Receiver<Done>) -> Result<(), tagmill_store::Error> {
        loop {
            let next = match self.due {
                None => done.recv().await,
                Some(due) => match timeout_at(due, done.recv()).await {
                    Ok(next) => next,
                    Err(_elapsed) => {
                        self.commit().await?;
                        continue;
                    }
                },
            };
            let Some(next) = next else { break };
            self.take(next);
            if self.batch.items.len() >= self.config.batch_size {
                self.commit().await?;
            }
        }
        self.commit().await
    }

    fn take(&mut self, done: Done) {
        match done.ended {
            Ended::Saved(item) | Ended::Skipped(item) => self.keep(item),
            Ended::Failed(item, error) => {
                self.fail(item.id, &error);
                self.keep(item);
            }
            Ended::Gone(id, reason) => self.batch.failures.push(Failure {
                id,
                reason: reason.to_owned(),
                attempts: 0,
                failed_at: now(),
            }),
            Ended::Nothing => {}
        }
        self.finish_part(done.page);
        self.due.get_or_insert_with(|| Instant::now() + self.config.commit_interval);
    }

    fn keep(&mut self, item: Item) {
        self.batch.items.push(item);
        self.progress.advance(1);
    }

    fn fail(&mut self, id: ItemId, error: &ApiError) {
        let reason = error.reason();
        tracing::warn!(item = id.0, "item {id} failed: {error}");
        if self.written.failures.len() < LISTED_FAILURES {
            self.written.failures.push(FailedItem { id, reason: reason.clone() });
        }
        self.batch.failures.push(Failure { id, reason, attempts: error.tries(), failed_at: now() });
    }

    /// The ids of a page count as scanned in the transaction that brings the last of its items.
    fn finish_part(&mut self, page: Part) {
        let done = self.pages.entry(page.number).or_default();
        *done += 1;
        if *done == page.tasks {
            self.pages.remove(&page.number);
            self.batch.scanned.push(page.scanned);
        }
    }

    async fn commit(&mut self) -> Result<(), tagmill_store::Error> {
        if self.due.take().is_none() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Batch::new(self.config.flags));
        let started = Instant::now();
        let items = batch.items.len() as u64;
        let saved = batch.items.iter().filter(|item| item.tags_data.is_some()).count() as u64;
        let failed = batch.failures.iter().filter(|failure| failure.attempts > 0).count() as u64;
        self.store.commit(batch).await?;
        self.written.saved += saved;
        self.written.failed += failed;
        self.written.skipped += items - saved - failed;
        self.written.commits += 1;
        tracing::debug!(items, elapsed_ms = started.elapsed().as_millis() as u64, "batch committed");
        Ok(())
    }
}

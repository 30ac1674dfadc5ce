//! The one writer: gathers what is done into batches and commits them.

use std::collections::HashMap;
use std::time::Duration;

use tagmill_model::{Flags, Item, ItemId, Progress, now};
use tagmill_store::{Batch, Failure, Store};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use crate::ask::{Done, Ended};
use crate::report::{FailedItem, LISTED_FAILURES};
use crate::walk::Part;
use crate::{ApiError, Config};

/// Items, failures and complete pages on their way into the database.
pub(crate) struct Writer<'a> {
    store: &'a mut Store,
    config: &'a Config,
    progress: &'a dyn Progress,
    batch: Batch,
    classes: Flags,
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
    /// Items that were asked for, whatever came of it.
    pub(crate) asked: u64,
    /// Items of which the board does not say where their medium lies.
    pub(crate) without_medium: u64,
    pub(crate) commits: u64,
    /// Time in transactions.
    pub(crate) committing: Duration,
}

impl<'a> Writer<'a> {
    /// A scan for these content classes.
    pub(crate) fn new(
        store: &'a mut Store,
        classes: Flags,
        config: &'a Config,
        progress: &'a dyn Progress,
    ) -> Writer<'a> {
        Writer {
            store,
            config,
            progress,
            classes,
            batch: Batch::new(classes),
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
        let was_asked = matches!(done.ended, Ended::Saved(_) | Ended::Failed(..) | Ended::NotRefreshed(..));
        self.written.asked += u64::from(was_asked);
        match done.ended {
            Ended::Saved(item) | Ended::Skipped(item) => self.keep(item),
            Ended::Failed(item, error) => {
                self.tell_failure(item.id, &error);
                let (id, reason) = (item.id, error.reason());
                self.batch.failures.push(Failure { id, reason, attempts: error.tries(), failed_at: now() });
                self.keep(item);
            }
            Ended::NotRefreshed(id, error) => {
                self.tell_failure(id, &error);
                self.written.failed += 1;
                self.progress.advance(1);
            }
            Ended::Nothing => {}
        }
        if let Some(part) = done.part {
            self.finish_part(part);
        }
        self.due.get_or_insert_with(|| Instant::now() + self.config.commit_interval);
    }

    fn keep(&mut self, item: Item) {
        self.batch.items.push(item);
        self.progress.advance(1);
    }

    fn tell_failure(&mut self, id: ItemId, error: &ApiError) {
        tracing::warn!(item = id.0, "item {id} failed: {error}");
        if self.written.failures.len() < LISTED_FAILURES {
            self.written.failures.push(FailedItem { id, reason: error.reason() });
        }
    }

    /// The ids of a page count as scanned in the transaction that brings the last of its items.
    fn finish_part(&mut self, part: Part) {
        let done = self.pages.entry(part.number).or_default();
        *done += 1;
        if *done == part.tasks {
            self.pages.remove(&part.number);
            self.batch.scanned.push(part.scanned);
        }
    }

    async fn commit(&mut self) -> Result<(), tagmill_store::Error> {
        if self.due.take().is_none() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Batch::new(self.classes));
        let started = Instant::now();
        let items = batch.items.len() as u64;
        let saved = batch.items.iter().filter(|item| item.tags_data.is_some()).count() as u64;
        let failed = batch.failures.len() as u64;
        let without_medium = batch.items.iter().filter(|item| item.image.is_empty()).count() as u64;
        self.store.commit(batch).await?;
        self.written.saved += saved;
        self.written.failed += failed;
        self.written.without_medium += without_medium;
        self.written.skipped += items - saved - failed;
        self.written.commits += 1;
        let elapsed = started.elapsed();
        self.written.committing += elapsed;
        tracing::debug!(items, elapsed_ms = elapsed.as_millis() as u64, "batch committed");
        Ok(())
    }
}

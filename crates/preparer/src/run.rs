use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::thread::available_parallelism;

use tagmill_model::{Outcome, Progress};
use tagmill_store::{Interval, Reader};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::block::Job;
use crate::item_counts::ItemCounts;
use crate::previous::Previous;
use crate::progress::{Ids, Message, show};
use crate::table::{Counting, Finished, Table};
use crate::tag_counts::TagCounts;
use crate::tags::{Select, Steps};
use crate::trash::{Selection, Trash, propose};
use crate::{Config, Error, Report, pipeline};

/// Reads the database and writes the table and its facts.
///
/// Progress is counted in ids, from the database's lowest to its highest: how many items there are is not known before
/// all were read.
///
/// # Errors
/// See [`Error`]. Neither an error nor cancelling changes a table that stands at the place already, but for
/// [`Error::Write`], which says what it left.
pub async fn run(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let steps = Steps::new(&config.rules)?;
    let (database, cancel) = (config.database.clone(), cancel.clone());
    let work = move |reader: &Reader, ids, messages| {
        Work { reader, ids, messages, cancel: &cancel }.prepare(config, steps)
    };
    reading(&database, progress, work).await
}

/// What both passes need.
struct Work<'a> {
    reader: &'a Reader,
    ids: Option<Interval>,
    messages: Sender<Message>,
    cancel: &'a CancellationToken,
}

impl Work<'_> {
    fn prepare(&self, config: Config, steps: Steps) -> Result<Report, Error> {
        let threads = threads(config.threads);
        let previous = if config.incremental { Previous::open(&config)? } else { None };
        let mut job =
            Job { config, steps: Arc::new(steps), select: None, previous, only_count: false, threads };
        let mut trash = None;
        if job.config.selects_tags() {
            let Some(found) = self.count(&mut job)? else {
                return Ok(cancelled(&job.config, &ItemCounts::default()));
            };
            trash = Some(found.trash);
            job.select = Some(found.select);
        }

        let tags = TagCounts::new();
        let ids = Ids::start(&self.messages, "reading ids", self.ids);
        let mut table = Table::create(&job.config, self.cancel, ids)?;
        pipeline::run(&job, self.reader, &mut table, &tags)?;
        if self.is_cancelled() {
            return Ok(cancelled(&job.config, &table.counts));
        }
        let Job { config, .. } = &job;
        let (counts, copied_items) = (table.counts.clone(), table.copied_items);
        if counts.rows == 0 {
            let (database, rejects) = (config.database.clone(), counts.rejects());
            return Err(Error::NoRows { database, items: counts.items, rejects });
        }
        let Finished { digest, distinct_tags, trash } = table.finish(&tags, trash)?;
        Ok(Report {
            outcome: Outcome::Completed,
            rows_written: digest.rows,
            items_copied: copied_items,
            distinct_tags,
            trash,
            sha256: Some(digest.sha256),
            ..cancelled(config, &counts)
        })
    }

    /// The first of two passes; `None` where it was cancelled.
    fn count(&self, job: &mut Job) -> Result<Option<FirstPass>, Error> {
        let tags = TagCounts::new();
        let ids = Ids::start(&self.messages, "counting tags", self.ids);
        let mut counting = Counting::new(self.cancel, ids);
        job.only_count = true;
        pipeline::run(job, self.reader, &mut counting, &tags)?;
        job.only_count = false;
        if self.is_cancelled() {
            return Ok(None);
        }
        let Config { trash, min_tag_count, drop_trash, .. } = &job.config;
        let trash = propose(&tags, counting.rows, trash);
        let dropped = if *drop_trash { &trash[..] } else { &[] };
        let selection = Selection::new(tags, *min_tag_count, dropped);
        Ok(Some(FirstPass { trash, select: Arc::new(selection) }))
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled() || self.messages.is_closed()
    }
}

/// What the first of two passes found.
struct FirstPass {
    trash: Vec<Trash>,
    select: Arc<dyn Select>,
}

/// What there is to report without a table.
fn cancelled(config: &Config, counts: &ItemCounts) -> Report {
    Report {
        outcome: Outcome::Cancelled,
        items_read: counts.items,
        items_copied: 0,
        rows_written: 0,
        rejects: counts.rejects(),
        malformed: counts.malformed.clone(),
        odd_items: counts.odd_items,
        odd: counts.odd.clone(),
        distinct_tags: 0,
        dropped_tags: counts.dropped(),
        trash: Vec::new(),
        trash_is_dropped: config.drop_trash,
        table: config.output.clone(),
        sha256: None,
    }
}

/// Has `work` read a database on threads of its own, and passes on what it tells of its ids. A panic there goes on here.
pub(crate) async fn reading<T, E>(
    database: &Path,
    progress: &dyn Progress,
    work: impl FnOnce(&Reader, Option<Interval>, Sender<Message>) -> Result<T, E> + Send + 'static,
) -> Result<T, E>
where
    T: Send + 'static,
    E: From<tagmill_store::Error> + Send + 'static,
{
    let reader = Reader::open(database).await?;
    let ids = reader.ids().await?;
    // One message: whoever tells waits until it was heard.
    let (messages, heard) = mpsc::channel(1);
    let work = spawn_blocking({
        let reader = reader.clone();
        move || work(&reader, ids, messages)
    });
    let (done, ()) = tokio::join!(work, show(heard, progress));
    reader.close().await;
    done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
}

/// How many threads there shall be: one a core where nobody says otherwise.
pub(crate) fn threads(wanted: Option<NonZeroUsize>) -> usize {
    wanted.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get)
}

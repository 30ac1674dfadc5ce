//! How often each tag occurs, and what occurs beside one, straight from the JSON in the database.
//!
//! Nothing is left out here: tags of the board's own, content classes and tags that no label could be are counted too, so
//! that one can see what the rules of [`crate::tags`] have to deal with. A tag is counted once an item, however often the
//! item has it.
//!
//! ```no_run
//! use tagmill_preparer::tally::{Config, run};
//! use tokio_util::sync::CancellationToken;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let report = run(Config::new("data/items.db"), &(), &CancellationToken::new()).await?;
//! for tag in report.tags.iter().take(10) {
//!     println!("{:>8}  {}", tag.items, tag.tag);
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, available_parallelism};

use tagmill_model::{Flags, ItemId, Outcome, Progress};
use tagmill_store::{Interval, Reader, Scanner};
use thiserror::Error;
use tokio::sync::mpsc::{self, Sender};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::TagRules;
use crate::block::{block_of, ids_of};
use crate::progress::{Ids, Message, show};
use crate::run::joined;
use crate::tags::Normalise;

mod count;
mod report;

use count::Tally;

pub use report::{Beside, Report, TagCount, Together};

/// What to count.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The items database. It is only read.
    pub database: PathBuf,
    /// Threads, each with its own counts; `None` for as many as there are cores.
    pub threads: Option<NonZeroUsize>,
    /// What counts as the same tag: by default, what [`TagRules::default`] makes the same.
    pub normalise: Normalise,
    /// Items to count: those of which every content class among their flags is in it. All by default.
    pub classes: Flags,
    /// Which media to count.
    pub media: Media,
    /// Count what occurs beside this tag, rather than everything.
    pub beside: Option<String>,
}

/// Which media to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Media {
    /// All of them.
    #[default]
    All,
    /// Pictures, by their extension.
    Images,
}

impl Config {
    /// The defaults, for a database.
    pub fn new(database: impl Into<PathBuf>) -> Config {
        Config {
            database: database.into(),
            threads: None,
            normalise: TagRules::default().normalise,
            classes: Flags::EVERY_CLASS,
            media: Media::default(),
            beside: None,
        }
    }
}

/// Why nothing was counted.
#[derive(Debug, Error)]
pub enum Error {
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] tagmill_store::Error),
    /// No item has the tag to look beside.
    #[error("none of the {items} items with tags has the tag `{}`", tag.escape_debug())]
    UnknownTag {
        /// The tag, as it was compared.
        tag: String,
        /// Items whose tags were counted.
        items: u64,
    },
}

/// Reads the database and counts. What was counted until it was cancelled is in the report.
///
/// Progress is counted in ids, from the database's lowest to its highest.
///
/// # Errors
/// See [`enum@Error`].
pub async fn run(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let reader = Reader::open(&config.database).await?;
    let ids = reader.ids().await?;
    let (messages, heard) = mpsc::channel(1);
    let work = spawn_blocking({
        let (reader, cancel) = (reader.clone(), cancel.clone());
        move || count(&config, &reader, ids, &messages, &cancel)
    });
    let (report, ()) = tokio::join!(joined(work), show(heard, progress));
    reader.close().await;
    report
}

fn count(
    config: &Config,
    reader: &Reader,
    ids: Option<Interval>,
    messages: &Sender<Message>,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let threads = config.threads.or_else(|| available_parallelism().ok()).map_or(1, NonZeroUsize::get);
    let blocks = Blocks::new(Ids::start(messages, "reading ids", ids), cancel);
    let tallies = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(|| blocks.tally(config, reader))).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(tally) => tally,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect::<Result<Vec<Tally<'_>>, _>>()
    })?;
    let outcome = if blocks.are_all_taken() { Outcome::Completed } else { Outcome::Cancelled };
    Tally::report(tallies, config, outcome)
}

/// The blocks of the table, which threads take one after the other.
struct Blocks<'a> {
    state: Mutex<State>,
    cancel: &'a CancellationToken,
}

struct State {
    /// Where the next block is looked for; `None` at the end of the ids.
    next: Option<ItemId>,
    taken: Ids,
}

impl Blocks<'_> {
    fn new(taken: Ids, cancel: &CancellationToken) -> Blocks<'_> {
        Blocks { state: Mutex::new(State { next: Some(ItemId(i64::MIN)), taken }), cancel }
    }

    /// What one thread does.
    fn tally<'a>(&self, config: &'a Config, reader: &Reader) -> Result<Tally<'a>, tagmill_store::Error> {
        let scanner = reader.scanner()?;
        let mut tally = Tally::new(config);
        while let Some(ids) = self.take(&scanner)? {
            if let Err(error) = scanner.rows(ids, |row| tally.add(row)) {
                // The others need not go on.
                self.state().next = None;
                return Err(error);
            }
        }
        Ok(tally)
    }

    /// The ids of the next block that has rows.
    fn take(&self, scanner: &Scanner) -> Result<Option<Interval>, tagmill_store::Error> {
        let mut state = self.state();
        if self.cancel.is_cancelled() || state.taken.is_abandoned() {
            return Ok(None);
        }
        let Some(next) = state.next else { return Ok(None) };
        state.next = None;
        let Some(id) = scanner.next_id(next)? else { return Ok(None) };
        let ids = ids_of(block_of(id));
        state.next = ids.last.0.checked_add(1).map(ItemId);
        state.taken.reach(ids.last);
        Ok(Some(ids))
    }

    fn are_all_taken(&self) -> bool {
        self.state().next.is_none()
    }

    /// A thread that panicked while it held the lock ends the whole run anyway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

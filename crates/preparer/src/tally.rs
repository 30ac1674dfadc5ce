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
use std::thread;

use tagmill_model::{Flags, Outcome, Progress};
use tagmill_store::{Interval, Reader, Scanner};
use thiserror::Error;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::TagRules;
use crate::block::{Blocks, ids_of};
use crate::progress::{Ids, Message};
use crate::run::{reading, threads};
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
    let (database, cancel) = (config.database.clone(), cancel.clone());
    let work = move |reader: &Reader, ids, messages| count(&config, reader, ids, &messages, &cancel);
    reading(&database, progress, work).await
}

fn count(
    config: &Config,
    reader: &Reader,
    ids: Option<Interval>,
    messages: &Sender<Message>,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let taken = Ids::start(messages, "reading ids", ids);
    let queue = Queue { state: Mutex::new(State { blocks: Blocks::all(), taken }), cancel };
    let tallies = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..threads(config.threads)).map(|_| scope.spawn(|| queue.tally(config, reader))).collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(tally) => tally,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect::<Result<Vec<Tally<'_>>, _>>()
    })?;
    let outcome = if queue.state().blocks.are_all_taken() { Outcome::Completed } else { Outcome::Cancelled };
    Tally::report(tallies, config, outcome)
}

/// The blocks of the table, which threads take one after the other.
struct Queue<'a> {
    state: Mutex<State>,
    cancel: &'a CancellationToken,
}

struct State {
    blocks: Blocks,
    taken: Ids,
}

impl Queue<'_> {
    /// What one thread does.
    fn tally<'a>(&self, config: &'a Config, reader: &Reader) -> Result<Tally<'a>, tagmill_store::Error> {
        let scanner = reader.scanner()?;
        let mut tally = Tally::new(config);
        while let Some(ids) = self.take(&scanner)? {
            if let Err(error) = scanner.rows(ids, |row| tally.add(row)) {
                // The others need not go on.
                self.state().blocks.end();
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
        let Some(block) = state.blocks.take(scanner)? else { return Ok(None) };
        let ids = ids_of(block);
        state.taken.reach(ids.last);
        Ok(Some(ids))
    }

    /// A thread that panicked while it held the lock ends the whole run anyway.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

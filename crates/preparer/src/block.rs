//! A block of items, from the database to lines of the table: what one thread does at a time.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tagmill_model::ItemId;
use tagmill_model::dataset::{EncodedRows, RowEncoder};
use tagmill_store::{Interval, Reader, Row, Scanner};

use crate::digest::Digest;
use crate::item_counts::ItemCounts;
use crate::previous::Previous;
use crate::rejects::{Reject, RejectList};
use crate::row::judge;
use crate::tag_counts::{TagCounts, ThreadCounts};
use crate::tags::{Interpreter, Select, Steps};
use crate::{Config, Error};

/// Ids a block. Some 3 MB of tags: small enough that a few of them bound the memory and that threads end together, large
/// enough that the columns of Arrow and the turns of threads cost nothing. Blocks are cut by id and not by count, so that a
/// new row in a hole leaves all other blocks as they were.
const BLOCK_IDS: i64 = 4096;

/// Names that all threads together remember, some 150 MB; beyond that, each forgets what it knows. Rare ones are most of them,
/// and the common ones are soon known again.
const NAMES_OF_ALL: usize = 1_000_000;

/// Names that a thread remembers at least, however many threads there are.
const LEAST_NAMES: usize = 50_000;

/// What a run does with each block.
pub(crate) struct Job {
    pub(crate) config: Config,
    pub(crate) steps: Arc<Steps>,
    /// Which tags may stand in the table, where a first pass has counted.
    pub(crate) select: Option<Arc<dyn Select>>,
    /// The table that stands at the place, where unchanged blocks are to be taken from it.
    pub(crate) previous: Option<Previous>,
    /// Whether to count tags only.
    pub(crate) only_count: bool,
    /// How many threads work at it.
    pub(crate) threads: usize,
}

impl Job {
    /// How many rows the table may have. A first pass counts all.
    pub(crate) fn limit(&self) -> Option<u64> {
        self.config.limit.filter(|_| !self.only_count)
    }
}

/// Which block, and what an incremental run wants to know of it: a line of `dataset.blocks.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) block: i64,
    /// Bytes of its lines in the table.
    pub(crate) bytes: u64,
    /// Of all that was read of its rows.
    pub(crate) digest: String,
    #[serde(flatten)]
    pub(crate) counts: ItemCounts,
}

/// A block that waits for its turn to be written.
pub(crate) struct Chunk {
    pub(crate) record: Record,
    pub(crate) rows: EncodedRows,
    /// Lines of the list of rejects.
    pub(crate) rejects: Vec<u8>,
    pub(crate) copied: bool,
}

/// The ids of a block.
pub(crate) fn ids_of(block: i64) -> Interval {
    let first = block * BLOCK_IDS;
    Interval::new(ItemId(first), ItemId(first.saturating_add(BLOCK_IDS - 1)))
}

fn block_of(id: ItemId) -> i64 {
    id.0.div_euclid(BLOCK_IDS)
}

/// The blocks that have rows, one after the other by rising id.
pub(crate) struct Blocks {
    /// Where the next one is looked for; `None` at the end of the ids.
    next: Option<ItemId>,
}

impl Blocks {
    pub(crate) fn all() -> Blocks {
        Blocks { next: Some(ItemId(i64::MIN)) }
    }

    /// The next block; `None` where there is no more. Takes microseconds.
    pub(crate) fn take(&mut self, scanner: &Scanner) -> Result<Option<i64>, tagmill_store::Error> {
        let Some(next) = self.next.take() else { return Ok(None) };
        let Some(id) = scanner.next_id(next)? else { return Ok(None) };
        let block = block_of(id);
        self.next = ids_of(block).last.0.checked_add(1).map(ItemId);
        Ok(Some(block))
    }

    /// No more blocks are wanted.
    pub(crate) fn end(&mut self) {
        self.next = None;
    }

    pub(crate) fn are_all_taken(&self) -> bool {
        self.next.is_none()
    }
}

/// One thread's connection and memory.
pub(crate) struct Worker<'a> {
    job: &'a Job,
    pub(crate) scanner: Scanner,
    interpreter: Interpreter,
    encoder: RowEncoder,
    /// What was counted since the last time that names were forgotten.
    counts: ThreadCounts,
    tags: &'a TagCounts,
    /// Names it may remember.
    most_names: usize,
    /// Rows that the table has room for.
    left: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(job: &'a Job, reader: &Reader, tags: &'a TagCounts) -> Result<Worker<'a>, Error> {
        Ok(Worker {
            scanner: reader.scanner()?,
            interpreter: Interpreter::with(job.steps.clone(), job.select.clone()),
            encoder: RowEncoder::new(job.config.format, job.config.max_tags),
            counts: ThreadCounts::default(),
            tags,
            most_names: (NAMES_OF_ALL / job.threads).max(LEAST_NAMES),
            left: job.limit().unwrap_or(u64::MAX),
            job,
        })
    }

    /// A block as it stands in the database, or, unchanged, in the table of the run before.
    pub(crate) fn block(&mut self, block: i64) -> Result<Chunk, Error> {
        if self.interpreter.names().len() > self.most_names {
            self.hand_over();
            self.interpreter.forget();
        }
        if let Some(previous) = &self.job.previous
            && let Some(known) = previous.block(block)
        {
            let mut digest = Digest::new();
            self.scanner.rows(ids_of(block), |row| digest.row(row))?;
            if known.0.digest == digest.hex() {
                return previous.copy(known, &mut self.interpreter, &mut self.counts);
            }
        }
        self.interpret(block)
    }

    /// Whether the table has room for no more rows.
    pub(crate) fn is_full(&self) -> bool {
        self.left == 0
    }

    /// Adds the tags that were counted to those of the other threads.
    pub(crate) fn hand_over(&mut self) {
        self.counts.hand_over(self.interpreter.names(), self.tags);
    }

    /// The rows of a block, up to the last one that the table has room for; items behind that are not looked at.
    fn interpret(&mut self, block: i64) -> Result<Chunk, Error> {
        let Worker { job, scanner, interpreter, encoder, counts: tags, left, .. } = self;
        let mut counts = ItemCounts::default();
        let mut digest = Digest::new();
        let mut rejects = RejectList::new(job.config.rejects.is_some() && !job.only_count);
        scanner.rows(ids_of(block), |row| {
            if counts.rows == *left {
                return;
            }
            if !job.only_count {
                digest.row(row);
            }
            add(row, job, interpreter, encoder, tags, &mut counts, &mut rejects);
        })?;
        self.left -= counts.rows;
        let rows = self.encoder.finish();
        let bytes = rows.csv_bytes().unwrap_or(0);
        let record = Record { block, bytes, digest: digest.hex(), counts };
        Ok(Chunk { record, rows, rejects: rejects.into_bytes(), copied: false })
    }
}

fn add(
    row: &Row<'_>,
    job: &Job,
    interpreter: &mut Interpreter,
    encoder: &mut RowEncoder,
    tags: &mut ThreadCounts,
    counts: &mut ItemCounts,
    rejects: &mut RejectList,
) {
    let Job { config, only_count, .. } = job;
    counts.items += 1;
    counts.watermark = counts.watermark.max(row.updated_at);
    let judged = judge(row, config, interpreter, rejects.is_wanted());
    if let Some(reading) = &judged.reading
        && counts.read(row.id, reading)
        && judged.head.is_ok()
    {
        rejects.add_odd(row.id, reading);
    }
    match judged.head {
        Ok(head) => {
            counts.rows += 1;
            for (symbol, confidence) in interpreter.symbols().iter().take(config.max_tags) {
                tags.add(*symbol, *confidence);
            }
            if !only_count {
                encoder.push(&head, interpreter.tags());
            }
        }
        Err(reject) => {
            counts.reject(row.id, reject);
            if rejects.is_wanted() {
                rejects.add(row.id, Reject::as_str(reject), &judged.detail(reject, row));
            }
        }
    }
}

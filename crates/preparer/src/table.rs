//! The table while it grows, and what is counted on the way.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use tagmill_model::ItemId;
use tagmill_model::dataset::{DatasetDigest, DatasetError, DatasetMeta, DatasetRow, DatasetWriter};
use tagmill_store::Row;
use tokio::sync::mpsc::Receiver;

use crate::row::{Reject, convert};
use crate::tags::Dropped;
use crate::{Config, Report};

/// An item that was interpreted, and waits for its turn to be written.
struct Converted {
    id: ItemId,
    updated_at: i64,
    row: Result<DatasetRow, Reject>,
    dropped: Dropped,
}

/// What was counted, in id order, up to the last row that the limit allows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    pub(crate) items: u64,
    pub(crate) rows: u64,
    /// The highest `updated_at` that was seen.
    pub(crate) watermark: i64,
    pub(crate) malformed: Vec<ItemId>,
    rejects: BTreeMap<Reject, u64>,
    dropped: Dropped,
    vocabulary: HashMap<String, u64>,
}

/// A table under its unfinished name. Dropped, it leaves nothing behind.
pub(crate) struct Table {
    writer: DatasetWriter,
    pub(crate) counts: Counts,
}

impl Table {
    /// Interprets and writes all pages until the channel closes or the limit is reached. For a thread of its own.
    ///
    /// While one page is written, the next is interpreted; rows are written in the order of the pages, so that the bytes
    /// do not depend on the number of threads.
    pub(crate) fn fill(
        config: &Config,
        pool: &rayon::ThreadPool,
        mut pages: Receiver<Vec<Row>>,
    ) -> Result<Table, DatasetError> {
        let mut table = Table {
            writer: DatasetWriter::create(&config.output, config.max_tags)?,
            counts: Counts::default(),
        };
        let mut waiting = Vec::new();
        while let Some(page) = pages.blocking_recv() {
            let (written, converted) =
                pool.install(|| rayon::join(|| table.append(waiting, config), || interpret(page, config)));
            written?;
            waiting = converted;
            if table.is_full(config) {
                return Ok(table);
            }
        }
        table.append(waiting, config)?;
        Ok(table)
    }

    fn is_full(&self, config: &Config) -> bool {
        config.limit.is_some_and(|limit| self.counts.rows >= limit)
    }

    fn append(&mut self, items: Vec<Converted>, config: &Config) -> Result<(), DatasetError> {
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            if self.is_full(config) {
                break;
            }
            rows.extend(self.counts.add(item));
        }
        self.writer.write(&rows)
    }

    /// Gives the table its name.
    pub(crate) fn finish(self) -> Result<(DatasetDigest, Counts), DatasetError> {
        Ok((self.writer.finish()?, self.counts))
    }
}

fn interpret(page: Vec<Row>, config: &Config) -> Vec<Converted> {
    page.into_par_iter()
        .map(|row| {
            let (converted, dropped) = convert(&row, config);
            Converted { id: row.id, updated_at: row.updated_at, row: converted, dropped }
        })
        .collect()
}

impl Counts {
    fn add(&mut self, item: Converted) -> Option<DatasetRow> {
        self.items += 1;
        self.watermark = self.watermark.max(item.updated_at);
        self.dropped += item.dropped;
        match item.row {
            Ok(row) => {
                self.rows += 1;
                for tag in &row.tags {
                    match self.vocabulary.get_mut(&tag.name) {
                        Some(count) => *count += 1,
                        None => drop(self.vocabulary.insert(tag.name.clone(), 1)),
                    }
                }
                Some(row)
            }
            Err(reject) => {
                *self.rejects.entry(reject).or_default() += 1;
                if reject == Reject::MalformedTags && self.malformed.len() < Report::MALFORMED_LISTED {
                    self.malformed.push(item.id);
                }
                None
            }
        }
    }

    pub(crate) fn rejects(&self) -> BTreeMap<String, u64> {
        self.rejects.iter().map(|(reject, count)| (reject.to_string(), *count)).collect()
    }

    pub(crate) fn dropped(&self) -> BTreeMap<String, u64> {
        let counts = self.dropped.counts().into_iter();
        counts.filter(|(_, count)| *count > 0).map(|(reason, count)| (reason.to_owned(), count)).collect()
    }

    pub(crate) fn distinct_tags(&self) -> u64 {
        self.vocabulary.len() as u64
    }

    pub(crate) fn into_meta(self, config: &Config, digest: &DatasetDigest) -> DatasetMeta {
        DatasetMeta {
            schema_version: DatasetMeta::SCHEMA_VERSION,
            generator: concat!("tagmill ", env!("CARGO_PKG_VERSION")).to_owned(),
            settings: serde_json::to_value(config).expect("a configuration has plain fields only"),
            source_items: self.items,
            watermark: self.watermark,
            rows: digest.rows,
            rejects: self.rejects(),
            vocabulary: self.vocabulary.into_iter().collect(),
            csv_sha256: digest.sha256.clone(),
        }
    }
}

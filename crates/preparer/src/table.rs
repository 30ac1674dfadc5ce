//! The table while it grows, and the files that tell of it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use tagmill_model::dataset::{DatasetDigest, DatasetFormat, DatasetMeta, DatasetWriter, meta_path};
use tagmill_model::{AtomicFile, atomic, sha256};
use tokio_util::sync::CancellationToken;

use crate::block::{Chunk, Record, ids_of};
use crate::item_counts::ItemCounts;
use crate::pipeline::Sink;
use crate::progress::Ids;
use crate::rejects;
use crate::tag_counts::TagCounts;
use crate::trash::{Trash, propose};
use crate::{Config, Error};

/// The program that makes the table.
pub(crate) const GENERATOR: &str = concat!("tagmill ", env!("CARGO_PKG_VERSION"));

/// What an incremental run wants to know of each block: `dataset.blocks.jsonl` beside `dataset.csv`.
pub(crate) fn blocks_path(dataset: &Path) -> PathBuf {
    dataset.with_extension("blocks.jsonl")
}

/// What decides about the rows, as the facts keep it.
pub(crate) fn settings(config: &Config) -> serde_json::Value {
    // By way of text, so that it equals what is read back: a `f32` has more digits than it is written with.
    let text = serde_json::to_string(config).expect("a configuration has plain fields only");
    serde_json::from_str(&text).expect("what serde_json writes, it reads")
}

/// A table under its unfinished name. Dropped, it leaves nothing behind.
pub(crate) struct Table<'a> {
    config: &'a Config,
    cancel: &'a CancellationToken,
    ids: Ids,
    writer: DatasetWriter,
    rejects: Option<AtomicFile>,
    /// Lines of the file of blocks.
    blocks: Vec<u8>,
    pub(crate) counts: ItemCounts,
    pub(crate) copied_items: u64,
}

/// A table under its name.
pub(crate) struct Finished {
    pub(crate) digest: DatasetDigest,
    pub(crate) distinct_tags: u64,
    pub(crate) trash: Vec<Trash>,
}

impl<'a> Table<'a> {
    pub(crate) fn create(
        config: &'a Config,
        cancel: &'a CancellationToken,
        ids: Ids,
    ) -> Result<Table<'a>, Error> {
        let rejects = config.rejects.as_deref().map(|path| {
            let failed = |source| Error::Write { path: path.to_owned(), source };
            let mut file = AtomicFile::create(path).map_err(failed)?;
            file.write_all(rejects::HEADER).map_err(failed)?;
            Ok::<_, Error>(file)
        });
        Ok(Table {
            config,
            cancel,
            ids,
            writer: DatasetWriter::create_as(config.format, &config.output, config.max_tags)?,
            rejects: rejects.transpose()?,
            blocks: Vec::new(),
            counts: ItemCounts::default(),
            copied_items: 0,
        })
    }

    /// Gives the files their names; that of the facts, which tell whether the others belong together, comes last.
    ///
    /// `trash` is what a first pass found, where there was one.
    pub(crate) fn finish(self, tags: &TagCounts, trash: Option<Vec<Trash>>) -> Result<Finished, Error> {
        let Table { config, writer, rejects, blocks, counts, .. } = self;
        let trash = trash.unwrap_or_else(|| propose(tags, counts.rows, &config.trash));
        let digest = writer.finish()?;
        if let (Some(file), Some(path)) = (rejects, &config.rejects) {
            file.commit().map_err(|source| Error::Write { path: path.clone(), source })?;
        }
        let is_csv = config.format == DatasetFormat::Csv;
        if is_csv {
            write(&blocks_path(&config.output), &blocks)?;
        }
        let meta = DatasetMeta {
            schema_version: DatasetMeta::SCHEMA_VERSION,
            generator: GENERATOR.to_owned(),
            settings: settings(config),
            source_items: counts.items,
            watermark: counts.watermark,
            rows: digest.rows,
            rejects: counts.rejects(),
            odd_items: counts.odd_items,
            dropped_tags: counts.dropped(),
            distinct_tags: tags.len(),
            trash: trash.iter().map(|trash| serde_json::to_value(trash).expect("plain fields")).collect(),
            bytes: digest.bytes,
            csv_sha256: is_csv.then(|| digest.sha256.clone()),
            parquet_sha256: (!is_csv).then(|| digest.sha256.clone()),
            blocks_sha256: is_csv.then(|| sha256(&blocks)),
            vocabulary: vocabulary(tags),
        };
        let mut json =
            serde_json::to_vec_pretty(&meta).expect("the facts have plain fields and text keys only");
        json.push(b'\n');
        write(&meta_path(&config.output), &json)?;
        Ok(Finished { digest, distinct_tags: meta.distinct_tags, trash })
    }
}

fn vocabulary(tags: &TagCounts) -> BTreeMap<String, u64> {
    let mut vocabulary = Vec::new();
    tags.each(|tag, stat| vocabulary.push((tag.to_owned(), stat.rows)));
    // A map is built at once from what is sorted; one entry after the other takes several times as long.
    vocabulary.sort_unstable();
    vocabulary.into_iter().collect()
}

fn write(path: &Path, contents: &[u8]) -> Result<(), Error> {
    atomic::write(path, contents).map_err(|source| Error::Write { path: path.to_owned(), source })
}

impl Sink for Table<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled() || self.ids.is_abandoned()
    }

    fn accept(&mut self, chunk: Chunk) -> Result<(), Error> {
        let Chunk { record, rows, rejects, copied } = chunk;
        self.writer.append(rows)?;
        if let (Some(file), Some(path)) = (&mut self.rejects, &self.config.rejects) {
            file.write_all(&rejects).map_err(|source| Error::Write { path: path.clone(), source })?;
        }
        self.note(&record);
        if copied {
            self.copied_items += record.counts.items;
        }
        self.ids.reach(ids_of(record.block).last);
        Ok(())
    }
}

impl Table<'_> {
    fn note(&mut self, record: &Record) {
        serde_json::to_writer(&mut self.blocks, record).expect("memory can be written to");
        self.blocks.push(b'\n');
        self.counts.add(&record.counts);
        tracing::debug!(
            block = record.block,
            rows = record.counts.rows,
            bytes = record.bytes,
            "block written"
        );
    }
}

/// The first of two passes: counts how many rows each tag would be in.
pub(crate) struct Counting<'a> {
    cancel: &'a CancellationToken,
    ids: Ids,
    pub(crate) rows: u64,
}

impl<'a> Counting<'a> {
    pub(crate) fn new(cancel: &'a CancellationToken, ids: Ids) -> Counting<'a> {
        Counting { cancel, ids, rows: 0 }
    }
}

impl Sink for Counting<'_> {
    fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled() || self.ids.is_abandoned()
    }

    fn accept(&mut self, chunk: Chunk) -> Result<(), Error> {
        self.rows += chunk.record.counts.rows;
        self.ids.reach(ids_of(chunk.record.block).last);
        Ok(())
    }
}

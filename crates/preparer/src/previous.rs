//! The table of the run before, for what has not changed since.
//!
//! What has changed is told by a digest of all that prepare reads of a block's rows, and not by `updated_at` alone: that is
//! stamped when an item is asked for, in whole seconds, and committed later, so that rows older than the newest one of a run
//! may still arrive after it, and two versions of a row may bear the same second. Reading and digesting a row costs a tenth
//! of interpreting it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tagmill_model::dataset::{DatasetFormat, DatasetMeta, EncodedRows, FIXED_COLUMNS, meta_path};
use tagmill_model::{sha256, sha256_of_file};

use crate::block::{Chunk, Record};
use crate::table::{GENERATOR, blocks_path, settings};
use crate::tag_counts::ThreadCounts;
use crate::tags::Interpreter;
use crate::{Config, Error};

/// A table whose blocks can be taken over.
#[derive(Debug)]
pub(crate) struct Previous {
    path: PathBuf,
    /// Threads take turns: a block is copied from the system's memory in a moment.
    csv: Mutex<File>,
    /// Each block, and where its lines begin.
    blocks: HashMap<i64, (Record, u64)>,
}

impl Previous {
    /// Opens the table at the place; `None` where there is none yet.
    ///
    /// # Errors
    /// [`Error::NotIncremental`] where the table is not what a run with these settings would have made.
    pub(crate) fn open(config: &Config) -> Result<Option<Previous>, Error> {
        let refused = |reason: String| Error::NotIncremental { table: config.output.clone(), reason };
        if config.format != DatasetFormat::Csv {
            return Err(refused("only lines of a CSV can be taken over".to_owned()));
        }
        if config.limit.is_some() {
            return Err(refused("which rows a limit lets in depends on all rows before them".to_owned()));
        }
        if config.selects_tags() {
            return Err(refused("which tags are rare or trash depends on all rows".to_owned()));
        }
        if config.rejects.is_some() {
            let reason = "why an item was left out is not known of those that are not looked at again";
            return Err(refused(reason.to_owned()));
        }
        let meta_path = meta_path(&config.output);
        if !config.output.exists() && !meta_path.exists() {
            return Ok(None);
        }
        let meta = read(&meta_path).map_err(&refused)?;
        check(&meta, config).map_err(&refused)?;
        let blocks_path = blocks_path(&config.output);
        let lines = read(&blocks_path).map_err(&refused)?;
        let facts: DatasetMeta = serde_json::from_slice(&meta)
            .map_err(|error| refused(format!("`{}` cannot be read: {error}", meta_path.display())))?;
        if facts.blocks_sha256 != Some(sha256(&lines)) {
            return Err(refused(changed(&blocks_path)));
        }
        let (sha256, length) = sha256_of_file(&config.output)
            .map_err(|error| refused(format!("`{}` cannot be read: {error}", config.output.display())))?;
        if facts.csv_sha256 != Some(sha256) {
            return Err(refused(changed(&config.output)));
        }
        let blocks = blocks(&lines, length).map_err(refused)?;
        let csv = File::open(&config.output)
            .map_err(|error| refused(format!("`{}` cannot be read: {error}", config.output.display())))?;
        Ok(Some(Previous { path: config.output.clone(), csv: Mutex::new(csv), blocks }))
    }

    pub(crate) fn block(&self, block: i64) -> Option<&(Record, u64)> {
        self.blocks.get(&block)
    }

    /// The lines of a block as they stand in the table, and the tags in them.
    pub(crate) fn copy(
        &self,
        (record, start): &(Record, u64),
        interpreter: &mut Interpreter,
        counts: &mut ThreadCounts,
    ) -> Result<Chunk, Error> {
        let length = usize::try_from(record.bytes).expect("a block was in memory when it was written");
        let mut csv = vec![0; length];
        let refused = |reason| Error::NotIncremental { table: self.path.clone(), reason };
        let mut file = self.csv.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(*start))
            .and_then(|_| file.read_exact(&mut csv))
            .map_err(|error| refused(format!("`{}` cannot be read: {error}", self.path.display())))?;
        drop(file);
        count(&csv, interpreter, counts).ok_or_else(|| refused(changed(&self.path)))?;
        let rows = EncodedRows::of_csv(csv, record.counts.rows);
        Ok(Chunk { record: record.clone(), rows, rejects: Vec::new(), copied: true })
    }
}

/// Counts the tags of lines that a run before has written. `None` where they are no such lines.
fn count(csv: &[u8], interpreter: &mut Interpreter, counts: &mut ThreadCounts) -> Option<()> {
    let mut lines = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
    let mut cells = csv::StringRecord::new();
    while lines.read_record(&mut cells).ok()? {
        let mut tags = cells.iter().skip(FIXED_COLUMNS.len());
        while let (Some(name), Some(confidence)) = (tags.next(), tags.next()) {
            if name.is_empty() {
                break;
            }
            counts.add(interpreter.symbol(name), confidence.parse().ok()?);
        }
    }
    Some(())
}

/// Compares what the facts say of how the table was made with how it would be made now.
fn check(meta: &[u8], config: &Config) -> Result<(), String> {
    let meta: serde_json::Value =
        serde_json::from_slice(meta).map_err(|error| format!("its facts cannot be read: {error}"))?;
    if meta["schema_version"] != DatasetMeta::SCHEMA_VERSION {
        return Err("another version of tagmill made it, whose facts have another form".to_owned());
    }
    if meta["generator"] != GENERATOR {
        return Err(format!(
            "{} made it, and this is {GENERATOR}",
            meta["generator"].as_str().unwrap_or("another program")
        ));
    }
    let mut differing = Vec::new();
    differences("", &meta["settings"], &settings(config), &mut differing);
    match differing.is_empty() {
        true => Ok(()),
        false => Err(format!("it was made with other settings: {}", differing.join(", "))),
    }
}

/// The names of settings that differ, such as `filter.min_size`.
fn differences(name: &str, old: &serde_json::Value, new: &serde_json::Value, differing: &mut Vec<String>) {
    match (old.as_object(), new.as_object()) {
        (Some(old), Some(new)) => {
            let keys: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let name = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                let null = serde_json::Value::Null;
                differences(&name, old.get(key).unwrap_or(&null), new.get(key).unwrap_or(&null), differing);
            }
        }
        _ if old != new => differing.push(name.to_owned()),
        _ => {}
    }
}

fn blocks(lines: &[u8], csv_length: u64) -> Result<HashMap<i64, (Record, u64)>, String> {
    let records: Vec<Record> = serde_json::Deserializer::from_slice(lines)
        .into_iter()
        .collect::<Result<_, _>>()
        .map_err(|error| format!("its blocks cannot be read: {error}"))?;
    // The header comes first; how long it is follows from the rest.
    let mut start = csv_length.saturating_sub(records.iter().map(|record| record.bytes).sum());
    let mut blocks = HashMap::with_capacity(records.len());
    for record in records {
        let next = start + record.bytes;
        blocks.insert(record.block, (record, start));
        start = next;
    }
    Ok(blocks)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no `{}`", path.display()),
        _ => format!("`{}` cannot be read: {error}", path.display()),
    })
}

fn changed(path: &Path) -> String {
    format!("`{}` is not what that run wrote", path.display())
}

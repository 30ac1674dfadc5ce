use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use indicatif::{HumanBytes, HumanCount};
use serde::Serialize;
use tagmill_cli::{DataDir, Exit, GlobalArgs, Session};
use tagmill_model::{Flags, ItemId};
use tagmill_store::{Interval, Intervals, Reader};

use super::runtime;
use crate::hint::hint;

/// Tell what is in the data folder: items, tags, holes, failures, media
///
/// Asks nobody, and reads neither the table of items nor any medium, so that it takes no time on millions of items.
#[derive(Debug, Args)]
pub(crate) struct StatusArgs {
    /// Add up the sizes of the media too, which takes a look at each file
    #[arg(long)]
    sizes: bool,
}

/// What there is.
#[derive(Debug, Serialize)]
struct Status {
    database: String,
    /// With its log.
    database_bytes: u64,
    /// Whose items they are: a kind of board, or `import`.
    origin: Option<String>,
    items: u64,
    with_tags: u64,
    without_tags: u64,
    oldest: Option<ItemId>,
    newest: Option<ItemId>,
    scanned: Vec<Scanned>,
    failures: BTreeMap<String, u64>,
    media: Media,
}

/// How far the listing of a content class is known.
#[derive(Debug, Serialize)]
struct Scanned {
    class: String,
    from: ItemId,
    to: ItemId,
    /// Pieces between the two that were not scanned.
    holes: usize,
    /// Ids in them.
    missing_ids: u64,
}

#[derive(Debug, Default, Serialize)]
struct Media {
    files: u64,
    /// Downloads that are not whole.
    unfinished: u64,
    bytes: Option<u64>,
}

pub(crate) fn run(args: &StatusArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("status", global, hint);
    session.answer("status", status(args, &global.data()))
}

fn status(args: &StatusArgs, data: &DataDir) -> Result<Status> {
    let database = data.database();
    let (summary, scanned, origin) = runtime()?.block_on(async {
        let reader = Reader::open(&database).await?;
        let found = (reader.summary().await?, reader.coverage_by_class().await?, reader.origin().await?);
        reader.close().await;
        anyhow::Ok(found)
    })?;
    let media = count_media(&data.media(), args.sizes)
        .with_context(|| format!("cannot look through `{}`", data.media().display()))?;
    Ok(Status {
        database_bytes: bytes(&database) + bytes(&database.with_extension("db-wal")),
        database: database.display().to_string(),
        origin,
        items: summary.items,
        with_tags: summary.with_tags,
        without_tags: summary.without_tags,
        oldest: summary.ids.map(|ids| ids.first),
        newest: summary.ids.map(|ids| ids.last),
        scanned: scanned.iter().filter_map(|(class, intervals)| Scanned::of(*class, intervals)).collect(),
        failures: summary.failures,
        media,
    })
}

impl Scanned {
    fn of(class: Flags, intervals: &Intervals) -> Option<Scanned> {
        let (first, last) = (intervals.iter().next()?, intervals.iter().next_back()?);
        let gaps = intervals.gaps(Interval::new(first.first, last.last));
        let class = class.to_string();
        Some(Scanned { class, from: first.first, to: last.last, holes: gaps.len(), missing_ids: gaps.ids() })
    }
}

fn bytes(file: &Path) -> u64 {
    fs::metadata(file).map_or(0, |metadata| metadata.len())
}

/// Files below `folder`, but for hidden ones, which are tagmill's own notes.
fn count_media(folder: &Path, sizes: bool) -> io::Result<Media> {
    let mut media = Media { bytes: sizes.then_some(0), ..Media::default() };
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let (name, kind) = (entry.file_name(), entry.file_type()?);
            let name = name.as_encoded_bytes();
            if name.starts_with(b".") {
                continue;
            }
            if kind.is_dir() {
                folders.push(entry.path());
            } else if name.ends_with(b".part") {
                media.unfinished += 1;
            } else {
                media.files += 1;
                if let Some(sum) = &mut media.bytes {
                    // Of what was imported by reference, the size of the picture.
                    *sum += fs::metadata(entry.path()).or_else(|_| entry.metadata())?.len();
                }
            }
        }
    }
    Ok(media)
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Status { items, with_tags, without_tags, media, .. } = self;
        writeln!(f, "{:<10}  {}, {}", "database", self.database, HumanBytes(self.database_bytes))?;
        write!(f, "{:<10}  {}", "items", HumanCount(*items))?;
        if let (Some(oldest), Some(newest)) = (self.oldest, self.newest) {
            write!(f, ", from {oldest} to {newest}")?;
        }
        write!(
            f,
            "\n{:<10}  {} with, {} without",
            "tags",
            HumanCount(*with_tags),
            HumanCount(*without_tags)
        )?;
        for Scanned { class, from, to, holes, missing_ids } in &self.scanned {
            write!(f, "\n{:<10}  {class}: {from} to {to}", "scanned")?;
            match holes {
                0 => f.write_str(", no holes")?,
                1 => write!(f, ", 1 hole of {} ids", HumanCount(*missing_ids))?,
                _ => write!(f, ", {holes} holes of {} ids together", HumanCount(*missing_ids))?,
            }
        }
        if self.origin.as_deref() == Some(tagmill_importer::ORIGIN) {
            write!(f, "\n{:<10}  imported, from no board", "origin")?;
        } else if self.scanned.is_empty() {
            write!(f, "\n{:<10}  nothing yet: the next fetch looks for holes", "scanned")?;
        }
        for (reason, count) in &self.failures {
            write!(f, "\n{:<10}  {}: {reason}", "failed", HumanCount(*count))?;
        }
        write!(f, "\n{:<10}  {} files", "media", HumanCount(media.files))?;
        if let Some(bytes) = media.bytes {
            write!(f, ", {}", HumanBytes(bytes))?;
        }
        match media.unfinished {
            0 => Ok(()),
            unfinished => write!(f, ", {} unfinished", HumanCount(unfinished)),
        }
    }
}

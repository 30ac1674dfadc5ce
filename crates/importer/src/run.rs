use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use tagmill_model::{Flags, Item, ItemId, Outcome, Progress, now, printable};
use tagmill_store::{Batch, Reader, Store};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use crate::known::{self, Known, Sight};
use crate::media::{Hash, hash};
use crate::origins::{Origin, Origins};
use crate::rejects::Rejects;
use crate::source::{Pictures, text_of};
use crate::sources::{Csv, Folder, Jsonl};
use crate::work::{Done, Taken, Work};
use crate::{Config, Error, Fault, Reason, Report, Source};

/// Whose items an imported database has; see [`Store::claim`].
pub const ORIGIN: &str = "import";

/// Puts the pictures of a source into the media folder, and a row for each into the database.
///
/// A picture that cannot be taken is listed in the report and ends nothing. Each medium is there before its row, so that a run
/// that is cancelled, killed or failed leaves no row without its medium; run again, it goes on from there.
///
/// # Errors
/// See [`Error`]. What was committed before stands.
pub async fn run(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    match opened(&config)? {
        Opened::Folder(source) => import(config, source, progress, cancel).await,
        Opened::Jsonl(source) => import(config, source, progress, cancel).await,
        Opened::Csv(source) => import(config, source, progress, cancel).await,
    }
}

enum Opened {
    Folder(Folder),
    Jsonl(Jsonl),
    Csv(Csv),
}

/// Looks whether the source can be one, before anything is made.
fn opened(config: &Config) -> Result<Opened, Error> {
    Ok(match &config.source {
        Source::Folder { folder, tags } => {
            let root = folder_at(folder)?;
            let media_dir = resolved(&config.media_dir);
            if media_dir.starts_with(&root) || root.starts_with(&media_dir) {
                let (folder, media_dir) = (folder.clone(), config.media_dir.clone());
                return Err(Error::Nested { folder, media_dir });
            }
            Opened::Folder(Folder::open(root, *tags))
        }
        Source::Jsonl { file, media_root } => {
            Opened::Jsonl(Jsonl::open(file, &list_root(file, media_root.as_deref())?)?)
        }
        Source::Csv { file, media_root } => {
            Opened::Csv(Csv::open(file, &list_root(file, media_root.as_deref())?)?)
        }
    })
}

/// A folder without links in its path.
fn folder_at(folder: &Path) -> Result<PathBuf, Error> {
    let root = folder.canonicalize().map_err(Error::source(folder))?;
    match root.is_dir() {
        true => Ok(root),
        false => Err(Error::OtherKind { path: folder.to_owned(), expected: "folder" }),
    }
}

/// What a list's paths are relative to.
fn list_root(file: &Path, media_root: Option<&Path>) -> Result<PathBuf, Error> {
    let metadata = fs::metadata(file).map_err(Error::source(file))?;
    if !metadata.is_file() {
        return Err(Error::OtherKind { path: file.to_owned(), expected: "file" });
    }
    match (media_root, file.parent()) {
        (Some(root), _) => folder_at(root),
        (None, Some(folder)) if !folder.as_os_str().is_empty() => folder_at(folder),
        (None, _) => folder_at(Path::new(".")),
    }
}

/// A path without links, of which the end need not be there yet.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let found = absolute.ancestors().find_map(|folder| Some((folder, folder.canonicalize().ok()?)));
    match found {
        Some((folder, real)) => real.join(absolute.strip_prefix(folder).unwrap_or(Path::new(""))),
        None => absolute,
    }
}

async fn import<P: Pictures + Send + 'static>(
    config: Config,
    source: P,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let mut store = Store::open(&config.database).await?;
    store.claim(ORIGIN).await?;
    let reader = Reader::open(&config.database).await?;
    let rejects = Rejects::create(config.rejects.clone())?;
    let known = known::read(&reader).await?;
    let token = cancel.child_token();
    // Where this future is dropped, the thread is to stop as well.
    let _stop = token.clone().drop_guard();
    let work = Work {
        media_dir: config.media_dir.clone(),
        placing: config.placing,
        untagged: config.untagged,
        limits: config.limits,
        cancel: token.clone(),
    };
    let mut import = Import {
        report: Report::new(config.source.path().to_owned()),
        kind: config.source.kind(),
        class: config.class,
        batch_size: config.batch_size.max(1),
        named: (!matches!(config.source, Source::Folder { .. })).then(HashSet::new),
        store,
        reader,
        known,
        rejects,
        pending: Vec::new(),
    };
    progress.start("importing", None);
    // Two chunks in waiting: whoever reads waits for whoever writes.
    let (sender, receiver) = mpsc::channel(2);
    let worker = spawn_blocking(move || send(&work, source, sender));
    let written = import.write_all(receiver, progress).await;
    token.cancel();
    let read = worker.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    progress.finish();
    if cancel.is_cancelled() {
        import.report.outcome = Outcome::Cancelled;
    }
    let Import { store, reader, rejects, report, .. } = import;
    reader.close().await;
    let closed = store.close().await;
    written.and(read)?;
    closed?;
    if report.outcome == Outcome::Completed {
        rejects.commit()?;
        if report.pictures == 0 {
            return Err(Error::Nothing { path: report.source.clone(), why: report.nothing() });
        }
    }
    Ok(report)
}

/// By value, so that the channel is closed when all is sent.
fn send<P: Pictures>(work: &Work, source: P, done: Sender<Vec<Done>>) -> Result<(), Error> {
    work.run(source, &done)
}

/// The one writer, and what it keeps in mind.
struct Import {
    report: Report,
    kind: &'static str,
    class: Flags,
    batch_size: usize,
    /// Hashes of the paths that a list has named.
    named: Option<HashSet<Hash>>,
    store: Store,
    reader: Reader,
    known: Known,
    rejects: Rejects,
    /// Pictures that wait for the next commit.
    pending: Vec<(Sight, Taken)>,
}

impl Import {
    async fn write_all(
        &mut self,
        mut chunks: Receiver<Vec<Done>>,
        progress: &dyn Progress,
    ) -> Result<(), Error> {
        while let Some(chunk) = chunks.recv().await {
            let pictures = chunk.iter().filter(|done| done.picture.is_some()).count();
            for done in chunk {
                self.take(done)?;
                if self.pending.len() >= self.batch_size {
                    self.commit().await?;
                }
            }
            progress.advance(pictures as u64);
        }
        self.commit().await
    }

    fn take(&mut self, done: Done) -> Result<(), Error> {
        self.report.videos += u64::from(done.is_video);
        self.report.other_files += u64::from(done.is_other);
        for fault in &done.faults {
            self.tell(fault)?;
        }
        if let Some(taken) = done.untagged {
            return self.take_untagged(taken);
        }
        let Some(taken) = done.picture else { return Ok(()) };
        if let Some(how) = taken.how {
            self.report.place(how);
        }
        if self.is_named_twice(&taken.entry.path) {
            return self.tell(&Fault::new(taken.entry.name, Reason::NamedTwice, ""));
        }
        self.report.pictures += 1;
        let sight = self.known.meet(taken.looked.hash);
        if let Sight::Again(id) = sight {
            self.report.duplicates += 1;
            let detail = format!("the same as item {id}, {}", taken.looked.image());
            self.tell(&Fault::new(taken.entry.name.clone(), Reason::Duplicate, detail))?;
        }
        self.pending.push((sight, taken));
        Ok(())
    }

    /// Whether it was taken for tags that it no longer has, the row will say.
    fn take_untagged(&mut self, taken: Taken) -> Result<(), Error> {
        if self.named.as_ref().is_some_and(|named| named.contains(&name_of(&taken.entry.path))) {
            return self.tell(&Fault::new(taken.entry.name, Reason::NamedTwice, ""));
        }
        match self.known.meet_untagged(taken.looked.hash) {
            Some(sight) => self.pending.push((sight, taken)),
            None => self.tell(&Fault::new(taken.entry.name, Reason::Untagged, ""))?,
        }
        Ok(())
    }

    fn is_named_twice(&mut self, path: &Path) -> bool {
        let Some(named) = &mut self.named else { return false };
        !named.insert(name_of(path))
    }

    fn tell(&mut self, fault: &Fault) -> Result<(), Error> {
        if self.report.add(fault) {
            let Fault { path, reason, detail } = fault;
            let separator = if detail.is_empty() { "" } else { ": " };
            let line = format!("{path}: {reason}{separator}{detail}");
            match reason.is_left_out() {
                true => tracing::warn!("left out {}", printable(&line)),
                false => tracing::info!("{}", printable(&line)),
            }
        }
        self.rejects.add(fault)
    }

    /// Brings the rows of what waits up to date.
    async fn commit(&mut self) -> Result<(), Error> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let mut rows = self.rows(&pending).await?;
        for (sight, taken) in pending {
            let (Sight::New(id) | Sight::Known(id) | Sight::Again(id) | Sight::Untagged(id)) = sight;
            if let Sight::Untagged(_) = sight {
                let path = text_of(&taken.entry.path);
                if !rows.get(&id).is_some_and(|row| row.origins.has(&path, self.kind)) {
                    self.tell(&Fault::new(taken.entry.name, Reason::Untagged, ""))?;
                    continue;
                }
                self.report.pictures += 1;
            }
            let row = rows.entry(id).or_insert_with(|| Row::new(id, &taken));
            let is_changed = row.origins.put(origin(taken, self.kind, self.class));
            row.is_changed |= is_changed;
            match sight {
                Sight::New(_) => self.report.new += 1,
                Sight::Known(_) | Sight::Untagged(_) if is_changed => self.report.changed += 1,
                Sight::Known(_) | Sight::Untagged(_) => self.report.known += 1,
                Sight::Again(_) => {}
            }
        }
        let items: Vec<Item> =
            rows.into_values().filter(|row| row.is_changed).map(|row| row.into_item(now())).collect();
        if !items.is_empty() {
            self.store.commit(Batch { items, ..Batch::new(Flags::empty()) }).await?;
        }
        Ok(())
    }

    /// The rows of what waits that are in the database.
    async fn rows(&self, pending: &[(Sight, Taken)]) -> Result<BTreeMap<ItemId, Row>, Error> {
        let ids = pending.iter().filter_map(|(sight, _)| match sight {
            Sight::New(_) => None,
            Sight::Known(id) | Sight::Again(id) | Sight::Untagged(id) => Some(*id),
        });
        let ids: Vec<ItemId> = ids.collect();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let rows = self.reader.listed(&ids).await?.into_iter();
        Ok(rows.map(|item| (item.id, Row::known(item))).collect())
    }
}

/// A row on its way into the database.
struct Row {
    item: Item,
    origins: Origins,
    is_changed: bool,
}

impl Row {
    fn new(id: ItemId, taken: &Taken) -> Row {
        let header = taken.looked.header;
        let item = Item {
            width: header.width.into(),
            height: header.height.into(),
            ..Item::new(id, taken.looked.image())
        };
        Row { item, origins: Origins::default(), is_changed: true }
    }

    fn known(item: Item) -> Row {
        Row { origins: Origins::parse(&item.item_data), item, is_changed: false }
    }

    fn into_item(self, now: i64) -> Item {
        Item {
            flags: self.origins.flags(),
            created: self.origins.created(),
            item_data: self.origins.to_json(),
            tags_data: Some(self.origins.tags_data()),
            updated_at: now,
            ..self.item
        }
    }
}

/// What a list's paths are told apart by.
fn name_of(path: &Path) -> Hash {
    hash(path.as_os_str().as_encoded_bytes())
}

fn origin(taken: Taken, kind: &str, class: Flags) -> Origin {
    let Taken { entry, looked, .. } = taken;
    Origin {
        path: text_of(&entry.path),
        source: kind.to_owned(),
        tags: entry.tags.into_iter().map(Into::into).collect(),
        flags: entry.class.unwrap_or(class).bits(),
        created: entry.created.unwrap_or_else(|| looked.modified()),
    }
}

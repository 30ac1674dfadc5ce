//! Puts decoded pictures where they are kept, on a thread of its own.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::Receiver;

use tagmill_model::picture::BadPicture;

use crate::key::Key;
use crate::pixels::{Kept, Storage, Stored};
use crate::record::{Good, Outcome, Record};
use crate::shard::Writer;
use crate::{Error, Picture};

/// What came of a file that was read.
pub(crate) enum Made {
    /// Its contents were known, from a file of another name or time.
    Known { file: Key, content: Key, picture: Result<Stored, BadPicture> },
    /// A picture; its slot is yet to be given.
    Decoded { file: Key, content: Key, good: Good, picture: Picture },
    /// Contents that are no picture, now and for ever.
    Bad { file: Key, content: Key, bad: BadPicture },
    /// Something else was in the way, which may have gone the next time.
    Passing(BadPicture),
}

impl Made {
    pub(crate) fn is_unusable(&self) -> bool {
        match self {
            Made::Known { picture, .. } => picture.is_err(),
            Made::Decoded { .. } => false,
            Made::Bad { .. } => true,
            Made::Passing(bad) => *bad != BadPicture::Missing,
        }
    }
}

pub(crate) struct Keeper<'a> {
    storage: &'a Storage,
    folder: &'a Path,
    picture_bytes: u64,
    /// The number of the shard that is written.
    shard: u32,
    writer: Option<Writer>,
    /// Shards that were written full.
    full: Vec<File>,
    /// What this run has stored: several files may have the same contents.
    fresh: HashMap<[u8; 16], Stored>,
}

impl<'a> Keeper<'a> {
    /// The shards it writes are numbered from `shards` on.
    pub(crate) fn new(
        storage: &'a Storage,
        folder: &'a Path,
        picture_bytes: u64,
        shards: usize,
    ) -> Keeper<'a> {
        Keeper {
            storage,
            folder,
            picture_bytes,
            shard: shards as u32,
            writer: None,
            full: Vec::new(),
            fresh: HashMap::new(),
        }
    }

    /// Keeps what comes until nothing comes any more; tells what has become of each picture.
    pub(crate) fn keep_all(&mut self, made: &Receiver<Vec<(u32, Made)>>) -> Result<Vec<Kept>, Error> {
        let mut kept = Vec::new();
        for made in made {
            for (index, made) in made {
                kept.push((index, self.keep(made)?));
            }
            if let Some(writer) = &mut self.writer {
                writer.commit()?;
            }
        }
        Ok(kept)
    }

    fn keep(&mut self, made: Made) -> Result<Result<Stored, BadPicture>, Error> {
        let same = |file, content| Record { file, content, outcome: Outcome::Same };
        match made {
            Made::Passing(bad) => Ok(Err(bad)),
            Made::Known { file, content, picture } => {
                self.writer()?.note(&same(file, content));
                Ok(picture)
            }
            Made::Bad { file, content, bad } => {
                self.writer()?.note(&Record { file, content, outcome: Outcome::Bad(bad.clone()) });
                Ok(Err(bad))
            }
            Made::Decoded { file, content, mut good, picture } => {
                if let Some(stored) = self.fresh.get(&content.0).copied() {
                    self.writer()?.note(&same(file, content));
                    return Ok(Ok(stored));
                }
                let writer = self.writer()?;
                good.slot = writer.append(picture.pixels())?;
                writer.note(&Record { file, content, outcome: Outcome::Good(good) });
                let stored = Stored::new(self.shard, &good, content);
                self.fresh.insert(content.0, stored);
                Ok(Ok(stored))
            }
        }
    }

    /// The writer of a shard that has room.
    fn writer(&mut self) -> Result<&mut Writer, Error> {
        if let Some(mut full) = self.writer.take_if(|writer| writer.is_full()) {
            full.commit()?;
            self.full.push(full.pixels);
            self.shard += 1;
        }
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none => Ok(none.insert(match self.storage {
                Storage::Private(_) => Writer::private(self.folder, self.picture_bytes)?,
                Storage::Cache(_) => Writer::take(self.folder, self.picture_bytes)?,
            })),
        }
    }

    /// The shards that were written, by their numbers.
    pub(crate) fn finish(self) -> Vec<File> {
        let last = self.writer.map(|writer| writer.pixels);
        self.full.into_iter().chain(last).collect()
    }
}

//! Puts decoded pictures where they are kept, on a thread of its own.

use std::collections::HashMap;
use std::fs::File;
use std::sync::mpsc::Receiver;

use tagmill_model::picture::BadPicture;

use crate::key::Key;
use crate::pixels::{Kept, Stored};
use crate::record::{Good, Outcome, Record};
use crate::shard::Appender;
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

pub(crate) struct Keeper {
    shards: Appender,
    /// What this run has stored: several files may have the same contents.
    fresh: HashMap<[u8; 16], Stored>,
}

impl Keeper {
    pub(crate) fn new(shards: Appender) -> Keeper {
        Keeper { shards, fresh: HashMap::new() }
    }

    /// Keeps what comes until nothing comes any more; tells what has become of each picture.
    pub(crate) fn keep_all(&mut self, made: &Receiver<Vec<(u32, Made)>>) -> Result<Vec<Kept>, Error> {
        let mut kept = Vec::new();
        for made in made {
            for (index, made) in made {
                kept.push((index, self.keep(made)?));
            }
            self.shards.commit()?;
        }
        Ok(kept)
    }

    fn keep(&mut self, made: Made) -> Result<Result<Stored, BadPicture>, Error> {
        let same = |file, content| Record { file, content, outcome: Outcome::Same };
        match made {
            Made::Passing(bad) => Ok(Err(bad)),
            Made::Known { file, content, picture } => {
                self.shards.note(&same(file, content))?;
                Ok(picture)
            }
            Made::Bad { file, content, bad } => {
                self.shards.note(&Record { file, content, outcome: Outcome::Bad(bad.clone()) })?;
                Ok(Err(bad))
            }
            Made::Decoded { file, content, mut good, picture } => {
                if let Some(stored) = self.fresh.get(&content.0).copied() {
                    self.shards.note(&same(file, content))?;
                    return Ok(Ok(stored));
                }
                let (shard, slot) = self.shards.append(picture.pixels())?;
                good.slot = slot;
                self.shards.note(&Record { file, content, outcome: Outcome::Good(good) })?;
                let stored = Stored::new(shard, &good, content);
                self.fresh.insert(content.0, stored);
                Ok(Ok(stored))
            }
        }
    }

    /// The shards that were written, by their numbers.
    pub(crate) fn finish(self) -> Vec<File> {
        self.shards.finish()
    }
}

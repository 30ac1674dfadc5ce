//! What a network makes of pictures, kept as their pixels are: by their contents, in the same kind of shards.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use crate::known::{Found, Known};
use crate::pixels::{Storage, Stored, announce};
use crate::record::{Good, Outcome, Record};
use crate::shard::Appender;
use crate::{Error, cache};

/// The feature vectors that one network makes of pictures of one size.
pub struct Vectors {
    folder: PathBuf,
    vector_bytes: u64,
    known: Known,
    shards: Appender,
    /// What was appended since.
    fresh: HashMap<[u8; 16], Place>,
}

/// Where a vector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    shard: u32,
    slot: u32,
}

impl Vectors {
    /// Opens the vectors of `vector_bytes` each that `maker` makes of pictures of `size` pixels. `maker` tells all that the
    /// vectors depend on beside the pixels, as a digest: what others made is not looked at.
    ///
    /// # Errors
    /// [`Error::Io`] where the cache cannot be read or written.
    pub fn open(storage: &Storage, size: u32, maker: &str, vector_bytes: u64) -> Result<Vectors, Error> {
        let (folder, known) = match storage {
            Storage::Private(folder) => (folder.clone(), Known::default()),
            Storage::Cache(folder) => {
                let folder = cache::vectors_folder(folder, size, maker);
                fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
                let known = Known::read(&folder, vector_bytes)?;
                (folder, known)
            }
        };
        let shards = Appender::new(storage, &folder, vector_bytes, known.shards.len());
        Ok(Vectors { folder, vector_bytes, known, shards, fresh: HashMap::new() })
    }

    /// Where the vector of a picture is, if it is known.
    pub fn find(&self, picture: &Stored) -> Option<Place> {
        let kept = || match self.known.content(picture.content)? {
            Found { shard, outcome: Outcome::Good(good), .. } => Some(Place { shard, slot: good.slot }),
            _ => None,
        };
        self.fresh.get(&picture.content.0).copied().or_else(kept)
    }

    /// Says what the vectors of so many more pictures will take.
    ///
    /// # Errors
    /// [`Error::NoSpace`] where the disk has not that much.
    pub fn announce(&self, pictures: u64) -> Result<(), Error> {
        announce("feature vectors", &self.folder, pictures, self.vector_bytes)
    }

    /// Keeps the vector of a picture, for good once [`Vectors::commit`] was called.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn append(&mut self, picture: &Stored, vector: &[u8]) -> Result<Place, Error> {
        let (shard, slot) = self.shards.append(vector)?;
        let content = picture.content;
        let outcome = Outcome::Good(Good { slot, width: 0, height: 0, likeness: 0 });
        self.shards.note(&Record { file: content, content, outcome })?;
        let place = Place { shard, slot };
        self.fresh.insert(content.0, place);
        Ok(place)
    }

    /// Makes what was appended last, whatever happens to the machine.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn commit(&mut self) -> Result<(), Error> {
        self.shards.commit()
    }

    /// Reads a vector into `vector`, which has its length.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(&self, place: &Place, vector: &mut [u8]) -> Result<(), Error> {
        let kept = self.known.shards.get(place.shard as usize);
        let file = kept.or_else(|| self.shards.pixels(place.shard)).expect("a place is in a shard");
        let at = u64::from(place.slot) * self.vector_bytes;
        file.read_exact_at(vector, at).map_err(Error::io(&self.folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn picture(n: u8) -> Stored {
        let good = Good { slot: 0, width: 1, height: 1, likeness: 0 };
        Stored::new(0, &good, Key::of_content(&[n]))
    }

    #[test]
    fn vectors_come_back_to_whom_they_belong() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Storage::Cache(folder.path().join("cache"));
        let open = |maker: &str| Vectors::open(&cache, 32, maker, 4).unwrap();
        let read = |vectors: &Vectors, n: u8| {
            let mut bytes = [0; 4];
            vectors.read(&vectors.find(&picture(n))?, &mut bytes).unwrap();
            Some(bytes)
        };
        let mut first = open("a");
        assert_eq!(first.find(&picture(1)), None);
        first.append(&picture(1), &[1; 4]).unwrap();
        first.append(&picture(2), &[2; 4]).unwrap();
        first.commit().unwrap();
        // Never committed: as if the process had been killed.
        first.append(&picture(3), &[3; 4]).unwrap();
        assert_eq!([1, 2, 3].map(|n| read(&first, n)), [Some([1; 4]), Some([2; 4]), Some([3; 4])]);
        drop(first);

        let mut second = open("a");
        assert_eq!([1, 2, 3].map(|n| read(&second, n)), [Some([1; 4]), Some([2; 4]), None]);
        second.append(&picture(3), &[9; 4]).unwrap();
        assert_eq!([1, 2, 3].map(|n| read(&second, n)), [Some([1; 4]), Some([2; 4]), Some([9; 4])]);
        assert_eq!(open("b").find(&picture(1)), None);
        assert!(matches!(second.announce(1 << 60), Err(Error::NoSpace { .. })));
    }

    #[test]
    fn private_vectors_come_back_too() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::Private(folder.path().to_owned());
        let mut vectors = Vectors::open(&storage, 32, "a", 2).unwrap();
        let place = vectors.append(&picture(1), &[4, 5]).unwrap();
        vectors.commit().unwrap();
        let mut bytes = [0; 2];
        vectors.read(&place, &mut bytes).unwrap();
        assert_eq!(bytes, [4, 5]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

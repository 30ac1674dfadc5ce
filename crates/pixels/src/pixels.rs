//! From a list of pictures to their pixels on disk: each decoded once.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;

use rayon::prelude::*;
use tagmill_model::Progress;
use tagmill_model::picture::{self, BadPicture, Limits};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::error::Bytes;
use crate::keeper::{Keeper, Made};
use crate::key::Key;
use crate::known::{Found, Known};
use crate::record::{Good, Outcome};
use crate::shard::Appender;
use crate::{Error, Look, MaxBad, Picture, cache, groups, likeness};

/// Pictures that rayon decodes before one thread writes them: enough to busy many cores, 38 MB at 224 pixels.
const DECODED_AT_ONCE: usize = 256;

/// Where the pixels of decoded pictures are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// In this cache, for later runs too. The folder is made where there is none.
    Cache(PathBuf),
    /// In a file without a name in this folder. It goes with the process, however that ends.
    Private(PathBuf),
}

/// What to make of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Where the pixels go.
    pub storage: Storage,
    /// Width and height in pixels.
    pub size: u32,
    /// What a picture may cost before it is left out.
    pub limits: Limits,
    /// With more unusable pictures than this, decoding stops; `None` for never.
    pub max_bad: Option<MaxBad>,
}

/// The pictures of a table.
#[derive(Clone)]
pub struct Files<'a> {
    /// The folder that their names are relative to.
    pub folder: PathBuf,
    /// How many there are.
    pub count: usize,
    /// The name of picture `i`.
    pub name: &'a (dyn Fn(usize) -> &'a str + Sync),
}

/// A picture whose pixels are on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    shard: u32,
    slot: u32,
    likeness: u64,
    pub(crate) content: Key,
}

/// What has become of a picture, by its index.
pub(crate) type Kept = (u32, Result<Stored, BadPicture>);

/// How decoding came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All pictures were looked at.
    Completed,
    /// The caller cancelled.
    Cancelled,
    /// More pictures than the limit were unusable.
    TooManyBad {
        /// How many were taken for granted.
        limit: u64,
    },
}

/// Pictures of one size on disk.
pub struct Pixels {
    /// What became of each picture; `None` where decoding ended before it.
    pub pictures: Vec<Option<Result<Stored, BadPicture>>>,
    /// How decoding ended.
    pub end: End,
    /// Pictures that had to be decoded: the others were in the cache.
    pub decoded: u64,
    shards: Vec<File>,
    folder: PathBuf,
    size: u32,
}

impl Pixels {
    /// Width and height of the pictures.
    pub fn size(&self) -> u32 {
        self.size
    }

    /// The groups of near-duplicates, as indices into the pictures: see [`groups`].
    pub fn near_duplicates(&self) -> Vec<Vec<u32>> {
        let usable = (0..).zip(&self.pictures).filter_map(|(index, picture)| match picture {
            Some(Ok(stored)) => Some((index, stored.look())),
            _ => None,
        });
        let (indices, looks): (Vec<u32>, Vec<Look>) = usable.unzip();
        let group = |group: Vec<u32>| group.iter().map(|member| indices[*member as usize]).collect();
        groups(&looks).into_iter().map(group).collect()
    }

    /// Reads a picture.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn picture(&self, picture: &Stored) -> Result<Picture, Error> {
        let mut read = Picture::blank(self.size);
        self.read(picture, read.pixels_mut())?;
        Ok(read)
    }

    /// Reads a picture into `pixels`, which takes `size * size * 3` bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(&self, picture: &Stored, pixels: &mut [u8]) -> Result<(), Error> {
        let at = u64::from(picture.slot) * pixels.len() as u64;
        self.shards[picture.shard as usize].read_exact_at(pixels, at).map_err(Error::io(&self.folder))
    }
}

/// Decodes the pictures that are not in the cache yet, on all cores.
///
/// # Errors
/// [`Error::NoSpace`] before anything is written; [`Error::Io`] where the cache cannot be read or written. Not bad pictures:
/// they stand among the others, with their reason.
pub fn decode(
    config: &Config,
    files: Files<'_>,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Pixels, Error> {
    let picture_bytes = u64::from(config.size) * u64::from(config.size) * 3;
    let (folder, known) = match &config.storage {
        Storage::Private(folder) => (folder.clone(), Known::default()),
        Storage::Cache(folder) => {
            let folder = cache::folder(folder, config.size);
            fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
            let known = Known::read(&folder, picture_bytes)?;
            (folder, known)
        }
    };
    // The same files by whatever path: a cache is shared between working directories. Where there is no such folder, all
    // pictures are missing.
    let media = fs::canonicalize(&files.folder).unwrap_or_else(|_| files.folder.clone());
    let source = Source { config, known: &known, media: &media, files: &files };
    let mut pictures = source.look_up_all(progress);
    let wanted: Vec<u32> =
        (0..).zip(&pictures).filter(|(_, picture)| picture.is_none()).map(|(index, _)| index).collect();
    let missing = pictures.iter().filter(|picture| **picture == Some(Err(BadPicture::Missing))).count();
    let mut allowance = Allowance {
        limit: config.max_bad.map_or(u64::MAX, |max| max.of((files.count - missing) as u64)),
        bad: pictures.iter().flatten().filter(|picture| is_unusable(picture)).count() as u64,
    };
    // Files that were moved are known by their contents alone: for as many as there are contents that no file was found for,
    // nothing may have to be kept.
    let found = pictures.iter().flatten().filter(|picture| picture.is_ok()).count();
    let new = wanted.len().saturating_sub(known.contents().saturating_sub(found));
    announce("pixels", &folder, new as u64, picture_bytes)?;
    progress.start("decoding pictures", Some(wanted.len() as u64));
    let shards = Appender::new(&config.storage, &folder, picture_bytes, known.shards.len());
    let mut keeper = Keeper::new(shards);
    let (end, made) = source.decode_all(&wanted, &mut keeper, &mut allowance, progress, cancel)?;
    progress.finish();
    let decoded = made.len() as u64;
    for (index, picture) in made {
        pictures[index as usize] = Some(picture);
    }
    let shards = [known.shards, keeper.finish()].into_iter().flatten().collect();
    Ok(Pixels { pictures, end, decoded, shards, folder, size: config.size })
}

/// How many pictures are unusable so far, and how many may be.
struct Allowance {
    bad: u64,
    limit: u64,
}

fn is_unusable(picture: &Result<Stored, BadPicture>) -> bool {
    matches!(picture, Err(bad) if *bad != BadPicture::Missing)
}

/// Says what is going to be kept of pictures will take, and refuses where that is not there.
pub(crate) fn announce(
    what: &'static str,
    folder: &Path,
    pictures: u64,
    picture_bytes: u64,
) -> Result<(), Error> {
    let needed = pictures * picture_bytes;
    let free = fs4::available_space(folder).map_err(Error::io(folder))?;
    if needed > free {
        return Err(Error::NoSpace { what, folder: folder.to_owned(), pictures, needed, free });
    }
    if pictures > 0 {
        info!(
            pictures,
            needed_bytes = needed,
            free_bytes = free,
            "the {what} of {pictures} more pictures take {} of the {} that are free at `{}`",
            Bytes(needed),
            Bytes(free),
            folder.display()
        );
    }
    Ok(())
}

/// Where pictures come from.
struct Source<'a, 'f> {
    config: &'a Config,
    known: &'a Known,
    media: &'a Path,
    files: &'a Files<'f>,
}

impl Source<'_, '_> {
    /// What the cache knows of each picture, without opening one.
    fn look_up_all(&self, progress: &dyn Progress) -> Vec<Option<Result<Stored, BadPicture>>> {
        progress.start("looking up pictures", Some(self.files.count as u64));
        let look_up = |index| {
            progress.advance(1);
            self.look_up(index)
        };
        let pictures = (0..self.files.count).into_par_iter().map(look_up).collect();
        progress.finish();
        pictures
    }

    fn look_up(&self, index: usize) -> Option<Result<Stored, BadPicture>> {
        let path = self.path(index);
        let metadata = match fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Some(Err(BadPicture::Missing));
            }
            // Reading it will say what is the matter.
            Err(_) => return None,
            Ok(metadata) if metadata.len() > self.config.limits.max_file_bytes => return None,
            Ok(metadata) => metadata,
        };
        Some(self.recall(&self.known.file(Key::of_file(&path, &metadata))?))
    }

    fn recall(&self, found: &Found<'_>) -> Result<Stored, BadPicture> {
        match found.outcome {
            Outcome::Good(Good { width, height, .. })
                if u64::from(*width) * u64::from(*height) > self.config.limits.max_pixels =>
            {
                Err(BadPicture::TooLarge(format!("{width} by {height} pixels")))
            }
            Outcome::Good(good) => Ok(Stored::new(found.shard, good, found.content)),
            Outcome::Bad(bad) => Err(bad.clone()),
            Outcome::Same => unreachable!("what is found says what the contents are"),
        }
    }

    fn path(&self, index: usize) -> PathBuf {
        self.media.join((self.files.name)(index))
    }

    /// Decodes on all cores while a thread writes what is decoded.
    fn decode_all(
        &self,
        wanted: &[u32],
        keeper: &mut Keeper,
        allowance: &mut Allowance,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(End, Vec<Kept>), Error> {
        std::thread::scope(|scope| {
            let (sender, receiver) = sync_channel(1);
            let writing = scope.spawn(move || keeper.keep_all(&receiver));
            let mut end = End::Completed;
            for indices in wanted.chunks(DECODED_AT_ONCE) {
                let make = |index: &u32| {
                    let made = (*index, self.make(*index as usize));
                    progress.advance(1);
                    made
                };
                if allowance.bad > allowance.limit {
                    end = End::TooManyBad { limit: allowance.limit };
                    break;
                }
                if cancel.is_cancelled() {
                    end = End::Cancelled;
                    break;
                }
                let made: Vec<(u32, Made)> = indices.par_iter().map(make).collect();
                allowance.bad += made.iter().filter(|(_, made)| made.is_unusable()).count() as u64;
                // The writer has gone: its error is told below.
                if sender.send(made).is_err() {
                    break;
                }
            }
            if end == End::Completed && allowance.bad > allowance.limit {
                end = End::TooManyBad { limit: allowance.limit };
            }
            drop(sender);
            Ok((end, writing.join().expect("the writer does not panic")?))
        })
    }

    fn make(&self, index: usize) -> Made {
        let (path, limits) = (self.path(index), &self.config.limits);
        // Before the reading: a file that changes meanwhile then looks changed the next time.
        let metadata = fs::metadata(&path);
        let bytes = match picture::read(&path, limits) {
            Ok(bytes) => bytes,
            Err(bad) => return Made::Passing(bad),
        };
        let Ok(metadata) = metadata else { return Made::Passing(BadPicture::Missing) };
        let (file, content) = (Key::of_file(&path, &metadata), Key::of_content(&bytes));
        if let Some(found) = self.known.content(content) {
            return Made::Known { file, content, picture: self.recall(&found) };
        }
        match picture::decode(&bytes, limits) {
            Err(bad @ BadPicture::TooLarge(_)) => Made::Passing(bad),
            Err(bad) => Made::Bad { file, content, bad },
            Ok(decoded) => {
                let (width, height) = (decoded.image.width(), decoded.image.height());
                let picture = Picture::from_decoded(decoded, self.config.size);
                let likeness = likeness(&picture);
                Made::Decoded { file, content, good: Good { slot: 0, width, height, likeness }, picture }
            }
        }
    }
}

impl Stored {
    pub(crate) fn new(shard: u32, good: &Good, content: Key) -> Stored {
        Stored { shard, slot: good.slot, likeness: good.likeness, content }
    }

    /// How it looks.
    pub fn look(&self) -> Look {
        Look { likeness: self.likeness, content: self.content.short() }
    }
}

#[cfg(test)]
mod tests;

//! The files of a cache: shards of raw pixels, each with an index of what lies where.
//!
//! Only the process that holds the lock of an index appends to it and to its pixels; pixels are on disk before the index
//! speaks of them. So a killed writer leaves at most pixels that nobody speaks of, or half a record: both are cut off by
//! the next writer. Readers need no lock.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::pixels::Storage;
use crate::record::{self, Good, Outcome, Record};

/// Bytes of pixels from which on a shard takes no more: large enough that a process can hold all shards of millions of
/// pictures open, small enough for any file system.
const FULL: u64 = 16 << 30;

const INDEX: &str = "index";
const PIXELS: &str = "pixels";

/// What a shard holds, as far as it was written when it was opened.
pub(crate) struct Shard {
    pub(crate) pixels: File,
    pub(crate) records: Vec<Record>,
}

/// The indices below a folder, by number. A folder that is not there has none.
pub(crate) fn indices(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io(folder))?,
    };
    let mut indices = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io(folder))?.path();
        if path.extension().is_some_and(|extension| extension == INDEX) {
            indices.push(path);
        }
    }
    indices.sort();
    Ok(indices)
}

/// Opens a shard to read. `None` where its pixels are gone: what they were is then decoded again.
pub(crate) fn open(index: &Path, picture_bytes: u64) -> Result<Option<Shard>, Error> {
    let path = index.with_extension(PIXELS);
    let pixels = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        pixels => pixels.map_err(Error::io(&path))?,
    };
    let bytes = fs::read(index).map_err(Error::io(index))?;
    let (mut records, _) = record::read_all(&bytes);
    let slots = pixels.metadata().map_err(Error::io(&path))?.len() / picture_bytes;
    records.retain(|record| slot(record).is_none_or(|slot| slot < slots));
    Ok(Some(Shard { pixels, records }))
}

fn slot(record: &Record) -> Option<u64> {
    match record.outcome {
        Outcome::Good(Good { slot, .. }) => Some(slot.into()),
        Outcome::Bad(_) | Outcome::Same => None,
    }
}

/// Appends to one shard after the other.
pub(crate) struct Appender {
    storage: Storage,
    folder: PathBuf,
    picture_bytes: u64,
    /// The number of the first shard that it writes.
    first: usize,
    /// Shards that were written full.
    full: Vec<File>,
    writer: Option<Writer>,
}

impl Appender {
    /// Appends to the shards below a folder, each picture taking `picture_bytes`. Those that it writes are numbered from
    /// `first` on.
    pub(crate) fn new(storage: &Storage, folder: &Path, picture_bytes: u64, first: usize) -> Appender {
        let (storage, folder) = (storage.clone(), folder.to_owned());
        Appender { storage, folder, picture_bytes, first, full: Vec::new(), writer: None }
    }

    /// Writes what is kept of a picture and returns its shard and slot. The slot is the one to note.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> Result<(u32, u32), Error> {
        let slot = self.writer()?.append(bytes)?;
        Ok(((self.first + self.full.len()) as u32, slot))
    }

    /// Notes a record, to be written by [`Appender::commit`].
    pub(crate) fn note(&mut self, record: &Record) -> Result<(), Error> {
        self.noting()?.note(record);
        Ok(())
    }

    /// Makes what was appended last, whatever happens to the machine.
    pub(crate) fn commit(&mut self) -> Result<(), Error> {
        self.writer.as_mut().map_or(Ok(()), Writer::commit)
    }

    /// The pixels of a shard that was written.
    pub(crate) fn pixels(&self, shard: u32) -> Option<&File> {
        let index = (shard as usize).checked_sub(self.first)?;
        self.full.get(index).or(self.writer.as_ref().map(|writer| &writer.pixels))
    }

    /// The shards that were written, by their numbers.
    pub(crate) fn finish(self) -> Vec<File> {
        let last = self.writer.map(|writer| writer.pixels);
        self.full.into_iter().chain(last).collect()
    }

    /// The writer of a shard that has room.
    fn writer(&mut self) -> Result<&mut Writer, Error> {
        if let Some(mut full) = self.writer.take_if(|writer| writer.is_full()) {
            full.commit()?;
            self.full.push(full.pixels);
        }
        self.noting()
    }

    /// The writer of the shard that was written last.
    fn noting(&mut self) -> Result<&mut Writer, Error> {
        match &mut self.writer {
            Some(writer) => Ok(writer),
            none => Ok(none.insert(match self.storage {
                Storage::Private(_) => Writer::private(&self.folder, self.picture_bytes)?,
                Storage::Cache(_) => Writer::take(&self.folder, self.picture_bytes)?,
            })),
        }
    }
}

/// Appends to one shard.
struct Writer {
    pixels: File,
    path: PathBuf,
    /// `None` for pixels that go with the process.
    index: Option<(File, PathBuf)>,
    picture_bytes: u64,
    slots: u32,
    /// Records whose pixels are written and not yet sure to be on disk.
    waiting: Vec<u8>,
}

impl Writer {
    /// Pixels in a file without a name, which goes with the process, however that ends.
    fn private(folder: &Path, picture_bytes: u64) -> Result<Writer, Error> {
        let pixels = tempfile::tempfile_in(folder).map_err(Error::io(folder))?;
        let (path, waiting) = (folder.to_owned(), Vec::new());
        Ok(Writer { pixels, path, index: None, picture_bytes, slots: 0, waiting })
    }

    /// Goes on with the first shard that has room and that no other process writes, or begins one.
    fn take(folder: &Path, picture_bytes: u64) -> Result<Writer, Error> {
        for index in indices(folder)? {
            if let Some(writer) = Writer::resume(&index, picture_bytes)? {
                return Ok(writer);
            }
        }
        // Where another process begins the same number at the same time, one of the two goes on to the next.
        for number in 1.. {
            let path = folder.join(format!("{number:04}.{INDEX}"));
            match OpenOptions::new().read(true).append(true).create_new(true).open(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(&path)(error)),
                Ok(_) => {
                    if let Some(writer) = Writer::resume(&path, picture_bytes)? {
                        return Ok(writer);
                    }
                }
            }
        }
        unreachable!("some number is free")
    }

    /// Takes a shard over where it left off. `None` where it is full, where another process writes it, or where its index
    /// speaks of pixels that are gone: what lay there is nobody's to fill.
    fn resume(index: &Path, picture_bytes: u64) -> Result<Option<Writer>, Error> {
        let file = OpenOptions::new().read(true).append(true).open(index).map_err(Error::io(index))?;
        if !lock(&file, index)? {
            return Ok(None);
        }
        let path = index.with_extension(PIXELS);
        let pixels = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let pixels = pixels.map_err(Error::io(&path))?;
        let bytes = fs::read(index).map_err(Error::io(index))?;
        let (records, whole) = record::read_all(&bytes);
        let slots = records.iter().filter_map(slot).map(|slot| slot + 1).max().unwrap_or_default();
        let written = pixels.metadata().map_err(Error::io(&path))?.len();
        if slots * picture_bytes >= FULL || slots * picture_bytes > written {
            return Ok(None);
        }
        file.set_len(whole as u64).map_err(Error::io(index))?;
        pixels.set_len(slots * picture_bytes).map_err(Error::io(&path))?;
        let index = Some((file, index.to_owned()));
        Ok(Some(Writer { pixels, path, index, picture_bytes, slots: slots as u32, waiting: Vec::new() }))
    }

    fn is_full(&self) -> bool {
        self.index.is_some() && u64::from(self.slots) * self.picture_bytes >= FULL
    }

    /// Writes a picture's pixels and returns their slot.
    fn append(&mut self, pixels: &[u8]) -> Result<u32, Error> {
        let at = u64::from(self.slots) * self.picture_bytes;
        self.pixels.write_all_at(pixels, at).map_err(Error::io(&self.path))?;
        self.slots += 1;
        Ok(self.slots - 1)
    }

    /// Notes a record, to be written by [`Writer::commit`].
    fn note(&mut self, record: &Record) {
        if self.index.is_some() {
            record.write(&mut self.waiting);
        }
    }

    /// Makes what was appended last, whatever happens to the machine.
    fn commit(&mut self) -> Result<(), Error> {
        let Some((index, path)) = &mut self.index else { return Ok(()) };
        if !self.waiting.is_empty() {
            self.pixels.sync_data().map_err(Error::io(&self.path))?;
            index.write_all(&self.waiting).map_err(Error::io(path))?;
            self.waiting.clear();
        }
        Ok(())
    }
}

/// Whether the lock of an index is ours now.
pub(crate) fn lock(file: &File, path: &Path) -> Result<bool, Error> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(Error::io(path)(error)),
    }
}

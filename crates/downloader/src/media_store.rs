//! A folder of media.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tagmill_model::MediaPath;

use crate::Error;
use crate::walk::walk;

/// What is no medium lies here, hidden from the walk.
const OWN_FOLDER: &str = ".tagmill";

/// The mark of an unfinished file.
pub(crate) const PART: &str = ".part";

/// A folder of media, in which a file under its own name is whole. One process at a time may hold it.
///
/// Nothing is written through a symbolic link: a link inside the folder is in the way, wherever it leads.
#[derive(Debug)]
pub struct MediaStore {
    root: PathBuf,
    /// Folders below the root, as `/`-joined paths, that were seen to be real ones.
    folders: Mutex<HashSet<String>>,
    /// Whether a file is on the disk itself before it gets its name.
    durable: bool,
    /// Locked while this lives.
    _lock: File,
}

impl MediaStore {
    /// Opens the folder at `root`, made where it is not there.
    ///
    /// # Errors
    /// [`Error::InUse`] where another process holds it; [`Error::Io`], [`Error::DiskFull`].
    pub fn open(root: &Path) -> Result<MediaStore, Error> {
        let own = MediaStore::own_folder(root);
        fs::create_dir_all(&own).map_err(|source| Error::io(root, source))?;
        let path = own.join("lock");
        let lock = File::create(&path).map_err(|source| Error::io(&path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::InUse { path: root.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(Error::io(&path, source)),
        }
        Ok(MediaStore { root: root.to_owned(), folders: Mutex::default(), durable: false, _lock: lock })
    }

    /// From now on, a file and its name are on the disk itself when it is saved, so that not even a power cut takes them.
    /// Costs some milliseconds a file.
    pub fn durable(mut self) -> MediaStore {
        self.durable = true;
        self
    }

    /// The media that are there, `/`-joined and in no order, by a walk over all folders on all cores. Hidden files, parts and
    /// symbolic links are not media.
    ///
    /// # Errors
    /// [`Error::Io`] where a folder cannot be read.
    pub fn present(&self) -> Result<Vec<String>, Error> {
        let mut paths = Vec::new();
        for folder in walk(&self.root)? {
            folder.paths(|path| paths.push(path.to_owned()));
        }
        Ok(paths)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where in a folder of media lies what is no medium.
    pub(crate) fn own_folder(root: &Path) -> PathBuf {
        root.join(OWN_FOLDER)
    }

    /// Saves a whole body under its name.
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::Obstructed`], [`Error::Io`]; nothing stands under the name then that did not before.
    pub fn save(&self, path: &MediaPath, body: &[u8]) -> Result<(), Error> {
        let mut part = self.begin(path)?;
        part.write(body)?;
        part.commit()
    }

    /// Starts a file that is written piece by piece. A part that a killed run left is replaced.
    ///
    /// # Errors
    /// As [`MediaStore::save`].
    pub fn begin(&self, path: &MediaPath) -> Result<MediaPart, Error> {
        self.make_folder_of(path)?;
        let part = self.part_of(path);
        // `create_new` opens no link, whoever put it there.
        let create = || OpenOptions::new().read(true).write(true).create_new(true).open(&part);
        let file = match create() {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(&part).and_then(|()| create())
            }
            created => created,
        };
        let file = file.map_err(|source| Error::io(&part, source))?;
        let path = path.under(&self.root);
        Ok(MediaPart { path, part, file, len: 0, durable: self.durable, keep: false, committed: false })
    }

    /// Goes on with the part of a file that an earlier run left; `None` where there is none.
    ///
    /// # Errors
    /// As [`MediaStore::save`].
    pub fn resume(&self, path: &MediaPath) -> Result<Option<MediaPart>, Error> {
        let part = self.part_of(path);
        if !fs::symlink_metadata(&part).is_ok_and(|found| found.is_file()) {
            return Ok(None);
        }
        self.make_folder_of(path)?;
        let file = OpenOptions::new().read(true).append(true).open(&part);
        let file = file.map_err(|source| Error::io(&part, source))?;
        let len = file.metadata().map_err(|source| Error::io(&part, source))?.len();
        let path = path.under(&self.root);
        Ok(Some(MediaPart { path, part, file, len, durable: self.durable, keep: true, committed: false }))
    }

    /// Moves a file out of the way, to where a person can look at it: `.tagmill/quarantine/`. One that was moved there
    /// before is replaced.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::DiskFull`]; the file stays where it was.
    pub fn quarantine(&self, path: &MediaPath) -> Result<(), Error> {
        let to = path.under(&MediaStore::own_folder(&self.root).join("quarantine"));
        let folder = to.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|source| Error::io(folder, source))?;
        let from = path.under(&self.root);
        fs::rename(&from, to).map_err(|source| Error::io(&from, source))
    }

    /// Where the unfinished file of a path lies.
    pub(crate) fn part_of(&self, path: &MediaPath) -> PathBuf {
        let mut part = path.under(&self.root).into_os_string();
        part.push(PART);
        PathBuf::from(part)
    }

    /// Makes the folders above a medium, and makes sure that they are folders and no links.
    fn make_folder_of(&self, path: &MediaPath) -> Result<(), Error> {
        let Some((folder, _)) = path.as_str().rsplit_once('/') else { return Ok(()) };
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if folders.contains(folder) {
            return Ok(());
        }
        let mut at = self.root.clone();
        for name in folder.split('/') {
            at.push(name);
            let kind = match fs::symlink_metadata(&at) {
                Err(source) if source.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir(&at).map_err(|source| Error::io(&at, source))?;
                    if self.durable {
                        sync_folder_of(&at)?;
                    }
                    continue;
                }
                found => found.map_err(|source| Error::io(&at, source))?.file_type(),
            };
            if !kind.is_dir() {
                return Err(Error::Obstructed { path: at });
            }
        }
        folders.insert(folder.to_owned());
        Ok(())
    }
}

/// A medium while it is written, under its name with `.part` behind it. Dropped without a commit, it goes away, unless it
/// was to be kept.
#[derive(Debug)]
pub struct MediaPart {
    path: PathBuf,
    part: PathBuf,
    file: File,
    len: u64,
    durable: bool,
    keep: bool,
    committed: bool,
}

impl MediaPart {
    /// Appends to the body.
    ///
    /// # Errors
    /// [`Error::DiskFull`], [`Error::Io`].
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.file.write_all(bytes).map_err(|source| Error::io(&self.path, source))?;
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Whether it stays when it is dropped without a commit, to be resumed.
    pub fn keep(&mut self, keep: bool) {
        self.keep = keep;
    }

    /// The first `most` bytes.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn read(&mut self, most: u64) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        let read = self.file.rewind().and_then(|()| (&self.file).take(most).read_to_end(&mut bytes));
        let read = read.and_then(|_| self.file.seek(io::SeekFrom::End(0)));
        read.map_err(|source| Error::io(&self.part, source))?;
        Ok(bytes)
    }

    /// Gives the file its name.
    ///
    /// # Errors
    /// [`Error::Obstructed`] where a folder has that name; [`Error::DiskFull`], [`Error::Io`].
    pub fn commit(mut self) -> Result<(), Error> {
        if self.durable {
            self.file.sync_all().map_err(|source| Error::io(&self.path, source))?;
        }
        fs::rename(&self.part, &self.path).map_err(|source| Error::io(&self.path, source))?;
        self.committed = true;
        if self.durable { sync_folder_of(&self.path) } else { Ok(()) }
    }
}

impl Drop for MediaPart {
    fn drop(&mut self) {
        if !self.committed && !self.keep {
            // If it cannot be removed, it is replaced when the file is next asked for.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Puts the names in the folder above onto the disk itself. Windows has no such thing and needs none.
fn sync_folder_of(path: &Path) -> Result<(), Error> {
    let Some(folder) = path.parent().filter(|_| cfg!(unix)) else { return Ok(()) };
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|source| Error::io(folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> MediaPath {
        MediaPath::parse(path).unwrap()
    }

    #[test]
    fn what_is_saved_is_present() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(&folder.path().join("new/media")).unwrap();
        assert!(store.present().unwrap().is_empty());
        for name in ["2024/03/17/a.jpg", "2024/03/17/b.png", "2024/c.gif", "d.jpg"] {
            store.save(&path(name), name.as_bytes()).unwrap();
        }
        let mut present = store.present().unwrap();
        present.sort();
        assert_eq!(present, ["2024/03/17/a.jpg", "2024/03/17/b.png", "2024/c.gif", "d.jpg"]);
        assert_eq!(fs::read(folder.path().join("new/media/2024/c.gif")).unwrap(), b"2024/c.gif");
    }

    #[test]
    fn a_part_is_not_present_and_goes_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        fs::write(folder.path().join("a.jpg.part"), "left by a kill").unwrap();
        let mut part = store.begin(&path("a.jpg")).unwrap();
        part.write(b"ha").unwrap();
        assert_eq!(fs::read(folder.path().join("a.jpg.part")).unwrap(), b"ha");
        assert!(store.present().unwrap().is_empty());
        drop(part);
        assert!(!folder.path().join("a.jpg.part").exists());
        let mut part = store.begin(&path("a.jpg")).unwrap();
        part.write(b"half").unwrap();
        part.write(b" and half").unwrap();
        part.commit().unwrap();
        assert_eq!(fs::read(folder.path().join("a.jpg")).unwrap(), b"half and half");
        assert_eq!(store.present().unwrap(), ["a.jpg"]);
    }

    #[test]
    fn a_part_that_is_kept_is_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap().durable();
        let path = path("2024/a.mp4");
        assert!(store.resume(&path).unwrap().is_none());
        let mut part = store.begin(&path).unwrap();
        part.write(b"half").unwrap();
        part.keep(true);
        drop(part);
        let mut part = store.resume(&path).unwrap().unwrap();
        assert_eq!((part.len(), part.read(2).unwrap().as_slice()), (4, b"ha".as_slice()));
        part.write(b" and half").unwrap();
        assert_eq!(part.read(u64::MAX).unwrap(), b"half and half");
        part.commit().unwrap();
        assert_eq!(fs::read(folder.path().join("2024/a.mp4")).unwrap(), b"half and half");
        assert!(store.resume(&path).unwrap().is_none());
    }

    #[test]
    fn what_is_in_quarantine_is_not_present() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        for body in [b"bad", b"odd"] {
            store.save(&path("2024/a.jpg"), body).unwrap();
            store.quarantine(&path("2024/a.jpg")).unwrap();
            assert!(store.present().unwrap().is_empty());
            assert_eq!(fs::read(folder.path().join(".tagmill/quarantine/2024/a.jpg")).unwrap(), body);
        }
        assert!(store.quarantine(&path("2024/a.jpg")).is_err());
    }

    #[test]
    fn a_folder_in_the_way_is_an_obstacle() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        store.save(&path("a/b.jpg"), b"x").unwrap();
        assert!(matches!(store.save(&path("a"), b"y"), Err(Error::Obstructed { .. })));
        assert!(matches!(store.save(&path("a/b.jpg/c.jpg"), b"y"), Err(Error::Obstructed { .. })));
        assert_eq!(store.present().unwrap(), ["a/b.jpg"]);
        assert!(!folder.path().join("a.part").exists());
    }

    #[cfg(unix)]
    #[test]
    fn nothing_is_written_through_a_link() {
        use std::os::unix::fs::symlink;
        let outside = tempfile::tempdir().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        symlink(outside.path(), folder.path().join("2024")).unwrap();
        assert!(matches!(store.save(&path("2024/a.jpg"), b"x"), Err(Error::Obstructed { .. })));
        // A link in place of the part or of the file itself is replaced, and what it leads to is left alone.
        let target = outside.path().join("target");
        fs::write(&target, "precious").unwrap();
        symlink(&target, folder.path().join("b.jpg.part")).unwrap();
        assert!(store.resume(&path("b.jpg")).unwrap().is_none());
        symlink(&target, folder.path().join("b.jpg")).unwrap();
        assert!(store.present().unwrap().is_empty());
        store.save(&path("b.jpg"), b"x").unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"precious");
        assert_eq!(fs::read(folder.path().join("b.jpg")).unwrap(), b"x");
        assert_eq!(store.present().unwrap(), ["b.jpg"]);
        assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    }

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        assert!(matches!(MediaStore::open(folder.path()), Err(Error::InUse { .. })));
        drop(store);
        MediaStore::open(folder.path()).unwrap();
    }
}

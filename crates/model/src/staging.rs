//! Folders that get their files all at once or not at all.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Where the files grow: inside their folder, so that a rename puts them in place whatever the folder is, a mount or `.`.
const PART: &str = ".tagmill-export.part";

/// Where what stood there before waits until the new files are in place.
const OLD: &str = "old";

/// What to do with a folder that has something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// End with [`StagingError::NotEmpty`].
    Refuse,
    /// Replace the files of the [`Layout`], and leave all else, such as `.git`, as it is.
    Replace,
}

/// The files that a kind of export writes.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// What it puts into the folder, files and folders, in the order in which they get there: what says that all is whole
    /// comes last.
    pub entries: &'static [&'static str],
    /// Whether it writes a file of this path, relative to the folder.
    pub is_ours: fn(&Path) -> bool,
}

/// Files that are not in place yet. Dropped, it leaves nothing behind.
#[derive(Debug)]
pub struct Staging {
    folder: PathBuf,
    /// The folder was not there before.
    is_new: bool,
    part: PathBuf,
    layout: Layout,
}

/// Why a folder does not get its files. It is then as it was.
#[derive(Debug, Error)]
pub enum StagingError {
    /// The folder has something in it, and [`Existing::Refuse`] was asked for.
    #[error("the folder `{}` is not empty", folder.display())]
    NotEmpty {
        /// The folder.
        folder: PathBuf,
    },
    /// Something stands in the way that no export wrote, and that [`Existing::Replace`] would take away.
    #[error("`{}` stands where the exported files shall, and is none of them", path.display())]
    InTheWay {
        /// What stands there.
        path: PathBuf,
    },
    /// A file or folder could not be written.
    #[error("cannot write `{}`", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl StagingError {
    /// For `map_err`.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> StagingError + '_ {
        move |source| StagingError::Io { path: path.to_owned(), source }
    }
}

impl Staging {
    /// Makes room for the files of a folder, which is made where it is not there.
    ///
    /// # Errors
    /// See [`StagingError`].
    pub fn begin(folder: &Path, existing: Existing, layout: Layout) -> Result<Staging, StagingError> {
        let at = || StagingError::at(folder);
        let is_new = !folder.try_exists().map_err(at())?;
        fs::create_dir_all(folder).map_err(at())?;
        let staging = Staging { folder: folder.to_owned(), is_new, part: folder.join(PART), layout };
        // What a killed run left is no one's any more.
        remove(&staging.part).map_err(at())?;
        match existing {
            Existing::Refuse if fs::read_dir(folder).map_err(at())?.next().is_some() => {
                return Err(StagingError::NotEmpty { folder: folder.to_owned() });
            }
            Existing::Refuse => {}
            Existing::Replace => {
                layout.entries.iter().try_for_each(|entry| staging.check_replaceable(Path::new(entry)))?;
            }
        }
        fs::create_dir(&staging.part).map_err(at())?;
        Ok(staging)
    }

    /// A file of the user's, such as a picture beside the tables, is never taken away.
    fn check_replaceable(&self, entry: &Path) -> Result<(), StagingError> {
        let path = self.folder.join(entry);
        let kind = match fs::symlink_metadata(&path) {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(StagingError::Io { path, source }),
        };
        if !kind.is_dir() {
            return if (self.layout.is_ours)(entry) { Ok(()) } else { Err(StagingError::InTheWay { path }) };
        }
        for inner in fs::read_dir(&path).map_err(StagingError::at(&path))? {
            let inner = inner.map_err(StagingError::at(&path))?;
            self.check_replaceable(&entry.join(inner.file_name()))?;
        }
        Ok(())
    }

    /// Where the files grow, under the names that they will have in the folder.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Puts everything in place. Entries of the layout that were not written are not there afterwards.
    ///
    /// # Errors
    /// [`StagingError::Io`]; what was there before is then there again.
    pub fn commit(mut self) -> Result<(), StagingError> {
        let old = self.part.join(OLD);
        fs::create_dir(&old).map_err(StagingError::at(&old))?;
        let entries = self.layout.entries;
        let away = entries.iter().rev().map(|entry| (self.folder.join(entry), old.join(entry)));
        let into_place = entries.iter().map(|entry| (self.part.join(entry), self.folder.join(entry)));
        let mut moved = Vec::new();
        for (from, to) in away.chain(into_place) {
            match fs::rename(&from, &to) {
                Ok(()) => moved.push((from, to)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    for (from, to) in moved.iter().rev() {
                        // The first error is the one to tell.
                        let _ = fs::rename(to, from);
                    }
                    return Err(StagingError::at(&to)(error));
                }
            }
        }
        self.is_new = false;
        Ok(())
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // Nothing to tell anyone: the next run clears it away.
        let _ = remove(&self.part);
        if self.is_new {
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        entries: &["data", "model", "README.md"],
        is_ours: |path| path.extension().is_some_and(|ending| ending == "md" || ending == "bin"),
    };

    struct Place(tempfile::TempDir);

    impl Place {
        fn new() -> Place {
            Place(tempfile::tempdir().unwrap())
        }

        fn folder(&self) -> PathBuf {
            self.0.path().join("out")
        }

        fn put(&self, name: &str, text: &str) {
            let path = self.folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn has(&self, name: &str, text: &str) -> bool {
            fs::read_to_string(self.folder().join(name)).is_ok_and(|found| found == text)
        }

        fn begin(&self, existing: Existing) -> Result<Staging, StagingError> {
            Staging::begin(&self.folder(), existing, LAYOUT)
        }
    }

    #[test]
    fn all_of_it_gets_there_and_what_is_gone_is_gone() {
        let place = Place::new();
        place.put("data/a.bin", "old");
        place.put("data/b.bin", "old");
        place.put("README.md", "old");
        place.put(".git/HEAD", "main");
        assert!(matches!(place.begin(Existing::Refuse), Err(StagingError::NotEmpty { .. })));
        let staging = place.begin(Existing::Replace).unwrap();
        fs::create_dir(staging.part().join("data")).unwrap();
        fs::write(staging.part().join("data/a.bin"), "new").unwrap();
        assert!(place.has("data/a.bin", "old"));
        staging.commit().unwrap();
        assert!(place.has("data/a.bin", "new") && place.has(".git/HEAD", "main"));
        for gone in ["data/b.bin", "README.md", PART] {
            assert!(!place.folder().join(gone).exists(), "{gone}");
        }
    }

    #[test]
    fn dropped_it_was_never_there() {
        let place = Place::new();
        let staging = place.begin(Existing::Refuse).unwrap();
        fs::write(staging.part().join("README.md"), "half").unwrap();
        drop(staging);
        assert!(!place.folder().exists());
    }

    #[test]
    fn files_of_others_are_not_taken_away() {
        for (there, told) in
            [("data/cat.jpg", "data/cat.jpg"), ("data", "data"), ("README.md/x/y.txt", "README.md/x/y.txt")]
        {
            let place = Place::new();
            place.put(there, "mine");
            match place.begin(Existing::Replace) {
                Err(StagingError::InTheWay { path }) => assert_eq!(path, place.folder().join(told)),
                other => panic!("{other:?}"),
            }
            assert!(place.has(there, "mine"));
        }
    }

    #[test]
    fn what_cannot_be_put_in_place_changes_nothing() {
        // No file system takes the first name; the second is moved away before it.
        const LONG: &str = match std::str::from_utf8(&[b'x'; 300]) {
            Ok(name) => name,
            Err(_) => "",
        };
        let place = Place::new();
        let layout = Layout { entries: &[LONG, "README.md"], ..LAYOUT };
        let staging = Staging::begin(&place.folder(), Existing::Refuse, layout).unwrap();
        fs::write(staging.part().join("README.md"), "new").unwrap();
        place.put("README.md", "old");
        assert!(matches!(staging.commit(), Err(StagingError::Io { .. })));
        assert!(place.has("README.md", "old") && !place.folder().join(PART).exists());
    }
}

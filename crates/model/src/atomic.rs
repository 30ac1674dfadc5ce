//! Files that appear whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that is written under `<name>.part` and gets its own name only on [`AtomicFile::commit`].
///
/// Dropped without a commit, it takes its unfinished part away; after a crash the next writer replaces it.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    part: PathBuf,
    writer: BufWriter<File>,
    committed: bool,
}

impl AtomicFile {
    /// Starts writing the file that shall stand at `path`.
    ///
    /// # Errors
    /// Where the part cannot be created.
    pub fn create(path: &Path) -> io::Result<AtomicFile> {
        let mut name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?.to_owned();
        name.push(".part");
        let part = path.with_file_name(name);
        let writer = BufWriter::with_capacity(1 << 16, File::create(&part)?);
        Ok(AtomicFile { path: path.to_owned(), part, writer, committed: false })
    }

    /// The file as it stands while it is written, for libraries that write to a path.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Flushes to the disk and gives the file its name.
    ///
    /// # Errors
    /// Where the disk is full or the rename fails; the old file at the path, if any, is then still there.
    pub fn commit(mut self) -> io::Result<()> {
        self.writer.flush()?;
        // A library may have put a file of its own in this one's place, for nobody else's eyes.
        fs::set_permissions(&self.part, self.writer.get_ref().metadata()?.permissions())?;
        File::options().write(true).open(&self.part)?.sync_all()?;
        fs::rename(&self.part, &self.path)?;
        self.committed = true;
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.committed {
            // Nothing to tell anyone: the part is replaced by the next writer anyway.
            let _ = fs::remove_file(&self.part);
        }
    }
}

/// Writes a whole file at once, atomically.
///
/// # Errors
/// As [`AtomicFile::create`] and [`AtomicFile::commit`].
pub fn write(path: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(contents)?;
    file.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appears_only_on_commit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.csv");
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"id\n").unwrap();
        assert!(!path.exists());
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"id\n");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn what_a_library_put_there_is_for_the_same_eyes() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let file = AtomicFile::create(&path).unwrap();
        let expected = fs::metadata(file.part()).unwrap().permissions();
        let theirs = folder.path().join("theirs");
        fs::write(&theirs, b"weights").unwrap();
        fs::set_permissions(&theirs, fs::Permissions::from_mode(0o600)).unwrap();
        fs::rename(&theirs, file.part()).unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"weights");
        assert_eq!(fs::metadata(&path).unwrap().permissions(), expected);
    }

    #[test]
    fn a_drop_leaves_the_old_file_and_no_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("dataset.csv");
        write(&path, b"old").unwrap();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"half").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

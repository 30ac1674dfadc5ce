use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::{Error, Existing};
use crate::atomic;

/// Where the dataset grows: inside its folder, so that a rename puts it in place whatever the folder is, a mount or `.`.
const PART: &str = ".tagmill-export.part";

/// A dataset that is not in place yet. Dropped, it leaves nothing behind.
pub(super) struct Staging {
    folder: PathBuf,
    /// The folder was not there before.
    is_new: bool,
    part: PathBuf,
    data: PathBuf,
}

impl Staging {
    pub(super) fn begin(folder: &Path, existing: Existing) -> Result<Staging, Error> {
        let at = |source| Error::Io { path: folder.to_owned(), source };
        let is_new = !folder.try_exists().map_err(at)?;
        fs::create_dir_all(folder).map_err(at)?;
        let part = folder.join(PART);
        let staging = Staging { folder: folder.to_owned(), is_new, data: part.join("data"), part };
        // What a killed run left is no one's any more.
        remove(&staging.part).map_err(at)?;
        match existing {
            Existing::Refuse if fs::read_dir(folder).map_err(at)?.next().is_some() => {
                return Err(Error::NotEmpty { folder: folder.to_owned() });
            }
            Existing::Refuse => {}
            Existing::Replace => staging.check_replaceable()?,
        }
        fs::create_dir_all(&staging.data).map_err(at)?;
        Ok(staging)
    }

    /// A file of the user's, such as a picture beside the tables, is never taken away.
    fn check_replaceable(&self) -> Result<(), Error> {
        let data = self.folder.join("data");
        let entries = match fs::read_dir(&data) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                return Err(Error::InTheWay { path: data });
            }
            Err(source) => return Err(Error::Io { path: data, source }),
        };
        for entry in entries {
            let entry = entry.map_err(|source| Error::Io { path: data.clone(), source })?;
            if !entry.file_name().to_str().is_some_and(is_shard) {
                return Err(Error::InTheWay { path: entry.path() });
            }
        }
        Ok(())
    }

    /// Where the Parquet files go.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Writes a file beside `data/`.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.part.join(name);
        atomic::write(&path, text.as_bytes()).map_err(Error::at(&path))
    }

    /// Puts everything in place, the card last.
    pub(super) fn commit(mut self) -> Result<(), Error> {
        let at = |source| Error::Io { path: self.folder.clone(), source };
        self.is_new = false;
        let data = self.folder.join("data");
        match fs::rename(&data, self.part.join("old")) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(at(error)),
            _ => {}
        }
        fs::rename(&self.data, data).map_err(at)?;
        fs::rename(self.part.join("README.md"), self.folder.join("README.md")).map_err(at)
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

/// `train-00000-of-00002.parquet`
fn is_shard(name: &str) -> bool {
    let Some((side, rest)) = name.split_once('-') else { return false };
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = rest.strip_suffix(".parquet").and_then(|numbers| numbers.split_once("-of-"));
    matches!(side, "train" | "test") && numbers.is_some_and(|(number, of)| is_number(number) && is_number(of))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_files() {
        assert!(is_shard("train-00000-of-00002.parquet"));
        assert!(is_shard("test-00001-of-00002.parquet"));
        for other in [
            "train.parquet",
            "train-0-of-2.parquet",
            "eval-00000-of-00002.parquet",
            "train-00000-of-00002",
            "cat.jpg",
        ] {
            assert!(!is_shard(other), "{other}");
        }
    }
}

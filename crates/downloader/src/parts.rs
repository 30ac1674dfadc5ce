//! What is known of unfinished files, so that a later run fetches only their rest.

use std::collections::HashMap;
use std::fs;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tagmill_model::MediaPath;

use crate::lines::{LineWriter, Lines};
use crate::{Error, MediaStore};

/// A line of `.tagmill/parts.jsonl`: which version of a file a part is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) path: MediaPath,
    pub(crate) url: String,
    /// What the host called this version, for `If-Range`.
    pub(crate) validator: String,
    /// See [`boot`].
    boot: Option<String>,
}

/// The parts that earlier runs left, and those of this run.
#[derive(Debug)]
pub(crate) struct PartList {
    left: Mutex<HashMap<MediaPath, Origin>>,
    list: LineWriter,
    boot: Option<String>,
}

impl PartList {
    /// Opens the list of a folder, and forgets the parts that are not there any more or not to be trusted.
    pub(crate) fn open(store: &MediaStore) -> Result<PartList, Error> {
        let path = MediaStore::own_folder(store.root()).join("parts.jsonl");
        let boot = boot();
        let mut left = HashMap::new();
        for origin in Lines::<Origin>::read(&path)?.lines {
            // The last line of a path is of the part that is there.
            left.insert(origin.path.clone(), origin);
        }
        left.retain(|path, origin| origin.boot == boot && store.part_of(path).is_file());
        let list = LineWriter::replace(path, left.values())?;
        Ok(PartList { left: Mutex::new(left), list, boot })
    }

    /// What an earlier run left of a file, once.
    pub(crate) fn take(&self, path: &MediaPath, url: &str) -> Option<Origin> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.remove(path).filter(|origin| origin.url == url)
    }

    /// Notes where a part comes from, before its first byte is written.
    pub(crate) fn add(&self, path: &MediaPath, url: &str, validator: &str) -> Result<(), Error> {
        let (path, url, validator) = (path.clone(), url.to_owned(), validator.to_owned());
        self.list.add(&Origin { path, url, validator, boot: self.boot.clone() })
    }
}

/// Which start of this machine this is. A part from before a crash of the machine may end in bytes that never reached the
/// disk, so it is not resumed. `None` where the system does not tell.
fn boot() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_resumed_once_from_its_own_url_and_only_while_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        let path = |name: &str| MediaPath::parse(name).unwrap();
        let list = PartList::open(&store).unwrap();
        for (name, url) in [("a.mp4", "http://x/a"), ("b.mp4", "http://x/b"), ("c.mp4", "http://x/c")] {
            list.add(&path(name), url, "\"1\"").unwrap();
        }
        list.add(&path("a.mp4"), "http://x/a", "\"2\"").unwrap();
        fs::write(folder.path().join("a.mp4.part"), "x").unwrap();
        fs::write(folder.path().join("c.mp4.part"), "x").unwrap();
        let list = PartList::open(&store).unwrap();
        assert_eq!(list.take(&path("a.mp4"), "http://x/a").unwrap().validator, "\"2\"");
        assert_eq!(list.take(&path("a.mp4"), "http://x/a"), None);
        assert_eq!(list.take(&path("b.mp4"), "http://x/b"), None);
        assert_eq!(list.take(&path("c.mp4"), "http://elsewhere/c"), None);
        let file = MediaStore::own_folder(folder.path()).join("parts.jsonl");
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
        let before_a_crash = fs::read_to_string(&file).unwrap().replace("\"boot\":", "\"boot\":\"0\",\"_\":");
        fs::write(&file, before_a_crash).unwrap();
        assert_eq!(PartList::open(&store).unwrap().take(&path("a.mp4"), "http://x/a"), None);
    }
}

//! What the host said that it does not have, so that a later run need not ask again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tagmill_model::{ItemId, now};

use crate::lines::{LineWriter, Lines};
use crate::report::{FailedItem, Reason};
use crate::{Error, MediaStore};

/// A line of `.tagmill/failures.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Line {
    id: ItemId,
    path: String,
    reason: Reason,
    detail: String,
    /// Unix seconds.
    failed_at: i64,
}

/// The list of the files that are gone, open to be added to.
#[derive(Debug)]
pub(crate) struct GoneList(LineWriter);

impl GoneList {
    /// Opens the list of a folder and tidies it up: files that are there by now are taken out of it, and so are lines that a
    /// crash or an editor broke.
    pub(crate) fn open(store: &MediaStore, remembered: &Remembered) -> Result<GoneList, Error> {
        let path = file_of(store.root());
        Ok(GoneList(match remembered.is_untidy {
            true => LineWriter::replace(path, remembered.lines.values())?,
            false => LineWriter::append(path)?,
        }))
    }

    /// Adds an item if its file is gone. Other failures may pass, so the next run tries them again.
    pub(crate) fn add(&self, item: &FailedItem) -> Result<(), Error> {
        if item.reason != Reason::Gone {
            return Ok(());
        }
        self.0.add(&Line {
            id: item.id,
            path: item.path.clone(),
            reason: item.reason,
            detail: item.detail.clone(),
            failed_at: now(),
        })
    }
}

fn file_of(root: &Path) -> PathBuf {
    MediaStore::own_folder(root).join("failures.jsonl")
}

/// What earlier runs put on the list.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    lines: HashMap<String, Line>,
    /// Whether the file has other lines than these.
    is_untidy: bool,
}

impl Remembered {
    /// Reads the list of a folder, less what is there by now.
    pub(crate) fn read(root: &Path, is_present: impl Fn(&str) -> bool) -> Result<Remembered, Error> {
        let Lines { lines, mut is_untidy } = Lines::<Line>::read(&file_of(root))?;
        let mut remembered = HashMap::new();
        for line in lines {
            if is_present(&line.path) {
                is_untidy = true;
            } else {
                is_untidy |= remembered.insert(line.path.clone(), line).is_some();
            }
        }
        Ok(Remembered { lines: remembered, is_untidy })
    }

    /// Whether the host said of this file that it does not have it.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.lines.contains_key(path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn gone(id: i64, path: &str, reason: Reason) -> FailedItem {
        FailedItem { id: ItemId(id), path: path.to_owned(), reason, detail: "status 404".to_owned() }
    }

    fn read(root: &Path, present: &[&str]) -> (Vec<String>, bool) {
        let known = Remembered::read(root, |path| present.contains(&path)).unwrap();
        let mut paths: Vec<String> = known.lines.keys().cloned().collect();
        paths.sort();
        (paths, known.is_untidy)
    }

    #[test]
    fn only_what_is_gone_is_remembered_until_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        let list = GoneList::open(&store, &Remembered::default()).unwrap();
        list.add(&gone(1, "a.jpg", Reason::Gone)).unwrap();
        list.add(&gone(2, "b.jpg", Reason::ServerError)).unwrap();
        list.add(&gone(3, "c.jpg", Reason::Gone)).unwrap();
        assert_eq!(read(folder.path(), &[]), (vec!["a.jpg".to_owned(), "c.jpg".to_owned()], false));
        assert_eq!(read(folder.path(), &["c.jpg"]), (vec!["a.jpg".to_owned()], true));

        let known = Remembered::read(folder.path(), |path| path == "c.jpg").unwrap();
        let list = GoneList::open(&store, &known).unwrap();
        assert_eq!(read(folder.path(), &[]), (vec!["a.jpg".to_owned()], false));
        list.add(&gone(4, "d.jpg", Reason::Gone)).unwrap();
        assert_eq!(read(folder.path(), &[]).0, ["a.jpg", "d.jpg"]);
    }

    #[test]
    fn a_line_that_a_kill_cut_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        let list = GoneList::open(&store, &Remembered::default()).unwrap();
        list.add(&gone(1, "a.jpg", Reason::Gone)).unwrap();
        let whole = fs::read(file_of(folder.path())).unwrap();
        for cut in 1..whole.len() {
            fs::write(file_of(folder.path()), [&whole[..], &whole[..cut]].concat()).unwrap();
            let known = Remembered::read(folder.path(), |_| false).unwrap();
            assert!(known.contains("a.jpg") && known.is_untidy, "{cut}");
            GoneList::open(&store, &known).unwrap().add(&gone(2, "b.jpg", Reason::Gone)).unwrap();
            assert_eq!(
                read(folder.path(), &[]),
                (vec!["a.jpg".to_owned(), "b.jpg".to_owned()], false),
                "{cut}"
            );
        }
    }
}

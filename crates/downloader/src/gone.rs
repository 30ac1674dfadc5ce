//! What the host said that it does not have, so that a later run need not ask again.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tagmill_model::ItemId;

use crate::report::{FailedItem, Reason};
use crate::{Error, MediaStore};

const NAME: &str = "failures.jsonl";

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
pub(crate) struct GoneList {
    path: PathBuf,
    file: File,
}

impl GoneList {
    /// Opens the list of a folder and tidies it up: files that are there by now are taken out of it, and so are lines that a
    /// crash or an editor broke.
    pub(crate) fn open(store: &MediaStore, remembered: &Remembered) -> Result<GoneList, Error> {
        let path = file_of(store.root());
        let io = |source| Error::io(&path, source);
        if remembered.is_untidy {
            let mut text = Vec::new();
            for line in remembered.lines.values() {
                push(&mut text, line);
            }
            let new = path.with_extension("jsonl.new");
            fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).map_err(io)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path).map_err(io)?;
        Ok(GoneList { path, file })
    }

    /// Adds an item if its file is gone. Other failures may pass, so the next run tries them again.
    pub(crate) fn add(&mut self, item: &FailedItem) -> Result<(), Error> {
        if item.reason != Reason::Gone {
            return Ok(());
        }
        let now =
            SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().cast_signed());
        let line = Line {
            id: item.id,
            path: item.path.clone(),
            reason: item.reason,
            detail: item.detail.clone(),
            failed_at: now,
        };
        let mut text = Vec::new();
        push(&mut text, &line);
        self.file.write_all(&text).map_err(|source| Error::io(&self.path, source))
    }
}

fn file_of(root: &Path) -> PathBuf {
    MediaStore::own_folder(root).join(NAME)
}

fn push(text: &mut Vec<u8>, line: &Line) {
    serde_json::to_writer(&mut *text, line).expect("numbers and text are always JSON");
    text.push(b'\n');
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
        let path = file_of(root);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Remembered::default()),
            text => text.map_err(|source| Error::io(&path, source))?,
        };
        let mut known = Remembered::default();
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let Ok(line) = serde_json::from_slice::<Line>(line) else {
                tracing::warn!("`{}` has a line that is none of its own; it is taken out", path.display());
                known.is_untidy = true;
                continue;
            };
            known.is_untidy |= is_present(&line.path) || known.lines.contains_key(&line.path);
            if !is_present(&line.path) {
                known.lines.insert(line.path.clone(), line);
            }
        }
        // A kill between a line and its end: the next one must not be written behind it.
        known.is_untidy |= text.last().is_some_and(|last| *last != b'\n');
        Ok(known)
    }

    /// Whether the host said of this file that it does not have it.
    pub(crate) fn contains(&self, path: &str) -> bool {
        self.lines.contains_key(path)
    }
}

#[cfg(test)]
mod tests {
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
        let mut list = GoneList::open(&store, &Remembered::default()).unwrap();
        list.add(&gone(1, "a.jpg", Reason::Gone)).unwrap();
        list.add(&gone(2, "b.jpg", Reason::ServerError)).unwrap();
        list.add(&gone(3, "c.jpg", Reason::Gone)).unwrap();
        assert_eq!(read(folder.path(), &[]), (vec!["a.jpg".to_owned(), "c.jpg".to_owned()], false));
        assert_eq!(read(folder.path(), &["c.jpg"]), (vec!["a.jpg".to_owned()], true));

        let known = Remembered::read(folder.path(), |path| path == "c.jpg").unwrap();
        let mut list = GoneList::open(&store, &known).unwrap();
        assert_eq!(read(folder.path(), &[]), (vec!["a.jpg".to_owned()], false));
        list.add(&gone(4, "d.jpg", Reason::Gone)).unwrap();
        assert_eq!(read(folder.path(), &[]).0, ["a.jpg", "d.jpg"]);
    }

    #[test]
    fn a_line_that_a_kill_cut_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = MediaStore::open(folder.path()).unwrap();
        let mut list = GoneList::open(&store, &Remembered::default()).unwrap();
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

//! What lists have in common: a line names a picture, and says something of it.

use std::path::{Path, PathBuf};

use tagmill_model::{Flags, MediaKind, Tag};

use crate::source::{Entry, Reading, kind, text_of};
use crate::{Fault, Reason, tags};

/// Ten thousand tags are far less. A file without ends of lines is no list, and is not to fill the memory.
pub(super) const LONGEST_LINE: u64 = 16 << 20;

/// UTF-8's byte order mark.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";

/// Where the pictures of a list lie, and what the list is called.
pub(super) struct Place {
    root: PathBuf,
    list: String,
}

/// A line of a list, understood.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Line {
    pub(super) path: PathBuf,
    pub(super) tags: Vec<Tag>,
    /// Entries of the list of tags that are none.
    pub(super) odd_tags: usize,
    pub(super) class: Option<Flags>,
    pub(super) created: Option<i64>,
}

impl Place {
    /// `root` is absolute and has no links in it.
    pub(super) fn new(root: PathBuf, list: &Path) -> Place {
        Place { root, list: list.file_name().map(|name| text_of(Path::new(name))).unwrap_or_default() }
    }

    /// What becomes of a line; an error has its reason and what is the matter.
    pub(super) fn reading(&self, number: u64, line: Result<Line, (Reason, String)>) -> Reading {
        let Line { path, tags, odd_tags, class, created } = match line {
            Ok(line) => line,
            Err((reason, detail)) => {
                return Reading::fault(Fault::new(format!("{}:{number}", self.list), reason, detail));
            }
        };
        if kind(&path) == MediaKind::Video {
            return Reading { is_video: true, ..Reading::default() };
        }
        let name = text_of(&path);
        let odd = (odd_tags > 0).then(|| {
            let entries = if odd_tags == 1 { "entry is" } else { "entries are" };
            Fault::new(name.clone(), Reason::OddTags, format!("line {number}: {odd_tags} {entries} no tag"))
        });
        let entry = Entry { name, path: self.root.join(path), tags: tags::united(tags), class, created };
        Reading { entry: Some(entry), faults: odd.into_iter().collect(), ..Reading::default() }
    }
}

/// What tests see of readings: a line each.
#[cfg(test)]
pub(super) fn shown(root: &Path, readings: impl IntoIterator<Item = Reading>) -> String {
    let mut lines = Vec::new();
    for Reading { entry, faults, is_video, .. } in readings {
        for Fault { path, reason, detail } in faults {
            lines.push(format!("! {path}: {reason}: {detail}"));
        }
        if is_video {
            lines.push("a video".to_owned());
        }
        if let Some(Entry { name, path, tags, class, created }) = entry {
            assert_eq!(path, root.join(&name));
            let tags: Vec<String> =
                tags.iter().map(|tag| format!("{} {}", tag.name, tag.confidence)).collect();
            let class = class.map_or(String::new(), |class| format!("; {class}"));
            let created = created.map_or(String::new(), |created| format!("; {created}"));
            lines.push(format!("{name}: {}{class}{created}", tags.join(" | ")));
        }
    }
    lines.join("\n")
}

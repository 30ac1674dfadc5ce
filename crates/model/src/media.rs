//! Where an item's medium lies: on the media host, and under `media/`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A relative path of a medium that is safe to join to any folder.
///
/// Paths come from the network, so they are hostile: a `MediaPath` is never absolute, has no empty, `.` or `..` part, no
/// backslash, colon, NUL or other control character, and stays under 255 bytes a part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MediaPath(String);

/// A path that is not safe or not a file's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{}` is not a safe relative path: {reason}", path.escape_debug())]
pub struct InvalidMediaPath {
    /// The path as it came.
    pub path: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// The folder below `media/` of what came from this machine and not from a media host. No board's path begins so.
pub const IMPORTED: &str = "imported";

/// ext4, XFS, APFS and NTFS all stop here.
const LONGEST_PART: usize = 255 - ".part".len();

impl MediaPath {
    /// Checks a path from the board; one leading slash is dropped, as boards send both forms.
    ///
    /// # Errors
    /// [`InvalidMediaPath`] with the reason.
    pub fn parse(path: &str) -> Result<MediaPath, InvalidMediaPath> {
        match MediaPath::check(path) {
            Ok(relative) => Ok(MediaPath(relative.to_owned())),
            Err(reason) => Err(InvalidMediaPath { path: path.to_owned(), reason }),
        }
    }

    /// As [`MediaPath::parse`], for whoever needs no copy: the path without its leading slash.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(path: &str) -> Result<&str, &'static str> {
        let relative = path.strip_prefix('/').unwrap_or(path);
        fault(relative).map_or(Ok(relative), Err)
    }

    /// The path, with `/` between its parts.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path below `folder`.
    pub fn under(&self, folder: &Path) -> PathBuf {
        folder.join(&self.0)
    }

    /// Whether the medium came from this machine, so that no media host has it.
    pub fn is_imported(path: &str) -> bool {
        path.strip_prefix(IMPORTED).is_some_and(|rest| rest.starts_with('/'))
    }

    /// What the extension says the medium is.
    pub fn kind(&self) -> MediaKind {
        MediaKind::of_path(&self.0)
    }
}

fn fault(path: &str) -> Option<&'static str> {
    if path.is_empty() {
        return Some("it is empty");
    }
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    if path.chars().any(|c| c.is_control() || matches!(c, '\\' | ':')) {
        return Some("it has a backslash, colon or control character");
    }
    path.split('/').find_map(|part| match part {
        "" => Some("it has an empty part"),
        "." | ".." => Some("it has a `.` or `..` part"),
        _ if part.starts_with('.') => Some("it has a hidden part"),
        _ if part.ends_with(".part") => Some("it ends in `.part`, the mark of an unfinished file"),
        _ if part.len() > LONGEST_PART => Some("a part of it is too long"),
        _ => None,
    })
}

impl fmt::Display for MediaPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for MediaPath {
    type Error = InvalidMediaPath;

    fn try_from(path: String) -> Result<MediaPath, InvalidMediaPath> {
        MediaPath::parse(&path)
    }
}

impl From<MediaPath> for String {
    fn from(path: MediaPath) -> String {
        path.0
    }
}

/// What a medium is, by its extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaKind {
    /// A picture; an animated GIF counts as one.
    Image,
    /// A video.
    Video,
    /// Anything else.
    Other,
}

impl MediaKind {
    /// The kind an extension stands for, without its dot, in any case.
    pub fn of_extension(extension: &str) -> MediaKind {
        let is_one_of = |known: &[&str]| known.iter().any(|known| extension.eq_ignore_ascii_case(known));
        match () {
            () if is_one_of(&["jpg", "jpeg", "png", "gif", "webp"]) => MediaKind::Image,
            () if is_one_of(&["mp4", "webm"]) => MediaKind::Video,
            () => MediaKind::Other,
        }
    }

    /// The kind that the extension of a path stands for.
    pub fn of_path(path: &str) -> MediaKind {
        MediaKind::of_extension(path.rsplit_once('.').map_or("", |(_, extension)| extension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: Result<&str, &str>) {
        let found = MediaPath::parse(path);
        let found = found.as_ref().map(MediaPath::as_str).map_err(|error| error.reason);
        assert_eq!(found, expected, "{path:?}");
    }

    #[test]
    fn accepts_what_boards_send() {
        check("2024/03/17/9f86d081884c7d65.jpg", Ok("2024/03/17/9f86d081884c7d65.jpg"));
        check("/2024/a.png", Ok("2024/a.png"));
        check("ä ö.webp", Ok("ä ö.webp"));
    }

    #[test]
    fn refuses_what_could_leave_the_folder() {
        check("", Err("it is empty"));
        check("/", Err("it is empty"));
        check("//host/a.jpg", Err("it is absolute"));
        check("https://host/a.jpg", Err("it has a backslash, colon or control character"));
        check("C:/a.jpg", Err("it has a backslash, colon or control character"));
        check("a\\b.jpg", Err("it has a backslash, colon or control character"));
        check("a\0.jpg", Err("it has a backslash, colon or control character"));
        check("../a.jpg", Err("it has a `.` or `..` part"));
        check("a/../../b.jpg", Err("it has a `.` or `..` part"));
        check("a//b.jpg", Err("it has an empty part"));
        check("a/", Err("it has an empty part"));
        check(".tagmill/failures.jsonl", Err("it has a hidden part"));
        check("a.jpg.part", Err("it ends in `.part`, the mark of an unfinished file"));
        check(&"x".repeat(300), Err("a part of it is too long"));
    }

    #[test]
    fn what_was_imported_is_told_by_its_folder() {
        assert!(MediaPath::is_imported("imported/ab/c.jpg"));
        assert!(!MediaPath::is_imported("imported.jpg") && !MediaPath::is_imported("2024/imported/a.jpg"));
    }

    #[test]
    fn kind_is_by_extension() {
        assert_eq!(MediaPath::parse("a/b.JPG").unwrap().kind(), MediaKind::Image);
        assert_eq!(MediaPath::parse("a/b.mp4").unwrap().kind(), MediaKind::Video);
        assert_eq!(MediaPath::parse("a/b").unwrap().kind(), MediaKind::Other);
    }
}

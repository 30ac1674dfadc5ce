//! What readers of sources have in common.

use std::path::{Path, PathBuf};

use tagmill_model::{Flags, MediaKind, Tag};

use crate::{Error, Fault};

/// A reader of one kind of source. What has to go in order is done by `next`, and should be little; the rest is done by `read`,
/// of many at once.
pub(crate) trait Pictures: Sync {
    /// What is to be read.
    type Raw: Send;

    /// The next one, in an order that is the same each time.
    fn next(&mut self) -> Result<Option<Self::Raw>, Error>;

    /// Reads what the source says of it.
    fn read(&self, raw: Self::Raw) -> Reading;
}

/// What a source says of one thing in it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// The picture, where it is one and can be taken.
    pub(crate) entry: Option<Entry>,
    /// What is the matter with it.
    pub(crate) faults: Vec<Fault>,
    /// Whether it is a video, which is left out.
    pub(crate) is_video: bool,
    /// Whether it is a file of which nothing is wanted.
    pub(crate) is_other: bool,
}

/// A picture and what its source says of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    /// Its path as the source names it, for people.
    pub(crate) name: String,
    /// Where it lies: absolute, but for links. Tells it from all others of all sources.
    pub(crate) path: PathBuf,
    /// Each once.
    pub(crate) tags: Vec<Tag>,
    /// Its content class, where the source says one.
    pub(crate) class: Option<Flags>,
    /// When it was made, Unix seconds, where the source says it.
    pub(crate) created: Option<i64>,
}

impl Reading {
    pub(crate) fn fault(fault: Fault) -> Reading {
        Reading { faults: vec![fault], ..Reading::default() }
    }
}

/// Extensions of pictures that nothing here can decode: their owner is told so, where other files are passed over.
const UNDECODABLE: [&str; 8] = ["avif", "bmp", "heic", "heif", "jfif", "jxl", "tif", "tiff"];

/// What a file promises to be by its extension.
pub(crate) fn kind(path: &Path) -> MediaKind {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match UNDECODABLE.iter().any(|known| extension.eq_ignore_ascii_case(known)) {
        true => MediaKind::Image,
        false => MediaKind::of_extension(extension),
    }
}

/// A path as text. Bytes that are no UTF-8 are spelled out, so that two paths do not become one.
pub(crate) fn text_of(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (name, expected) in [
            ("a.JPG", MediaKind::Image),
            ("a.b.webp", MediaKind::Image),
            ("a.bmp", MediaKind::Image),
            ("a.mp4", MediaKind::Video),
            ("a.txt", MediaKind::Other),
            ("jpg", MediaKind::Other),
        ] {
            assert_eq!(kind(Path::new(name)), expected, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn paths_of_any_bytes_have_a_text() {
        use std::os::unix::ffi::OsStrExt;
        let path = |bytes| text_of(Path::new(std::ffi::OsStr::from_bytes(bytes)));
        assert_eq!(path("größe/a.jpg".as_bytes()), "größe/a.jpg");
        assert_eq!(path(b"a\xffb\xc3.jpg"), "a\\xffb\\xc3.jpg");
    }
}

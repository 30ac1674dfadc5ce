use std::fmt;

use serde::{Serialize, Serializer};
use tagmill_model::picture::BadPicture;

/// Something about a picture or a file of the source that its owner may want to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file as the source names it; of a line without a usable path, the list and the number of the line.
    pub path: String,
    /// What is the matter.
    pub reason: Reason,
    /// More of it; may be empty.
    pub detail: String,
}

/// What is the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The picture has no sidecar, no folder, or an empty list of tags.
    Untagged,
    /// The sidecar has no picture.
    NoPicture,
    /// The picture's sidecar is not in the encoding, or is no text.
    UnreadableSidecar,
    /// The line is no JSON object, or the row has not as many cells as the header, or a quote that is not closed.
    MalformedLine,
    /// A field of the line does not hold what it should.
    MalformedField,
    /// The list has named this picture before: the first line counts.
    NamedTwice,
    /// A symbolic link that leads nowhere.
    BrokenLink,
    /// A symbolic link to a folder, which is not followed.
    LinkedFolder,
    /// There is no file at the path.
    Missing,
    /// The file or folder cannot be read, or is no file.
    Unreadable,
    /// The file has no bytes.
    Empty,
    /// It is no JPEG, PNG, GIF or WebP.
    UnknownFormat,
    /// The file, the picture or the sidecar is too large.
    TooLarge,
    /// A JPEG without its end.
    Truncated,
    /// The picture's head cannot be decoded.
    Corrupt,
    /// The file changed while it was read.
    Changing,
    /// Taken: the same picture as another, with the tags of both.
    Duplicate,
    /// Taken: several pictures share a sidecar, and each has its tags.
    SharedSidecar,
    /// Taken: the picture's two sidecars differ, and it has the tags of both.
    TwoSidecars,
    /// Taken: some entries of its list of tags are none.
    OddTags,
}

impl Reason {
    /// The reason as reports and lists name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Untagged => "untagged",
            Reason::NoPicture => "sidecar without a picture",
            Reason::UnreadableSidecar => "unreadable sidecar",
            Reason::MalformedLine => "malformed line",
            Reason::MalformedField => "malformed field",
            Reason::NamedTwice => "named twice",
            Reason::BrokenLink => "broken link",
            Reason::LinkedFolder => "linked folder",
            Reason::Missing => "missing",
            Reason::Unreadable => "unreadable",
            Reason::Empty => "empty",
            Reason::UnknownFormat => "unknown format",
            Reason::TooLarge => "too large",
            Reason::Truncated => "cut off",
            Reason::Corrupt => "corrupt",
            Reason::Changing => "changed meanwhile",
            Reason::Duplicate => "duplicate",
            Reason::SharedSidecar => "shared sidecar",
            Reason::TwoSidecars => "two sidecars that differ",
            Reason::OddTags => "odd tags",
        }
    }

    /// Whether something was left out: a picture, or tags without one. Otherwise it was taken all the same.
    pub fn is_left_out(self) -> bool {
        !matches!(self, Reason::Duplicate | Reason::SharedSidecar | Reason::TwoSidecars | Reason::OddTags)
    }

    pub(crate) fn of(bad: &BadPicture) -> Reason {
        match bad {
            BadPicture::Missing => Reason::Missing,
            BadPicture::Empty => Reason::Empty,
            BadPicture::Unreadable(_) => Reason::Unreadable,
            BadPicture::UnknownFormat => Reason::UnknownFormat,
            BadPicture::TooLarge(_) => Reason::TooLarge,
            BadPicture::Truncated => Reason::Truncated,
            BadPicture::Corrupt(_) => Reason::Corrupt,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl Fault {
    pub(crate) fn new(path: impl Into<String>, reason: Reason, detail: impl Into<String>) -> Fault {
        Fault { path: path.into(), reason, detail: detail.into() }
    }
}

use std::path::{Path, PathBuf};

use tagmill_model::Flags;
use tagmill_model::picture::Limits;

use crate::TextEncoding;

/// What to import, and where to.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where pictures and tags are.
    pub source: Source,
    /// The items database; made where there is none. It takes imported items alone, or those of one board.
    pub database: PathBuf,
    /// The media folder. Pictures come to stand in `imported/` below it.
    pub media_dir: PathBuf,
    /// How they come there.
    pub placing: Placing,
    /// Content class of pictures of which the source names none. SFW by default.
    pub class: Flags,
    /// Whether pictures without tags are taken too. Off by default: they teach "has none of all tags".
    pub untagged: bool,
    /// Where to list, as `path,reason,detail`, what was left out and what was taken in another way than one may think. `None`,
    /// the default, is nowhere.
    pub rejects: Option<PathBuf>,
    /// What a picture may cost.
    pub limits: Limits,
    /// Items a commit. 5,000 by default: a kill costs no more, and each commit waits for the disk a little.
    pub batch_size: usize,
}

/// Where pictures and tags are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder of pictures, with all folders below it.
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What says the tags.
        tags: FolderTags,
    },
    /// A file with a JSON object a line, such as the `metadata.jsonl` of an imagefolder.
    Jsonl {
        /// The file.
        file: PathBuf,
        /// What its paths are relative to; `None` for the folder that the file is in.
        media_root: Option<PathBuf>,
    },
    /// A CSV file with a header, with commas, semicolons or tabs between its cells.
    Csv {
        /// The file.
        file: PathBuf,
        /// What its paths are relative to; `None` for the folder that the file is in.
        media_root: Option<PathBuf>,
    },
}

/// What says the tags of a folder's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FolderTags {
    /// Text files beside them: `photo.txt` or `photo.jpg.txt` beside `photo.jpg`.
    Sidecars {
        /// What stands between two tags.
        separator: Separator,
        /// How they are encoded where they are not UTF-8 and begin with no byte order mark; `None` leaves such ones out.
        encoding: Option<TextEncoding>,
    },
    /// The names of the folders between the source and the picture, each a tag.
    Folders,
}

/// What stands between two tags of a sidecar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Separator {
    /// Commas in a file of one line, in one of whose lines one ends in a comma, and in one whose lines all have one; the ends
    /// of lines in all others.
    #[default]
    Auto,
    /// Commas and ends of lines.
    Comma,
    /// Ends of lines alone: a comma belongs to its tag.
    Line,
}

/// How a picture comes into the media folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Placing {
    /// As a hard link: no room is taken, and the picture is there even when its own name is gone. Where the file systems do
    /// not allow that, as a copy.
    #[default]
    Link,
    /// As a copy, which no change of the original reaches.
    Copy,
    /// As a symbolic link, for pictures that are to stay where they are.
    Reference,
}

impl Config {
    /// The defaults, for a source, a database and a media folder.
    pub fn new(source: Source, database: impl Into<PathBuf>, media_dir: impl Into<PathBuf>) -> Config {
        Config {
            source,
            database: database.into(),
            media_dir: media_dir.into(),
            placing: Placing::default(),
            class: Flags::SFW,
            untagged: false,
            rejects: None,
            limits: Limits::default(),
            batch_size: 5000,
        }
    }
}

impl Source {
    /// The defaults of a folder: sidecars in UTF-8, whose separator is found out.
    pub fn folder(folder: impl Into<PathBuf>) -> Source {
        let tags = FolderTags::Sidecars { separator: Separator::Auto, encoding: None };
        Source::Folder { folder: folder.into(), tags }
    }

    /// The folder or the file.
    pub fn path(&self) -> &Path {
        match self {
            Source::Folder { folder, .. } => folder,
            Source::Jsonl { file, .. } | Source::Csv { file, .. } => file,
        }
    }

    /// One word for the kind.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Source::Folder { .. } => "folder",
            Source::Jsonl { .. } => "jsonl",
            Source::Csv { .. } => "csv",
        }
    }
}

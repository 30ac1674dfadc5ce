//! `dataset.csv`, the training table, or the same as `dataset.parquet`, and `dataset.meta.json` beside it.
//!
//! One row an item, in id order. The header is `id,image,created,width,height,flags,is_nsfw,is_nsfl,is_nsfp,is_pol`
//! and then `tag1,confidence1,…,tagN,confidenceN`, tags by falling confidence, then name; the cells of tags that an item
//! does not have are empty. Tables of the original program, which lack `created`, `width`, `height`, `flags` and `is_pol`,
//! are read too.
//!
//! A tag may begin with `=`, `+`, `-` or `@`, which spreadsheet programs run as a formula: import the tag columns as text.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Flags, ItemId, MediaPath, Tag};

mod batch;
mod cells;
mod encode;
mod heads;
mod meta;
#[cfg(feature = "parquet")]
mod parquet_reader;
mod reader;
mod writer;

pub use encode::{EncodedRows, RowEncoder, RowHead};
pub use heads::HeadReader;
pub use meta::DatasetMeta;
pub use reader::DatasetReader;
pub use writer::{DatasetDigest, DatasetFormat, DatasetWriter};

/// The columns before the tags.
pub const FIXED_COLUMNS: [&str; 10] =
    ["id", "image", "created", "width", "height", "flags", "is_nsfw", "is_nsfl", "is_nsfp", "is_pol"];

/// Tag columns of a table, where nobody says otherwise.
pub const DEFAULT_MAX_TAGS: usize = 24;

/// One item of the training table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetRow {
    /// The board's number.
    pub id: ItemId,
    /// Where the picture lies below the media folder.
    pub image: MediaPath,
    /// Upload time, Unix seconds, UTC; 0 when unknown.
    pub created: i64,
    /// Width in pixels; 0 when unknown.
    pub width: u32,
    /// Height in pixels; 0 when unknown.
    pub height: u32,
    /// Content class as the board has it.
    pub flags: Flags,
    /// Content class as the board or people's tags have it: the `is_…` columns. Only NSFW, NSFL, NSFP and POL occur.
    pub content: Flags,
    /// Tags by falling confidence, then name.
    pub tags: Vec<Tag>,
}

impl DatasetRow {
    /// The row without its tags.
    pub fn head(&self) -> RowHead<'_> {
        let DatasetRow { id, created, width, height, flags, content, .. } = *self;
        RowHead { id, image: self.image.as_str(), created, width, height, flags, content }
    }
}

/// Why a table could not be read or written.
#[derive(Debug, Error)]
pub enum DatasetError {
    /// There is no file at the path.
    #[error("there is no dataset at `{}`", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The file could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The header lacks a column that every table has.
    #[error("`{}` is not a dataset: its header has no column `{column}`", path.display())]
    MissingColumn {
        /// The table.
        path: PathBuf,
        /// The column that is not there.
        column: String,
    },
    /// The file is no Parquet, or a column of it is of another type than a table's.
    #[error("`{}` is not a dataset: {fault}", path.display())]
    MalformedFile {
        /// The table.
        path: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A line does not have the form of the table.
    #[error("`{}` line {line}: {fault}", path.display())]
    MalformedLine {
        /// The table.
        path: PathBuf,
        /// The line, counted from 1; the header is line 1.
        line: u64,
        /// What is wrong with it.
        fault: String,
    },
    /// A cell does not hold what its column holds.
    #[error("`{}` line {line}, column `{column}`: `{}` is not {expected}", path.display(), value.escape_debug())]
    MalformedCell {
        /// The table.
        path: PathBuf,
        /// The line, counted from 1; the header is line 1. Row n of a Parquet table is line n + 1, as in the CSV.
        line: u64,
        /// The column.
        column: String,
        /// What stands there.
        value: String,
        /// What should.
        expected: &'static str,
    },
}

impl DatasetError {
    fn io(path: &Path, source: std::io::Error) -> DatasetError {
        match source.kind() {
            std::io::ErrorKind::NotFound => DatasetError::NotFound { path: path.to_owned() },
            _ => DatasetError::Io { path: path.to_owned(), source },
        }
    }
}

/// Where the facts on a table lie: `dataset.meta.json` beside `dataset.csv`, and `dataset.parquet.meta.json` beside
/// `dataset.parquet`, since both tables may stand in one folder.
pub fn meta_path(dataset: &Path) -> PathBuf {
    let is_parquet = dataset.extension().is_some_and(|extension| extension == "parquet");
    dataset.with_extension(if is_parquet { "parquet.meta.json" } else { "meta.json" })
}

#[cfg(test)]
mod tests;

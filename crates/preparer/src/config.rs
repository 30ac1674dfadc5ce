use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::Serialize;
use tagmill_model::dataset::{DEFAULT_MAX_TAGS, DatasetFormat};

use crate::{ItemFilter, TagRules, TrashRules};

/// What to prepare, and by which rules.
///
/// Serialised, it is the `settings` of `dataset.meta.json`: what decides about the rows, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// The items database. It is only read.
    #[serde(skip)]
    pub database: PathBuf,
    /// Where the table shall stand, by custom `dataset.csv`; `dataset.meta.json` and `dataset.blocks.jsonl` are written
    /// beside it. Beside `dataset.parquet` that is `dataset.parquet.meta.json` alone.
    #[serde(skip)]
    pub output: PathBuf,
    /// The form of the table's file. CSV by default, which is what training reads; Parquet, with the feature `parquet`, has
    /// the same rows and columns.
    #[serde(skip)]
    pub format: DatasetFormat,
    /// Where to list the items that are not in the table, as `id,reason,detail`. `None`, the default, is nowhere.
    #[serde(skip)]
    pub rejects: Option<PathBuf>,
    /// Threads; `None` for as many as there are cores. The bytes do not depend on it.
    #[serde(skip)]
    pub threads: Option<NonZeroUsize>,
    /// Whether to take over from the table that stands at the place whatever has not changed since. The bytes are those of
    /// a run without it. Off by default.
    #[serde(skip)]
    pub incremental: bool,
    /// Which items may stand in the table.
    pub filter: ItemFilter,
    /// Items with fewer usable tags are left out: what people hardly tagged teaches "has not" where it should teach
    /// nothing. 5 by default.
    pub min_tags: usize,
    /// Tags that an item keeps, those of the highest confidence; also the number of tag columns. 24 by default.
    pub max_tags: usize,
    /// Stop after this many rows, in id order. `None`, the default, is all.
    pub limit: Option<u64>,
    /// Which tags are usable, and what they are called.
    pub rules: TagRules,
    /// Tags that would be in fewer rows are dropped, before items are judged by how many they have. 1, the default, keeps
    /// all; more takes a pass over the database of its own.
    pub min_tag_count: u64,
    /// Which tags are proposed as trash.
    pub trash: TrashRules,
    /// Whether what is proposed as trash is dropped, before items are judged by how many tags they have. Off by default;
    /// it takes a pass over the database of its own.
    pub drop_trash: bool,
}

impl Config {
    /// The defaults, for a database and a table.
    pub fn new(database: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Config {
        Config {
            database: database.into(),
            output: output.into(),
            format: DatasetFormat::default(),
            rejects: None,
            threads: None,
            incremental: false,
            filter: ItemFilter::default(),
            min_tags: 5,
            max_tags: DEFAULT_MAX_TAGS,
            limit: None,
            rules: TagRules::default(),
            min_tag_count: 1,
            trash: TrashRules::default(),
            drop_trash: false,
        }
    }

    /// With the tag rules of the original, for comparison: its table has five tag columns.
    pub fn with_original_rules(self) -> Config {
        let (min_tags, max_tags) = (TagRules::ORIGINAL_TAGS, TagRules::ORIGINAL_TAGS);
        Config { rules: TagRules::original(), min_tags, max_tags, ..self }
    }

    /// Whether a tag's place in the table depends on how many rows have it.
    pub(crate) fn selects_tags(&self) -> bool {
        self.min_tag_count > 1 || self.drop_trash
    }
}

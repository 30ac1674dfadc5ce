use std::num::NonZeroUsize;
use std::path::PathBuf;

use serde::Serialize;
use tagmill_model::Flags;
use tagmill_model::dataset::DEFAULT_MAX_TAGS;

use crate::TagRules;

/// What to prepare, and by which rules.
///
/// Serialised, it is the `settings` of `dataset.meta.json`: what decides about the rows, and nothing else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// The items database. It is only read.
    #[serde(skip)]
    pub database: PathBuf,
    /// Where the table shall stand, by custom `dataset.csv`; `dataset.meta.json` is written beside it.
    #[serde(skip)]
    pub output: PathBuf,
    /// Threads that interpret tags and write; `None` for as many as there are cores. The bytes do not depend on it.
    #[serde(skip)]
    pub threads: Option<NonZeroUsize>,
    /// Content classes that may stand in the table. An item of any other class, by its flags or by its tags, is left
    /// out. All by default.
    pub classes: Flags,
    /// Whether videos stay in the table. Off by default: the trainer learns from pictures.
    pub include_videos: bool,
    /// Items with fewer usable tags are left out: what people hardly tagged teaches "has not" where it should teach
    /// nothing. 5 by default.
    pub min_tags: usize,
    /// Tags that an item keeps, those of the highest confidence; also the number of tag columns. 24 by default.
    pub max_tags: usize,
    /// Stop after this many rows, in id order. `None`, the default, is all.
    pub limit: Option<u64>,
    /// Which tags are usable.
    pub rules: TagRules,
}

impl Config {
    /// The defaults, for a database and a table.
    pub fn new(database: impl Into<PathBuf>, output: impl Into<PathBuf>) -> Config {
        Config {
            database: database.into(),
            output: output.into(),
            threads: None,
            classes: Flags::EVERY_CLASS,
            include_videos: false,
            min_tags: 5,
            max_tags: DEFAULT_MAX_TAGS,
            limit: None,
            rules: TagRules::default(),
        }
    }
}

//! From the board's tag JSON to labels: the one place where tags are interpreted. All of it is pure.
//!
//! | step | what it does | switched by |
//! |---|---|---|
//! | parse | reads `[{"id","confidence","tag","category"}]`; unknown keys are ignored, numbers may be strings, an entry that is no tag is dropped | |
//! | category | tags of the categories that the user does not want are dropped, on boards that have categories | [`TagRules::dropped_categories`] |
//! | normalise | NFKC, blanks trimmed and collapsed, lower case | [`TagRules::normalise`] |
//! | alias | another spelling becomes the one name, so that all that follows holds for every spelling | [`TagRules::aliases`] |
//! | content class | `nsfw`, `nsfl`, `nsfp`, `pol` become flags and are no labels | [`TagRules::content_tags`] |
//! | server tags | what the board adds by itself ([`SERVER_TAGS`]) is dropped | [`TagRules::drop_server_tags`] |
//! | listed | what the user does not want is dropped | [`TagRules::dropped`] |
//! | length | in characters | [`TagRules::length`] |
//! | characters | letters and digits of any script, blank and `-_'.`, or a pattern | [`TagRules::pattern`] |
//! | confidence | tags that nearly nobody believes are dropped | [`TagRules::min_confidence`] |
//! | merge | of doubles the highest confidence stays | [`TagRules::doubles`] |
//! | imply | who has a tag has others too, with its confidence | [`TagRules::implications`] |
//! | order | falling confidence, then name | |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;
use tagmill_model::{Flags, Tag};

mod interpreter;
mod names;
mod parse;
mod relations;
mod steps;

pub use interpreter::{Interpreter, Reading};
pub use parse::{Confidence, RawTag, each};
pub use relations::{BadLine, parse_aliases, parse_implications, parse_names};
pub use steps::{RulesError, Step, Steps, normalise};

pub(crate) use names::{Names, Select, Symbol};

/// Tags that the board adds by itself, and refuses from people. They say what the file is, not what it shows.
pub const SERVER_TAGS: [&str; 6] = ["gif", "sfw", "sound", "text", "video", "webm"];

pub(crate) const CONTENT_TAGS: [(&str, Flags); 4] =
    [("nsfw", Flags::NSFW), ("nsfl", Flags::NSFL), ("nsfp", Flags::NSFP), ("pol", Flags::POL)];

/// How names are made alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Normalise {
    /// Unicode's compatibility form NFKC: `ﬁ` becomes `fi`, full-width letters become plain ones.
    pub nfkc: bool,
    /// Blanks at the ends are cut, several in a row become one.
    pub blanks: bool,
    /// Lower case.
    pub lower_case: bool,
}

impl Normalise {
    /// Names stay as they were typed.
    pub const NOTHING: Normalise = Normalise { nfkc: false, blanks: false, lower_case: false };
}

/// What becomes of several tags of the same name on an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Doubles {
    /// The one of the highest confidence stays.
    Highest,
    /// One stays, with the sum of their confidences, which can lie above 1.
    Sum,
    /// All stay.
    Keep,
}

/// Which tags are usable as labels, and what they are called.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagRules {
    /// Tags of these categories are dropped, such as `artist` and `meta`. Boards whose tags have no category have none to drop.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub dropped_categories: BTreeSet<String>,
    /// How names are made alike. All of it by default.
    pub normalise: Normalise,
    /// Other spellings of a name: `a -> b` makes of `a` a `b`. Chains are followed.
    pub aliases: BTreeMap<String, String>,
    /// Whether `nsfw` and its kin become content classes, which is the default, or stay labels.
    pub content_tags: bool,
    /// Whether [`SERVER_TAGS`] are dropped. On by default.
    pub drop_server_tags: bool,
    /// More tags to drop.
    pub dropped: BTreeSet<String>,
    /// Length of a tag in characters, after normalising. 2 to 64 by default: boards allow 2 to 32.
    pub length: RangeInclusive<usize>,
    /// The regular expression that a label matches. `None`, the default, stands for letters and digits of any script with
    /// their marks, blank and `-_'.`, and at least one letter or digit.
    pub pattern: Option<String>,
    /// Tags of a lower confidence are dropped. 0, the default, keeps all; the least that a tag with a vote in its favour
    /// and none against can have is 0.206543.
    pub min_confidence: f32,
    /// What becomes of several tags of the same name. [`Doubles::Highest`] by default.
    pub doubles: Doubles,
    /// What a tag implies: `a -> b` gives whatever has `a` also `b`, with the same confidence. Chains are followed.
    pub implications: BTreeMap<String, BTreeSet<String>>,
}

impl Default for TagRules {
    fn default() -> TagRules {
        TagRules {
            dropped_categories: BTreeSet::new(),
            normalise: Normalise { nfkc: true, blanks: true, lower_case: true },
            aliases: BTreeMap::new(),
            content_tags: true,
            drop_server_tags: true,
            dropped: BTreeSet::new(),
            length: 2..=64,
            pattern: None,
            min_confidence: 0.0,
            doubles: Doubles::Highest,
            implications: BTreeMap::new(),
        }
    }
}

impl TagRules {
    /// How many tags the original keeps of an item, and how many it must have.
    pub const ORIGINAL_TAGS: usize = 5;

    /// The rules of the original, for comparison: a label is made of ASCII letters and digits only, in lower case; the words
    /// for content classes are taken out, and nothing else is; the confidences of doubles are summed up. It wants
    /// [`TagRules::ORIGINAL_TAGS`] at least, and keeps as many.
    pub fn original() -> TagRules {
        TagRules {
            normalise: Normalise { nfkc: false, blanks: false, lower_case: true },
            drop_server_tags: false,
            length: 1..=usize::MAX,
            pattern: Some("^[A-Za-z0-9]+$".to_owned()),
            doubles: Doubles::Sum,
            ..TagRules::default()
        }
    }
}

/// What a tag list says.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The usable tags, in the order of [`Tag::cmp_by_confidence`].
    pub tags: Vec<Tag>,
    /// Content classes that stood among the tags.
    pub content: Flags,
    /// What is not in `tags`.
    pub dropped: Dropped,
}

/// Why a tag is no label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DropReason {
    /// No object, or its name is missing, or its confidence is no number.
    Unreadable,
    /// Of a category that the user does not want.
    Category,
    /// The board adds it by itself.
    Server,
    /// The user does not want it.
    Listed,
    /// Too short or too long.
    Length,
    /// Has characters that no label has.
    Characters,
    /// Of too low a confidence.
    Confidence,
    /// The same as another tag of the item.
    Double,
    /// In fewer rows than asked for.
    Rare,
    /// In so many rows, or so uniformly, that it tells nothing.
    Trash,
}

impl DropReason {
    pub(crate) const ALL: [DropReason; 10] = [
        DropReason::Unreadable,
        DropReason::Category,
        DropReason::Server,
        DropReason::Listed,
        DropReason::Length,
        DropReason::Characters,
        DropReason::Confidence,
        DropReason::Double,
        DropReason::Rare,
        DropReason::Trash,
    ];

    /// The reason as reports and `dataset.meta.json` name it.
    pub fn as_str(self) -> &'static str {
        match self {
            DropReason::Unreadable => "unreadable",
            DropReason::Category => "category",
            DropReason::Server => "added by the server",
            DropReason::Listed => "listed",
            DropReason::Length => "length",
            DropReason::Characters => "characters",
            DropReason::Confidence => "low confidence",
            DropReason::Double => "double",
            DropReason::Rare => "rare",
            DropReason::Trash => "trash",
        }
    }
}

/// How many tags were dropped, by reason. Tags that became content classes are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped([u64; DropReason::ALL.len()]);

impl Dropped {
    /// Counts one more.
    pub fn add(&mut self, reason: DropReason, count: u64) {
        self.0[reason as usize] += count;
    }

    /// How many were dropped for a reason.
    pub fn count(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// Each reason that occurred, with its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        DropReason::ALL
            .into_iter()
            .map(|reason| (reason.as_str(), self.count(reason)))
            .filter(|(_, count)| *count > 0)
    }
}

impl std::ops::AddAssign for Dropped {
    fn add_assign(&mut self, other: Dropped) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, count)| *sum += count);
    }
}

/// A tag list that is no JSON array.
#[derive(Debug)]
pub struct MalformedTags(pub(crate) serde_json::Error);

impl fmt::Display for MalformedTags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the tags are no JSON array")
    }
}

impl std::error::Error for MalformedTags {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[cfg(test)]
mod tests;

//! From the board's tag JSON to labels: the one place where tags are interpreted. All of it is pure.
//!
//! | step | what it does |
//! |---|---|
//! | parse | reads `[{"id","confidence","tag"}]`; unknown keys are ignored, numbers may be strings, an entry that is no tag is dropped |
//! | normalise | NFKC, blanks trimmed and collapsed, lower case |
//! | content class | `nsfw`, `nsfl`, `nsfp`, `pol` become flags and are no labels |
//! | server tags | what the board adds by itself ([`SERVER_TAGS`]) is dropped |
//! | validate | letters and digits of any script, blank and `-_'.`; a length in characters; a lowest confidence |
//! | merge | of doubles the highest confidence stays |
//! | order | falling confidence, then name |

use std::fmt;
use std::ops::RangeInclusive;

use serde::Serialize;
use tagmill_model::{Flags, Tag};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

mod parse;

pub use parse::{Confidence, RawTag, parse};

/// Tags that the board adds by itself, and refuses from people. They say what the file is, not what it shows.
pub const SERVER_TAGS: [&str; 6] = ["gif", "sfw", "sound", "text", "video", "webm"];

const CONTENT_TAGS: [(&str, Flags); 4] =
    [("nsfw", Flags::NSFW), ("nsfl", Flags::NSFL), ("nsfp", Flags::NSFP), ("pol", Flags::POL)];

/// Which tags are usable as labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagRules {
    /// Tags of a lower confidence are dropped. 0, the default, keeps all; the least that a tag with a vote in its favour
    /// and none against can have is 0.206543.
    pub min_confidence: f32,
    /// Length of a tag in characters, after normalising. 2 to 64 by default: boards allow 2 to 32.
    pub length: RangeInclusive<usize>,
}

impl Default for TagRules {
    fn default() -> TagRules {
        TagRules { min_confidence: 0.0, length: 2..=64 }
    }
}

/// What a tag list says.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The usable tags, each once, in the order of [`Tag::cmp_by_confidence`].
    pub tags: Vec<Tag>,
    /// Content classes that stood among the tags.
    pub content: Flags,
    /// What is not in `tags`.
    pub dropped: Dropped,
}

/// How many tags were dropped, by reason. Tags that became content classes are not among them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Entries that are no object, or whose name is missing, or whose confidence is no number.
    pub unreadable: u64,
    /// Tags that the board adds by itself.
    pub server: u64,
    /// Too short or too long.
    pub length: u64,
    /// With characters that no label has.
    pub characters: u64,
    /// Of too low a confidence.
    pub confidence: u64,
    /// The same as another tag of the item.
    pub double: u64,
}

impl Dropped {
    /// Each reason with its count.
    pub fn counts(self) -> [(&'static str, u64); 6] {
        [
            ("unreadable", self.unreadable),
            ("added by the server", self.server),
            ("length", self.length),
            ("characters", self.characters),
            ("low confidence", self.confidence),
            ("double", self.double),
        ]
    }
}

impl std::ops::AddAssign for Dropped {
    fn add_assign(&mut self, other: Dropped) {
        self.unreadable += other.unreadable;
        self.server += other.server;
        self.length += other.length;
        self.characters += other.characters;
        self.confidence += other.confidence;
        self.double += other.double;
    }
}

/// A tag list that is no JSON array.
#[derive(Debug)]
pub struct MalformedTags(serde_json::Error);

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

/// Interprets the tags of an item.
///
/// # Errors
/// [`MalformedTags`] where `json` is no JSON array. What is wrong with single tags is counted instead.
pub fn labels(json: &str, rules: &TagRules) -> Result<Labels, MalformedTags> {
    let raw = parse(json).map_err(MalformedTags)?;
    let mut labels =
        Labels { tags: Vec::with_capacity(raw.len()), content: Flags::empty(), dropped: Dropped::default() };
    for tag in raw {
        add(&mut labels, tag, rules);
    }
    merge_doubles(&mut labels);
    labels.tags.sort_by(Tag::cmp_by_confidence);
    Ok(labels)
}

fn add(labels: &mut Labels, raw: RawTag<'_>, rules: &TagRules) {
    let dropped = &mut labels.dropped;
    let Some(name) = raw.name.map(|name| normalise(&name)) else {
        dropped.unreadable += 1;
        return;
    };
    if let Some((_, class)) = CONTENT_TAGS.iter().find(|(tag, _)| *tag == name) {
        labels.content |= *class;
        return;
    }
    if SERVER_TAGS.contains(&name.as_str()) {
        dropped.server += 1;
        return;
    }
    let Some(confidence) = raw.confidence.value() else {
        dropped.unreadable += 1;
        return;
    };
    if !rules.length.contains(&name.chars().count()) {
        dropped.length += 1;
    } else if !has_label_characters(&name) {
        dropped.characters += 1;
    } else if confidence < rules.min_confidence {
        dropped.confidence += 1;
    } else {
        labels.tags.push(Tag { name, confidence });
    }
}

/// NFKC, blanks trimmed and collapsed, lower case: the same word gets the same name, however it was typed.
pub fn normalise(name: &str) -> String {
    if name.is_ascii() {
        return collapse_blanks(&name.to_ascii_lowercase());
    }
    // Lower case can take a text out of its normal form, hence twice.
    let lower = name.nfkc().collect::<String>().to_lowercase();
    collapse_blanks(&lower.nfkc().collect::<String>())
}

fn collapse_blanks(text: &str) -> String {
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    collapsed
}

/// Letters and digits of any script with their marks, blank and `-_'.`; at least one letter or digit.
fn has_label_characters(name: &str) -> bool {
    let allowed =
        |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '\'' | '.') || is_combining_mark(c);
    name.chars().all(allowed) && name.chars().any(char::is_alphanumeric)
}

fn merge_doubles(labels: &mut Labels) {
    let before = labels.tags.len();
    labels.tags.sort_unstable_by(|a, b| a.name.cmp(&b.name).then(b.confidence.total_cmp(&a.confidence)));
    labels.tags.dedup_by(|later, first| later.name == first.name);
    labels.dropped.double += (before - labels.tags.len()) as u64;
}

#[cfg(test)]
mod tests;

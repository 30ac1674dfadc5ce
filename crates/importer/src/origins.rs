//! What an item's row keeps of where it came from: `item_data`, from which all else of the row follows.
//!
//! Each picture of a source is told from all others by its path. So an import that is run again replaces what the same picture
//! said before, and the tags of its copies, and of other imports, stay.

use serde::{Deserialize, Serialize};
use tagmill_model::{Flags, Tag};

use crate::tags;

/// All pictures that an item came from, by path.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origins {
    import: Vec<Origin>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Origin {
    pub(crate) path: String,
    /// The kind of the source: `folder`, `jsonl` or `csv`.
    pub(crate) source: String,
    pub(crate) tags: Vec<StoredTag>,
    /// Bits of the content class.
    pub(crate) flags: u32,
    /// Unix seconds.
    pub(crate) created: i64,
}

/// A tag as `tags_data` has it too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredTag {
    tag: String,
    confidence: f32,
}

impl From<Tag> for StoredTag {
    fn from(tag: Tag) -> StoredTag {
        StoredTag { tag: tag.name, confidence: tag.confidence }
    }
}

impl Origins {
    /// Of a row's `item_data`; none where somebody else wrote that.
    pub(crate) fn parse(item_data: &str) -> Origins {
        serde_json::from_str(item_data).unwrap_or_default()
    }

    pub(crate) fn to_json(&self) -> String {
        serde_json::to_string(self).expect("text, numbers and lists are JSON")
    }

    /// Adds a picture, or replaces what it said before. Whether that changes anything.
    pub(crate) fn put(&mut self, origin: Origin) -> bool {
        match self.import.binary_search_by(|known| known.path.cmp(&origin.path)) {
            Ok(place) if self.import[place] == origin => return false,
            Ok(place) => self.import[place] = origin,
            Err(place) => self.import.insert(place, origin),
        }
        true
    }

    /// Whether a picture of this path is among them, from the same kind of source.
    pub(crate) fn has(&self, path: &str, source: &str) -> bool {
        self.import.iter().any(|origin| origin.path == path && origin.source == source)
    }

    /// The tags of all, as JSON.
    pub(crate) fn tags_data(&self) -> String {
        let all = self.import.iter().flat_map(|origin| &origin.tags);
        let all = all.map(|tag| Tag { name: tag.tag.clone(), confidence: tag.confidence });
        let tags: Vec<StoredTag> = tags::united(all).into_iter().map(StoredTag::from).collect();
        serde_json::to_string(&tags).expect("text and numbers are JSON")
    }

    /// The content classes of all: a picture that anybody calls NSFW is.
    pub(crate) fn flags(&self) -> Flags {
        Flags::from_bits_retain(self.import.iter().fold(0, |bits, origin| bits | origin.flags))
    }

    /// The earliest time of all.
    pub(crate) fn created(&self) -> i64 {
        self.import.iter().map(|origin| origin.created).min().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(path: &str, tags: &[(&str, f32)], flags: Flags, created: i64) -> Origin {
        let tag =
            |(tag, confidence): &(&str, f32)| StoredTag { tag: (*tag).to_owned(), confidence: *confidence };
        Origin {
            path: path.to_owned(),
            source: "folder".to_owned(),
            tags: tags.iter().map(tag).collect(),
            flags: flags.bits(),
            created,
        }
    }

    #[test]
    fn a_row_is_the_union_of_its_origins() {
        let mut origins = Origins::default();
        assert!(origins.put(origin("/b.jpg", &[("cat", 1.0)], Flags::NSFW, 20)));
        assert!(origins.put(origin("/a.jpg", &[("cat", 0.5), ("dog", 0.93)], Flags::SFW, 10)));
        assert_eq!(
            origins.tags_data(),
            r#"[{"tag":"cat","confidence":1.0},{"tag":"dog","confidence":0.93}]"#
        );
        assert_eq!((origins.flags(), origins.created()), (Flags::SFW | Flags::NSFW, 10));
        let json = origins.to_json();
        assert!(json.starts_with(r#"{"import":[{"path":"/a.jpg","source":"folder","tags":["#), "{json}");
        assert_eq!(Origins::parse(&json), origins);
    }

    #[test]
    fn the_same_again_changes_nothing_and_other_tags_replace() {
        let mut origins = Origins::default();
        let first = origin("/a.jpg", &[("cat", 1.0)], Flags::SFW, 10);
        assert!(origins.put(first.clone()));
        assert!(!origins.put(first));
        assert!(origins.put(origin("/a.jpg", &[("dog", 1.0)], Flags::SFW, 10)));
        assert_eq!(origins.tags_data(), r#"[{"tag":"dog","confidence":1.0}]"#);
    }

    #[test]
    fn what_somebody_else_wrote_is_none() {
        for json in ["", "{}", "[]", r#"{"id":1}"#, r#"{"import":[{"path":1}]}"#] {
            assert_eq!(Origins::parse(json), Origins::default(), "{json}");
        }
        assert_eq!(Origins::default().tags_data(), "[]");
    }
}

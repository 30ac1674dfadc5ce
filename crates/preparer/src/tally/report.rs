use std::fmt;

use serde::Serialize;
use tagmill_model::{ItemId, Outcome, StageReport};

/// What was counted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How it ended. The counts of a cancelled run are those of a part of the items.
    pub outcome: Outcome,
    /// Items that were looked at.
    pub items_read: u64,
    /// Items that were not asked for.
    pub items_left_out: u64,
    /// Items whose tags were not fetched yet.
    pub items_without_tags: u64,
    /// Items whose tags are no JSON array.
    pub items_malformed: u64,
    /// The first of them, at most [`Report::MALFORMED_LISTED`].
    pub malformed: Vec<ItemId>,
    /// Items whose tags were counted, even where they have none: what shares are of.
    pub items_counted: u64,
    /// Entries of tag lists without a name.
    pub unreadable_tags: u64,
    /// Tags on items, each once an item.
    pub uses: u64,
    /// Different tags.
    pub distinct_tags: u64,
    /// The tags by falling count, then name; empty where another question was asked.
    pub tags: Vec<TagCount>,
    /// What occurs beside the tag that was asked for.
    pub beside: Option<Beside>,
}

/// A tag and how often it occurs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TagCount {
    /// Its name.
    pub tag: String,
    /// Items that have it.
    pub items: u64,
    /// Their share of the items that were counted.
    pub share: f64,
}

/// What occurs beside a tag.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Beside {
    /// The tag.
    pub tag: String,
    /// Items that have it.
    pub items: u64,
    /// The other tags of these items, by falling count, then name.
    pub others: Vec<Together>,
}

/// A tag that occurs beside another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Together {
    /// Its name.
    pub tag: String,
    /// Items that have both.
    pub together: u64,
    /// Items that have it at all.
    pub items: u64,
    /// Share of the other's items that have it too.
    pub share: f64,
    /// How much likelier it is beside the other than anywhere: 1 is chance.
    pub lift: f64,
}

impl Report {
    /// How many malformed items a report names.
    pub const MALFORMED_LISTED: usize = 100;

    /// Keeps the commonest tags only.
    pub fn truncate(&mut self, top: usize) {
        self.tags.truncate(top);
        if let Some(beside) = &mut self.beside {
            beside.others.truncate(top);
        }
    }
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.items_read
    }

    fn failed(&self) -> u64 {
        self.items_malformed
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { items_read, items_counted, distinct_tags, uses, .. } = self;
        if self.outcome == Outcome::Cancelled {
            return write!(f, "cancelled after {items_read} items");
        }
        write!(f, "{distinct_tags} different tags, {uses} in all, on {items_counted} of {items_read} items")?;
        let reasons = [
            (self.items_left_out, "not asked for"),
            (self.items_without_tags, "tags not fetched"),
            (self.items_malformed, "malformed tags"),
        ];
        let reasons: Vec<String> = reasons
            .iter()
            .filter(|(items, _)| *items > 0)
            .map(|(items, reason)| format!("{items} {reason}"))
            .collect();
        if !reasons.is_empty() {
            write!(f, "; not counted: {}", reasons.join(", "))?;
        }
        Ok(())
    }
}

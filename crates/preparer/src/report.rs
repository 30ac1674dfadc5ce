use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::Trash;
use serde::Serialize;
use tagmill_model::{ItemId, Outcome, StageReport};

/// What a run of prepare did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// How it ended. A cancelled run leaves the table that stood there before.
    pub outcome: Outcome,
    /// Items of the database that were looked at.
    pub items_read: u64,
    /// Those of them that had not changed since the run before, so that their lines were taken over from its table.
    pub items_copied: u64,
    /// Rows of the table; 0 when cancelled.
    pub rows_written: u64,
    /// Items that are not in the table, by reason.
    pub rejects: BTreeMap<String, u64>,
    /// The first items whose tags could not be read as JSON, at most [`Report::MALFORMED_LISTED`].
    pub malformed: Vec<ItemId>,
    /// Items that were read though some of their tags were none, or had a confidence that is no number from 0 to 1.
    pub odd_items: u64,
    /// The first of them, at most [`Report::MALFORMED_LISTED`].
    pub odd: Vec<ItemId>,
    /// Different tags in the table; 0 when cancelled.
    pub distinct_tags: u64,
    /// Tags that were left out of otherwise readable lists, by reason.
    pub dropped_tags: BTreeMap<String, u64>,
    /// Tags that look like trash, those of most rows first.
    pub trash: Vec<Trash>,
    /// Whether they were dropped, and not only proposed.
    pub trash_is_dropped: bool,
    /// The table.
    pub table: PathBuf,
    /// SHA-256 of the table, in hex; `None` when cancelled.
    pub sha256: Option<String>,
}

impl Report {
    /// How many malformed items a report names.
    pub const MALFORMED_LISTED: usize = crate::item_counts::LISTED;
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.items_read
    }

    /// Items whose tags are not what a board sends. What the settings leave out is no failure.
    fn failed(&self) -> u64 {
        self.rejects.get(crate::Reject::MalformedTags.as_str()).copied().unwrap_or(0)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = self.table.display();
        if self.outcome == Outcome::Cancelled {
            return write!(f, "cancelled after {} items; {table} is as it was", self.items_read);
        }
        let Report { items_read, rows_written, distinct_tags, .. } = self;
        write!(f, "{rows_written} of {items_read} items with {distinct_tags} different tags in {table}")?;
        if self.items_copied > 0 {
            write!(f, "; {} items had not changed", self.items_copied)?;
        }
        if !self.rejects.is_empty() {
            write!(f, "; left out: {}", listed(&self.rejects))?;
        }
        if self.odd_items > 0 {
            write!(f, "; {} items with odd tags", self.odd_items)?;
        }
        if let Some(first) = self.trash.first() {
            let verb = if self.trash_is_dropped { "were dropped as" } else { "look like" };
            write!(f, "; {} tags {verb} trash, first {first}", self.trash.len())?;
        }
        Ok(())
    }
}

/// `12 video, 3 too few tags`: the commonest first.
pub(crate) fn listed(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<(&String, &u64)> = counts.iter().collect();
    counts.sort_by(|a, b| b.1.cmp(a.1));
    let parts: Vec<String> = counts.into_iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    parts.join(", ")
}

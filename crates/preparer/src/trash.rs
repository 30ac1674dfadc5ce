//! Tags that tell nothing of a picture, found by how they are spread over the table.
//!
//! What is counted is the table itself: rows that have the tag, after all rules. A second look at the data is taken only where
//! tags are to be dropped by it, and it is a second scan of the database. The alternatives were worse: the tags of 6 million
//! items as numbers take 600 MB of memory, more than all else together, and in a file of their own they are read no faster
//! than the database, which the first scan has just left in the system's cache.

use std::collections::HashSet;
use std::fmt;

use serde::Serialize;

use crate::tag_counts::TagCounts;
use crate::tags::{DropReason, Select};

/// From where on a tag is proposed as trash.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrashRules {
    /// Share of all rows: what more rows have than not tells less than one bit, and a tagger learns to say it always. 0.5 by
    /// default.
    pub max_share: f64,
    /// Rows from which on the two rules below judge a tag: fewer say little. 1,000 by default.
    pub min_rows: u64,
    /// Spread (standard deviation) of its confidence: where it never varies, and that of most tags does, nobody ever votes on the
    /// tag, as on those that programs add. 0.001 by default.
    pub min_spread: f64,
    /// Mean of its confidence: people vote down what is wrong. A tag that only its author voted for has 0.206543. 0.1 by
    /// default.
    pub min_mean: f64,
}

impl Default for TrashRules {
    fn default() -> TrashRules {
        TrashRules { max_share: 0.5, min_rows: 1000, min_spread: 0.001, min_mean: 0.1 }
    }
}

/// Why a tag is proposed as trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TrashReason {
    /// Nearly every row has it.
    Ubiquitous,
    /// Its confidence never varies, and that of most tags does.
    Unvoted,
    /// People vote it down.
    Disbelieved,
}

/// A tag that is proposed as trash, with what speaks against it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Trash {
    /// The tag.
    pub tag: String,
    /// The first reason, in the order of [`TrashReason`], that applies.
    pub reason: TrashReason,
    /// Rows that have it: its document frequency.
    pub rows: u64,
    /// Those rows among all.
    pub share: f64,
    /// Inverse document frequency: the natural logarithm of all rows over those that have it.
    pub idf: f64,
    /// Mean of its confidence.
    pub mean_confidence: f64,
    /// Standard deviation of its confidence.
    pub confidence_spread: f64,
}

impl fmt::Display for Trash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trash { tag, rows, share, idf, mean_confidence, confidence_spread, .. } = self;
        match self.reason {
            TrashReason::Ubiquitous => {
                write!(f, "`{tag}` is in {:.0} % of all rows (idf {idf:.2})", share * 100.0)
            }
            TrashReason::Unvoted => {
                write!(
                    f,
                    "the confidence of `{tag}` never varies (spread {confidence_spread:.4} in {rows} rows)"
                )
            }
            TrashReason::Disbelieved => {
                write!(f, "`{tag}` is voted down (mean confidence {mean_confidence:.3} in {rows} rows)")
            }
        }
    }
}

/// The tags that the rules find, those of most rows first.
pub(crate) fn propose(counts: &TagCounts, rows: u64, rules: &TrashRules) -> Vec<Trash> {
    let is_voted_on = is_voted_on(counts, rules);
    let mut trash = Vec::new();
    counts.each(|tag, stat| {
        let share = stat.rows as f64 / rows.max(1) as f64;
        let is_judged = stat.rows >= rules.min_rows;
        let reason = match () {
            () if share > rules.max_share => TrashReason::Ubiquitous,
            () if is_judged && is_voted_on && stat.spread() < rules.min_spread => TrashReason::Unvoted,
            () if is_judged && stat.mean() < rules.min_mean => TrashReason::Disbelieved,
            () => return,
        };
        trash.push(Trash {
            tag: tag.to_owned(),
            reason,
            rows: stat.rows,
            share,
            idf: (1.0 / share).ln(),
            mean_confidence: stat.mean(),
            confidence_spread: stat.spread(),
        });
    });
    trash.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.tag.cmp(&b.tag)));
    trash
}

/// Whether the confidence of most tags varies: many boards, and lists of one's own, have no votes.
fn is_voted_on(counts: &TagCounts, rules: &TrashRules) -> bool {
    let (mut judged, mut varied) = (0u64, 0u64);
    counts.each(|_, stat| {
        if stat.rows >= rules.min_rows {
            judged += 1;
            varied += u64::from(stat.spread() >= rules.min_spread);
        }
    });
    2 * varied > judged
}

/// What a first pass found: which tags a second one keeps.
pub(crate) struct Selection {
    counts: TagCounts,
    min_rows: u64,
    trash: HashSet<String>,
}

impl Selection {
    pub(crate) fn new(counts: TagCounts, min_rows: u64, trash: &[Trash]) -> Selection {
        Selection { counts, min_rows, trash: trash.iter().map(|trash| trash.tag.clone()).collect() }
    }
}

impl Select for Selection {
    fn refuse(&self, label: &str) -> Option<DropReason> {
        if self.trash.contains(label) {
            Some(DropReason::Trash)
        } else if self.min_rows > 1 && self.counts.rows(label) < self.min_rows {
            Some(DropReason::Rare)
        } else {
            None
        }
    }
}

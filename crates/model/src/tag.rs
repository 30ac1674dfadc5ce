//! A name that people gave an item.

use serde::{Deserialize, Serialize};

/// A tag on an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// The board's vote statistic for this tag on this item, in `[0, 1)`: the lower bound of the 95 % Wilson interval
    /// of its up votes. It is not a probability, and mostly measures how many people looked at the item.
    pub confidence: f32,
}

impl Tag {
    /// The order of tags everywhere: falling confidence, then name.
    pub fn cmp_by_confidence(&self, other: &Tag) -> std::cmp::Ordering {
        other.confidence.total_cmp(&self.confidence).then_with(|| self.name.cmp(&other.name))
    }
}

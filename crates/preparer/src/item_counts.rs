//! What is counted of items, by block and for the whole table.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tagmill_model::ItemId;

use crate::rejects::Reject;
use crate::tags::{DropReason, Dropped, Reading};

/// How many items a list in a report names at most.
pub(crate) const LISTED: usize = 100;

/// Counts of a part of the table. Adding them up in any order gives the same, but for the lists, which want id order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ItemCounts {
    pub(crate) items: u64,
    pub(crate) rows: u64,
    /// The highest `updated_at`.
    pub(crate) watermark: i64,
    #[serde(skip_serializing_if = "is_empty")]
    rejects: Rejects,
    #[serde(skip_serializing_if = "no_drops")]
    dropped: Dropped,
    /// Items of which some tags were no tags, or had a confidence that is none.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) odd_items: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) odd: Vec<ItemId>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) malformed: Vec<ItemId>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Rejects([u64; Reject::ALL.len()]);

impl ItemCounts {
    pub(crate) fn reject(&mut self, id: ItemId, reject: Reject) {
        self.rejects.0[reject as usize] += 1;
        if reject == Reject::MalformedTags && self.malformed.len() < LISTED {
            self.malformed.push(id);
        }
    }

    /// Takes in what the tags of an item said, and tells whether some of them are odd.
    pub(crate) fn read(&mut self, id: ItemId, reading: &Reading) -> bool {
        self.dropped += reading.dropped;
        let is_odd = reading.absurd > 0 || reading.dropped.count(DropReason::Unreadable) > 0;
        if is_odd {
            self.odd_items += 1;
            if self.odd.len() < LISTED {
                self.odd.push(id);
            }
        }
        is_odd
    }

    pub(crate) fn add(&mut self, other: &ItemCounts) {
        self.items += other.items;
        self.rows += other.rows;
        self.watermark = self.watermark.max(other.watermark);
        self.rejects.0.iter_mut().zip(other.rejects.0).for_each(|(sum, count)| *sum += count);
        self.dropped += other.dropped;
        self.odd_items += other.odd_items;
        for (list, more) in [(&mut self.odd, &other.odd), (&mut self.malformed, &other.malformed)] {
            list.extend(more);
            list.truncate(LISTED);
        }
    }

    pub(crate) fn rejects(&self) -> BTreeMap<String, u64> {
        let counts = Reject::ALL.into_iter().zip(self.rejects.0).filter(|(_, count)| *count > 0);
        counts.map(|(reject, count)| (reject.to_string(), count)).collect()
    }

    pub(crate) fn dropped(&self) -> BTreeMap<String, u64> {
        self.dropped.counts().map(|(reason, count)| (reason.to_owned(), count)).collect()
    }
}

fn is_empty(rejects: &Rejects) -> bool {
    *rejects == Rejects::default()
}

fn no_drops(dropped: &Dropped) -> bool {
    *dropped == Dropped::default()
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Serialize for Rejects {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let counts = Reject::ALL.into_iter().zip(self.0).filter(|(_, count)| *count > 0);
        serializer.collect_map(counts.map(|(reject, count)| (reject.as_str(), count)))
    }
}

impl<'de> Deserialize<'de> for Rejects {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Rejects, D::Error> {
        let counts = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let mut rejects = Rejects::default();
        for (name, count) in counts {
            let known = Reject::ALL.into_iter().find(|reject| reject.as_str() == name);
            let reject = known.ok_or_else(|| serde::de::Error::custom(format!("no reason is `{name}`")))?;
            rejects.0[reject as usize] = count;
        }
        Ok(rejects)
    }
}

impl Serialize for Dropped {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.counts())
    }
}

impl<'de> Deserialize<'de> for Dropped {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Dropped, D::Error> {
        let counts = BTreeMap::<String, u64>::deserialize(deserializer)?;
        let mut dropped = Dropped::default();
        for (name, count) in counts {
            let known = DropReason::ALL.into_iter().find(|reason| reason.as_str() == name);
            let reason = known.ok_or_else(|| serde::de::Error::custom(format!("no reason is `{name}`")))?;
            dropped.add(reason, count);
        }
        Ok(dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_survive_their_file() {
        let mut counts =
            ItemCounts { items: 3, rows: 1, watermark: 9, odd_items: 1, ..ItemCounts::default() };
        counts.reject(ItemId(4), Reject::MalformedTags);
        counts.reject(ItemId(5), Reject::TooFewTags);
        counts.dropped.add(DropReason::Server, 7);
        let json = serde_json::to_string(&counts).unwrap();
        insta::assert_snapshot!(json, @r#"{"items":3,"rows":1,"watermark":9,"rejects":{"malformed tags":1,"too few tags":1},"dropped":{"added by the server":7},"odd_items":1,"malformed":[4]}"#);
        assert_eq!(serde_json::from_str::<ItemCounts>(&json).unwrap(), counts);
    }
}

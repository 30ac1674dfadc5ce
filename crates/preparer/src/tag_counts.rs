//! In how many rows each tag is, and with what confidence: the vocabulary of the table.
//!
//! Each thread counts by itself and hands over to the whole now and then. Sums are of whole numbers, so that the order in
//! which they are added does not show in a single bit.

use std::hash::BuildHasher;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::{DefaultHashBuilder, HashMap};
use smol_str::SmolStr;

use crate::tags::{Names, Symbol};

/// Parts of the whole that can be added to at the same time.
const SHARDS: usize = 64;

/// Confidences are summed up in units of this: boards send six digits, and a mean needs fewer.
const UNIT: f64 = 1e-5;

/// What is known of a tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TagStat {
    pub(crate) rows: u64,
    sum: u64,
    squares: u64,
}

impl TagStat {
    fn add(&mut self, confidence: f32) {
        let units = (f64::from(confidence) / UNIT).round() as u64;
        self.rows += 1;
        self.sum += units;
        self.squares += units * units;
    }

    fn merge(&mut self, other: TagStat) {
        self.rows += other.rows;
        self.sum += other.sum;
        self.squares += other.squares;
    }

    pub(crate) fn mean(self) -> f64 {
        self.sum as f64 / self.rows.max(1) as f64 * UNIT
    }

    /// The standard deviation of the confidence.
    pub(crate) fn spread(self) -> f64 {
        let rows = u128::from(self.rows.max(1));
        let sum = u128::from(self.sum);
        // Exact until here: the difference of two nearly equal sums keeps no digit as a float.
        let scaled = rows * u128::from(self.squares) - sum * sum;
        (scaled as f64).sqrt() / rows as f64 * UNIT
    }
}

/// What one thread has counted, by symbol.
#[derive(Debug, Default)]
pub(crate) struct ThreadCounts(Vec<TagStat>);

impl ThreadCounts {
    pub(crate) fn add(&mut self, symbol: Symbol, confidence: f32) {
        let index = symbol as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, TagStat::default());
        }
        self.0[index].add(confidence);
    }

    /// Adds what was counted to the whole, and begins anew. Symbols are as `names` has them now.
    pub(crate) fn hand_over(&mut self, names: &Names, whole: &TagCounts) {
        for (symbol, stat) in (0..).zip(self.0.drain(..)) {
            if stat.rows > 0 {
                whole.add(names.label(symbol), stat);
            }
        }
    }
}

/// The tags of all rows, once every thread has handed over.
#[derive(Debug)]
pub(crate) struct TagCounts {
    hasher: DefaultHashBuilder,
    shards: Vec<Mutex<Shard>>,
}

type Shard = HashMap<SmolStr, TagStat>;

impl TagCounts {
    pub(crate) fn new() -> TagCounts {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        TagCounts { hasher: DefaultHashBuilder::default(), shards }
    }

    fn shard(&self, tag: &str) -> MutexGuard<'_, Shard> {
        unlocked(&self.shards[self.hasher.hash_one(tag) as usize % SHARDS])
    }

    fn add(&self, tag: &SmolStr, stat: TagStat) {
        self.shard(tag).entry_ref(tag).or_default().merge(stat);
    }

    /// How many tags there are.
    pub(crate) fn len(&self) -> u64 {
        self.shards.iter().map(|shard| unlocked(shard).len() as u64).sum()
    }

    pub(crate) fn rows(&self, tag: &str) -> u64 {
        self.shard(tag).get(tag).map_or(0, |stat| stat.rows)
    }

    /// Shows each tag, in no order.
    pub(crate) fn each(&self, mut show: impl FnMut(&str, TagStat)) {
        for shard in &self.shards {
            unlocked(shard).iter().for_each(|(tag, stat)| show(tag, *stat));
        }
    }
}

/// A thread that panicked while it held the lock ends the whole run anyway.
fn unlocked(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_spread_are_of_the_confidence() {
        let mut stat = TagStat::default();
        [0.2, 0.4, 0.6].into_iter().for_each(|confidence| stat.add(confidence));
        assert_eq!(stat.rows, 3);
        assert!((stat.mean() - 0.4).abs() < 1e-9, "{}", stat.mean());
        assert!((stat.spread() - (0.08f64 / 3.0).sqrt()).abs() < 1e-9, "{}", stat.spread());
        let mut same = TagStat::default();
        (0..1_000_000).for_each(|_| same.add(0.206543));
        assert_eq!(same.spread(), 0.0);
        assert_eq!((TagStat::default().mean(), TagStat::default().spread()), (0.0, 0.0));
    }
}

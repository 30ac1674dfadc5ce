//! Which items train, which choose thresholds, and which only judge.
//!
//! By default an item's side depends on its id and the seed alone, so it never changes when data are added, filtered or
//! reordered. [`Sides`] are settled for a table: by hash, by time or by a list, near-duplicates on one side.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::ItemId;

/// The side an item falls on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Seen by the optimiser.
    Train,
    /// Held out of training, to choose thresholds and the best epoch.
    Validation,
    /// Used for nothing but the final figures.
    Test,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        })
    }
}

/// How items are split.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SplitConfig {
    /// Another seed gives another split.
    pub seed: u64,
    /// Share of all items that only test, from 0 to 1.
    pub test_fraction: f64,
    /// Share of the others that validate, from 0 to 1.
    pub validation_fraction: f64,
}

/// One item in five tests, one in ten of the others validates.
impl Default for SplitConfig {
    fn default() -> SplitConfig {
        SplitConfig { seed: 0, test_fraction: 0.2, validation_fraction: 0.1 }
    }
}

impl SplitConfig {
    /// The side of an item.
    pub fn side(&self, id: ItemId) -> Split {
        let test_draw = mix(self.seed ^ mix(id.0 as u64));
        // A draw of its own: whether an item tests says nothing on whether it would validate.
        let validation_draw = mix(test_draw);
        if unit(test_draw) < self.test_fraction {
            Split::Test
        } else if unit(validation_draw) < self.validation_fraction {
            Split::Validation
        } else {
            Split::Train
        }
    }
}

/// What decides which items test. A share of the others validates, by hash, whatever this is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitBy {
    /// The hash of the id.
    #[default]
    Hash,
    /// The time of upload: the newest test.
    Time,
    /// A list of the ids that test.
    List(Vec<ItemId>),
}

/// Why a table cannot be split as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SplitError {
    /// Items whose time of upload is unknown cannot be split by it.
    #[error("cannot split by time: the time of upload of {undated} of {items} items is unknown")]
    Undated {
        /// How many items have no time.
        undated: u64,
        /// How many there are.
        items: u64,
    },
}

/// The sides of a table's items, settled: they stay what they are when the table grows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sides {
    config: SplitConfig,
    rule: Rule,
    /// Items that stand with their near-duplicates rather than where the rule puts them.
    moved: BTreeMap<ItemId, Split>,
}

/// What decides which items test, for a certain table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rule {
    Hash,
    /// The earliest upload, in Unix seconds, that tests.
    Since(i64),
    /// Rising.
    Listed(Vec<ItemId>),
}

/// How many groups of near-duplicates there were, and what it took to bring each to one side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reunion {
    /// Groups of two items or more.
    pub groups: u64,
    /// Groups whose items would have stood on different sides.
    pub divided: u64,
    /// Items that were moved to join the others.
    pub moved: u64,
}

/// An item with its time of upload, in Unix seconds; 0 when unknown.
pub type Dated = (ItemId, i64);

impl Sides {
    /// Settles the sides of a table.
    ///
    /// # Errors
    /// [`SplitError::Undated`].
    pub fn settle(
        config: SplitConfig,
        by: &SplitBy,
        items: impl Iterator<Item = Dated>,
    ) -> Result<Sides, SplitError> {
        let rule = match by {
            SplitBy::Hash => Rule::Hash,
            SplitBy::Time => Rule::Since(earliest_test(items, config.test_fraction)?),
            SplitBy::List(ids) => {
                let mut ids = ids.clone();
                ids.sort_unstable();
                Rule::Listed(ids)
            }
        };
        Ok(Sides { config, rule, moved: BTreeMap::new() })
    }

    /// Sides by hash alone, which no table has a part in.
    pub fn by_hash(config: SplitConfig) -> Sides {
        Sides { config, rule: Rule::Hash, moved: BTreeMap::new() }
    }

    /// The side of an item.
    pub fn side(&self, (id, created): Dated) -> Split {
        if let Some(side) = self.moved.get(&id) {
            return *side;
        }
        let tests = match &self.rule {
            Rule::Hash => return self.config.side(id),
            Rule::Since(earliest) => created >= *earliest,
            Rule::Listed(ids) => ids.binary_search(&id).is_ok(),
        };
        let others = SplitConfig { test_fraction: 0.0, ..self.config };
        if tests { Split::Test } else { others.side(id) }
    }

    /// Brings each group to one side: that of its lowest id, which is the item that was there first, so that what the group
    /// gains later changes nothing. A listed item is a test item, come what may, and so are all that stand with it.
    pub fn bring_together(&mut self, groups: impl IntoIterator<Item = Vec<Dated>>) -> Reunion {
        let mut reunion = Reunion::default();
        for group in groups {
            let Some(first) = group.iter().min().copied() else { continue };
            let lists = matches!(self.rule, Rule::Listed(_));
            let side = match group.iter().any(|item| self.side(*item) == Split::Test) {
                true if lists => Split::Test,
                _ => self.side(first),
            };
            let strangers: Vec<Dated> = group.into_iter().filter(|item| self.side(*item) != side).collect();
            reunion.groups += 1;
            reunion.divided += u64::from(!strangers.is_empty());
            reunion.moved += strangers.len() as u64;
            self.moved.extend(strangers.into_iter().map(|(id, _)| (id, side)));
        }
        reunion
    }
}

/// The earliest time of upload among the newest `share` of the items. With equal times it may be a little more of them.
fn earliest_test(items: impl Iterator<Item = Dated>, share: f64) -> Result<i64, SplitError> {
    let mut times: Vec<i64> = items.map(|(_, created)| created).collect();
    let undated = times.iter().filter(|time| **time == 0).count() as u64;
    if undated > 0 {
        return Err(SplitError::Undated { undated, items: times.len() as u64 });
    }
    let tests = (times.len() as f64 * share).round() as usize;
    match times.len() - tests.min(times.len()) {
        others if others == times.len() => Ok(i64::MAX),
        others => Ok(*times.select_nth_unstable(others).1),
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014, <https://doi.org/10.1145/2714064.2660195>): a bijection whose
/// output bits each depend on every input bit.
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The upper 53 bits as a number in `[0, 1)`.
fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn share(config: SplitConfig, side: Split) -> f64 {
        let n = 20_000;
        (1..=n).filter(|id| config.side(ItemId(*id)) == side).count() as f64 / n as f64
    }

    /// A change here would move test items into the training of runs that exist.
    #[test]
    fn sides_are_pinned() {
        let sides: String = (1..=40)
            .map(|id| match SplitConfig::default().side(ItemId(id)) {
                Split::Train => 'r',
                Split::Validation => 'v',
                Split::Test => 'T',
            })
            .collect();
        insta::assert_snapshot!(sides, @"rvrrrrrrrTrrrrrTvrTrrrrrTrTrTrvrrrrrrrrT");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]
        #[test]
        fn is_proportional(seed: u64, test_fraction in 0.0..1.0f64, validation_fraction in 0.0..1.0f64) {
            let config = SplitConfig { seed, test_fraction, validation_fraction };
            prop_assert!((share(config, Split::Test) - test_fraction).abs() < 0.02);
            let validation = (1.0 - test_fraction) * validation_fraction;
            prop_assert!((share(config, Split::Validation) - validation).abs() < 0.02);
        }
    }

    const EVEN: SplitConfig = SplitConfig { seed: 0, test_fraction: 0.5, validation_fraction: 0.0 };

    #[track_caller]
    fn check(sides: &Sides, items: impl Iterator<Item = Dated>, expected: &str) {
        let letter = |side| match side {
            Split::Train => 'r',
            Split::Validation => 'v',
            Split::Test => 'T',
        };
        assert_eq!(items.map(|item| letter(sides.side(item))).collect::<String>(), expected);
    }

    #[test]
    fn the_newest_test() {
        let at = |times: &[i64]| (1..).map(ItemId).zip(times.to_vec()).collect::<Vec<_>>();
        let settle = |times: &[i64], test_fraction| {
            let config = SplitConfig { test_fraction, ..EVEN };
            Sides::settle(config, &SplitBy::Time, at(times).into_iter())
        };
        let times = [50, 10, 40, 20, 30];
        check(&settle(&times, 0.4).unwrap(), at(&times).into_iter(), "TrTrr");
        check(&settle(&times, 0.0).unwrap(), at(&times).into_iter(), "rrrrr");
        check(&settle(&times, 1.0).unwrap(), at(&times).into_iter(), "TTTTT");
        // What comes later tests, and what trained goes on training.
        check(&settle(&times, 0.4).unwrap(), at(&[50, 10, 40, 20, 30, 60, 39]).into_iter(), "TrTrrTr");
        assert_eq!(settle(&[5, 0, 7], 0.4), Err(SplitError::Undated { undated: 1, items: 3 }));
        assert_eq!(settle(&[], 0.4).unwrap().side((ItemId(1), 5)), Split::Train);
    }

    #[test]
    fn the_listed_test() {
        let list = SplitBy::List(vec![ItemId(4), ItemId(2)]);
        let sides = Sides::settle(EVEN, &list, std::iter::empty()).unwrap();
        let items = || (1..=5).map(|id| (ItemId(id), 0));
        check(&sides, items(), "rTrTr");
        let validating = SplitConfig { validation_fraction: 1.0, ..EVEN };
        check(&Sides::settle(validating, &list, std::iter::empty()).unwrap(), items(), "vTvTv");
        // Whoever is like a listed item tests with it.
        let mut sides = sides;
        let reunion = sides
            .bring_together([vec![(ItemId(1), 0), (ItemId(2), 0)], vec![(ItemId(3), 0), (ItemId(5), 0)]]);
        assert_eq!(reunion, Reunion { groups: 2, divided: 1, moved: 1 });
        check(&sides, items(), "TTrTr");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// After any groups, each is on one side; and growing by newer items changes nobody's side.
        #[test]
        fn groups_stand_together(sizes in proptest::collection::vec(2..5usize, 1..20), seed: u64) {
            let mut ids = 1..;
            let groups: Vec<Vec<Dated>> =
                sizes.iter().map(|size| ids.by_ref().take(*size).map(|id| (ItemId(id), 0)).collect()).collect();
            let mut sides = Sides::by_hash(SplitConfig { seed, ..EVEN });
            let unmoved = sides.clone();
            let reunion = sides.bring_together(groups.clone());
            prop_assert_eq!(reunion.groups, groups.len() as u64);
            let mut grown = unmoved.clone();
            grown.bring_together(groups.iter().map(|group| [&group[..], &[(ItemId(1000), 0)]].concat()).take(1));
            grown.bring_together(groups[1..].to_vec());
            for group in &groups {
                for item in group {
                    prop_assert_eq!(sides.side(*item), unmoved.side(group[0]));
                    prop_assert_eq!(grown.side(*item), sides.side(*item));
                }
            }
            let json = serde_json::to_string(&sides).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sides>(&json).unwrap(), sides);
        }
    }

    #[test]
    fn the_extremes_are_exact() {
        let all_train = SplitConfig { seed: 1, test_fraction: 0.0, validation_fraction: 0.0 };
        assert_eq!(share(all_train, Split::Train), 1.0);
        let all_test = SplitConfig { test_fraction: 1.0, ..all_train };
        assert_eq!(share(all_test, Split::Test), 1.0);
    }
}

//! Which items train, which choose thresholds, and which only judge.
//!
//! An item's side depends on its id and the seed alone, so it never changes when data are added, filtered or reordered.

use std::fmt;

use serde::{Deserialize, Serialize};

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

    #[test]
    fn the_extremes_are_exact() {
        let all_train = SplitConfig { seed: 1, test_fraction: 0.0, validation_fraction: 0.0 };
        assert_eq!(share(all_train, Split::Train), 1.0);
        let all_test = SplitConfig { test_fraction: 1.0, ..all_train };
        assert_eq!(share(all_test, Split::Test), 1.0);
    }
}

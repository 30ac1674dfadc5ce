//! Draws of the items with replacement: how much would the figures differ on other items of the same kind?

use rayon::prelude::*;

use crate::random::Random;

/// Samples that are worked on together. Their weights for one item lie side by side, so that one instruction adds several.
pub(super) const LANES: usize = 32;

/// What the figures of all resamples together may cost, in items times classes times resamples: about half a minute of one
/// core.
const MOST_WORK: u64 = 100_000_000_000;

/// Fewer resamples than this say little of the outer 2.5 percent on either side.
const FEWEST: usize = 100;

/// How often each item was drawn in each sample. Sample 0 is the items themselves, each once; the others are resamples.
#[derive(Debug, Clone)]
pub struct Resamples {
    /// How many samples there are, sample 0 included.
    samples: usize,
    items: usize,
    /// For each block of [`LANES`] samples, item after item, the weights in these samples.
    blocks: Vec<Vec<[u8; LANES]>>,
}

impl Resamples {
    /// The items themselves and no resample.
    pub fn none(items: usize) -> Resamples {
        Resamples::draw(items, 0, 0)
    }

    /// Draws `resamples` times as many items as there are, evenly and with replacement. They depend on the seed and the
    /// number of items alone.
    pub fn draw(items: usize, resamples: usize, seed: u64) -> Resamples {
        let samples = resamples + 1;
        let block = |block: usize| {
            let mut weights = vec![[0u8; LANES]; items];
            for lane in 0..LANES.min(samples - block * LANES) {
                match block * LANES + lane {
                    0 => weights.iter_mut().for_each(|weights| weights[0] = 1),
                    sample => {
                        let mut random = Random::new(&[seed, sample as u64]);
                        for _ in 0..items {
                            // Drawn 255 times among so many? The chance is below 10^-500.
                            let weight = &mut weights[random.below(items)][lane];
                            *weight = weight.saturating_add(1);
                        }
                    }
                }
            }
            weights
        };
        let blocks = (0..samples.div_ceil(LANES)).into_par_iter().map(block).collect();
        Resamples { samples, items, blocks }
    }

    /// How many resamples of `wanted` to draw, so that judging so many items and classes takes no longer than it should.
    pub fn affordable(wanted: usize, items: usize, classes: usize) -> usize {
        let cells = (items as u64).saturating_mul(classes as u64).max(1);
        wanted.min(FEWEST.max((MOST_WORK / cells) as usize))
    }

    /// How many samples there are, sample 0 included.
    pub(super) fn samples(&self) -> usize {
        self.samples
    }

    /// How many items each sample holds.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The blocks of samples: for each item its weights in [`LANES`] samples, of which those past the last are 0.
    pub(super) fn blocks(&self) -> &[Vec<[u8; LANES]>] {
        &self.blocks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sample_holds_as_many_items_as_there_are() {
        let resamples = Resamples::draw(50, 40, 7);
        for (block, weights) in resamples.blocks().iter().enumerate() {
            for lane in 0..LANES {
                let sum: usize = weights.iter().map(|weights| usize::from(weights[lane])).sum();
                assert_eq!(sum, if block * LANES + lane < 41 { 50 } else { 0 });
            }
        }
        assert!(resamples.blocks()[0].iter().all(|weights| weights[0] == 1));
        // On average an item is left out of a share of (1 - 1/50)^50 of the resamples, 0.364.
        let out = (0..50).map(|item| resamples.blocks()[0][item][1..].iter().filter(|w| **w == 0).count());
        let share = out.sum::<usize>() as f64 / (50.0 * 31.0);
        assert!((share - 0.364).abs() < 0.05, "{share}");
    }

    #[test]
    fn draws_depend_on_the_seed_alone() {
        let blocks = |seed| Resamples::draw(20, 3, seed).blocks;
        assert!(blocks(1) == blocks(1) && blocks(1) != blocks(2));
    }

    #[test]
    fn many_items_get_fewer_resamples() {
        assert_eq!(Resamples::affordable(1000, 10_000, 1000), 1000);
        assert_eq!(Resamples::affordable(1000, 200_000, 1000), 500);
        assert_eq!(Resamples::affordable(1000, 10_000_000, 1000), 100);
        assert_eq!(Resamples::affordable(0, 10, 10), 0);
        assert_eq!(Resamples::affordable(1000, 0, 0), 1000);
    }
}

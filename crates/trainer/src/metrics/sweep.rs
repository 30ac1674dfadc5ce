//! A class's average precision and counts in every sample at once.

use super::ranking::Ranking;
use super::resamples::{LANES, Resamples};
use super::{Judged, Scores};

/// What one class comes to in each sample.
#[derive(Debug, Clone)]
pub(super) struct Sweep {
    /// True items.
    pub(super) positives: Vec<u32>,
    /// Average precision; 0 where there are no positives.
    pub(super) average_precision: Vec<f64>,
    /// For each threshold that was asked for: predicted items, and the true ones among them.
    pub(super) cuts: Vec<Cut>,
}

#[derive(Debug, Clone)]
pub(super) struct Cut {
    pub(super) predicted: Vec<u32>,
    pub(super) hits: Vec<u32>,
}

/// Goes down a ranking once for each block of samples. No sample is sorted anew: its items are those of the ranking, each as
/// often as it was drawn.
pub(super) fn sweep(
    judged: &Judged<'_>,
    ranking: &Ranking,
    thresholds: &[f32],
    samples: &Resamples,
) -> Sweep {
    let empty = Cut { predicted: Vec::new(), hits: Vec::new() };
    let mut sweep =
        Sweep { positives: Vec::new(), average_precision: Vec::new(), cuts: vec![empty; thresholds.len()] };
    let ends: Vec<usize> = thresholds.iter().map(|threshold| ranking.reaching(*threshold)).collect();
    for weights in samples.blocks() {
        match judged.scores {
            Scores::Each(_) => sweep.add_ranked(ranking, &ends, weights),
            Scores::Same(_) => sweep.add_equal(ranking, &ends, weights, samples.items() as u32),
        }
    }
    sweep
}

/// Weights summed up to some place in a ranking, a sample each.
#[derive(Debug, Clone, Copy)]
struct Sums {
    seen: [u32; LANES],
    found: [u32; LANES],
}

impl Sums {
    const NONE: Sums = Sums { seen: [0; LANES], found: [0; LANES] };
}

fn add(sums: &mut [u32; LANES], weights: &[u8; LANES]) {
    for (sum, weight) in sums.iter_mut().zip(weights) {
        *sum += u32::from(*weight);
    }
}

impl Sweep {
    fn add_ranked(&mut self, ranking: &Ranking, ends: &[usize], weights: &[[u8; LANES]]) {
        let mut sums = Sums::NONE;
        let mut precision = [0.0; LANES];
        let mut at_ends = vec![Sums::NONE; ends.len()];
        let mut place = 0;
        for group in ranking.groups() {
            let before = sums.found;
            let mut any = false;
            for ranked in group {
                let weights = &weights[ranked.item as usize];
                add(&mut sums.seen, weights);
                if ranked.positive {
                    any = true;
                    add(&mut sums.found, weights);
                }
            }
            if any {
                for lane in 0..LANES {
                    let gained = f64::from(sums.found[lane] - before[lane]);
                    precision[lane] +=
                        gained * f64::from(sums.found[lane]) / f64::from(sums.seen[lane].max(1));
                }
            }
            place += group.len();
            // Equal scores reach a threshold together, so that each end is the end of a group.
            for (end, at_end) in ends.iter().zip(&mut at_ends) {
                if *end == place {
                    *at_end = sums;
                }
            }
        }
        let average = (0..LANES).map(|lane| precision[lane] / f64::from(sums.found[lane].max(1)));
        self.average_precision.extend(average);
        self.positives.extend(sums.found);
        for (cut, at_end) in self.cuts.iter_mut().zip(at_ends) {
            cut.predicted.extend(at_end.seen);
            cut.hits.extend(at_end.found);
        }
    }

    /// As [`Sweep::add_ranked`] where all scores are equal: all items are one group, and every sample has as many.
    fn add_equal(&mut self, ranking: &Ranking, ends: &[usize], weights: &[[u8; LANES]], items: u32) {
        let mut found = [0; LANES];
        for ranked in ranking.ranked.iter().filter(|ranked| ranked.positive) {
            add(&mut found, &weights[ranked.item as usize]);
        }
        let average = found.map(|found| {
            let (found, items) = (f64::from(found), f64::from(items.max(1)));
            // The share of true items, rounded as a ranking's average precision is.
            found * found / items / found.max(1.0)
        });
        self.average_precision.extend(average);
        self.positives.extend(found);
        for (cut, end) in self.cuts.iter_mut().zip(ends) {
            let all = *end > 0;
            cut.predicted.extend([if all { items } else { 0 }; LANES]);
            cut.hits.extend(if all { found } else { [0; LANES] });
        }
    }
}

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
    let way = Way::down(ranking, &ends);
    for weights in samples.blocks() {
        match judged.scores {
            Scores::Each(_) => sweep.add_ranked(&way, &ends, weights),
            Scores::Same(_) => sweep.add_equal(&way, &ends, weights, samples.items() as u32),
        }
    }
    sweep
}

/// A ranking as a sweep goes down it: most items are negative, and need no more than to be counted.
struct Way {
    items: Vec<u32>,
    /// The positive ones among them.
    positives: Vec<u32>,
    stops: Vec<Stop>,
}

/// A place where there is more to do than to count.
struct Stop {
    /// How many items lie above it.
    place: usize,
    /// How many positives lie between the stop before and this one. They are all of the same score, so that precision is
    /// that of this place for all of them.
    gained: usize,
}

impl Way {
    /// Stops after each group of equal scores that has a positive in it, and at the `ends`.
    fn down(ranking: &Ranking, ends: &[usize]) -> Way {
        let mut stops = Vec::new();
        let mut place = 0;
        for group in ranking.groups() {
            place += group.len();
            let gained = group.iter().filter(|ranked| ranked.positive).count();
            // Equal scores reach a threshold together, so that each end is the end of a group.
            if gained > 0 || ends.contains(&place) {
                stops.push(Stop { place, gained });
            }
        }
        let items = ranking.ranked.iter().map(|ranked| ranked.item).collect();
        let positives = ranking.ranked.iter().filter(|ranked| ranked.positive).map(|ranked| ranked.item);
        Way { items, positives: positives.collect(), stops }
    }
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

/// Adds the weights of some items.
fn add(sums: &mut [u32; LANES], items: &[u32], weights: &[[u8; LANES]]) {
    // So many weights of 255 at most fit into 16 bits, and twice as many of these are added at once as of 32.
    for items in items.chunks(257) {
        let mut short = [0u16; LANES];
        for item in items {
            for (sum, weight) in short.iter_mut().zip(&weights[*item as usize]) {
                *sum += u16::from(*weight);
            }
        }
        for (sum, short) in sums.iter_mut().zip(short) {
            *sum += u32::from(short);
        }
    }
}

impl Sweep {
    fn add_ranked(&mut self, way: &Way, ends: &[usize], weights: &[[u8; LANES]]) {
        let mut sums = Sums::NONE;
        let mut precision = [0.0; LANES];
        let mut at_ends = vec![Sums::NONE; ends.len()];
        let (mut items, mut positives) = (way.items.as_slice(), way.positives.as_slice());
        let mut above = 0;
        for stop in &way.stops {
            let (passed, left) = items.split_at(stop.place - above);
            add(&mut sums.seen, passed, weights);
            (items, above) = (left, stop.place);
            let (gained, left) = positives.split_at(stop.gained);
            positives = left;
            if !gained.is_empty() {
                let before = sums.found;
                add(&mut sums.found, gained, weights);
                for lane in 0..LANES {
                    let found = f64::from(sums.found[lane]);
                    let gained = f64::from(sums.found[lane] - before[lane]);
                    precision[lane] += gained * found / f64::from(sums.seen[lane].max(1));
                }
            }
            for (end, at_end) in ends.iter().zip(&mut at_ends) {
                if *end == stop.place {
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
    fn add_equal(&mut self, way: &Way, ends: &[usize], weights: &[[u8; LANES]], items: u32) {
        let mut found = [0; LANES];
        add(&mut found, &way.positives, weights);
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

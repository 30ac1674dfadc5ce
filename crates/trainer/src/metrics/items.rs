//! Figures that are means over the items: how well is each picture tagged?

use rayon::prelude::*;

use super::Judged;
use super::resamples::{LANES, Resamples};

/// The `k` of precision, recall and accuracy at `k`.
pub(super) const KS: [usize; 4] = [1, 3, 5, 10];

/// Items that are looked at before their values are summed: few enough to need no memory to speak of.
const AT_ONCE: usize = 1 << 14;

/// Means over the items with a true class, a sample each.
pub(super) struct ItemMeans {
    pub(super) ranking_precision: Vec<f64>,
    pub(super) at_k: [MeansAtK; KS.len()],
}

#[derive(Default)]
pub(super) struct MeansAtK {
    pub(super) accuracy: Vec<f64>,
    pub(super) precision: Vec<f64>,
    pub(super) recall: Vec<f64>,
}

/// What one item contributes: a one for itself, label ranking average precision, and for each of [`KS`] accuracy, precision
/// and recall. All zeros for an item without a true class.
const VALUES: usize = 2 + 3 * KS.len();
type Values = [f32; VALUES];

pub(super) fn item_means(judged: &Judged<'_>, samples: &Resamples) -> ItemMeans {
    let mut sums = vec![[[0.0; LANES]; VALUES]; samples.blocks().len()];
    for start in (0..judged.items()).step_by(AT_ONCE) {
        let end = judged.items().min(start + AT_ONCE);
        let values: Vec<Values> = (start..end).into_par_iter().map(|item| values(judged, item)).collect();
        sums.par_iter_mut().zip(samples.blocks()).for_each(|(sums, weights)| {
            for (values, weights) in values.iter().zip(&weights[start..end]) {
                let weights = weights.map(f64::from);
                for (sums, value) in sums.iter_mut().zip(values) {
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += f64::from(*value) * weight;
                    }
                }
            }
        });
    }
    let mean = |value: usize| -> Vec<f64> {
        let lanes = sums.iter().flat_map(|sums| sums[value].iter().zip(&sums[0]));
        lanes.map(|(sum, items)| if *items > 0.0 { sum / items } else { 0.0 }).collect()
    };
    let at_k = |k: usize| MeansAtK {
        accuracy: mean(2 + 3 * k),
        precision: mean(3 + 3 * k),
        recall: mean(4 + 3 * k),
    };
    ItemMeans { ranking_precision: mean(1), at_k: std::array::from_fn(at_k) }
}

fn values(judged: &Judged<'_>, item: usize) -> Values {
    let (row, truth) = (judged.row(item), &judged.truth[item]);
    let mut values = [0.0; VALUES];
    if truth.is_empty() {
        return values;
    }
    values[0] = 1.0;
    values[1] = precision(row, truth) as f32;
    let best = super::top(row, KS[KS.len() - 1]);
    for (k, values) in KS.into_iter().zip(values[2..].chunks_mut(3)) {
        let named = &best[..k.min(best.len())];
        let hits = named.iter().filter(|class| truth.binary_search(&(**class as u32)).is_ok()).count() as f32;
        values[0] = hits.min(1.0);
        values[1] = hits / named.len() as f32;
        values[2] = hits / truth.len() as f32;
    }
    values
}

/// An item's label ranking average precision: the mean over its true classes of the share of true ones among the classes
/// that score as high or higher. `None` for an item without a true class.
pub fn ranking_precision(judged: &Judged<'_>, item: usize) -> Option<f64> {
    let truth = &judged.truth[item];
    (!truth.is_empty()).then(|| precision(judged.row(item), truth))
}

fn precision(row: &[f32], truth: &[u32]) -> f64 {
    let mut scores: Vec<f32> = truth.iter().map(|class| row[*class as usize]).collect();
    scores.sort_unstable_by(|a, b| b.total_cmp(a));
    let shares = scores.iter().map(|score| {
        let reaching = row.iter().filter(|other| *other >= score).count();
        let true_ones = scores.partition_point(|other| other >= score);
        true_ones as f64 / reaching.max(1) as f64
    });
    shares.sum::<f64>() / truth.len() as f64
}

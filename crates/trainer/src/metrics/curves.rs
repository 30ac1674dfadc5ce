//! What a report draws: precision against recall, and scores against what they turned out to be.

use serde::{Deserialize, Serialize};

use super::Judged;
use super::figures::share;
use super::ranking::{each_class, ranking};
use super::thresholds::{Histogram, step_value};

/// A point of a precision-recall curve.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PrecisionRecall {
    /// From this score on, the class counts as predicted.
    pub threshold: f32,
    /// Share of the predictions that are true.
    pub precision: f64,
    /// Share of the true ones that are predicted.
    pub recall: f64,
}

/// The scores of a range, and how many of them were right.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// The lowest score that belongs to it.
    pub from: f32,
    /// Scores below this one belong to it; in the last bin, 1 does too.
    pub below: f32,
    /// How many scores it holds, each of an item and a class.
    pub scores: u64,
    /// Their mean; 0 where there is none.
    pub mean_score: f64,
    /// The share of them whose class is truly on the item; 0 where there is none. Where the tagger is calibrated, it is the
    /// mean score.
    pub true_share: f64,
}

/// The curve of a class, a point for each distinct score, the highest first. Empty where no item shows the class: there is
/// no recall then.
pub fn precision_recall_curve(judged: &Judged<'_>, class: usize) -> Vec<PrecisionRecall> {
    let ranking = ranking(judged, class);
    let (mut predicted, mut hits) = (0, 0);
    let points = ranking.groups().map(|group| {
        predicted += group.len();
        hits += group.iter().filter(|ranked| ranked.positive).count();
        PrecisionRecall {
            threshold: group[0].score,
            precision: hits as f64 / predicted as f64,
            recall: hits as f64 / ranking.positives as f64,
        }
    });
    if ranking.positives == 0 { Vec::new() } else { points.collect() }
}

/// The curve of all classes together, a point for each thousandth that something reaches, the highest first. Empty where
/// nothing is true.
pub fn precision_recall_overall(judged: &Judged<'_>) -> Vec<PrecisionRecall> {
    let mut histogram = Histogram::default();
    let mut positives = 0;
    each_class(
        judged,
        |ranking| (Histogram::of(ranking), ranking.positives as u64),
        |(class, count)| {
            histogram.add(&class);
            positives += count;
        },
    );
    let counts = histogram.cumulative();
    let points = counts.into_iter().enumerate().rev().filter(|(_, (predicted, _))| *predicted > 0).map(
        |(step, (predicted, hits))| PrecisionRecall {
            threshold: step_value(step),
            precision: hits as f64 / predicted as f64,
            recall: hits as f64 / positives as f64,
        },
    );
    if positives == 0 { Vec::new() } else { points.collect() }
}

/// Parts the scores of a class, or of all, into `bins` ranges of equal width, 1 or more.
pub fn calibration(judged: &Judged<'_>, class: Option<usize>, bins: usize) -> Vec<CalibrationBin> {
    let bins = bins.max(1);
    let bin = |score: f32| ((score * bins as f32) as usize).min(bins - 1);
    let wanted = |other: usize| class.is_none_or(|class| class == other);
    let mut sums = vec![(0u64, 0.0, 0u64); bins];
    for (item, truth) in judged.truth.iter().enumerate() {
        let row = judged.row(item);
        for score in class.map_or(row, |class| &row[class..=class]) {
            let (scores, sum, _) = &mut sums[bin(*score)];
            *scores += 1;
            *sum += f64::from(*score);
        }
        for class in truth.iter().map(|class| *class as usize).filter(|class| wanted(*class)) {
            sums[bin(row[class])].2 += 1;
        }
    }
    let edge = |bin: usize| bin as f32 / bins as f32;
    let bins = sums.into_iter().enumerate().map(|(bin, (scores, sum, positive))| CalibrationBin {
        from: edge(bin),
        below: edge(bin + 1),
        scores,
        mean_score: share(sum, scores as f64),
        true_share: share(positive as f64, scores as f64),
    });
    bins.collect()
}

/// The expected calibration error: how far mean score and true share lie apart, the mean over all scores (Guo et al. 2017,
/// <https://arxiv.org/abs/1706.04599>).
pub fn calibration_error(bins: &[CalibrationBin]) -> f64 {
    let all: u64 = bins.iter().map(|bin| bin.scores).sum();
    let apart = bins.iter().map(|bin| (bin.mean_score - bin.true_share).abs() * bin.scores as f64);
    share(apart.sum(), all as f64)
}

//! How good scores are: pure functions over scores and truth, scikit-learn's definitions where it has one.
//!
//! Truth is sparse, and scores stay where they are: a million items of a thousand classes are looked at a few classes at a
//! time. `docs/validate.md` has the formula of each figure.

use std::cmp::Ordering;

mod confusions;
mod curves;
mod figures;
mod items;
mod judgement;
mod ranking;
mod resamples;
mod suspects;
mod sweep;
mod thresholds;

pub use confusions::{Confusion, confusions};
pub use curves::{
    CalibrationBin, PrecisionRecall, calibration, calibration_error, precision_recall_curve,
    precision_recall_overall,
};
pub use figures::{AtK, AtThreshold, Bucket, Counts, Estimate, Figures, Interval, Point};
pub use items::ranking_precision;
pub use judgement::{ClassFigures, Judgement, figures, judge, mean_average_precision};
pub use resamples::Resamples;
pub use suspects::{Suspect, Suspects, suspects};
pub use thresholds::{Thresholds, choose};

/// How many of an item's best classes count where one number has to be chosen.
pub const TOP: usize = 5;

/// Scores of some items beside the classes they truly show.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Scores from 0 to 1.
    pub scores: Scores<'a>,
    /// How many classes there are.
    pub classes: usize,
    /// The true classes of each item, rising, each once.
    pub truth: &'a [Vec<u32>],
}

/// Where an item's scores stand.
#[derive(Debug, Clone, Copy)]
pub enum Scores<'a> {
    /// One row of `classes` scores an item, row after row.
    Each(&'a [f32]),
    /// The same row for every item: a guess without a look.
    Same(&'a [f32]),
}

impl Judged<'_> {
    /// The scores of one item.
    pub fn row(&self, item: usize) -> &[f32] {
        match self.scores {
            Scores::Each(scores) => &scores[item * self.classes..(item + 1) * self.classes],
            Scores::Same(scores) => scores,
        }
    }

    /// How many items there are.
    pub fn items(&self) -> usize {
        self.truth.len()
    }
}

/// The classes of the `k` highest scores, highest first; of equal scores the lower class first.
pub fn top(scores: &[f32], k: usize) -> Vec<usize> {
    let order = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    if k < classes.len() && k > 0 {
        classes.select_nth_unstable_by(k - 1, order);
    }
    classes.truncate(k);
    classes.sort_unstable_by(order);
    classes
}

/// Keeps the first few of a list in an order.
fn keep<T>(list: &mut Vec<T>, count: usize, order: impl Fn(&T, &T) -> Ordering) {
    list.sort_unstable_by(order);
    list.truncate(count);
}

#[cfg(test)]
mod tests;

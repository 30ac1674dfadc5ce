//! How good scores are. Pure functions over scores and truth; scikit-learn's definitions where it has one.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// Thresholds are searched in steps of one thousandth.
const STEPS: usize = 1000;

/// How many of an item's best classes the top-k figures look at.
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

/// The figures of a tagger on some items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean over the classes with at least one true item of the average precision.
    pub mean_average_precision: f64,
    /// How many classes that are.
    pub classes_judged: usize,
    /// The score from which a class counts as predicted, for the two figures below.
    pub threshold: f32,
    /// F1 over all items and classes together.
    pub micro_f1: f64,
    /// Mean over the classes with at least one true item of their F1.
    pub macro_f1: f64,
    /// Share of the items with a true class that have one among their five best scores.
    pub top5_accuracy: f64,
    /// Mean over these items of the share of true classes among their five best scores.
    pub precision_at_5: f64,
}

/// What a threshold makes of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Predicted and true.
    pub hits: u64,
    /// Predicted and not true.
    pub false_alarms: u64,
    /// True and not predicted.
    pub misses: u64,
}

/// All figures at a threshold.
pub fn figures(judged: &Judged<'_>, threshold: f32) -> Figures {
    let precisions: Vec<f64> = average_precisions(judged).into_iter().flatten().collect();
    let counts = counts(judged, threshold);
    let f1s: Vec<f64> =
        counts.iter().filter(|counts| counts.hits + counts.misses > 0).map(|counts| counts.f1()).collect();
    let all = counts.iter().fold(Counts::default(), |sum, class| Counts {
        hits: sum.hits + class.hits,
        false_alarms: sum.false_alarms + class.false_alarms,
        misses: sum.misses + class.misses,
    });
    let shown: Vec<usize> = (0..judged.truth.len()).filter(|item| !judged.truth[*item].is_empty()).collect();
    let hits: Vec<usize> = shown
        .par_iter()
        .map(|&item| {
            let truth = &judged.truth[item];
            let best = top(judged.row(item), TOP);
            best.iter().filter(|class| truth.binary_search(&(**class as u32)).is_ok()).count()
        })
        .collect();
    let top = TOP.min(judged.classes) as f64;
    Figures {
        mean_average_precision: mean(precisions.iter().copied()),
        classes_judged: precisions.len(),
        threshold,
        micro_f1: all.f1(),
        macro_f1: mean(f1s.into_iter()),
        top5_accuracy: mean(hits.iter().map(|hits| f64::from(u8::from(*hits > 0)))),
        precision_at_5: mean(hits.iter().map(|hits| *hits as f64 / top)),
    }
}

/// [`Figures::mean_average_precision`] alone.
pub fn mean_average_precision(judged: &Judged<'_>) -> f64 {
    let precisions: Vec<f64> = average_precisions(judged).into_iter().flatten().collect();
    mean(precisions.into_iter())
}

/// The average precision of each class that has a true item: the sum over the distinct scores, from the highest, of the
/// precision from there up times the recall gained. Items of equal score count together, so that no order among them
/// helps or harms; a class whose scores are all equal gets its share of true items.
pub fn average_precisions(judged: &Judged<'_>) -> Vec<Option<f64>> {
    let items = by_class(judged);
    (0..judged.classes)
        .into_par_iter()
        .map(|class| {
            let positives = items[class].len();
            if positives == 0 {
                return None;
            }
            if let Scores::Same(_) = judged.scores {
                return Some(positives as f64 / judged.truth.len() as f64);
            }
            let mut ranking: Vec<(f32, bool)> =
                (0..judged.truth.len()).map(|item| (judged.row(item)[class], false)).collect();
            for item in &items[class] {
                ranking[*item].1 = true;
            }
            ranking.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
            let (mut seen, mut found, mut sum) = (0, 0, 0.0);
            for equals in ranking.chunk_by(|a, b| a.0 == b.0) {
                let gained = equals.iter().filter(|(_, positive)| *positive).count();
                seen += equals.len();
                found += gained;
                sum += gained as f64 * found as f64 / seen as f64;
            }
            Some(sum / positives as f64)
        })
        .collect()
}

/// What a threshold makes of each class.
pub fn counts(judged: &Judged<'_>, threshold: f32) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); judged.classes];
    for (item, truth) in judged.truth.iter().enumerate() {
        let row = judged.row(item);
        for (counts, score) in counts.iter_mut().zip(row) {
            counts.false_alarms += u64::from(*score >= threshold);
        }
        for class in truth.iter().map(|class| *class as usize) {
            if row[class] >= threshold {
                counts[class].hits += 1;
                counts[class].false_alarms -= 1;
            } else {
                counts[class].misses += 1;
            }
        }
    }
    counts
}

/// The threshold with the best micro F1, in thousandths above 0; the highest of several.
pub fn best_threshold(judged: &Judged<'_>) -> f32 {
    // Per step, how many scores reach that step and no higher one: all, and those of true classes.
    let (mut all, mut positive) = (vec![0u64; STEPS + 1], vec![0u64; STEPS + 1]);
    for (item, truth) in judged.truth.iter().enumerate() {
        let row = judged.row(item);
        row.iter().for_each(|score| all[step_below(*score)] += 1);
        truth.iter().for_each(|class| positive[step_below(row[*class as usize])] += 1);
    }
    let positives: u64 = positive.iter().sum();
    let (mut best, mut best_f1) = (STEPS / 2, 0.0);
    let (mut predicted, mut hits) = (0, 0);
    for step in (1..=STEPS).rev() {
        predicted += all[step];
        hits += positive[step];
        let f1 = if hits == 0 { 0.0 } else { 2.0 * hits as f64 / (predicted + positives) as f64 };
        if f1 > best_f1 {
            (best, best_f1) = (step, f1);
        }
    }
    step_value(best)
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

impl Judged<'_> {
    /// The scores of one item.
    pub fn row(&self, item: usize) -> &[f32] {
        match self.scores {
            Scores::Each(scores) => &scores[item * self.classes..(item + 1) * self.classes],
            Scores::Same(scores) => scores,
        }
    }
}

impl Counts {
    /// Share of the predictions that are true; 0 where nothing was predicted.
    pub fn precision(&self) -> f64 {
        share(self.hits, self.hits + self.false_alarms)
    }

    /// Share of the true items that were predicted; 0 where none is true.
    pub fn recall(&self) -> f64 {
        share(self.hits, self.hits + self.misses)
    }

    /// The harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        share(2 * self.hits, 2 * self.hits + self.false_alarms + self.misses)
    }
}

/// The items of each class.
fn by_class(judged: &Judged<'_>) -> Vec<Vec<usize>> {
    let mut items = vec![Vec::new(); judged.classes];
    for (item, truth) in judged.truth.iter().enumerate() {
        truth.iter().for_each(|class| items[*class as usize].push(item));
    }
    items
}

fn step_value(step: usize) -> f32 {
    step as f32 / STEPS as f32
}

/// The highest step whose value the score reaches.
fn step_below(score: f32) -> usize {
    let near = (score * STEPS as f32) as usize + 1;
    (0..=near.min(STEPS)).rev().find(|step| score >= step_value(*step)).unwrap_or(0)
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len();
    if n == 0 { 0.0 } else { values.sum::<f64>() / n as f64 }
}

#[cfg(test)]
mod tests;

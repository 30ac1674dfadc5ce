//! What the figures are. Each is an [`Estimate`]: its value on the items, and where it would lie on others of their kind.

use serde::{Deserialize, Serialize};

use super::Thresholds;

/// A figure, and how much it hangs on the items that it was judged by.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure on the items themselves.
    pub value: f64,
    /// Its 95 percent bootstrap interval, where items were resampled: the percentiles less the bootstrap's bias.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// From the 2.5th to the 97.5th percentile of resamples, moved so that their mean comes to stand on the figure, within 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// What a threshold is chosen for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Point {
    /// One threshold for all classes, with the best micro F1 on validation items.
    BestMicroF1,
    /// One threshold for all classes, with the best macro F1 on validation items.
    BestMacroF1,
    /// One threshold for all classes, at which micro precision and recall are equal on validation items.
    BreakEven,
    /// A threshold for each class, with its best F1 on validation items.
    PerTag,
}

/// The figures of a tagger on some items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// Mean over the classes with a true item of the average precision.
    pub mean_average_precision: Estimate,
    /// How many classes that are.
    pub classes_judged: usize,
    /// Mean over the items with a true class, and over their true classes, of the share of true ones among the classes that
    /// score as high or higher.
    pub label_ranking_average_precision: Estimate,
    /// What an item's best few scores are worth.
    pub at_k: Vec<AtK>,
    /// What the predictions are worth, at each [`Point`] in turn.
    pub at_threshold: Vec<AtThreshold>,
    /// The classes by how often training saw them; without the buckets that no class is in.
    pub by_frequency: Vec<Bucket>,
}

/// Means over the items that have a true class, looking at their `k` best scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtK {
    /// How many scores; all, where there are fewer classes.
    pub k: usize,
    /// Share of the items with a true class among them.
    pub accuracy: Estimate,
    /// Share of true classes among them.
    pub precision: Estimate,
    /// Share of the item's true classes that are among them.
    pub recall: Estimate,
}

/// What counting a class as predicted from a threshold on comes to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct AtThreshold {
    /// What the threshold was chosen for.
    pub point: Point,
    /// The threshold; `None` where each class has its own.
    pub threshold: Option<f32>,
    /// Precision over all items and classes together.
    pub micro_precision: Estimate,
    /// Recall over all items and classes together.
    pub micro_recall: Estimate,
    /// F1 over all items and classes together.
    pub micro_f1: Estimate,
    /// Mean over the classes with a true item of their precision.
    pub macro_precision: Estimate,
    /// Mean over the classes with a true item of their recall.
    pub macro_recall: Estimate,
    /// Mean over the classes with a true item of their F1.
    pub macro_f1: Estimate,
    /// Share of all pairs of an item and a class that are decided wrongly.
    pub hamming_loss: Estimate,
}

/// The classes that occur in so many training items.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The fewest training items of a class in it.
    pub from: u64,
    /// No class in it has so many; `None` where there is no limit.
    pub below: Option<u64>,
    /// How many classes are in it.
    pub classes: usize,
    /// How many of them have a true item.
    pub classes_judged: usize,
    /// Mean over the latter of the average precision.
    pub mean_average_precision: Estimate,
    /// Mean over the latter of F1 at [`Point::BestMicroF1`].
    pub macro_f1: Estimate,
    /// Mean over the latter of F1 at [`Point::PerTag`].
    pub macro_f1_per_tag: Estimate,
}

/// What a threshold makes of a class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Predicted and true.
    pub hits: u64,
    /// Predicted and not true.
    pub false_alarms: u64,
    /// True and not predicted.
    pub misses: u64,
}

impl Point {
    /// All points, in the order of [`Figures::at_threshold`].
    pub const ALL: [Point; 4] = [Point::BestMicroF1, Point::BestMacroF1, Point::BreakEven, Point::PerTag];

    /// Its place in [`Point::ALL`].
    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// The threshold that all classes share; `None` where each has its own.
    pub fn shared(self, thresholds: &Thresholds) -> Option<f32> {
        match self {
            Point::BestMicroF1 => Some(thresholds.best_micro_f1),
            Point::BestMacroF1 => Some(thresholds.best_macro_f1),
            Point::BreakEven => Some(thresholds.break_even),
            Point::PerTag => None,
        }
    }

    /// The threshold of a class.
    pub fn of(self, thresholds: &Thresholds, class: usize) -> f32 {
        self.shared(thresholds).unwrap_or_else(|| thresholds.per_tag[class])
    }
}

impl Figures {
    /// The figures at a point.
    pub fn at(&self, point: Point) -> Option<&AtThreshold> {
        self.at_threshold.iter().find(|at| at.point == point)
    }

    /// The figures of the `k` best scores.
    pub fn best(&self, k: usize) -> Option<&AtK> {
        self.at_k.iter().find(|at| at.k == k)
    }
}

impl Estimate {
    /// From a figure's value in each sample; the first sample is the items themselves.
    pub(super) fn of(samples: &[f64]) -> Estimate {
        let Some((value, resamples)) = samples.split_first() else {
            return Estimate { value: 0.0, interval: None };
        };
        let interval = (resamples.len() > 1).then(|| Interval::around(*value, resamples));
        Estimate { value: *value, interval }
    }
}

impl Interval {
    fn around(value: f64, resamples: &[f64]) -> Interval {
        let mut sorted = resamples.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        // A resample holds some items several times, which ranks rare classes too well.
        let bias = sorted.iter().sum::<f64>() / sorted.len() as f64 - value;
        let end = |share| (percentile(&sorted, share) - bias).clamp(0.0, 1.0);
        Interval { low: end(0.025), high: end(0.975) }
    }
}

/// Between the two nearest values, as NumPy has it.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let lower = sorted[place as usize];
    let upper = sorted[(place as usize + 1).min(sorted.len() - 1)];
    lower + (upper - lower) * place.fract()
}

impl Counts {
    /// Share of the predictions that are true; 0 where nothing was predicted.
    pub fn precision(&self) -> f64 {
        share(self.hits as f64, (self.hits + self.false_alarms) as f64)
    }

    /// Share of the true items that were predicted; 0 where none is true.
    pub fn recall(&self) -> f64 {
        share(self.hits as f64, (self.hits + self.misses) as f64)
    }

    /// The harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        share(2.0 * self.hits as f64, (2 * self.hits + self.false_alarms + self.misses) as f64)
    }
}

/// A share of nothing is 0.
pub(super) fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_numpys_percentiles_around_the_figure() {
        // numpy.percentile(range(33), [2.5, 97.5]) is [0.8, 31.2], and the mean is 16.
        let resamples = || (0..33).rev().map(|n| f64::from(n) / 64.0);
        let around = |value: f64| {
            let samples: Vec<f64> = [value].into_iter().chain(resamples()).collect();
            let Estimate { value, interval } = Estimate::of(&samples);
            let Interval { low, high } = interval.unwrap();
            [value, low, high].map(|value| (value * 64.0 * 10.0).round() / 10.0)
        };
        assert_eq!(around(16.0 / 64.0), [16.0, 0.8, 31.2]);
        assert_eq!(around(20.0 / 64.0), [20.0, 4.8, 35.2]);
        assert_eq!(around(10.0 / 64.0), [10.0, 0.0, 25.2]);
        assert_eq!(around(60.0 / 64.0), [60.0, 44.8, 64.0]);
        assert_eq!(Estimate::of(&[0.5]).interval, None);
    }
}

//! From scores, truth and thresholds to the figures.

use super::figures::share;
use super::items::{ItemMeans, KS, item_means};
use super::ranking::{Ranking, each_class};
use super::sweep::{Sweep, sweep};
use super::{AtK, AtThreshold, Bucket, Counts, Estimate, Figures, Judged, Point, Resamples, Thresholds};

/// Classes are parted by the number of their training items: below 100, below 1,000, below 10,000, and above.
const BUCKETS: [u64; 4] = [0, 100, 1_000, 10_000];

/// All that scores come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The figures of all classes.
    pub figures: Figures,
    /// The figures of each.
    pub classes: Vec<ClassFigures>,
}

/// The figures of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassFigures {
    /// Items that truly show it.
    pub positives: u64,
    /// Its average precision: the sum over the distinct scores, from the highest, of the precision from there up times the
    /// recall gained. Items of equal score count together, so that no order among them helps or harms. `None` without
    /// positives.
    pub average_precision: Option<Estimate>,
    /// What the threshold of each [`Point`] makes of it, in their order.
    pub at: [Counts; Point::ALL.len()],
}

impl ClassFigures {
    /// What the threshold of a point makes of the class.
    pub fn counts(&self, point: Point) -> Counts {
        self.at[point.index()]
    }
}

/// Judges scores at thresholds that other items chose. `training_counts` tells in how many training items each class occurs.
pub fn judge(
    judged: &Judged<'_>,
    thresholds: &Thresholds,
    training_counts: &[u64],
    resamples: &Resamples,
) -> Judgement {
    let samples = resamples.samples();
    let mut all = ClassSums::new(samples);
    let mut buckets = BUCKETS.map(|_| ClassSums::new(samples));
    let mut classes = Vec::with_capacity(judged.classes);
    let work = |ranking: &Ranking| {
        let cuts = Point::ALL.map(|point| point.of(thresholds, ranking.class));
        sweep(judged, ranking, &cuts, resamples)
    };
    each_class(judged, work, |sweep| {
        let count = training_counts[classes.len()];
        let bucket = BUCKETS.iter().rposition(|from| count >= *from).unwrap_or_default();
        all.add(&sweep);
        buckets[bucket].add(&sweep);
        classes.push(class_figures(&sweep, samples));
    });
    let items = item_means(judged, resamples);
    let cells = (judged.items() * judged.classes) as f64;
    let by_frequency = BUCKETS.iter().zip(&buckets).enumerate().filter(|(_, (_, sums))| sums.classes > 0);
    let figures = Figures {
        mean_average_precision: all.mean(&all.average_precision),
        classes_judged: all.judged[0] as usize,
        label_ranking_average_precision: Estimate::of(&items.ranking_precision[..samples]),
        at_k: at_k(&items, samples),
        at_threshold: Point::ALL
            .map(|point| all.at_threshold(point, point.shared(thresholds), cells))
            .to_vec(),
        by_frequency: by_frequency
            .map(|(index, (from, sums))| sums.bucket(*from, BUCKETS.get(index + 1).copied()))
            .collect(),
    };
    Judgement { figures, classes }
}

/// [`Judgement::figures`] alone, without intervals.
pub fn figures(judged: &Judged<'_>, thresholds: &Thresholds, training_counts: &[u64]) -> Figures {
    judge(judged, thresholds, training_counts, &Resamples::none(judged.items())).figures
}

/// [`Figures::mean_average_precision`] alone, without an interval; `None` where no class has a true item.
pub fn mean_average_precision(judged: &Judged<'_>) -> Option<f64> {
    let resamples = Resamples::none(judged.items());
    let mut sums = ClassSums::new(1);
    each_class(judged, |ranking| sweep(judged, ranking, &[], &resamples), |sweep| sums.add(&sweep));
    (sums.judged[0] > 0).then(|| sums.mean(&sums.average_precision).value)
}

fn class_figures(sweep: &Sweep, samples: usize) -> ClassFigures {
    let positives = u64::from(sweep.positives[0]);
    // A resample without positives has no average precision.
    let precisions = sweep.average_precision[..samples].iter().zip(&sweep.positives);
    let precisions: Vec<f64> =
        precisions.filter(|(_, positives)| **positives > 0).map(|(precision, _)| *precision).collect();
    let counts = |point: usize| {
        let (hits, predicted) =
            (u64::from(sweep.cuts[point].hits[0]), u64::from(sweep.cuts[point].predicted[0]));
        Counts { hits, false_alarms: predicted - hits, misses: positives - hits }
    };
    ClassFigures {
        positives,
        average_precision: (positives > 0).then(|| Estimate::of(&precisions)),
        at: std::array::from_fn(counts),
    }
}

fn at_k(items: &ItemMeans, samples: usize) -> Vec<AtK> {
    let at_k = KS.into_iter().zip(&items.at_k).map(|(k, means)| AtK {
        k,
        accuracy: Estimate::of(&means.accuracy[..samples]),
        precision: Estimate::of(&means.precision[..samples]),
        recall: Estimate::of(&means.recall[..samples]),
    });
    at_k.collect()
}

/// Sums over classes, in each sample.
struct ClassSums {
    samples: usize,
    classes: usize,
    /// Classes with a true item in the sample; the means are over these.
    judged: Vec<u32>,
    average_precision: Vec<f64>,
    positives: Vec<u64>,
    points: Vec<PointSums>,
}

/// The same at one point.
#[derive(Clone)]
struct PointSums {
    precision: Vec<f64>,
    recall: Vec<f64>,
    f1: Vec<f64>,
    predicted: Vec<u64>,
    hits: Vec<u64>,
}

impl ClassSums {
    fn new(samples: usize) -> ClassSums {
        let (zeros, none) = (vec![0.0; samples], vec![0; samples]);
        let point = PointSums {
            precision: zeros.clone(),
            recall: zeros.clone(),
            f1: zeros.clone(),
            predicted: none.clone(),
            hits: none.clone(),
        };
        ClassSums {
            samples,
            classes: 0,
            judged: vec![0; samples],
            average_precision: zeros,
            positives: none,
            points: vec![point; Point::ALL.len()],
        }
    }

    fn add(&mut self, sweep: &Sweep) {
        self.classes += 1;
        for sample in 0..self.samples {
            let positives = u64::from(sweep.positives[sample]);
            self.judged[sample] += u32::from(positives > 0);
            self.average_precision[sample] += sweep.average_precision[sample];
            self.positives[sample] += positives;
        }
        for (sums, cut) in self.points.iter_mut().zip(&sweep.cuts) {
            for sample in 0..self.samples {
                let (predicted, hits) = (cut.predicted[sample], cut.hits[sample]);
                let positives = sweep.positives[sample];
                // Without a true item there is no hit, and all three are 0.
                sums.precision[sample] += share(hits.into(), predicted.into());
                sums.recall[sample] += share(hits.into(), positives.into());
                sums.f1[sample] += f1(hits.into(), predicted.into(), positives.into());
                sums.predicted[sample] += u64::from(predicted);
                sums.hits[sample] += u64::from(hits);
            }
        }
    }

    /// The mean over the classes that have a true item. Resamples without any such class say nothing, and are left out.
    fn mean(&self, sums: &[f64]) -> Estimate {
        let samples = sums.iter().zip(&self.judged).enumerate();
        let telling = samples.filter(|(sample, (_, judged))| *sample == 0 || **judged > 0);
        let means: Vec<f64> = telling.map(|(_, (sum, judged))| share(*sum, (*judged).into())).collect();
        Estimate::of(&means)
    }

    fn at_threshold(&self, point: Point, threshold: Option<f32>, cells: f64) -> AtThreshold {
        let sums = &self.points[point.index()];
        let micro = |figure: &dyn Fn(f64, f64, f64) -> f64| {
            let counts = sums.hits.iter().zip(&sums.predicted).zip(&self.positives);
            let figures: Vec<f64> = counts
                .map(|((hits, predicted), positives)| {
                    figure(*hits as f64, *predicted as f64, *positives as f64)
                })
                .collect();
            Estimate::of(&figures)
        };
        AtThreshold {
            point,
            threshold,
            micro_precision: micro(&|hits, predicted, _| share(hits, predicted)),
            micro_recall: micro(&|hits, _, positives| share(hits, positives)),
            micro_f1: micro(&f1),
            macro_precision: self.mean(&sums.precision),
            macro_recall: self.mean(&sums.recall),
            macro_f1: self.mean(&sums.f1),
            hamming_loss: micro(&|hits, predicted, positives| {
                share(predicted + positives - 2.0 * hits, cells)
            }),
        }
    }

    fn bucket(&self, from: u64, below: Option<u64>) -> Bucket {
        let f1_at = |point: Point| self.mean(&self.points[point.index()].f1);
        Bucket {
            from,
            below,
            classes: self.classes,
            classes_judged: self.judged[0] as usize,
            mean_average_precision: self.mean(&self.average_precision),
            macro_f1: f1_at(Point::BestMicroF1),
            macro_f1_per_tag: f1_at(Point::PerTag),
        }
    }
}

fn f1(hits: f64, predicted: f64, positives: f64) -> f64 {
    share(2.0 * hits, predicted + positives)
}

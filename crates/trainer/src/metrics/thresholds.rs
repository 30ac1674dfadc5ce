//! From which score on does a class count as predicted? Chosen on items that neither trained nor test.

use super::Judged;
use super::ranking::{Ranking, each_class};

/// Thresholds for all classes are searched in steps of one thousandth.
const STEPS: usize = 1000;

/// The threshold where there is nothing to choose one by.
const DEFAULT: f32 = 0.5;

/// The scores from which a class counts as predicted, by what they are best for.
#[derive(Debug, Clone, PartialEq)]
pub struct Thresholds {
    /// One for all classes: the best micro F1. Of several steps as good, here and below, the highest.
    pub best_micro_f1: f32,
    /// One for all classes: the best macro F1 over the classes that have a true item.
    pub best_macro_f1: f32,
    /// One for all classes: as much is predicted as is true, or nearly, so that micro precision and recall are equal.
    pub break_even: f32,
    /// One for each class: its best F1. A class without a true item has [`Thresholds::best_micro_f1`].
    pub per_tag: Vec<f32>,
    /// True items that the class's own threshold was chosen by. With a handful, it is little more than chance.
    pub positives: Vec<u64>,
}

impl Thresholds {
    /// Those of a run that has nothing to choose by.
    pub fn unchosen(classes: usize) -> Thresholds {
        Thresholds {
            best_micro_f1: DEFAULT,
            best_macro_f1: DEFAULT,
            break_even: DEFAULT,
            per_tag: vec![DEFAULT; classes],
            positives: vec![0; classes],
        }
    }
}

/// Chooses all thresholds. Without a true item anywhere, all are one half.
pub fn choose(judged: &Judged<'_>) -> Thresholds {
    let mut micro = Histogram::default();
    let mut macro_f1 = vec![0.0; STEPS + 1];
    let (mut per_tag, mut positives) = (Vec::with_capacity(judged.classes), Vec::new());
    let work = |ranking: &Ranking| {
        let own = (ranking.positives > 0).then(|| best_of_class(ranking));
        (Histogram::of(ranking), own, ranking.positives as u64)
    };
    each_class(judged, work, |(histogram, own, count)| {
        if count > 0 {
            let counts = histogram.cumulative();
            macro_f1
                .iter_mut()
                .zip(counts)
                .for_each(|(sum, (predicted, hits))| *sum += f1(predicted, hits, count));
        }
        micro.add(&histogram);
        per_tag.push(own);
        positives.push(count);
    });
    let all: u64 = positives.iter().sum();
    if all == 0 {
        return Thresholds::unchosen(judged.classes);
    }
    let micro_counts = micro.cumulative();
    let best_micro_f1 = best_step(micro_counts.iter().map(|(predicted, hits)| f1(*predicted, *hits, all)));
    // Precision and recall have the same hits, so they are equal where as much is predicted as is true.
    let distance = |(predicted, _): &(u64, u64)| -(predicted.abs_diff(all) as f64);
    Thresholds {
        best_micro_f1,
        best_macro_f1: best_step(macro_f1.into_iter()),
        break_even: best_step(micro_counts.iter().map(distance)),
        per_tag: per_tag.into_iter().map(|own| own.unwrap_or(best_micro_f1)).collect(),
        positives,
    }
}

/// The threshold with the best F1 of a class, of several as good the highest. It lies in the middle between the lowest
/// score it lets pass and the highest it does not: the next items will not score exactly as these did.
fn best_of_class(ranking: &Ranking) -> f32 {
    let (mut best_f1, mut best) = (0.0, (DEFAULT, None));
    let (mut predicted, mut hits) = (0, 0);
    let mut groups = ranking.groups().peekable();
    while let Some(group) = groups.next() {
        predicted += group.len() as u64;
        hits += group.iter().filter(|ranked| ranked.positive).count() as u64;
        let f1 = f1(predicted, hits, ranking.positives as u64);
        if f1 > best_f1 {
            best_f1 = f1;
            best = (group[0].score, groups.peek().map(|next| next[0].score));
        }
    }
    let (lowest, next) = best;
    let middle = next.map_or(lowest, |next| next + (lowest - next) / 2.0);
    // Between two neighbours among the numbers there is no middle.
    if next.is_some_and(|next| middle <= next) { lowest } else { middle }
}

/// How many scores reach each step and not the next: all of them, and those of true classes.
#[derive(Debug, Clone)]
pub(super) struct Histogram {
    all: Vec<u64>,
    positive: Vec<u64>,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { all: vec![0; STEPS + 1], positive: vec![0; STEPS + 1] }
    }
}

impl Histogram {
    pub(super) fn of(ranking: &Ranking) -> Histogram {
        let mut histogram = Histogram::default();
        for ranked in &ranking.ranked {
            let step = step_below(ranked.score);
            histogram.all[step] += 1;
            histogram.positive[step] += u64::from(ranked.positive);
        }
        histogram
    }

    pub(super) fn add(&mut self, other: &Histogram) {
        self.all.iter_mut().zip(&other.all).for_each(|(sum, count)| *sum += count);
        self.positive.iter_mut().zip(&other.positive).for_each(|(sum, count)| *sum += count);
    }

    /// For each step as the threshold, how much is predicted, and how much of it is true.
    pub(super) fn cumulative(&self) -> Vec<(u64, u64)> {
        let (mut predicted, mut hits) = (0, 0);
        let counts = self.all.iter().zip(&self.positive).rev().map(|(all, positive)| {
            predicted += all;
            hits += positive;
            (predicted, hits)
        });
        let mut counts: Vec<(u64, u64)> = counts.collect();
        counts.reverse();
        counts
    }
}

/// The step above 0 with the highest value, of several the highest step: at 0, everything is predicted.
fn best_step(values: impl Iterator<Item = f64>) -> f32 {
    let best = values
        .enumerate()
        .skip(1)
        .fold((0, f64::MIN), |best, (step, value)| if value >= best.1 { (step, value) } else { best });
    step_value(best.0)
}

fn f1(predicted: u64, hits: u64, positives: u64) -> f64 {
    if hits == 0 { 0.0 } else { 2.0 * hits as f64 / (predicted + positives) as f64 }
}

pub(super) fn step_value(step: usize) -> f32 {
    step as f32 / STEPS as f32
}

/// The highest step whose value the score reaches.
fn step_below(score: f32) -> usize {
    let near = (score * STEPS as f32) as usize + 1;
    (0..=near.min(STEPS)).rev().find(|step| score >= step_value(*step)).unwrap_or(0)
}

//! Which class is predicted where another one is: what a tagger takes for what.

use std::collections::HashMap;

use super::ranking::{Ranking, each_class};
use super::{Judged, keep};

/// Fewer false alarms than this say nothing about a pair.
const FEWEST: u64 = 3;

/// A class that is wrongly predicted where another one truly is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Confusion {
    /// The class that the items show.
    pub shown: usize,
    /// The class that they lack and are given.
    pub predicted: usize,
    /// How many items show the one and lack the other.
    pub items: u64,
    /// How many of these are given the other.
    pub false_alarms: u64,
    /// How many times as often that is as among all items that lack it.
    pub lift: f64,
    /// How many more that is than there would be were it no oftener.
    pub excess: f64,
}

/// The pairs with the most false alarms above chance, `count` at most, the worst first. A class is predicted from a score of
/// `threshold` on. Only pairs with three false alarms or more are looked at.
pub fn confusions(judged: &Judged<'_>, threshold: f32, count: usize) -> Vec<Confusion> {
    let mut items = vec![0; judged.classes];
    judged.truth.iter().flatten().for_each(|class| items[*class as usize] += 1);
    let worst_first = |a: &Confusion, b: &Confusion| {
        b.excess.total_cmp(&a.excess).then((a.shown, a.predicted).cmp(&(b.shown, b.predicted)))
    };
    let mut worst = Vec::new();
    let work = |ranking: &Ranking| {
        let mut pairs = pairs(judged, ranking, threshold, &items);
        keep(&mut pairs, count, worst_first);
        pairs
    };
    each_class(judged, work, |pairs| {
        worst.extend(pairs);
        keep(&mut worst, count, worst_first);
    });
    worst
}

/// What is shown where one class is wrongly predicted.
fn pairs(judged: &Judged<'_>, ranking: &Ranking, threshold: f32, items: &[u64]) -> Vec<Confusion> {
    let predicted = &ranking.ranked[..ranking.reaching(threshold)];
    let false_alarms = || predicted.iter().filter(|ranked| !ranked.positive);
    let all = false_alarms().count() as u64;
    if all < FEWEST {
        return Vec::new();
    }
    let mut alarms: HashMap<usize, u64> = HashMap::new();
    for class in false_alarms().flat_map(|ranked| &judged.truth[ranked.item as usize]) {
        *alarms.entry(*class as usize).or_default() += 1;
    }
    alarms.retain(|_, alarms| *alarms >= FEWEST);
    let mut both: HashMap<usize, u64> = alarms.keys().map(|class| (*class, 0)).collect();
    let positives = ranking.ranked.iter().filter(|ranked| ranked.positive);
    for class in positives.flat_map(|ranked| &judged.truth[ranked.item as usize]) {
        both.entry(*class as usize).and_modify(|both| *both += 1);
    }
    let usual = all as f64 / (judged.items() - ranking.positives) as f64;
    let pair = |(shown, false_alarms): (usize, u64)| {
        let items = items[shown] - both[&shown];
        let expected = usual * items as f64;
        let (lift, excess) = (false_alarms as f64 / expected, false_alarms as f64 - expected);
        Confusion { shown, predicted: ranking.class, items, false_alarms, lift, excess }
    };
    alarms.into_iter().map(pair).filter(|pair| pair.excess > 0.0).collect()
}

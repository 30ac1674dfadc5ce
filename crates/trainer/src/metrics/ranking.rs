//! The items of a class, from the highest score to the lowest.

use rayon::prelude::*;

use super::{Judged, Scores};

/// Columns that are gathered together: as many as the scores of a cache line, which comes whole or not at all.
const COLUMNS: usize = 16;

/// The highest number of an item that leaves a bit of its 32 for the truth.
const LAST_ITEM: u32 = (1 << 31) - 1;

/// An item in the ranking of a class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ranked {
    pub(super) score: f32,
    pub(super) item: u32,
    /// Whether the class is truly on it.
    pub(super) positive: bool,
}

/// The items of a class by falling score.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranking {
    pub(super) class: usize,
    pub(super) ranked: Vec<Ranked>,
    /// How many of them are positive.
    pub(super) positives: usize,
}

impl Ranking {
    fn new(class: usize, column: Vec<f32>, positives: &[u32]) -> Ranking {
        // Score, item and truth in one integer: these sort several times faster than structs. The item counts down, which
        // keeps equal scores in the order of the items.
        let mut keys: Vec<u64> = (0..).zip(column).map(|(item, score)| key(score, item)).collect();
        positives.iter().for_each(|item| keys[*item as usize] |= 1);
        keys.sort_unstable_by(|a, b| b.cmp(a));
        let ranked = |key: u64| Ranked {
            score: score_of((key >> 32) as u32),
            item: LAST_ITEM - (key as u32 >> 1),
            positive: key & 1 == 1,
        };
        Ranking { class, ranked: keys.into_iter().map(ranked).collect(), positives: positives.len() }
    }

    /// The items in groups of equal score, from the highest: no order among them means anything.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[Ranked]> {
        self.ranked.chunk_by(|a, b| a.score == b.score)
    }

    /// How many items reach a score.
    pub(super) fn reaching(&self, score: f32) -> usize {
        self.ranked.partition_point(|ranked| ranked.score >= score)
    }
}

/// Ranks the items of every class, works on the rankings on all cores, and hands the results over in the order of the
/// classes, so that sums of them come out the same on any number of cores. Few rankings exist at a time.
pub(super) fn each_class<T: Send>(
    judged: &Judged<'_>,
    work: impl Fn(&Ranking) -> T + Sync,
    mut take: impl FnMut(T),
) {
    let positives = positives(judged);
    let at_once = COLUMNS * rayon::current_num_threads();
    for first in (0..judged.classes).step_by(at_once) {
        let end = judged.classes.min(first + at_once);
        let blocks: Vec<usize> = (first..end).step_by(COLUMNS).collect();
        let results: Vec<Vec<T>> = blocks
            .into_par_iter()
            .map(|start| {
                let columns = columns(judged, start, end.min(start + COLUMNS));
                let rankings = (start..).zip(columns);
                rankings
                    .map(|(class, column)| work(&Ranking::new(class, column, &positives[class])))
                    .collect()
            })
            .collect();
        results.into_iter().flatten().for_each(&mut take);
    }
}

/// The ranking of one class.
pub(super) fn ranking(judged: &Judged<'_>, class: usize) -> Ranking {
    let column = columns(judged, class, class + 1).remove(0);
    let shows = |item: &u32| judged.truth[*item as usize].binary_search(&(class as u32)).is_ok();
    let positives: Vec<u32> = (0..judged.items() as u32).filter(shows).collect();
    Ranking::new(class, column, &positives)
}

/// The scores of some classes, a column each.
fn columns(judged: &Judged<'_>, start: usize, end: usize) -> Vec<Vec<f32>> {
    if let Scores::Same(row) = judged.scores {
        return row[start..end].iter().map(|score| vec![*score; judged.items()]).collect();
    }
    let mut columns = vec![Vec::with_capacity(judged.items()); end - start];
    for item in 0..judged.items() {
        for (column, score) in columns.iter_mut().zip(&judged.row(item)[start..end]) {
            column.push(*score);
        }
    }
    columns
}

/// The items of each class, rising.
fn positives(judged: &Judged<'_>) -> Vec<Vec<u32>> {
    let mut items = vec![Vec::new(); judged.classes];
    for (item, truth) in (0..).zip(judged.truth) {
        truth.iter().for_each(|class| items[*class as usize].push(item));
    }
    items
}

/// Orders as the score does, then against the item. Its last bit is free.
fn key(score: f32, item: u32) -> u64 {
    // Zero has two signs, and they are equal.
    let bits = (score + 0.0).to_bits();
    let rising = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(rising) << 32 | u64::from((LAST_ITEM - item) << 1)
}

fn score_of(rising: u32) -> f32 {
    f32::from_bits(if rising >> 31 == 1 { rising & !(1 << 31) } else { !rising })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_fall_by_score_and_equals_keep_their_order() {
        let truth = [vec![0], vec![], vec![0], vec![], vec![]];
        let scores = [0.25, 1.0, 0.25, -0.0, 0.0];
        let judged = Judged { scores: Scores::Each(&scores), classes: 1, truth: &truth };
        let ranking = ranking(&judged, 0);
        let items: Vec<(u32, f32, bool)> =
            ranking.ranked.iter().map(|ranked| (ranked.item, ranked.score, ranked.positive)).collect();
        let expected = [(1, 1.0, false), (0, 0.25, true), (2, 0.25, true), (3, 0.0, false), (4, 0.0, false)];
        assert_eq!(items, expected);
        assert_eq!(ranking.groups().map(<[Ranked]>::len).collect::<Vec<_>>(), [1, 2, 2]);
        assert_eq!([0.5, 0.25, 0.0].map(|score| ranking.reaching(score)), [1, 3, 5]);
    }

    #[test]
    fn results_come_in_the_order_of_the_classes() {
        let classes = 3 * COLUMNS + 1;
        let scores: Vec<f32> = (0..2 * classes).map(|i| i as f32 / 200.0).collect();
        let truth = [vec![0, 20], vec![20, 48]];
        let judged = Judged { scores: Scores::Each(&scores), classes, truth: &truth };
        let mut found = Vec::new();
        each_class(&judged, Ranking::clone, |ranking| found.push(ranking));
        let expected: Vec<Ranking> = (0..classes).map(|class| ranking(&judged, class)).collect();
        assert_eq!(found, expected);
        assert_eq!(found[20].positives, 2);
    }
}

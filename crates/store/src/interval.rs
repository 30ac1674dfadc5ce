use std::collections::BTreeMap;

use tagmill_model::ItemId;

/// The ids from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Interval {
    /// The lowest id.
    pub first: ItemId,
    /// The highest id; the interval is empty where it lies below `first`.
    pub last: ItemId,
}

impl Interval {
    /// The interval from `first` to `last`, both included.
    pub fn new(first: ItemId, last: ItemId) -> Interval {
        Interval { first, last }
    }

    /// Whether there is no id in it.
    pub fn is_empty(&self) -> bool {
        self.last < self.first
    }

    /// Whether the id lies in it.
    pub fn contains(&self, id: ItemId) -> bool {
        self.first <= id && id <= self.last
    }

    /// How many ids it spans, whether or not the board has an item for each.
    pub fn ids(&self) -> u64 {
        if self.is_empty() { 0 } else { self.last.0.abs_diff(self.first.0).saturating_add(1) }
    }

    /// The ids that lie in both.
    pub fn intersection(&self, other: Interval) -> Interval {
        Interval { first: self.first.max(other.first), last: self.last.min(other.last) }
    }
}

/// A set of ids as intervals: sorted, disjoint, and never adjacent, so that equal sets are equal values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Intervals {
    /// Last id by first id.
    by_first: BTreeMap<i64, i64>,
}

impl Intervals {
    /// The set without any id.
    pub fn new() -> Intervals {
        Intervals::default()
    }

    /// Adds all ids of an interval, and merges what then touches.
    pub fn insert(&mut self, interval: Interval) {
        if interval.is_empty() {
            return;
        }
        let (mut first, mut last) = (interval.first.0, interval.last.0);
        // Walks down from the last interval that begins inside or right behind the new one.
        while let Some((&begin, &end)) = self.by_first.range(..=last.saturating_add(1)).next_back() {
            if end < first.saturating_sub(1) {
                break;
            }
            self.by_first.remove(&begin);
            first = first.min(begin);
            last = last.max(end);
        }
        self.by_first.insert(first, last);
    }

    /// Whether the id is in the set.
    pub fn contains(&self, id: ItemId) -> bool {
        self.by_first.range(..=id.0).next_back().is_some_and(|(_, &last)| id.0 <= last)
    }

    /// The ids of `interval` that are not in the set, as a set.
    pub fn gaps(&self, interval: Interval) -> Intervals {
        let mut gaps = Intervals::new();
        let mut next = interval.first.0;
        for known in self.iter() {
            if known.first > interval.last {
                break;
            }
            if known.last.0 < next {
                continue;
            }
            if known.first.0 > next {
                gaps.by_first.insert(next, known.first.0 - 1);
            }
            match known.last.0.checked_add(1) {
                Some(behind) => next = behind,
                None => return gaps,
            }
        }
        if next <= interval.last.0 {
            gaps.by_first.insert(next, interval.last.0);
        }
        gaps
    }

    /// The ids that are in both sets.
    pub fn intersection(&self, other: &Intervals) -> Intervals {
        let mut both = Intervals::new();
        let (mut left, mut right) = (self.iter().peekable(), other.iter().peekable());
        while let (Some(a), Some(b)) = (left.peek().copied(), right.peek().copied()) {
            both.insert(a.intersection(b));
            if a.last < b.last {
                left.next()
            } else {
                right.next()
            };
        }
        both
    }

    /// The intervals, by rising id.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Interval> + '_ {
        self.by_first.iter().map(|(&first, &last)| Interval { first: ItemId(first), last: ItemId(last) })
    }

    /// How many intervals there are.
    pub fn len(&self) -> usize {
        self.by_first.len()
    }

    /// Whether the set has no id.
    pub fn is_empty(&self) -> bool {
        self.by_first.is_empty()
    }

    /// How many ids the set has.
    pub fn ids(&self) -> u64 {
        self.iter().fold(0, |sum, interval| sum.saturating_add(interval.ids()))
    }
}

impl FromIterator<Interval> for Intervals {
    fn from_iter<I: IntoIterator<Item = Interval>>(intervals: I) -> Intervals {
        let mut set = Intervals::new();
        intervals.into_iter().for_each(|interval| set.insert(interval));
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn interval(first: i64, last: i64) -> Interval {
        Interval::new(ItemId(first), ItemId(last))
    }

    fn set(pairs: &[(i64, i64)]) -> Intervals {
        pairs.iter().map(|(first, last)| interval(*first, *last)).collect()
    }

    fn pairs(intervals: &Intervals) -> Vec<(i64, i64)> {
        intervals.iter().map(|interval| (interval.first.0, interval.last.0)).collect()
    }

    #[track_caller]
    fn check(inserted: &[(i64, i64)], expected: &[(i64, i64)]) {
        assert_eq!(pairs(&set(inserted)), expected);
    }

    #[test]
    fn merges_what_touches() {
        check(&[], &[]);
        check(&[(5, 4)], &[]);
        check(&[(1, 2), (4, 5)], &[(1, 2), (4, 5)]);
        check(&[(1, 2), (3, 5)], &[(1, 5)]);
        check(&[(3, 5), (1, 2)], &[(1, 5)]);
        check(&[(1, 9), (3, 5)], &[(1, 9)]);
        check(&[(1, 1), (3, 3), (5, 5), (2, 4)], &[(1, 5)]);
        check(&[(i64::MIN, 0), (1, i64::MAX)], &[(i64::MIN, i64::MAX)]);
        check(&[(i64::MAX, i64::MAX), (i64::MIN, i64::MIN)], &[(i64::MIN, i64::MIN), (i64::MAX, i64::MAX)]);
    }

    #[test]
    fn finds_gaps() {
        let known = set(&[(3, 4), (8, 8)]);
        assert_eq!(pairs(&known.gaps(interval(1, 10))), [(1, 2), (5, 7), (9, 10)]);
        assert_eq!(pairs(&known.gaps(interval(4, 8))), [(5, 7)]);
        assert_eq!(pairs(&known.gaps(interval(3, 4))), []);
        assert_eq!(pairs(&known.gaps(interval(9, 2))), []);
        assert_eq!(pairs(&set(&[(5, i64::MAX)]).gaps(interval(i64::MIN, i64::MAX))), [(i64::MIN, 4)]);
        assert_eq!(set(&[(i64::MIN, i64::MAX)]).ids(), u64::MAX);
    }

    fn some_pairs() -> impl Strategy<Value = Vec<(i64, i64)>> {
        prop::collection::vec((0i64..60, -1i64..9).prop_map(|(first, more)| (first, first + more)), 0..12)
    }

    fn naive(pairs: &[(i64, i64)]) -> BTreeSet<i64> {
        pairs.iter().flat_map(|(first, last)| *first..=*last).collect()
    }

    fn ids(intervals: &Intervals) -> BTreeSet<i64> {
        naive(&pairs(intervals))
    }

    proptest! {
        #[test]
        fn holds_the_ids_that_were_inserted(inserted in some_pairs()) {
            let (intervals, expected) = (set(&inserted), naive(&inserted));
            prop_assert_eq!(&ids(&intervals), &expected);
            prop_assert_eq!(intervals.ids(), expected.len() as u64);
            for id in -1..80 {
                prop_assert_eq!(intervals.contains(ItemId(id)), expected.contains(&id));
            }
        }

        #[test]
        fn is_sorted_and_never_adjacent(inserted in some_pairs()) {
            let pairs = pairs(&set(&inserted));
            prop_assert!(pairs.iter().all(|(first, last)| first <= last));
            prop_assert!(pairs.windows(2).all(|two| two[0].1 + 1 < two[1].0));
        }

        #[test]
        fn order_does_not_show(inserted in some_pairs().prop_shuffle()) {
            let mut sorted = inserted.clone();
            sorted.sort_unstable();
            prop_assert_eq!(set(&inserted), set(&sorted));
        }

        #[test]
        fn gaps_are_the_rest(inserted in some_pairs(), first in 0i64..70, more in 0i64..30) {
            let intervals = set(&inserted);
            let within = interval(first, first + more);
            let gaps = intervals.gaps(within);
            let expected: BTreeSet<i64> =
                (first..=first + more).filter(|id| !intervals.contains(ItemId(*id))).collect();
            prop_assert_eq!(&ids(&gaps), &expected);
            let mut filled = intervals.clone();
            gaps.iter().for_each(|gap| filled.insert(gap));
            prop_assert!(filled.gaps(within).is_empty());
        }

        #[test]
        fn an_intersection_is_in_both(a in some_pairs(), b in some_pairs()) {
            let both = set(&a).intersection(&set(&b));
            let expected: BTreeSet<i64> = naive(&a).intersection(&naive(&b)).copied().collect();
            prop_assert_eq!(ids(&both), expected);
            prop_assert_eq!(both, set(&b).intersection(&set(&a)));
        }
    }
}

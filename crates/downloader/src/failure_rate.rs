//! When so many files fail that the rest would, too.

use std::collections::{BTreeMap, VecDeque};

use crate::Error;
use crate::report::{FailedItem, Reason};

/// Files that are looked back on. Fewer would take a cluster of deleted posts for the end of the world; more would ask the
/// host in vain for longer.
const LAST: usize = 200;

/// The outcomes of the last files that were asked for.
#[derive(Debug)]
pub(crate) struct FailureRate {
    /// The largest share of failures, from 0 to 1.
    limit: f64,
    last: VecDeque<Option<Reason>>,
}

impl FailureRate {
    pub(crate) fn new(limit: f64) -> FailureRate {
        FailureRate { limit, last: VecDeque::with_capacity(LAST) }
    }

    pub(crate) fn saved(&mut self) {
        self.add(None);
    }

    /// Counts a failure, and ends the run where there are too many.
    pub(crate) fn failed(&mut self, item: &FailedItem) -> Result<(), Error> {
        self.add(Some(item.reason));
        let mut reasons = BTreeMap::new();
        for reason in self.last.iter().flatten() {
            *reasons.entry(*reason).or_insert(0_usize) += 1;
        }
        let failed: usize = reasons.values().sum();
        if self.last.len() < LAST || failed as f64 <= self.limit * LAST as f64 {
            return Ok(());
        }
        let reason =
            reasons.into_iter().max_by_key(|(_, count)| *count).map_or(item.reason, |(reason, _)| reason);
        Err(Error::TooManyFailures {
            failed,
            of: LAST,
            reason,
            path: item.path.clone(),
            detail: item.detail.clone(),
        })
    }

    fn add(&mut self, outcome: Option<Reason>) {
        if self.last.len() == LAST {
            self.last.pop_front();
        }
        self.last.push_back(outcome);
    }
}

#[cfg(test)]
mod tests {
    use tagmill_model::ItemId;

    use super::*;

    fn item(reason: Reason) -> FailedItem {
        FailedItem { id: ItemId(1), path: "a.jpg".to_owned(), reason, detail: "status 403".to_owned() }
    }

    #[test]
    fn half_of_two_hundred_and_one_more() {
        let mut rate = FailureRate::new(0.5);
        for _ in 0..LAST / 2 {
            rate.saved();
            rate.failed(&item(Reason::Denied)).unwrap();
        }
        // An old success goes, a failure comes.
        match rate.failed(&item(Reason::Gone)) {
            Err(Error::TooManyFailures { failed: 101, of: 200, reason: Reason::Denied, .. }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_few_files_end_nothing_and_neither_does_a_limit_of_one() {
        let mut rate = FailureRate::new(0.5);
        for _ in 0..LAST - 1 {
            rate.failed(&item(Reason::Denied)).unwrap();
        }
        assert!(rate.failed(&item(Reason::Denied)).is_err());
        let mut patient = FailureRate::new(1.0);
        for _ in 0..2 * LAST {
            patient.failed(&item(Reason::Denied)).unwrap();
        }
    }
}

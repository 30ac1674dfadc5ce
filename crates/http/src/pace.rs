use std::time::Duration;

/// How finely a pace is cut. A refusal takes half of the steps away and each clean answer gives one back, so that from a
/// half it takes 200 clean answers to be back at the whole: at two requests a second, two to three minutes.
const STEPS: u32 = 400;

/// A pace never falls below a sixteenth of the whole: slower than that, a host that still refuses is not bothered by the
/// pace, and the pauses grow anyway.
const FEWEST: u32 = STEPS / 16;

/// How fast requests leave, as a share of a whole pace: halved by refusals, raised by clean answers (additive increase,
/// multiplicative decrease, as TCP finds its share of a link).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// The time between two requests at the whole pace.
    whole: Duration,
    /// From [`FEWEST`] to [`STEPS`].
    steps: u32,
}

impl Pace {
    pub(crate) fn new(whole: Duration) -> Pace {
        Pace { whole, steps: STEPS }
    }

    /// The time between two requests now.
    pub(crate) fn interval(&self) -> Duration {
        self.whole * STEPS / self.steps
    }

    pub(crate) fn halve(&mut self) {
        self.steps = (self.steps / 2).max(FEWEST);
    }

    pub(crate) fn climb(&mut self) {
        self.steps = (self.steps + 1).min(STEPS);
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.steps == STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn halves_down_to_a_sixteenth() {
        let mut pace = Pace::new(MS(100));
        let mut intervals = Vec::new();
        for _ in 0..6 {
            intervals.push(pace.interval().as_millis());
            pace.halve();
        }
        assert_eq!(intervals, [100, 200, 400, 800, 1600, 1600]);
    }

    #[test]
    fn two_hundred_clean_answers_make_good_for_one_refusal() {
        let mut pace = Pace::new(MS(100));
        pace.halve();
        for _ in 0..100 {
            pace.climb();
        }
        // Three quarters of the whole.
        assert_eq!(pace.interval(), MS(400) / 3);
        for _ in 0..99 {
            pace.climb();
        }
        assert!(!pace.is_whole());
        pace.climb();
        assert!(pace.is_whole());
        pace.climb();
        assert_eq!(pace, Pace::new(MS(100)));
    }

    proptest::proptest! {
        /// Whatever happens, the pace stays between a sixteenth and the whole.
        #[test]
        fn stays_within_its_bounds(whole in 1u64..10_000, refused in proptest::collection::vec(proptest::bool::weighted(0.1), 0..2000)) {
            let mut pace = Pace::new(MS(whole));
            for refused in refused {
                if refused { pace.halve() } else { pace.climb() }
                proptest::prop_assert!((MS(whole)..=MS(whole * 16)).contains(&pace.interval()), "{:?}", pace);
            }
        }
    }
}

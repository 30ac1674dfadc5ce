use std::collections::VecDeque;

use tokio::time::Instant;

use crate::Cap;

/// A sliding window, exact: the times of the last requests, as many as the cap allows.
#[derive(Debug)]
pub(crate) struct Window {
    cap: Cap,
    /// The times that were given out, never falling.
    left: VecDeque<Instant>,
}

impl Window {
    pub(crate) fn new(cap: Cap) -> Window {
        Window { cap, left: VecDeque::new() }
    }

    /// Takes the first free slot from `earliest` on.
    pub(crate) fn reserve(&mut self, earliest: Instant) -> Instant {
        let mut slot = self.left.back().map_or(earliest, |last| earliest.max(*last));
        if self.left.len() >= self.cap.requests as usize
            && let Some(first) = self.left.pop_front()
        {
            slot = slot.max(first + self.cap.window);
        }
        self.left.push_back(slot);
        slot
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn waits_until_the_first_is_out_of_the_window() {
        let start = Instant::now();
        let mut window = Window::new(Cap { requests: 3, window: MS(100) });
        let mut slot = |at| (window.reserve(start + MS(at)) - start).as_millis();
        assert_eq!([slot(0), slot(10), slot(20)], [0, 10, 20]);
        assert_eq!([slot(21), slot(21), slot(21)], [100, 110, 120]);
        assert_eq!([slot(150), slot(210), slot(211), slot(212)], [200, 210, 220, 300]);
    }

    proptest! {
        /// In no window do more requests leave than the cap allows, and none waits without need.
        #[test]
        fn never_above_the_cap(arrivals in prop::collection::vec(0u64..50, 1..100), requests in 1u32..8) {
            let start = Instant::now();
            let cap = Cap { requests, window: MS(100) };
            let mut window = Window::new(cap);
            let mut now = start;
            let mut left: Vec<Instant> = Vec::new();
            for gap in arrivals {
                now += MS(gap);
                let slot = window.reserve(now);
                let within = left.iter().filter(|before| **before + cap.window > slot).count();
                prop_assert!(within < requests as usize, "{left:?} {slot:?}");
                let is_needed = |wait: Instant| left.iter().any(|before| *before == wait || *before + cap.window == wait);
                prop_assert!(slot == now || is_needed(slot));
                left.push(slot);
            }
        }
    }
}

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Rate;

/// A token bucket, kept as the time at which it will be full again (the "generic cell rate algorithm").
#[derive(Debug)]
pub(crate) struct Limiter {
    interval: Duration,
    /// How far the bucket may be overdrawn: a whole burst less the request itself.
    tolerance: Duration,
    full_at: Mutex<Instant>,
}

impl Limiter {
    pub(crate) fn new(rate: Rate, now: Instant) -> Limiter {
        let interval = Duration::from_secs_f64(1.0 / rate.per_second);
        Limiter { interval, tolerance: interval * (rate.burst - 1), full_at: Mutex::new(now) }
    }

    /// Takes the next free slot and says when it is. A caller that goes away leaves its slot unused, which errs on the
    /// polite side.
    pub(crate) fn reserve(&self, now: Instant) -> Instant {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let full = (*full_at).max(now);
        *full_at = full + self.interval;
        full.checked_sub(self.tolerance).unwrap_or(now).max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_then_an_even_pace() {
        let start = Instant::now();
        let limiter = Limiter::new(Rate { per_second: 10.0, burst: 3 }, start);
        let slots: Vec<u128> = (0..6).map(|_| (limiter.reserve(start) - start).as_millis()).collect();
        assert_eq!(slots, [0, 0, 0, 100, 200, 300]);
        // A rest fills the bucket, to one burst and no more.
        let later = start + Duration::from_secs(60);
        let slots: Vec<u128> = (0..5).map(|_| (limiter.reserve(later) - later).as_millis()).collect();
        assert_eq!(slots, [0, 0, 0, 100, 200]);
    }

    proptest::proptest! {
        /// In no window do more requests leave than the rate and one burst allow.
        #[test]
        fn never_above_the_rate(arrivals in proptest::collection::vec(0u64..500, 1..80), burst in 1u32..6) {
            let start = Instant::now();
            let limiter = Limiter::new(Rate { per_second: 10.0, burst }, start);
            let mut now = start;
            let mut left = Vec::new();
            for gap in arrivals {
                now += Duration::from_millis(gap);
                left.push(limiter.reserve(now));
            }
            for (first, from) in left.iter().enumerate() {
                for (last, to) in left.iter().enumerate().skip(first) {
                    let allowed = (*to - *from).as_millis() / 100 + u128::from(burst);
                    proptest::prop_assert!((last - first + 1) as u128 <= allowed);
                }
            }
        }
    }
}

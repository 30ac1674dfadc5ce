use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::Rate;
use crate::pace::Pace;

/// A token bucket whose pace bends to refusals. It is kept as the time at which it will be full again (the "generic cell
/// rate algorithm").
///
/// Without a configured rate nothing is limited, until a refusal shows that the host has a limit of its own. The pace
/// seen until then is taken for the whole, and is lifted as soon as the host bears it again.
#[derive(Debug)]
pub(crate) struct Limiter {
    has_rate: bool,
    /// How far the bucket may be overdrawn: a whole burst less the request itself. It stays that of the configured rate
    /// when the pace slows down, so that no slot ever lies before one that was given out earlier.
    tolerance: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` where nothing limits.
    pace: Option<Pace>,
    full_at: Instant,
}

impl Limiter {
    pub(crate) fn new(rate: Option<Rate>, now: Instant) -> Limiter {
        let interval = rate.map(|rate| Duration::from_secs_f64(1.0 / rate.per_second));
        let tolerance = rate.zip(interval).map(|(rate, interval)| interval * (rate.burst - 1));
        Limiter {
            has_rate: rate.is_some(),
            tolerance: tolerance.unwrap_or_default(),
            state: Mutex::new(State { pace: interval.map(Pace::new), full_at: now }),
        }
    }

    /// Takes the next free slot and says when it is; `None` is now. A caller that goes away leaves its slot unused, which
    /// errs on the polite side.
    pub(crate) fn reserve(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let pace = state.pace?;
        let full = state.full_at.max(now);
        state.full_at = full + pace.interval();
        full.checked_sub(self.tolerance).filter(|slot| *slot > now)
    }

    /// The host refused, and is asked again from `opens` on: at half the pace, and without a burst. `seen` is the time
    /// between two requests until the refusal, where enough of them were answered to tell.
    pub(crate) fn slow_down(&self, seen: Option<Duration>, opens: Instant) {
        let mut state = self.lock();
        let Some(mut pace) = state.pace.or(seen.map(Pace::new)) else { return };
        pace.halve();
        state.pace = Some(pace);
        state.full_at = state.full_at.max(opens + self.tolerance);
    }

    /// The host gave a clean answer.
    pub(crate) fn climb(&self) {
        let mut state = self.lock();
        let Some(pace) = &mut state.pace else { return };
        pace.climb();
        if pace.is_whole() && !self.has_rate {
            state.pace = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn limiter(per_second: f64, burst: u32, now: Instant) -> Limiter {
        Limiter::new(Some(Rate { per_second, burst }), now)
    }

    /// When each of the next requests that come at `now` may leave, in ms from then.
    fn slots<const N: usize>(limiter: &Limiter, now: Instant) -> [u128; N] {
        std::array::from_fn(|_| (limiter.reserve(now).unwrap_or(now) - now).as_millis())
    }

    #[test]
    fn a_burst_then_an_even_pace() {
        let start = Instant::now();
        let limiter = limiter(10.0, 3, start);
        assert_eq!(slots(&limiter, start), [0, 0, 0, 100, 200, 300]);
        // A rest fills the bucket, to one burst and no more.
        let later = start + Duration::from_secs(60);
        assert_eq!(slots(&limiter, later), [0, 0, 0, 100, 200]);
    }

    #[test]
    fn half_the_pace_and_no_burst_after_a_refusal() {
        let start = Instant::now();
        let limiter = limiter(10.0, 3, start);
        let opens = start + Duration::from_secs(90);
        limiter.slow_down(None, opens);
        assert_eq!(slots(&limiter, opens), [0, 200, 400, 600]);
        for _ in 0..200 {
            limiter.climb();
        }
        let later = opens + Duration::from_secs(60);
        assert_eq!(slots(&limiter, later), [0, 0, 0, 100, 200]);
    }

    #[test]
    fn without_a_rate_the_seen_pace_limits_until_the_host_bears_it_again() {
        let start = Instant::now();
        let limiter = Limiter::new(None, start);
        assert_eq!(slots(&limiter, start), [0, 0, 0]);
        // Too few answers to tell a pace: nothing to halve.
        limiter.slow_down(None, start);
        assert_eq!(slots(&limiter, start), [0, 0, 0]);

        limiter.slow_down(Some(MS(5)), start);
        assert_eq!(slots(&limiter, start), [0, 10, 20]);
        // Slowed down as it is, it knows its pace.
        let later = start + Duration::from_secs(1);
        limiter.slow_down(None, later);
        assert_eq!(slots(&limiter, later), [0, 20, 40]);
        for _ in 0..299 {
            limiter.climb();
        }
        assert_ne!(slots(&limiter, later + MS(500)), [0, 0, 0]);
        limiter.climb();
        assert_eq!(slots(&limiter, later), [0, 0, 0]);
    }

    proptest! {
        /// In no window do more requests leave than the rate and one burst allow, however the pace goes up and down.
        #[test]
        fn never_above_the_rate(
            arrivals in prop::collection::vec((0u64..500, prop::bool::weighted(0.1), 0u8..50), 1..80),
            burst in 1u32..6,
        ) {
            let start = Instant::now();
            let limiter = limiter(10.0, burst, start);
            let mut now = start;
            let mut left = Vec::new();
            for (gap, refused, answers) in arrivals {
                now += MS(gap);
                if refused {
                    limiter.slow_down(None, now + MS(gap));
                }
                (0..answers).for_each(|_| limiter.climb());
                left.push(limiter.reserve(now).unwrap_or(now));
            }
            for (first, from) in left.iter().enumerate() {
                for (last, to) in left.iter().enumerate().skip(first) {
                    let allowed = (*to - *from).as_millis() / 100 + u128::from(burst);
                    prop_assert!((last - first + 1) as u128 <= allowed);
                }
            }
        }
    }
}

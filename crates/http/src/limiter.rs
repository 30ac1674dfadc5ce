use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::pace::Pace;
use crate::window::Window;
use crate::{Cap, Rate};

/// A token bucket whose pace bends to refusals, and a cap on any window of time. The bucket is kept as the time at which
/// it will be full again (the "generic cell rate algorithm").
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
    window: Option<Window>,
}

impl Limiter {
    pub(crate) fn new(rate: Option<Rate>, cap: Option<Cap>, now: Instant) -> Limiter {
        let interval = rate.map(|rate| Duration::from_secs_f64(1.0 / rate.per_second));
        let tolerance = rate.zip(interval).map(|(rate, interval)| interval * (rate.burst - 1));
        Limiter {
            has_rate: rate.is_some(),
            tolerance: tolerance.unwrap_or_default(),
            state: Mutex::new(State {
                pace: interval.map(Pace::new),
                full_at: now,
                window: cap.map(Window::new),
            }),
        }
    }

    /// Takes the next free slot and says when it is; `None` is now. A caller that goes away leaves its slot unused, which
    /// errs on the polite side.
    pub(crate) fn reserve(&self, now: Instant) -> Option<Instant> {
        let mut state = self.lock();
        let mut slot = now;
        if let Some(pace) = state.pace {
            let full = state.full_at.max(now);
            state.full_at = full + pace.interval();
            slot = full.checked_sub(self.tolerance).unwrap_or(now).max(now);
        }
        // The later of two sequences that keep to the rate keeps to it, too: the cap can only spread the slots.
        if let Some(window) = &mut state.window {
            slot = window.reserve(slot);
        }
        (slot > now).then_some(slot)
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

/// How long it takes at least until the last of so many requests has left; `None` where nothing limits them.
pub(crate) fn eta(rate: Option<Rate>, cap: Option<Cap>, requests: u64) -> Option<Duration> {
    if rate.is_none() && cap.is_none() {
        return None;
    }
    let in_bucket = |requests: u64| {
        rate.map_or(0.0, |rate| requests.saturating_sub(rate.burst.into()) as f64 / rate.per_second)
    };
    // The last one leaves whole windows after the one that has its place in the first window.
    let in_windows = cap.map_or(0.0, |cap| {
        let before = requests.saturating_sub(1);
        let (windows, place) = (before / u64::from(cap.requests), before % u64::from(cap.requests) + 1);
        windows as f64 * cap.window.as_secs_f64() + in_bucket(place)
    });
    Some(Duration::try_from_secs_f64(in_bucket(requests).max(in_windows)).unwrap_or(Duration::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn limiter(per_second: f64, burst: u32, now: Instant) -> Limiter {
        Limiter::new(Some(Rate { per_second, burst }), None, now)
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
        let limiter = Limiter::new(None, None, start);
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

    #[test]
    fn time_for_a_plan() {
        #[track_caller]
        fn check(rate: Option<(f64, u32)>, cap: Option<(u32, u64)>, requests: u64, expected: Option<u64>) {
            let rate = rate.map(|(per_second, burst)| Rate { per_second, burst });
            let cap = cap.map(|(requests, s)| Cap { requests, window: Duration::from_secs(s) });
            assert_eq!(eta(rate, cap, requests), expected.map(Duration::from_secs));
        }
        check(None, None, 1_000_000, None);
        check(Some((2.0, 4)), None, 0, Some(0));
        check(Some((2.0, 4)), None, 4, Some(0));
        check(Some((2.0, 4)), None, 1004, Some(500));
        check(None, Some((500, 150)), 500, Some(0));
        check(None, Some((500, 150)), 501, Some(150));
        check(None, Some((500, 150)), 1_000_000, Some(1999 * 150));
        // The rate decides, then the cap.
        check(Some((2.0, 4)), Some((500, 150)), 1004, Some(500));
        check(Some((5.0, 5)), Some((500, 150)), 1005, Some(300));
        check(Some((5.0, 5)), Some((500, 150)), 1500, Some(2 * 150 + 99));
        // Longer than can be said is not an overflow.
        assert_eq!(eta(Some(Rate { per_second: 1e-6, burst: 1 }), None, u64::MAX), Some(Duration::MAX));
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

        /// Rate and cap hold together, and no plan promises more time than it takes.
        #[test]
        fn never_above_rate_nor_cap(burst in 1u32..12, requests in 1u32..12, window in 1u64..2000, number in 1usize..80) {
            let start = Instant::now();
            let (rate, cap) = (Rate { per_second: 10.0, burst }, Cap { requests, window: MS(window) });
            let limiter = Limiter::new(Some(rate), Some(cap), start);
            let left: Vec<Instant> = (0..number).map(|_| limiter.reserve(start).unwrap_or(start)).collect();
            for (first, from) in left.iter().enumerate() {
                for (last, to) in left.iter().enumerate().skip(first) {
                    let allowed = (*to - *from).as_millis() / 100 + u128::from(burst);
                    prop_assert!((last - first + 1) as u128 <= allowed);
                    prop_assert!(last - first < requests as usize || *to - *from >= cap.window);
                }
            }
            let (took, eta) = (left[number - 1] - start, eta(Some(rate), Some(cap), number as u64).unwrap());
            prop_assert!(eta <= took + MS(1), "{eta:?} {took:?}");
            // Where the cap decides in the long run, the plan is exact.
            if u64::from(requests) * 100 <= window {
                prop_assert!(took <= eta + MS(1), "{eta:?} {took:?}");
            }
        }
    }
}

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What may come at once after a rest. Timers fire up to some milliseconds late; without this, each time would be lost.
const BURST: Duration = Duration::from_millis(50);

/// A cap on the bytes of all bodies together. Whoever received something waits until it is paid for; meanwhile nothing is
/// read, and so the host sends no faster.
#[derive(Debug)]
pub(crate) struct Bandwidth {
    per_second: u64,
    /// Until when everything that came is paid for.
    paid: Mutex<Instant>,
}

impl Bandwidth {
    pub(crate) fn new(per_second: u64, now: Instant) -> Bandwidth {
        Bandwidth { per_second, paid: Mutex::new(now) }
    }

    /// Waits until so many bytes are paid for.
    pub(crate) async fn spend(&self, bytes: usize) {
        let until = self.bill(bytes, Instant::now());
        tokio::time::sleep_until(until).await;
    }

    fn bill(&self, bytes: usize, now: Instant) -> Instant {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let earliest = now.checked_sub(BURST).unwrap_or(now);
        *paid = (*paid).max(earliest) + Duration::from_secs_f64(bytes as f64 / self.per_second as f64);
        *paid
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    proptest! {
        /// However the bytes come, they take their time but for one burst, and no longer than that.
        #[test]
        fn bytes_take_their_time(pieces in prop::collection::vec((1usize..5000, 0u64..5), 1..200)) {
            let start = Instant::now();
            let bandwidth = Bandwidth::new(100_000, start);
            let (mut now, mut bytes, mut rested) = (start, 0, Duration::ZERO);
            for (piece, late) in pieces {
                bytes += piece;
                let paid = bandwidth.bill(piece, now);
                rested += now.saturating_duration_since(paid);
                // A timer that fires late costs nothing as long as the burst covers it.
                now = now.max(paid) + MS(late);
            }
            let due = Duration::from_secs_f64(bytes as f64 / 100_000.0);
            prop_assert!(now - start + BURST + MS(1) >= due, "{:?} {due:?}", now - start);
            prop_assert!(now - start <= due + MS(5) + rested + MS(1), "{:?} {due:?}", now - start);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_gives_one_burst_and_no_more() {
        let start = Instant::now();
        let bandwidth = Bandwidth::new(1_000_000, start);
        tokio::time::advance(Duration::from_secs(60)).await;
        let begun = Instant::now();
        bandwidth.spend(1_000_000).await;
        let took = begun.elapsed();
        assert!((MS(949)..=MS(952)).contains(&took), "{took:?}");
    }
}

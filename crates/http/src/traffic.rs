use std::time::Duration;

use tokio::time::Instant;
use url::Url;

use crate::error::shown;
use crate::gate::{Gate, Pass};
use crate::limiter::Limiter;
use crate::{Config, Error, Failure};

/// When requests leave: not while the gate is shut, and no faster than the limiter allows. What the answers say of the
/// host's patience moves both.
#[derive(Debug)]
pub(crate) struct Traffic {
    gate: Gate,
    limiter: Limiter,
    /// Whoever had to wait longer than this does not wait at all. Pauses of our own are always sat out.
    longest_wait: Duration,
}

impl Traffic {
    pub(crate) fn new(config: &Config, now: Instant) -> Traffic {
        let pause = &config.pause;
        Traffic {
            gate: Gate::new(pause.clone()),
            limiter: Limiter::new(config.rate, config.cap, now),
            longest_wait: pause.max_retry_after.max(pause.max_delay * 2),
        }
    }

    /// Waits until the gate is open and the limiter allows a request, both at the same moment.
    pub(crate) async fn turn(&self, url: &Url) -> Result<Pass, Failure> {
        loop {
            let now = Instant::now();
            if let Some(until) = self.gate.shut_until(now) {
                let wait = until - now;
                if wait > self.longest_wait {
                    return Err(Failure::Permanent(Error::Refused { url: shown(url), wait: Some(wait) }));
                }
                tokio::time::sleep_until(until).await;
                continue;
            }
            if let Some(slot) = self.limiter.reserve(now) {
                tokio::time::sleep_until(slot).await;
            }
            // While this request waited for its slot, another may have been refused.
            if let Some(pass) = self.gate.enter(Instant::now()) {
                return Ok(pass);
            }
        }
    }

    /// Learns from how a request that left with `pass` went.
    pub(crate) fn arrived<T>(&self, pass: Pass, result: &Result<T, Failure>) {
        match result {
            Err(Failure::Refused { error, wait }) => self.refused(pass, error, *wait),
            // A host that breaks down says nothing about the pace it would bear.
            Err(Failure::Transient(_)) => {}
            Ok(_) | Err(Failure::Permanent(_)) => {
                if self.gate.answered(pass) {
                    self.limiter.climb();
                }
            }
        }
    }

    fn refused(&self, pass: Pass, error: &Error, wait: Option<Duration>) {
        let now = Instant::now();
        let closing = self.gate.shut(pass, wait, now);
        if closing.is_new {
            self.limiter.slow_down(closing.before.interval(), now + closing.pause);
        }
        // The counts are what a person needs to learn a limit that the host keeps to itself.
        tracing::warn!(
            pause_ms = closing.pause.as_millis() as u64,
            told_ms = wait.map(|wait| wait.as_millis() as u64),
            requests = closing.before.left,
            elapsed_ms = closing.before.lasted.as_millis() as u64,
            "{error}; all requests pause for {:.1} s ({} requests left in {:.1} s since the last refusal)",
            closing.pause.as_secs_f64(),
            closing.before.left,
            closing.before.lasted.as_secs_f64()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Pause, Rate};

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn url() -> Url {
        Url::parse("https://board.example/").unwrap()
    }

    fn traffic(rate: Option<Rate>) -> Traffic {
        let pause = Pause { first_delay: MS(1), ..Pause::default() };
        Traffic::new(&Config { rate, pause, ..Config::default() }, Instant::now())
    }

    fn refusal() -> Result<(), Failure> {
        let wait = Some(MS(90_000));
        Err(Failure::Refused { error: Error::Refused { url: shown(&url()), wait }, wait })
    }

    fn breakdown() -> Result<(), Failure> {
        let body = Default::default();
        Err(Failure::Transient(Error::Status { url: shown(&url()), status: 500, body }))
    }

    /// The next passes, and when they were given, in ms from `since`. Paused time stands still but for what is waited.
    async fn turns<const N: usize>(traffic: &Traffic, since: Instant) -> ([Pass; N], [u128; N]) {
        let (mut passes, mut times) = (Vec::new(), Vec::new());
        for _ in 0..N {
            passes.push(traffic.turn(&url()).await.unwrap());
            times.push(since.elapsed().as_millis());
        }
        (passes.try_into().unwrap(), times.try_into().unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn a_volley_of_refusals_halves_the_rate_once() {
        let traffic = traffic(Some(Rate { per_second: 10.0, burst: 3 }));
        let (passes, times) = turns(&traffic, Instant::now()).await;
        assert_eq!(times, [0, 0, 0]);
        passes.iter().for_each(|pass| traffic.arrived(*pass, &refusal()));
        let (passes, times) = turns(&traffic, Instant::now()).await;
        assert_eq!(times, [90_000, 90_200, 90_400]);
        // 150 clean answers: from 200 to 350 of 400 steps. What breaks down counts for nothing.
        for _ in 0..150 {
            traffic.arrived(passes[0], &Ok(()));
            traffic.arrived(passes[0], &breakdown());
        }
        let start = Instant::now();
        let (_, times) = turns(&traffic, start).await;
        assert_eq!(times, [200, 315, 429]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_with_a_limit_of_its_own_is_found_out() {
        let traffic = traffic(None);
        for _ in 0..20 {
            let ([pass], _) = turns(&traffic, Instant::now()).await;
            tokio::time::advance(MS(50)).await;
            traffic.arrived(pass, &Ok(()));
        }
        let ([pass], _) = turns(&traffic, Instant::now()).await;
        traffic.arrived(pass, &refusal());
        let (passes, times) = turns(&traffic, Instant::now()).await;
        assert_eq!(times, [90_000, 90_100, 90_200]);
        for _ in 0..200 {
            traffic.arrived(passes[0], &Ok(()));
        }
        let (_, times) = turns(&traffic, Instant::now()).await;
        assert_eq!(times, [0, 0, 0]);
    }
}

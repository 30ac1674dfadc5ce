use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::Pause;

/// The one gate before a host. A refusal shuts it for everybody; it opens by itself when its time has come.
#[derive(Debug)]
pub(crate) struct Gate {
    pause: Pause,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    shut_until: Option<Instant>,
    /// Counts the closings. A refusal of a request that left before the last closing is not a new one: thirty workers
    /// that are refused together must not make thirty steps of back-off.
    generation: u64,
    delays: Option<ExponentialBackoff>,
}

/// A passage through the open gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass(u64);

impl Gate {
    pub(crate) fn new(pause: Pause) -> Gate {
        Gate { pause, state: Mutex::new(State { shut_until: None, generation: 0, delays: None }) }
    }

    /// A pass, or until when there is none.
    pub(crate) fn enter(&self, now: Instant) -> Result<Pass, Instant> {
        let state = self.lock();
        match state.shut_until {
            Some(until) if until > now => Err(until),
            _ => Ok(Pass(state.generation)),
        }
    }

    /// A request that held `pass` was refused. Returns how long the gate is shut from now.
    pub(crate) fn shut(&self, pass: Pass, wait: Option<Duration>, now: Instant) -> Duration {
        let mut state = self.lock();
        let mut pause = wait.unwrap_or_default();
        if state.generation == pass.0 {
            state.generation += 1;
            let delays = state.delays.get_or_insert_with(|| delays(&self.pause));
            pause = pause.max(delays.next().unwrap_or(self.pause.max_delay));
        }
        let until = now + pause;
        let until = state.shut_until.map_or(until, |before| before.max(until));
        state.shut_until = Some(until);
        until - now
    }

    /// A request that held `pass` was answered. The next refusal is then a first one, unless another closing came since.
    pub(crate) fn answered(&self, pass: Pass) {
        let mut state = self.lock();
        if state.generation == pass.0 {
            state.delays = None;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn delays(pause: &Pause) -> ExponentialBackoff {
    ExponentialBuilder::new()
        .with_min_delay(pause.first_delay)
        .with_max_delay(pause.max_delay)
        .without_max_times()
        .with_jitter()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Pause = Pause {
        first_delay: Duration::from_secs(1),
        max_delay: Duration::from_secs(60),
        max_retry_after: Duration::from_secs(3600),
        max_refusals: 20,
    };
    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn shut_for_as_long_as_the_host_said() {
        let (gate, now) = (Gate::new(PAUSE), Instant::now());
        let pass = gate.enter(now).unwrap();
        assert_eq!(gate.shut(pass, Some(S(30)), now), S(30));
        assert_eq!(gate.enter(now + S(29)), Err(now + S(30)));
        assert!(gate.enter(now + S(30)).is_ok());
    }

    #[test]
    fn a_shorter_wait_never_opens_it_sooner() {
        let (gate, now) = (Gate::new(PAUSE), Instant::now());
        let pass = gate.enter(now).unwrap();
        gate.shut(pass, Some(S(30)), now);
        gate.shut(pass, Some(S(1)), now + S(2));
        gate.shut(pass, None, now + S(3));
        assert_eq!(gate.enter(now + S(4)), Err(now + S(30)));
        gate.shut(pass, Some(S(60)), now + S(5));
        assert_eq!(gate.enter(now + S(6)), Err(now + S(65)));
    }

    #[test]
    fn pauses_grow_once_a_closing_and_start_again_after_an_answer() {
        let gate = Gate::new(PAUSE);
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let pass = gate.enter(now).unwrap();
            pauses.push(gate.shut(pass, None, now));
            for _ in 0..29 {
                // The others of the same volley change nothing.
                assert_eq!(gate.shut(pass, None, now), pauses[pauses.len() - 1]);
            }
            now += S(1000);
        }
        // Jitter adds at most the delay itself.
        for (pause, least) in pauses.iter().zip([1, 2, 4, 8]) {
            assert!((S(least)..=S(2 * least)).contains(pause), "{pauses:?}");
        }
        let stale = gate.enter(now).unwrap();
        gate.shut(stale, None, now);
        now += S(1000);
        // An answer to a request from before the last closing proves nothing.
        gate.answered(stale);
        let pass = gate.enter(now).unwrap();
        assert!(gate.shut(pass, None, now) >= S(32));
        now += S(1000);
        gate.answered(gate.enter(now).unwrap());
        let pass = gate.enter(now).unwrap();
        assert!(gate.shut(pass, None, now) <= S(2));
    }
}

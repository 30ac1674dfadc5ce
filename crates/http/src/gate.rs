use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::time::Instant;

use crate::Pause;

/// Fewer answers than this tell no pace: the first few come as fast as connections are made.
const FEWEST_FOR_A_PACE: u64 = 10;

/// The one gate before a host. A refusal shuts it for everybody; it opens by itself when its time has come.
#[derive(Debug)]
pub(crate) struct Gate {
    pause: Pause,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    shut_until: Option<Instant>,
    /// Counts the closings. A refusal of a request that left before the last closing is not a new one: thirty workers
    /// that are refused together must not make thirty steps of back-off.
    generation: u64,
    delays: Option<ExponentialBackoff>,
    /// When the first request since the last closing left.
    first_left: Option<Instant>,
    /// Since the last closing; its `lasted` is known when it ends.
    stretch: Stretch,
    /// Up to the last closing.
    before: Stretch,
}

/// A passage through the open gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pass(u64);

/// What went through the gate between two closings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Stretch {
    /// Requests that left.
    pub(crate) left: u64,
    /// Those of them that got a clean answer.
    pub(crate) answered: u64,
    /// From the first that left to the refusal.
    pub(crate) lasted: Duration,
}

impl Stretch {
    /// The time between two answers, where there were enough to tell.
    pub(crate) fn interval(&self) -> Option<Duration> {
        (self.answered >= FEWEST_FOR_A_PACE).then(|| self.lasted.div_f64(self.answered as f64))
    }
}

/// What a refusal did.
#[derive(Debug)]
pub(crate) struct Closing {
    /// For how long the gate is shut from now on.
    pub(crate) pause: Duration,
    /// Whether the refused request had left since the last closing, so that its refusal is a new one.
    pub(crate) is_new: bool,
    /// What the refusal put an end to.
    pub(crate) before: Stretch,
}

impl Gate {
    pub(crate) fn new(pause: Pause) -> Gate {
        Gate { pause, state: Mutex::default() }
    }

    /// Until when the gate is shut; `None` where it is open.
    pub(crate) fn shut_until(&self, now: Instant) -> Option<Instant> {
        self.lock().shut_until.filter(|until| *until > now)
    }

    /// A request leaves with the pass, unless the gate is shut.
    pub(crate) fn enter(&self, now: Instant) -> Option<Pass> {
        let mut state = self.lock();
        if state.shut_until.is_some_and(|until| until > now) {
            return None;
        }
        state.first_left.get_or_insert(now);
        state.stretch.left += 1;
        Some(Pass(state.generation))
    }

    /// A request that held `pass` was refused.
    pub(crate) fn shut(&self, pass: Pass, wait: Option<Duration>, now: Instant) -> Closing {
        let mut state = self.lock();
        let mut pause = wait.unwrap_or_default();
        let is_new = state.generation == pass.0;
        if is_new {
            state.generation += 1;
            let since = state.first_left.take().unwrap_or(now);
            state.before = Stretch { lasted: now - since, ..std::mem::take(&mut state.stretch) };
            let delays = state.delays.get_or_insert_with(|| delays(&self.pause));
            pause = pause.max(delays.next().unwrap_or(self.pause.max_delay));
        }
        let until = now + pause;
        let until = state.shut_until.map_or(until, |before| before.max(until));
        state.shut_until = Some(until);
        Closing { pause: until - now, is_new, before: state.before }
    }

    /// A request that held `pass` got a clean answer. Returns whether that says anything: not where another closing came
    /// since. After enough of them the next refusal is a first one again.
    pub(crate) fn answered(&self, pass: Pass) -> bool {
        let mut state = self.lock();
        let is_recent = state.generation == pass.0;
        if is_recent {
            state.stretch.answered += 1;
            if state.stretch.answered >= u64::from(self.pause.forget_after) {
                state.delays = None;
            }
        }
        is_recent
    }

    fn lock(&self) -> MutexGuard<'_, State> {
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
        max_blocks: 3,
        forget_after: 3,
    };
    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn shut_for_as_long_as_the_host_said() {
        let (gate, now) = (Gate::new(PAUSE), Instant::now());
        let pass = gate.enter(now).unwrap();
        assert_eq!(gate.shut(pass, Some(S(30)), now).pause, S(30));
        assert_eq!(gate.enter(now + S(29)), None);
        assert_eq!(gate.shut_until(now + S(29)), Some(now + S(30)));
        assert_eq!(gate.shut_until(now + S(30)), None);
        assert!(gate.enter(now + S(30)).is_some());
    }

    #[test]
    fn a_shorter_wait_never_opens_it_sooner() {
        let (gate, now) = (Gate::new(PAUSE), Instant::now());
        let pass = gate.enter(now).unwrap();
        gate.shut(pass, Some(S(30)), now);
        gate.shut(pass, Some(S(1)), now + S(2));
        gate.shut(pass, None, now + S(3));
        assert_eq!(gate.shut_until(now + S(4)), Some(now + S(30)));
        gate.shut(pass, Some(S(60)), now + S(5));
        assert_eq!(gate.shut_until(now + S(6)), Some(now + S(65)));
    }

    #[test]
    fn pauses_grow_once_a_closing_and_start_again_after_some_clean_answers() {
        let gate = Gate::new(PAUSE);
        let mut now = Instant::now();
        let mut pauses = Vec::new();
        for _ in 0..4 {
            let pass = gate.enter(now).unwrap();
            pauses.push(gate.shut(pass, None, now).pause);
            for _ in 0..29 {
                // The others of the same volley change nothing.
                let other = gate.shut(pass, None, now);
                assert_eq!((other.pause, other.is_new), (pauses[pauses.len() - 1], false));
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
        for _ in 0..PAUSE.forget_after {
            // Answers to requests from before the last closing prove nothing.
            assert!(!gate.answered(stale));
        }
        // Two clean answers are too few to forget, and do not add up with what comes after the next refusal.
        for _ in 0..2 {
            let pass = gate.enter(now).unwrap();
            assert!(gate.answered(pass) && gate.answered(pass));
            assert!(gate.shut(pass, None, now).pause >= S(32));
            now += S(1000);
        }
        let pass = gate.enter(now).unwrap();
        for _ in 0..PAUSE.forget_after {
            assert!(gate.answered(pass));
        }
        assert!(gate.shut(pass, None, now).pause <= S(2));
    }

    #[test]
    fn a_closing_tells_what_went_before_it() {
        let (gate, start) = (Gate::new(PAUSE), Instant::now());
        // Time before the first request is nobody's.
        let mut now = start + S(100);
        let mut volley = Vec::new();
        for _ in 0..12 {
            now += S(1);
            volley.push(gate.enter(now).unwrap());
        }
        for pass in &volley[..10] {
            gate.answered(*pass);
        }
        let expected = Stretch { left: 12, answered: 10, lasted: S(20) };
        let closing = gate.shut(volley[10], None, now + S(9));
        assert!(closing.is_new);
        assert_eq!(closing.before, expected);
        assert_eq!(closing.before.interval(), Some(S(2)));
        // Another of the same volley tells the same.
        assert_eq!(gate.shut(volley[11], None, now + S(10)).before, expected);

        now += S(1000);
        let pass = gate.enter(now).unwrap();
        gate.answered(pass);
        let closing = gate.shut(pass, None, now + S(1));
        assert_eq!(closing.before, Stretch { left: 1, answered: 1, lasted: S(1) });
        assert_eq!(closing.before.interval(), None);
    }
}

//! What the board has seen.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tagmill_model::ItemId;

use super::{Endpoint, Mishap};

/// Counts of what clients did, since the start or the last reset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Requests to all endpoints; those to `/__stats` are not counted.
    pub requests: u64,
    /// Requests to `items/get` or `posts.json`.
    pub listing_requests: u64,
    /// Requests to `items/info` or for one of the `posts`.
    pub info_requests: u64,
    /// GET requests for media.
    pub media_requests: u64,
    /// HEAD requests for media.
    pub head_requests: u64,
    /// Requests to `user/loggedin`.
    pub login_requests: u64,
    /// Requests to `user/captcha`.
    pub captcha_requests: u64,
    /// Requests to `user/login`.
    pub login_attempts: u64,
    /// Requests to paths that lead nowhere.
    pub other_requests: u64,
    /// Such requests that were answered rightly and whole.
    pub info_answers: u64,
    /// Such requests for a post whose info had been answered before.
    pub repeated_info: u64,
    /// Media files that were sent whole, in one answer of status 200.
    pub media_answers: u64,
    /// GET requests for a post's media after a file of it had been sent whole.
    pub repeated_media: u64,
    /// Requests with a `Range` that was honoured.
    pub range_answers: u64,
    /// Requests with a `me` cookie, alive or dead.
    pub with_session: u64,
    /// Requests for media with a `Cookie` header, which a media host needs from nobody.
    pub media_cookies: u64,
    /// Most requests within any one second.
    pub peak_requests_per_second: u64,
    /// Most requests at work at once.
    pub peak_concurrency: u64,
    /// Requests at work now.
    pub in_flight: u64,
    /// Requests that came while a `Retry-After` was running, after [`GRACE`].
    pub retry_after_violations: u64,
    /// Mishaps by [`Mishap::name`].
    pub mishaps: BTreeMap<String, u64>,
    /// Answers by status; a cut connection has none.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes written to clients, headers included.
    pub bytes_sent: u64,
    /// Connections accepted.
    pub connections: u64,
}

/// Requests that were on their way when a `Retry-After` was sent break no rule.
pub const GRACE: Duration = Duration::from_millis(100);

/// The counts and what is needed to keep them.
pub(super) struct Ledger {
    stats: Stats,
    /// Arrivals within the last second.
    recent: VecDeque<Instant>,
    /// When a `Retry-After` was sent first, and when the last of them ends.
    closed: Option<(Instant, Instant)>,
    first_id: i64,
    infos: Bitmap,
    media: Bitmap,
    arrivals: u64,
}

impl Ledger {
    pub(super) fn new(first_id: i64) -> Ledger {
        Ledger {
            stats: Stats::default(),
            recent: VecDeque::new(),
            closed: None,
            first_id,
            infos: Bitmap::default(),
            media: Bitmap::default(),
            arrivals: 0,
        }
    }

    pub(super) fn snapshot(&self) -> Stats {
        self.stats.clone()
    }

    /// Starts counting anew; what is at work stays so, and chance goes on where it was.
    pub(super) fn reset(&mut self) {
        let fresh = Ledger::new(self.first_id);
        let (in_flight, arrivals) = (self.stats.in_flight, self.arrivals);
        *self = Ledger {
            stats: Stats { in_flight, peak_concurrency: in_flight, ..Stats::default() },
            arrivals,
            ..fresh
        };
    }

    /// Counts a request and returns its number, from 0.
    pub(super) fn arrive(&mut self, endpoint: Endpoint, head: bool, id: Option<ItemId>, now: Instant) -> u64 {
        let stats = &mut self.stats;
        stats.requests += 1;
        match endpoint {
            Endpoint::ItemsGet | Endpoint::Posts => stats.listing_requests += 1,
            Endpoint::ItemsInfo | Endpoint::Post => stats.info_requests += 1,
            Endpoint::Media if head => stats.head_requests += 1,
            Endpoint::Media => stats.media_requests += 1,
            Endpoint::LoggedIn => stats.login_requests += 1,
            Endpoint::Captcha => stats.captcha_requests += 1,
            Endpoint::Login => stats.login_attempts += 1,
            Endpoint::Other => stats.other_requests += 1,
        }
        let place = id.map(|id| (id.0 - self.first_id) as usize);
        stats.repeated_info += u64::from(
            matches!(endpoint, Endpoint::ItemsInfo | Endpoint::Post)
                && place.is_some_and(|place| self.infos.contains(place)),
        );
        stats.repeated_media += u64::from(
            endpoint == Endpoint::Media && !head && place.is_some_and(|place| self.media.contains(place)),
        );
        stats.in_flight += 1;
        stats.peak_concurrency = stats.peak_concurrency.max(stats.in_flight);
        match self.closed {
            Some((_, until)) if now >= until => self.closed = None,
            Some((since, _)) if now >= since + GRACE => stats.retry_after_violations += 1,
            _ => {}
        }
        self.recent.push_back(now);
        while self
            .recent
            .front()
            .is_some_and(|arrival| now.duration_since(*arrival) >= Duration::from_secs(1))
        {
            self.recent.pop_front();
        }
        stats.peak_requests_per_second = stats.peak_requests_per_second.max(self.recent.len() as u64);
        self.arrivals += 1;
        self.arrivals - 1
    }

    /// Notes the cookies of a request.
    pub(super) fn cookies(&mut self, endpoint: Endpoint, any: bool, me: bool) {
        self.stats.media_cookies += u64::from(any && endpoint == Endpoint::Media);
        self.stats.with_session += u64::from(me);
    }

    pub(super) fn depart(&mut self) {
        self.stats.in_flight = self.stats.in_flight.saturating_sub(1);
    }

    pub(super) fn mishap(&mut self, mishap: Mishap) {
        *self.stats.mishaps.entry(mishap.name().to_owned()).or_default() += 1;
    }

    /// Notes that a client is being told to wait.
    pub(super) fn close(&mut self, seconds: u32, now: Instant) {
        let until = now + Duration::from_secs(seconds.into());
        self.closed = Some(match self.closed {
            Some((since, running)) if now < running => (since, running.max(until)),
            _ => (now, until),
        });
    }

    pub(super) fn status(&mut self, status: u16) {
        *self.stats.statuses.entry(status).or_default() += 1;
    }

    pub(super) fn range(&mut self) {
        self.stats.range_answers += 1;
    }

    /// Notes that a post's info or file was answered rightly and whole.
    pub(super) fn served(&mut self, endpoint: Endpoint, id: ItemId) {
        let place = (id.0 - self.first_id) as usize;
        match endpoint {
            Endpoint::ItemsInfo | Endpoint::Post => {
                self.stats.info_answers += 1;
                self.infos.insert(place);
            }
            Endpoint::Media => {
                self.stats.media_answers += 1;
                self.media.insert(place);
            }
            _ => {}
        }
    }

    pub(super) fn sent(&mut self, bytes: u64) {
        self.stats.bytes_sent += bytes;
    }

    pub(super) fn connected(&mut self) {
        self.stats.connections += 1;
    }
}

/// A set of small numbers, a bit each.
#[derive(Default)]
struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    fn contains(&self, place: usize) -> bool {
        self.words.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    fn insert(&mut self, place: usize) {
        if self.words.len() <= place / 64 {
            self.words.resize(place / 64 + 1, 0);
        }
        self.words[place / 64] |= 1 << (place % 64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn arrive(ledger: &mut Ledger, now: Instant) {
        ledger.arrive(Endpoint::ItemsGet, false, None, now);
        ledger.depart();
    }

    #[test]
    fn the_peak_is_of_any_second() {
        let mut ledger = Ledger::new(1);
        let start = Instant::now();
        for millis in [0, 600, 900, 1_100, 1_500, 3_000] {
            arrive(&mut ledger, start + Duration::from_millis(millis));
        }
        assert_eq!(ledger.snapshot().peak_requests_per_second, 4);
        assert_eq!(ledger.snapshot().peak_concurrency, 1);
    }

    #[test]
    fn violations_are_counted_between_the_grace_and_the_end() {
        let mut ledger = Ledger::new(1);
        let start = Instant::now();
        ledger.close(2, start);
        arrive(&mut ledger, start + GRACE / 2);
        assert_eq!(ledger.snapshot().retry_after_violations, 0);
        arrive(&mut ledger, start + SECOND);
        assert_eq!(ledger.snapshot().retry_after_violations, 1);
        ledger.close(2, start + SECOND);
        arrive(&mut ledger, start + SECOND * 5 / 2);
        assert_eq!(ledger.snapshot().retry_after_violations, 2);
        arrive(&mut ledger, start + SECOND * 3);
        assert_eq!(ledger.snapshot().retry_after_violations, 2);
    }

    #[test]
    fn repeats_count_only_after_a_whole_answer() {
        let mut ledger = Ledger::new(10);
        let (id, now) = (ItemId(200), Instant::now());
        let mut ask = |served: bool| {
            ledger.arrive(Endpoint::ItemsInfo, false, Some(id), now);
            if served {
                ledger.served(Endpoint::ItemsInfo, id);
            }
            ledger.snapshot().repeated_info
        };
        assert_eq!(ask(false), 0);
        assert_eq!(ask(true), 0);
        assert_eq!(ask(true), 1);
        ledger.reset();
        assert_eq!(ledger.snapshot().repeated_info, 0);
    }
}

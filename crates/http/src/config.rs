use std::time::Duration;

use reqwest::header::HeaderValue;
use tokio::sync::{Semaphore, watch};

use crate::{Cookie, Credentials, Error};

/// How a [`Client`](crate::Client) behaves. Plain data; the defaults suit an API.
#[derive(Debug, Clone)]
pub struct Config {
    /// Who asks, as every request says it: name, version and, for a public host, how to reach you.
    pub user_agent: String,
    /// A session cookie and the one origin that gets it. Media hosts get none. The origin's answers refresh the values,
    /// see [`Config::fresh_cookie`].
    pub cookie: Option<Cookie>,
    /// Is told each time that the host has refreshed the cookie, so that somebody can keep it.
    pub fresh_cookie: Option<watch::Sender<Cookie>>,
    /// Name and key for HTTP Basic authentication, and the one origin that gets them.
    pub credentials: Option<Credentials>,
    /// How long making a connection may take. A host that is there answers in well under a second.
    pub connect_timeout: Duration,
    /// The watchdog: a response of which no byte comes for this long is dead, whatever its size.
    pub stall_timeout: Duration,
    /// How long one try may take from sending to the last byte, so that an answer that trickles cannot hold a worker
    /// for minutes. `None` for media, whose size decides how long they take.
    pub request_timeout: Option<Duration>,
    /// What to do about failures that may pass: network errors, 5xx, cut or mangled bodies.
    pub retry: Retry,
    /// What to do when the host says "too many requests" (429 and 503), or a firewall keeps this machine out.
    pub pause: Pause,
    /// The most requests in a second; `None` leaves it to [`Config::max_in_flight`], which is right for your own host.
    pub rate: Option<Rate>,
    /// The most requests in any window of time, for a host that counts over minutes: a rate that is safe for one minute
    /// may not be for three. `None` leaves it to the rate.
    pub cap: Option<Cap>,
    /// The most bytes of bodies in a second, of all requests together; `None` takes what the line gives.
    pub bandwidth: Option<u64>,
    /// The most requests under way at once, of all clones together.
    pub max_in_flight: usize,
    /// The largest body, in bytes, that is collected in memory. An answer of a board is well under 1 MB.
    pub max_body: u64,
    /// Where a redirect may lead.
    pub redirects: Redirects,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            user_agent: concat!("tagmill/", env!("CARGO_PKG_VERSION")).to_owned(),
            cookie: None,
            fresh_cookie: None,
            credentials: None,
            connect_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(30),
            request_timeout: Some(Duration::from_secs(60)),
            retry: Retry::default(),
            pause: Pause::default(),
            rate: None,
            cap: None,
            bandwidth: None,
            max_in_flight: 30,
            max_body: 32 << 20,
            redirects: Redirects::None,
        }
    }
}

impl Config {
    /// Checks what can be checked without a host.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let invalid = |field, fault| Err(Error::InvalidConfig { field, fault });
        if self.user_agent.trim().is_empty() || HeaderValue::from_str(&self.user_agent).is_err() {
            return invalid("user_agent", "is empty or has a character that no header may have");
        }
        if let Some(fault) = self.credentials.as_ref().and_then(Credentials::fault) {
            return invalid("credentials", fault);
        }
        if self.max_in_flight == 0 || self.max_in_flight > Semaphore::MAX_PERMITS {
            return invalid("max_in_flight", "must be at least 1");
        }
        if self.retry.max_tries == 0 {
            return invalid("retry.max_tries", "must be at least 1");
        }
        if self.pause.max_refusals == 0 {
            return invalid("pause.max_refusals", "must be at least 1");
        }
        if self.pause.max_blocks == 0 {
            return invalid("pause.max_blocks", "must be at least 1");
        }
        if let Some(rate) = self.rate {
            // One request in eleven days is the slowest that is still a rate.
            if !(1e-6..=1e9).contains(&rate.per_second) {
                return invalid("rate.per_second", "must be more than 0");
            }
            if rate.burst == 0 {
                return invalid("rate.burst", "must be at least 1");
            }
        }
        if let Some(cap) = self.cap {
            if cap.requests == 0 {
                return invalid("cap.requests", "must be at least 1");
            }
            // A cap over more than a day would outlast the process that counts for it.
            if cap.window.is_zero() || cap.window > Duration::from_secs(24 * 3600) {
                return invalid("cap.window", "must be more than 0 and at most a day");
            }
        }
        if self.bandwidth == Some(0) {
            return invalid("bandwidth", "must be at least 1 byte a second");
        }
        Ok(())
    }
}

/// Retries of one request whose failure may pass. Delays double from the first to the longest and carry jitter, so
/// that workers that failed together do not come back together.
#[derive(Debug, Clone, PartialEq)]
pub struct Retry {
    /// Tries in all, the first one counted. Six span half a minute with the default delays: a restart of the board.
    pub max_tries: u32,
    /// Tries to connect to a host while nothing at all has answered this client yet: an address that is mistyped is then
    /// more likely than a board that restarts, and whoever typed it should not wait long for the news.
    pub max_first_tries: u32,
    /// Delay before the second try.
    pub first_delay: Duration,
    /// No delay grows beyond this (jitter may double it).
    pub max_delay: Duration,
    /// No try starts once tries and delays have taken this long together. Waiting at the gate and for the rate limit
    /// does not count, as the request is not to blame for it.
    pub max_elapsed: Duration,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            max_tries: 6,
            max_first_tries: 2,
            first_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(30),
            max_elapsed: Duration::from_secs(300),
        }
    }
}

impl Retry {
    /// One try, no retries.
    pub fn never() -> Retry {
        Retry { max_tries: 1, ..Retry::default() }
    }
}

/// How long everybody stops when the host refuses, or a firewall before it blocks: the longer of its `Retry-After` and a
/// delay of our own, which doubles with each refusal in a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Pause {
    /// The first pause of our own. A board that blocks for a minute or more after a 429 wants more than the default, and
    /// so does a firewall.
    pub first_delay: Duration,
    /// No pause of our own grows beyond this (jitter may double it).
    pub max_delay: Duration,
    /// A `Retry-After` longer than this is not sat out: requests end with [`Error::Refused`](crate::Error::Refused).
    pub max_retry_after: Duration,
    /// A request refused this often ends with [`Error::GaveUp`](crate::Error::GaveUp). Generous, because a refusal says
    /// nothing about the request; twenty span an hour and a half with the default delays.
    pub max_refusals: u32,
    /// A request that a firewall blocked this often ends with [`Error::GaveUp`](crate::Error::GaveUp), and
    /// [`Error::Blocked`](crate::Error::Blocked) in it. Few, because most firewalls need a person; more than one, because
    /// some only block who was too fast.
    pub max_blocks: u32,
    /// After so many clean answers in a row a refusal counts as the first again, and its pause is the shortest. Not after
    /// one: of thirty workers some still get through while others are refused, and the pauses would never grow. Twenty
    /// answers are a moment on a host of your own; where a limit is counted over minutes, take hundreds.
    pub forget_after: u32,
}

impl Default for Pause {
    fn default() -> Pause {
        Pause {
            first_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(300),
            max_retry_after: Duration::from_secs(3600),
            max_refusals: 20,
            max_blocks: 3,
            forget_after: 20,
        }
    }
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests a second in the long run; more than zero.
    pub per_second: f64,
    /// Requests that may leave at once after a rest; at least one.
    pub burst: u32,
}

/// So many requests in a window of time, wherever the window begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    /// Requests that may leave in one window; at least one.
    pub requests: u32,
    /// How long a window is; at most a day.
    pub window: Duration,
}

/// Where a redirect may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirects {
    /// Nowhere: a redirect is an error that says where to.
    None,
    /// To the same scheme, host and port; at most five in a row, each of which passes the rate limit.
    SameOrigin,
}

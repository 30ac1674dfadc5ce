//! What goes wrong, and when: plain data, and the draw.

use std::time::Duration;

use tagmill_model::ItemId;

use super::Endpoint;
use crate::random::{Purpose, Rng};

/// One thing that goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// Status 429, with `Retry-After` in seconds or without.
    TooManyRequests {
        /// Seconds that the client is told to wait.
        retry_after: Option<u32>,
    },
    /// Status 503, with `Retry-After` in seconds or without: maintenance, or another way to say that it is too much.
    Unavailable {
        /// Seconds that the client is told to wait.
        retry_after: Option<u32>,
    },
    /// Status 403 with the HTML page of a proxy that lets nobody through.
    Blocked,
    /// Status 403, of Danbooru's kind 401, with the JSON that says a session is dead or a key wrong.
    NotLoggedIn,
    /// Status 500 with an HTML page.
    ServerError,
    /// The connection ends before any answer.
    Cut,
    /// `Content-Length` is right, but the connection ends after half of the body.
    ShortBody,
    /// Status 200 with an HTML page where JSON or a picture should be.
    Html,
    /// The right body, in ten pieces with a pause before each.
    SlowBody {
        /// The pause before each piece.
        pause: Duration,
    },
    /// Status 404.
    NotFound,
    /// The right length and first four bytes, and nothing a decoder can use after them.
    Corrupt,
    /// The right answer, late.
    Delay {
        /// How late.
        pause: Duration,
    },
}

impl Mishap {
    /// The name under which it is counted.
    pub const fn name(self) -> &'static str {
        match self {
            Mishap::TooManyRequests { retry_after: Some(_) } => "too_many_requests",
            Mishap::TooManyRequests { retry_after: None } => "too_many_requests_silent",
            Mishap::Unavailable { retry_after: Some(_) } => "unavailable",
            Mishap::Unavailable { retry_after: None } => "unavailable_silent",
            Mishap::Blocked => "blocked",
            Mishap::NotLoggedIn => "not_logged_in",
            Mishap::ServerError => "server_error",
            Mishap::Cut => "cut",
            Mishap::ShortBody => "short_body",
            Mishap::Html => "html",
            Mishap::SlowBody { .. } => "slow_body",
            Mishap::NotFound => "not_found",
            Mishap::Corrupt => "corrupt",
            Mishap::Delay { .. } => "delay",
        }
    }
}

/// How often each mishap meets a request by chance. Shares are from 0 to 1 and may sum to 1 at most; the default is a
/// board on which nothing goes wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Mishaps {
    /// With the same seed, the n-th request meets the same mishap.
    pub seed: u64,
    /// Status 429 with `Retry-After`.
    pub too_many_requests: f64,
    /// The seconds in that `Retry-After`, and in that of a status 503.
    pub retry_after: u32,
    /// Status 429 without `Retry-After`.
    pub too_many_requests_silent: f64,
    /// Status 500.
    pub server_error: f64,
    /// The connection ends before any answer.
    pub cut: f64,
    /// The connection ends after half of the body.
    pub short_body: f64,
    /// Status 200 with an HTML page.
    pub html: f64,
    /// The body trickles.
    pub slow_body: f64,
    /// The pause before each of the ten pieces of a slow body.
    pub slow_body_pause: Duration,
    /// Status 404.
    pub not_found: f64,
    /// Damaged bytes; media only.
    pub corrupt: f64,
    /// Status 503 with `Retry-After`.
    pub unavailable: f64,
    /// Status 403 with a proxy's HTML page.
    pub blocked: f64,
    /// Status 403 with the JSON that says a session is dead; API only.
    pub not_logged_in: f64,
    /// How long every request waits for its answer.
    pub latency: Duration,
    /// More requests than this are refused with 429.
    pub rate_limit: Option<RateLimit>,
}

impl Default for Mishaps {
    fn default() -> Mishaps {
        Mishaps {
            seed: 0,
            too_many_requests: 0.0,
            retry_after: 1,
            too_many_requests_silent: 0.0,
            server_error: 0.0,
            cut: 0.0,
            short_body: 0.0,
            html: 0.0,
            slow_body: 0.0,
            slow_body_pause: Duration::from_millis(100),
            not_found: 0.0,
            corrupt: 0.0,
            unavailable: 0.0,
            blocked: 0.0,
            not_logged_in: 0.0,
            latency: Duration::ZERO,
            rate_limit: None,
        }
    }
}

/// A token bucket shared by all clients.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests a second that are answered in the long run.
    pub per_second: f64,
    /// Requests that are answered at once after a pause.
    pub burst: u32,
    /// Seconds in the `Retry-After` of a refusal, if it has one.
    pub retry_after: Option<u32>,
}

impl Mishaps {
    /// What meets the request of this number, by chance.
    pub(super) fn draw(&self, number: u64, endpoint: Endpoint) -> Option<Mishap> {
        let medium = endpoint == Endpoint::Media;
        // New ones stand last: what a seed does to a board that has none of them stays.
        let chances = [
            (self.too_many_requests, Mishap::TooManyRequests { retry_after: Some(self.retry_after) }),
            (self.too_many_requests_silent, Mishap::TooManyRequests { retry_after: None }),
            (self.server_error, Mishap::ServerError),
            (self.cut, Mishap::Cut),
            (self.short_body, Mishap::ShortBody),
            (self.html, Mishap::Html),
            (self.slow_body, Mishap::SlowBody { pause: self.slow_body_pause }),
            (self.not_found, Mishap::NotFound),
            (if medium { self.corrupt } else { 0.0 }, Mishap::Corrupt),
            (self.unavailable, Mishap::Unavailable { retry_after: Some(self.retry_after) }),
            (self.blocked, Mishap::Blocked),
            (if medium { 0.0 } else { self.not_logged_in }, Mishap::NotLoggedIn),
        ];
        if chances.iter().all(|(share, _)| *share <= 0.0) {
            return None;
        }
        let mut draw = Rng::new(self.seed, Purpose::Mishap, number).unit();
        chances.into_iter().find_map(|(share, mishap)| {
            draw -= share.max(0.0);
            (draw < 0.0).then_some(mishap)
        })
    }
}

/// Mishaps that meet requests named beforehand. The first rule that applies wins, before any chance.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Script {
    /// In order of precedence.
    pub rules: Vec<Rule>,
}

impl Script {
    /// A script without rules.
    pub fn new() -> Script {
        Script::default()
    }

    /// Adds a rule: `Script::new().on(Target::Info(ItemId(57)), When::Always, Mishap::ServerError)`.
    #[must_use]
    pub fn on(mut self, target: Target, when: When, mishap: Mishap) -> Script {
        self.rules.push(Rule { target, when, mishap });
        self
    }
}

/// One line of a script.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Which requests count for it.
    pub target: Target,
    /// Which of those it meets.
    pub when: When,
    /// What happens then.
    pub mishap: Mishap,
}

/// Which requests a rule counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// All.
    Any,
    /// Those to an endpoint.
    Endpoint(Endpoint),
    /// Those to `items/info`, or the `posts`, for one post.
    Info(ItemId),
    /// Those for any file of one post.
    Media(ItemId),
    /// Those whose path and query contain a text.
    Containing(String),
}

/// Which of the counted requests a rule meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Every one.
    Always,
    /// The n-th alone, counted from 1.
    Nth(u64),
    /// The first n.
    First(u64),
    /// All but the first n.
    After(u64),
}

/// What a rule may ask about a request.
pub(super) struct Asked<'a> {
    pub(super) endpoint: Endpoint,
    pub(super) id: Option<ItemId>,
    pub(super) path_and_query: &'a str,
}

/// A script and how often each of its rules has counted.
pub(super) struct Prompter {
    script: Script,
    counts: Vec<u64>,
}

impl Prompter {
    pub(super) fn new(script: Script) -> Prompter {
        Prompter { counts: vec![0; script.rules.len()], script }
    }

    /// What the script has for a request. Every rule that the request concerns counts it, whichever wins.
    pub(super) fn next(&mut self, asked: &Asked<'_>) -> Option<Mishap> {
        let mut chosen = None;
        for (rule, count) in self.script.rules.iter().zip(&mut self.counts) {
            let concerned = match &rule.target {
                Target::Any => true,
                Target::Endpoint(endpoint) => *endpoint == asked.endpoint,
                Target::Info(id) => {
                    matches!(asked.endpoint, Endpoint::ItemsInfo | Endpoint::Post) && asked.id == Some(*id)
                }
                Target::Media(id) => asked.endpoint == Endpoint::Media && asked.id == Some(*id),
                Target::Containing(text) => asked.path_and_query.contains(text.as_str()),
            };
            if !concerned {
                continue;
            }
            *count += 1;
            let meets = match rule.when {
                When::Always => true,
                When::Nth(n) => *count == n,
                When::First(n) => *count <= n,
                When::After(n) => *count > n,
            };
            if meets && chosen.is_none() {
                chosen = Some(rule.mishap);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_repeat() {
        let mishaps = Mishaps { server_error: 0.1, cut: 0.2, corrupt: 0.3, ..Mishaps::default() };
        let draw = |endpoint| (0..10_000).map(|n| mishaps.draw(n, endpoint)).collect::<Vec<_>>();
        let media = draw(Endpoint::Media);
        assert_eq!(media, draw(Endpoint::Media));
        let count = |mishap| media.iter().filter(|met| **met == Some(mishap)).count();
        assert!((900..1_100).contains(&count(Mishap::ServerError)));
        assert!((1_850..2_150).contains(&count(Mishap::Cut)));
        assert!((2_850..3_150).contains(&count(Mishap::Corrupt)));
        assert!(!draw(Endpoint::ItemsInfo).contains(&Some(Mishap::Corrupt)));
        let mishaps = Mishaps { unavailable: 0.1, blocked: 0.2, not_logged_in: 0.3, ..mishaps };
        let count =
            |endpoint, mishap| (0..10_000).filter(|n| mishaps.draw(*n, endpoint) == Some(mishap)).count();
        assert!(
            (900..1_100).contains(&count(Endpoint::ItemsGet, Mishap::Unavailable { retry_after: Some(1) }))
        );
        assert!((1_850..2_150).contains(&count(Endpoint::ItemsGet, Mishap::Blocked)));
        assert!((2_850..3_150).contains(&count(Endpoint::ItemsGet, Mishap::NotLoggedIn)));
        assert_eq!(count(Endpoint::Media, Mishap::NotLoggedIn), 0);
    }

    #[test]
    fn rules_count_what_concerns_them() {
        let script = Script::new()
            .on(Target::Endpoint(Endpoint::ItemsInfo), When::Nth(2), Mishap::Cut)
            .on(Target::Info(ItemId(7)), When::After(1), Mishap::ServerError)
            .on(Target::Containing("older=5".to_owned()), When::First(1), Mishap::Html);
        let mut prompter = Prompter::new(script);
        let mut ask = |endpoint, id: i64, path_and_query| {
            prompter.next(&Asked { endpoint, id: Some(ItemId(id)), path_and_query })
        };
        assert_eq!(ask(Endpoint::ItemsInfo, 7, ""), None);
        assert_eq!(ask(Endpoint::ItemsInfo, 7, ""), Some(Mishap::Cut));
        assert_eq!(ask(Endpoint::ItemsInfo, 7, ""), Some(Mishap::ServerError));
        assert_eq!(ask(Endpoint::Media, 7, ""), None);
        assert_eq!(ask(Endpoint::ItemsGet, 0, "/api/items/get?older=5"), Some(Mishap::Html));
        assert_eq!(ask(Endpoint::ItemsGet, 0, "/api/items/get?older=5"), None);
    }
}

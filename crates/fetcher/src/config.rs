use std::path::PathBuf;
use std::time::Duration;

use tagmill_http::{Cap, Pause, Rate};
use tagmill_model::Flags;
use tagmill_store::Interval;
use url::Url;

use crate::{Error, PUBLIC_DOMAIN};

/// What to fetch, from where, into which database.
///
/// The default is everything: what is new, then what is older, then holes, then items whose tags are missing.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API stands, such as [`PUBLIC_API`](crate::PUBLIC_API).
    pub api_url: Url,
    /// Domains of the board. An image that the listing gives as an absolute URL on one of them, or on a host below, is
    /// stored as its path; URLs of any other host are stored as they are.
    pub own_domains: Vec<String>,
    /// The items database; made where there is none.
    pub database: PathBuf,
    /// The content classes to ask for; `None` for all that the account may see, which is [`Flags::SFW`] for visitors
    /// without one.
    pub flags: Option<Flags>,
    /// Only items whose id lies in here.
    pub range: Option<Interval>,
    /// Only items uploaded at this time or later, Unix seconds. Ids rise with time, so this costs some twenty pages to
    /// find the first of them.
    pub since: Option<i64>,
    /// Only items uploaded before this time, Unix seconds.
    pub until: Option<i64>,
    /// Only items of the top feed. Nothing is noted as complete then: another run walks through that feed again, and
    /// asks for those items that it does not know.
    pub promoted: bool,
    /// Only items that the board's own search finds, in its syntax. Nothing is noted as complete then either.
    pub search: Option<String>,
    /// Stop when this many items were asked for.
    pub limit: Option<u64>,
    /// Ask for the tags of pictures only. Of videos, what the listing says is stored, with tags NULL; a later run without
    /// this asks for them.
    pub images_only: bool,
    /// Ask for no tags at all: what the listing says is stored, with tags NULL, which takes one request for 120 items. A
    /// later run without this asks for the tags.
    pub listing_only: bool,
    /// Ask only for items that failed before, also for those of which the board said that they do not exist.
    pub retry_failed: bool,
    /// In the end ask again for items that were younger than this when they were last fetched: they had few tags and
    /// votes then.
    pub refresh: Option<Duration>,
    /// Store comments too. They are personal data.
    pub comments: bool,
    /// The most requests under way at once; 30. `http.max_in_flight` may lower it.
    pub workers: usize,
    /// The most rows a transaction; 5,000. A crash loses what is not committed, and many small commits cost more than a
    /// few large ones.
    pub batch_size: usize,
    /// No row waits longer than this for its commit; 10 s. It bounds what a crash loses where the board is slow.
    pub commit_interval: Duration,
    /// How to speak HTTP: user agent, cookie, rate, retries.
    pub http: tagmill_http::Config,
}

impl Config {
    /// The defaults for a board.
    ///
    /// The public one is asked politely, by what its clients found out about it. It answered 120 requests a minute for
    /// years. At ten a second it refused after some 700, and then answered nothing for one to two minutes; how long the
    /// window is that it counts in, nobody knows. Hence two a second, never more than 500 in 150 seconds, a minute and a
    /// half of silence after a refusal, longer after the next one unless 300 requests went well in between.
    ///
    /// Any other board is yours, and only `workers` limits the requests.
    pub fn new(api_url: Url, database: impl Into<PathBuf>) -> Config {
        let is_public = api_url.domain() == Some(PUBLIC_DOMAIN);
        let http = match is_public {
            true => tagmill_http::Config {
                rate: Some(Rate { per_second: 2.0, burst: 4 }),
                max_in_flight: 4,
                cap: Some(Cap { requests: 500, window: Duration::from_secs(150) }),
                pause: Pause { first_delay: Duration::from_secs(90), forget_after: 300, ..Pause::default() },
                ..tagmill_http::Config::default()
            },
            // As many as there are workers, however many that are.
            false => tagmill_http::Config { max_in_flight: 10_000, ..tagmill_http::Config::default() },
        };
        Config {
            api_url,
            own_domains: vec![PUBLIC_DOMAIN.to_owned()],
            database: database.into(),
            flags: None,
            range: None,
            since: None,
            until: None,
            promoted: false,
            search: None,
            limit: None,
            images_only: false,
            listing_only: false,
            retry_failed: false,
            refresh: None,
            comments: false,
            workers: 30,
            batch_size: 5_000,
            commit_interval: Duration::from_secs(10),
            http,
        }
    }

    /// Whether it walks through a selection of the board's instead of its whole feed.
    pub(crate) fn is_search(&self) -> bool {
        self.promoted || self.search.is_some()
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let faults = [
            (self.workers == 0, "workers", "must be at least 1"),
            (self.batch_size == 0, "batch_size", "must be at least 1"),
            (
                self.flags.is_some_and(|flags| flags.is_empty()),
                "flags",
                "must name at least one content class",
            ),
            (self.range.is_some_and(|range| range.is_empty()), "range", "must not end before it begins"),
            (
                self.since.zip(self.until).is_some_and(|(since, until)| until <= since),
                "until",
                "must be later than `since`",
            ),
            (
                self.search.as_ref().is_some_and(|search| search.trim().is_empty()),
                "search",
                "must not be empty",
            ),
            (
                self.listing_only && (self.retry_failed || self.refresh.is_some()),
                "listing_only",
                "asks for no tags, so it cannot retry or refresh them",
            ),
            (
                self.is_search() && (self.retry_failed || self.refresh.is_some()),
                "search",
                "and `promoted` select from the board's feed, not from what is known: they cannot retry or refresh",
            ),
        ];
        match faults.into_iter().find(|(is_wrong, ..)| *is_wrong) {
            Some((_, field, fault)) => Err(Error::InvalidConfig { field, fault }),
            None => Ok(()),
        }
    }
}

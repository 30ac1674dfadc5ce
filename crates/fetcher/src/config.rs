use std::path::PathBuf;
use std::time::Duration;

use tagmill_model::Flags;
use tagmill_store::Interval;
use url::Url;

use crate::Error;
use crate::api::{Kind, pr0gramm};

/// What to fetch, from where, into which database.
///
/// The default is everything: what is new, then what is older, then holes, then items whose tags are missing.
#[derive(Debug, Clone)]
pub struct Config {
    /// The kind of board that it is: which API it speaks.
    pub board: &'static Kind,
    /// Where the API stands, such as [`Kind::public_api`].
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
    /// The defaults for a board that speaks like pr0gramm.com.
    pub fn new(api_url: Url, database: impl Into<PathBuf>) -> Config {
        Config::of(&pr0gramm::KIND, api_url, database)
    }

    /// The defaults for a board of any kind.
    ///
    /// The public one of a kind is asked as politely as its operators wish, see [`KINDS`](crate::api::KINDS). Any other
    /// board is yours, and only `workers` limits the requests.
    pub fn of(board: &'static Kind, api_url: Url, database: impl Into<PathBuf>) -> Config {
        let mut http = tagmill_http::Config::default();
        match board.is_public(&api_url) {
            true => (board.polite)(&mut http),
            // As many as there are workers, however many that are.
            false => http.max_in_flight = 10_000,
        }
        Config {
            board,
            api_url,
            own_domains: vec![board.domain.to_owned()],
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

    /// Whether it asks as an account.
    pub(crate) fn has_account(&self) -> bool {
        self.http.cookie.is_some() || self.http.credentials.is_some()
    }

    /// Finds out what can be found out before anything is asked: [`run`](crate::run) and [`plan`](crate::plan) do so first.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`], for what cannot work, and for what boards of this kind do not have.
    pub fn check(&self) -> Result<(), Error> {
        // All classes stands for all that there are.
        let named = self.flags.filter(|flags| *flags != Flags::EVERY_CLASS);
        let faults = [
            (self.workers == 0, "workers", "must be at least 1"),
            (self.batch_size == 0, "batch_size", "must be at least 1"),
            (
                self.flags.is_some_and(|flags| flags.is_empty()),
                "flags",
                "must name at least one content class",
            ),
            (
                named.is_some_and(|flags| !self.board.classes.contains(flags)),
                "flags",
                "names a content class that boards of this kind do not know",
            ),
            (
                self.http.cookie.is_some() && !self.board.has_sessions,
                "http.cookie",
                "cannot be used: boards of this kind know accounts by name and key",
            ),
            (
                self.http.credentials.is_some() && !self.board.has_keys,
                "http.credentials",
                "cannot be used: boards of this kind know accounts by a cookie",
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
        let wrong = faults.into_iter().find(|(is_wrong, ..)| *is_wrong);
        let wrong = wrong.map(|(_, field, fault)| (field, fault)).or_else(|| (self.board.refuse)(self));
        match wrong {
            Some((field, fault)) => Err(Error::InvalidConfig { field, fault }),
            None => Ok(()),
        }
    }
}

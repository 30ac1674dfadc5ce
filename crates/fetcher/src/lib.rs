#![doc = include_str!("../README.md")]

use std::path::PathBuf;
use std::time::Duration;

use tagmill_http::{Pause, Rate};
use tagmill_model::{Flags, ItemId, Progress};
use tokio_util::sync::CancellationToken;
use url::Url;

pub mod api;
mod ask;
mod pipeline;
mod report;
mod walk;
mod write;

pub use api::{ApiError, Pr0gramm};
pub use report::{FailedItem, Report};

/// The API of the public board.
pub const PUBLIC_API: &str = "https://pr0gramm.com/api";

const PUBLIC_DOMAIN: &str = "pr0gramm.com";

/// What to fetch, from where, into which database.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the API stands, such as [`PUBLIC_API`].
    pub api_url: Url,
    /// Domains of the board. An image that the listing gives as an absolute URL on one of them, or on a host below, is
    /// stored as its path; URLs of any other host are stored as they are.
    pub own_domains: Vec<String>,
    /// The items database; made where there is none.
    pub database: PathBuf,
    /// The content classes to ask for. Anonymous visitors of the public board get [`Flags::SFW`] and nothing else.
    pub flags: Flags,
    /// The most requests under way at once; 30. `http.max_in_flight` may lower it.
    pub workers: usize,
    /// The most rows a transaction; 5,000. A crash loses what is not committed, and many small commits cost more than a
    /// few large ones.
    pub batch_size: usize,
    /// No row waits longer than this for its commit; 10 s. It bounds what a crash loses where the board is slow.
    pub commit_interval: Duration,
    /// Stop when this many items were asked for.
    pub limit: Option<u64>,
    /// Ask for the tags of pictures only. Of videos, what the listing says is stored, with tags NULL; a later run without
    /// this does not come back for them.
    pub images_only: bool,
    /// Store comments too. They are personal data.
    pub comments: bool,
    /// How to speak HTTP: user agent, cookie, rate, retries.
    pub http: tagmill_http::Config,
}

impl Config {
    /// The defaults for a board. The public one is asked politely: two requests a second, and a minute and a half of
    /// silence after it said "too many requests", because it answers nothing before. Any other board is yours, and only
    /// `workers` limits the requests.
    pub fn new(api_url: Url, database: impl Into<PathBuf>) -> Config {
        let is_public = api_url.domain() == Some(PUBLIC_DOMAIN);
        let http = match is_public {
            true => tagmill_http::Config {
                rate: Some(Rate { per_second: 2.0, burst: 4 }),
                max_in_flight: 4,
                pause: Pause { first_delay: Duration::from_secs(90), ..Pause::default() },
                ..tagmill_http::Config::default()
            },
            // As many as there are workers, however many that are.
            false => tagmill_http::Config { max_in_flight: 10_000, ..tagmill_http::Config::default() },
        };
        Config {
            api_url,
            own_domains: vec![PUBLIC_DOMAIN.to_owned()],
            database: database.into(),
            flags: Flags::SFW,
            workers: 30,
            batch_size: 5_000,
            commit_interval: Duration::from_secs(10),
            limit: None,
            images_only: false,
            comments: false,
            http,
        }
    }
}

/// Fetches what is missing: new items, then older ones, then holes and what failed before.
///
/// What is committed is never asked for again, so a run that was cancelled, killed or ended by an error goes on where it
/// stood. Dropping the future stops everything and loses at most the batch that was not committed.
///
/// # Errors
/// [`Error`]; all that came before it is committed.
pub async fn run(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    pipeline::run(config, progress, cancel).await
}

/// Why a run ended before its work was done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration cannot work.
    #[error("`{field}` {fault}")]
    InvalidConfig {
        /// The field of [`Config`].
        field: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// The database could not be opened, read or written.
    #[error(transparent)]
    Store(#[from] tagmill_store::Error),
    /// The HTTP client could not be made.
    #[error(transparent)]
    Http(tagmill_http::Error),
    /// Nobody answers.
    #[error("cannot reach the board at `{api_url}`")]
    Unreachable {
        /// Where the API should stand.
        api_url: String,
        /// The last answer that did not come.
        #[source]
        source: ApiError,
    },
    /// The account, or the lack of one, may not see a content class.
    #[error("the board does not show content of class `{flags}` to this visitor")]
    FlagsNotAllowed {
        /// What was asked for.
        flags: Flags,
        /// What the board said.
        #[source]
        source: ApiError,
    },
    /// The board wants a login.
    #[error("the board wants a login")]
    NotLoggedIn {
        /// What the board said.
        #[source]
        source: ApiError,
    },
    /// A page of the listing cannot be had, or the board refuses to go on.
    #[error("the board does not give its items")]
    Board {
        /// What it did instead.
        #[source]
        source: ApiError,
    },
    /// A page of the listing leads nowhere: following it would go round in circles.
    #[error("the board's listing does not move on from item {cursor}")]
    Stuck {
        /// From where the page was asked for.
        cursor: ItemId,
    },
    /// So many items failed one after the other that the fault is not theirs.
    #[error("{count} items in a row failed, the last one {id}")]
    TooManyFailures {
        /// How many.
        count: u64,
        /// The last of them.
        id: ItemId,
        /// Why.
        #[source]
        source: ApiError,
    },
}

impl Error {
    /// What the user can do about it, where something can be done.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Error::Unreachable { .. } => Some("is the address right, and is the board up?"),
            Error::FlagsNotAllowed { .. } => {
                Some("without an account, ask for sfw only; otherwise give its cookie")
            }
            Error::NotLoggedIn { .. } => Some("give the cookie of a session that is logged in"),
            Error::TooManyFailures { .. } | Error::Board { .. } => {
                Some("what was fetched is kept; run it again later to go on")
            }
            _ => None,
        }
    }

    /// What an answer that concerns the whole run means.
    fn of_board(source: ApiError, config: &Config) -> Error {
        use api::Refusal;
        match &source {
            ApiError::Refused { refusal: Refusal::FlagsNotAllowed, .. } => {
                Error::FlagsNotAllowed { flags: config.flags, source }
            }
            ApiError::Refused { refusal: Refusal::NotLoggedIn, .. } => Error::NotLoggedIn { source },
            ApiError::Request(error) if error.is_network() => {
                Error::Unreachable { api_url: tagmill_http::shown(&config.api_url), source }
            }
            _ => Error::Board { source },
        }
    }
}

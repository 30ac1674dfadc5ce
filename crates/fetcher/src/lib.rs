#![doc = include_str!("../README.md")]

use tagmill_model::{Flags, ItemId, Progress};
use tokio_util::sync::CancellationToken;

pub mod api;
mod ask;
mod config;
mod date;
mod opening;
mod pipeline;
mod plan;
mod report;
mod walk;
mod write;

pub use api::{ApiError, Danbooru, Kind, Pr0gramm};
pub use config::Config;
pub use plan::{Plan, Stretch};
pub use report::{FailedItem, Report};
pub use tagmill_store::Interval;

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

/// Tells what a run would do, and how many requests that takes, for a few requests. Writes nothing.
///
/// # Errors
/// [`Error`], as [`run`].
pub async fn plan(config: Config) -> Result<Plan, Error> {
    pipeline::plan(config).await
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
    /// The session is dead, or there is none where one is needed.
    #[error("the board does not take this session for logged in")]
    NotLoggedIn {
        /// What the board said, where it said more than "no".
        #[source]
        source: Option<ApiError>,
    },
    /// The same where accounts have a name and a key instead of a session.
    #[error("the board does not take this account's name and key, or wants them")]
    KeyRefused {
        /// What the board said.
        #[source]
        source: ApiError,
    },
    /// The board's search does not understand what is searched for.
    #[error("the board cannot search for `{search}`")]
    BadSearch {
        /// [`Config::search`].
        search: String,
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
    /// What an answer that concerns the whole run means.
    fn of_board(source: ApiError, config: &Config, flags: Flags) -> Error {
        use api::Refusal;
        match &source {
            ApiError::Refused { refusal: Refusal::FlagsNotAllowed, .. } => {
                Error::FlagsNotAllowed { flags, source }
            }
            ApiError::Refused { refusal: Refusal::NotLoggedIn, .. } if config.board.has_keys => {
                Error::KeyRefused { source }
            }
            ApiError::Refused { refusal: Refusal::NotLoggedIn, .. } => {
                Error::NotLoggedIn { source: Some(source) }
            }
            ApiError::Refused { refusal: Refusal::BadSearch, .. } => {
                Error::BadSearch { search: config.search.clone().unwrap_or_default(), source }
            }
            ApiError::Request(error) if error.is_network() => {
                Error::Unreachable { api_url: tagmill_http::shown(&config.api_url), source }
            }
            _ => Error::Board { source },
        }
    }
}

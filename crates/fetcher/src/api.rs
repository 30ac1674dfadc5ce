//! What a board's API looks like from here: one module per kind of board. Its JSON stops there; what comes out are the
//! types below and [`tagmill_model::Item`]. Another kind is another module and a line in [`KINDS`].

use std::fmt;

use futures::future::BoxFuture;
use tagmill_model::{Flags, Item, ItemId};
use thiserror::Error;

pub mod danbooru;
mod json;
mod kind;
pub mod pr0gramm;

pub use danbooru::Danbooru;
pub use kind::{Kind, MediaHosts};
pub use pr0gramm::Pr0gramm;

/// The kinds of boards that can be fetched from; the first is meant where nobody says.
pub static KINDS: [&Kind; 2] = [&pr0gramm::KIND, &danbooru::KIND];

/// What the fetcher asks of a board.
pub trait Api: fmt::Debug + Send + Sync {
    /// The client that it asks by.
    fn http(&self) -> &tagmill_http::Client;

    /// A page of the listing. A feed without items is an empty page.
    ///
    /// # Errors
    /// [`ApiError`].
    fn page<'a>(&'a self, feed: &Feed, cursor: Cursor) -> BoxFuture<'a, Result<Page, ApiError>>;

    /// The tags of an item whose listing has none, and its comments where they are wanted.
    ///
    /// # Errors
    /// [`ApiError`].
    fn info(&self, id: ItemId, comments: bool) -> BoxFuture<'_, Result<Info, ApiError>>;

    /// Whether the board takes the client's cookie for a session; asked only where there is one.
    ///
    /// # Errors
    /// [`ApiError`]; [`Refusal::NotFound`] where the board has no accounts.
    fn is_logged_in(&self) -> BoxFuture<'_, Result<bool, ApiError>> {
        Box::pin(async { Ok(true) })
    }
}

/// One page of the listing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The items by rising id, each id once. Those without tags are asked for one by one.
    pub items: Vec<Item>,
    /// Entries that had no readable id.
    pub malformed: u64,
    /// Whether the board has nothing older; `None` where it does not say.
    pub at_end: Option<bool>,
    /// Whether the board has nothing newer; `None` where it does not say.
    pub at_start: Option<bool>,
}

/// What the board tells of one item beside its listing, as JSON arrays exactly as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// The tags; `[]` when it has none.
    pub tags_data: String,
    /// The comments, where they were asked for.
    pub comments_data: Option<String>,
}

/// Which items a listing shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feed {
    /// Of these content classes.
    pub flags: Flags,
    /// Only those of the top feed, whose order and positions are not those of ids: see [`Item::promoted`].
    pub promoted: bool,
    /// Only those that the board's search finds.
    pub search: Option<String>,
}

/// Which page of a feed. Positions are ids, or in the top feed [`Item::promoted`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// The newest items.
    Newest,
    /// The nearest ones strictly below a position.
    Older(i64),
    /// The nearest ones strictly above a position.
    Newer(i64),
}

/// Why the board gave no answer that can be used.
#[derive(Debug, Error)]
pub enum ApiError {
    /// The board answered, and said no.
    #[error("`{url}` answered `{}`{}", word.escape_debug(), said(message))]
    Refused {
        /// What was asked.
        url: String,
        /// What the word means.
        refusal: Refusal,
        /// The board's word, such as `nsfwRequired`.
        word: String,
        /// The board's sentence on it; may be empty.
        message: String,
    },
    /// No answer, or none that can be read.
    #[error(transparent)]
    Request(#[from] tagmill_http::Error),
}

/// What a board's `error` means for the one who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such item.
    NotFound,
    /// The search has no hits.
    NothingFound,
    /// The account may not see a content class that was asked for.
    FlagsNotAllowed,
    /// The search is not understood.
    BadSearch,
    /// The session is missing or dead.
    NotLoggedIn,
    /// Too many requests.
    RateLimited,
    /// A word of which nothing is known.
    Unknown,
}

impl ApiError {
    /// The cause in few words, the same for the same cause, so that failures can be counted by it.
    pub fn reason(&self) -> String {
        use tagmill_http::Error;
        let error = match self {
            ApiError::Refused { word, .. } => return word.chars().take(64).collect(),
            ApiError::Request(error) => error.last(),
        };
        match error {
            Error::Status { status, .. } => format!("status {status}"),
            Error::Network { .. } => "no answer".to_owned(),
            Error::Truncated { .. } => "cut off".to_owned(),
            Error::NotJson { .. } => "not json".to_owned(),
            Error::UnexpectedJson { .. } => "unexpected json".to_owned(),
            Error::TooLarge { .. } => "too large".to_owned(),
            Error::Blocked { .. } => "blocked".to_owned(),
            Error::Refused { .. } => "asked to wait".to_owned(),
            other => other.to_string(),
        }
    }

    /// How many requests it took to learn this.
    pub fn tries(&self) -> u32 {
        match self {
            ApiError::Request(tagmill_http::Error::GaveUp { tries, .. }) => *tries,
            _ => 1,
        }
    }

    /// Whether it says nothing of the item that was asked for, but of whoever asks: any other item would fare the same.
    pub fn concerns_all(&self) -> bool {
        use tagmill_http::Error;
        match self {
            ApiError::Refused { refusal, .. } => {
                matches!(refusal, Refusal::NotLoggedIn | Refusal::RateLimited)
            }
            ApiError::Request(error) => matches!(
                error.last(),
                Error::InvalidConfig { .. }
                    | Error::Tls { .. }
                    | Error::InvalidUrl { .. }
                    | Error::Blocked { .. }
                    | Error::Refused { .. }
                    | Error::Redirected { .. }
            ),
        }
    }
}

fn said(message: &str) -> impl fmt::Display {
    match message {
        "" => String::new(),
        message => format!(" ({})", message.escape_debug()),
    }
}

impl Page {
    /// Sorts the items and drops those that come twice.
    pub(crate) fn of(mut items: Vec<Item>) -> Page {
        items.sort_by_key(|item| item.id);
        items.dedup_by_key(|item| item.id);
        Page { items, ..Page::default() }
    }

    /// The highest id of the page.
    pub fn newest(&self) -> Option<ItemId> {
        self.items.last().map(|item| item.id)
    }
}

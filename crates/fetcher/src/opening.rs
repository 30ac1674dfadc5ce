//! The first questions of a run: who is asking, what may they see, where does the board end, which ids lie in the dates.

use tagmill_model::{Flags, ItemId};
use tagmill_store::Interval;

use crate::api::{Api, Cursor, Feed, Page, Refusal};
use crate::{ApiError, Config, Error, date};

/// What is known once the board has answered.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) api: Box<dyn Api>,
    /// What the listing is asked for, of the classes that the visitor may see.
    pub(crate) feed: Feed,
    /// The newest page, by which all this was learned.
    pub(crate) page: Page,
    /// The ids to look at.
    pub(crate) within: Interval,
}

impl Opening {
    /// Asks the first questions.
    pub(crate) async fn of(api: Box<dyn Api>, config: &Config) -> Result<Opening, Error> {
        check_session(&*api, config).await?;
        let (feed, page) = newest(&*api, config).await?;
        let within = date::within(&*api, &feed, &page, config).await?;
        Ok(Opening { api, feed, page, within })
    }

    /// The content classes that are asked for.
    pub(crate) fn classes(&self) -> Flags {
        self.feed.flags
    }

    /// The highest id on the board, as far as the newest page tells.
    pub(crate) fn newest(&self) -> Option<ItemId> {
        self.page.newest()
    }
}

/// The client of the API, before anything is asked.
pub(crate) fn api(config: &Config) -> Result<Box<dyn Api>, Error> {
    let http = tagmill_http::Client::new(config.http.clone()).map_err(Error::Http)?;
    (config.board.connect)(http, config).ok_or(Error::InvalidConfig {
        field: "api_url",
        fault: "is not an address that an API can stand below",
    })
}

/// The classes to ask for, the most first. A board refuses a mask whole where one class of it is not allowed.
fn masks(config: &Config) -> Vec<Flags> {
    match config.flags {
        Some(flags) => vec![flags & config.board.classes],
        None if config.has_account() => config.board.accounts.to_vec(),
        None => config.board.visitors.to_vec(),
    }
}

/// A session that is dead is better known before two weeks of fetching than after.
async fn check_session(api: &dyn Api, config: &Config) -> Result<(), Error> {
    if config.http.cookie.is_none() {
        return Ok(());
    }
    match api.is_logged_in().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::NotLoggedIn { source: None }),
        // Not every board that speaks like this one has accounts; the listing will say what may be seen.
        Err(ApiError::Refused { refusal: Refusal::NotFound, .. }) => Ok(()),
        Err(source) => Err(Error::of_board(source, config, masks(config)[0])),
    }
}

/// The newest page, of the first mask that the board allows.
async fn newest(api: &dyn Api, config: &Config) -> Result<(Feed, Page), Error> {
    let mut masks = masks(config).into_iter().peekable();
    loop {
        let flags = masks.next().expect("the last mask is no reason to look for another");
        let feed = Feed { flags, promoted: config.promoted, search: config.search.clone() };
        let refused = match api.page(&feed, Cursor::Newest).await {
            Ok(page) => return Ok((feed, page)),
            Err(error) => error,
        };
        let may_step_down = matches!(&refused, ApiError::Refused { refusal: Refusal::FlagsNotAllowed, .. });
        match masks.peek() {
            Some(next) if may_step_down => {
                tracing::info!("this account may not see `{flags}`; asking for `{next}`");
            }
            _ => return Err(Error::of_board(refused, config, flags)),
        }
    }
}

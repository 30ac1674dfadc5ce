//! The first questions of a run: who is asking, what may they see, where does the board end, which ids lie in the dates.

use tagmill_model::{Flags, ItemId};
use tagmill_store::Interval;

use crate::api::{Cursor, Feed, Page, Refusal};
use crate::{ApiError, Config, Error, Pr0gramm, date};

/// What a visitor without an account may see.
const ANONYMOUS: Flags = Flags::SFW;

/// What any account may see.
const ACCOUNT: Flags = Flags::SFW.union(Flags::NSFP).union(Flags::POL);

/// What is known once the board has answered.
#[derive(Debug)]
pub(crate) struct Opening {
    /// Asks for the classes that the visitor may see.
    pub(crate) api: Pr0gramm,
    /// The newest page, by which all this was learned.
    pub(crate) page: Page,
    /// The ids to look at.
    pub(crate) within: Interval,
}

impl Opening {
    /// Asks the first questions.
    pub(crate) async fn of(api: Pr0gramm, config: &Config) -> Result<Opening, Error> {
        check_session(&api, config).await?;
        let (api, page) = newest(api, config).await?;
        let within = date::within(&api, &page, config).await?;
        Ok(Opening { api, page, within })
    }

    /// The content classes that are asked for.
    pub(crate) fn classes(&self) -> Flags {
        self.api.feed().flags
    }

    /// The highest id on the board, as far as the newest page tells.
    pub(crate) fn newest(&self) -> Option<ItemId> {
        self.page.newest()
    }
}

/// The client of the API, before anything is asked.
pub(crate) fn api(config: &Config) -> Result<Pr0gramm, Error> {
    let http = tagmill_http::Client::new(config.http.clone()).map_err(Error::Http)?;
    let feed = Feed { flags: masks(config)[0], promoted: config.promoted, search: config.search.clone() };
    let api = Pr0gramm::new(http, &config.api_url, feed).ok_or(Error::InvalidConfig {
        field: "api_url",
        fault: "is not an address that an API can stand below",
    })?;
    Ok(api.with_own_domains(config.own_domains.clone()))
}

/// The classes to ask for, the most first. A board refuses a mask whole where one class of it is not allowed.
fn masks(config: &Config) -> Vec<Flags> {
    match (config.flags, &config.http.cookie) {
        (Some(flags), _) => vec![flags],
        (None, None) => vec![ANONYMOUS],
        // The cookie says what an account may see, but it may be out of date, so the board has the last word.
        (None, Some(_)) => vec![Flags::EVERY_CLASS, ACCOUNT, ANONYMOUS],
    }
}

/// A session that is dead is better known before two weeks of fetching than after.
async fn check_session(api: &Pr0gramm, config: &Config) -> Result<(), Error> {
    if config.http.cookie.is_none() {
        return Ok(());
    }
    match api.is_logged_in().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::NotLoggedIn { source: None }),
        // Not every board that speaks like this one has accounts; the listing will say what may be seen.
        Err(ApiError::Refused { refusal: Refusal::NotFound, .. }) => Ok(()),
        Err(source) => Err(Error::of_board(source, config, api.feed().flags)),
    }
}

/// The newest page, of the first mask that the board allows.
async fn newest(mut api: Pr0gramm, config: &Config) -> Result<(Pr0gramm, Page), Error> {
    let mut milder = masks(config).into_iter().skip(1);
    loop {
        let flags = api.feed().flags;
        let refused = match api.page(Cursor::Newest).await {
            Ok(page) => return Ok((api, page)),
            Err(error) => error,
        };
        let may_step_down = matches!(&refused, ApiError::Refused { refusal: Refusal::FlagsNotAllowed, .. });
        match milder.next() {
            Some(next) if may_step_down => {
                tracing::info!("this account may not see `{flags}`; asking for `{next}`");
                api = api.with_flags(next);
            }
            _ => return Err(Error::of_board(refused, config, flags)),
        }
    }
}

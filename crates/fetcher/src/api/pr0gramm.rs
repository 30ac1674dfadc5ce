//! The API of pr0gramm.com, and of boards that speak like it.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::Error as _;
use tagmill_http::{Cap, Client, Failure, Pause, Rate, json_failure, shown};
use tagmill_model::{Flags, ItemId};
use url::Url;

use super::json::elements;
use super::{Api, ApiError, Cursor, Feed, Info, Kind, MediaHosts, Page, Refusal};

mod account;
mod wire;

pub use account::{Captcha, LoginError};

use wire::Reply;

/// Boards that speak like pr0gramm.com.
///
/// The public one is asked politely, by what its clients found out about it. It answered 120 requests a minute for years.
/// At ten a second it refused after some 700, and then answered nothing for one to two minutes; how long the window is that
/// it counts in, nobody knows. Hence two a second, never more than 500 in 150 seconds, a minute and a half of silence after
/// a refusal, longer after the next one unless 300 requests went well in between.
pub static KIND: Kind = Kind {
    name: "pr0gramm",
    public_api: "https://pr0gramm.com/api",
    domain: "pr0gramm.com",
    media: MediaHosts {
        image: &["https://img.pr0gramm.com/", "https://images.pr0gramm.com/"],
        video: &["https://vid.pr0gramm.com/", "https://videos.pr0gramm.com/", "https://img.pr0gramm.com/"],
        full: &["https://full.pr0gramm.com/", "https://fullsize.pr0gramm.com/"],
        thumb: &["https://thumb.pr0gramm.com/"],
        pace: None,
        full_member: "fullsize",
        thumb_member: "thumb",
    },
    page_size: 120,
    lists_tags: false,
    has_sessions: true,
    has_keys: false,
    classes: Flags::EVERY_CLASS,
    visitors: &[Flags::SFW],
    // The cookie says what an account may see, but it may be out of date, so the board has the last word.
    accounts: &[Flags::EVERY_CLASS, Flags::SFW.union(Flags::NSFP).union(Flags::POL), Flags::SFW],
    polite: |http| {
        http.rate = Some(Rate { per_second: 2.0, burst: 4 });
        http.max_in_flight = 4;
        http.cap = Some(Cap { requests: 500, window: Duration::from_secs(150) });
        http.pause = Pause { first_delay: Duration::from_secs(90), forget_after: 300, ..Pause::default() };
    },
    refuse: |_| None,
    connect: |http, config| {
        let api = Pr0gramm::new(http, &config.api_url)?;
        Some(Box::new(api.with_own_domains(config.own_domains.clone())))
    },
};

/// A client of the API. Nothing is asked before a method is called.
#[derive(Debug, Clone)]
pub struct Pr0gramm {
    http: Client,
    base: Url,
    info: Url,
    own_domains: Vec<String>,
}

impl Pr0gramm {
    /// The API at `base`, such as `https://pr0gramm.com/api`. `None` where nothing can stand below such a URL (`mailto:`).
    pub fn new(http: Client, base: &Url) -> Option<Pr0gramm> {
        let mut base = base.clone();
        base.set_query(None);
        base.path_segments_mut().ok()?.pop_if_empty();
        let own_domains = vec![KIND.domain.to_owned()];
        let info = endpoint(&base, ["items", "info"]);
        Some(Pr0gramm { http, info, base, own_domains })
    }

    /// The same with other domains than `pr0gramm.com` as the board's own. Where the listing gives an image as an
    /// absolute URL on one of them, or on a host below, the item has its path; URLs of any other host stay as they are.
    pub fn with_own_domains(self, own_domains: Vec<String>) -> Pr0gramm {
        Pr0gramm { own_domains, ..self }
    }

    /// The client that it asks by.
    pub fn http(&self) -> &Client {
        &self.http
    }

    /// A page of the listing. A search without hits is an empty page, behind which there is nothing.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn page(&self, feed: &Feed, cursor: Cursor) -> Result<Page, ApiError> {
        self.page_at(listing(&self.base, feed), cursor).await
    }

    async fn page_at(&self, mut list: Url, cursor: Cursor) -> Result<Page, ApiError> {
        let parameter = match cursor {
            Cursor::Newest => None,
            Cursor::Older(position) => Some(("older", position)),
            Cursor::Newer(position) => Some(("newer", position)),
        };
        if let Some((direction, position)) = parameter {
            list.query_pairs_mut().append_pair(direction, &position.to_string());
        }
        let page = self.ask(&list, |reply| page(reply, &self.own_domains)).await;
        match page {
            Err(ApiError::Refused { refusal: Refusal::NothingFound, .. }) => {
                Ok(Page { at_end: Some(true), at_start: Some(true), ..Page::default() })
            }
            page => page,
        }
    }

    /// The tags of an item, and its comments where they are wanted.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn info(&self, id: ItemId, comments: bool) -> Result<Info, ApiError> {
        let mut url = self.info.clone();
        url.query_pairs_mut().append_pair("itemId", &id.to_string());
        self.ask(&url, |reply| info(reply, comments)).await
    }

    /// Asks until there is a whole JSON object, and makes of it what `make` does.
    async fn ask<T>(
        &self,
        url: &Url,
        make: impl Fn(&Reply<'_>) -> serde_json::Result<T>,
    ) -> Result<T, ApiError> {
        let answer = self.http.request(url, async |response| {
            let body = response.bytes().await?;
            match read(&body, &make).map_err(|source| json_failure(url, source))? {
                Ok(made) => Ok(Ok(made)),
                Err(No { refusal: Refusal::RateLimited, .. }) => {
                    let error = tagmill_http::Error::Refused { url: shown(url), wait: None };
                    Err(Failure::Refused { error, wait: None })
                }
                Err(no) => Ok(Err(no.to(url))),
            }
        });
        match answer.await {
            Ok(answer) => answer,
            Err(error) => Err(explained(url, &error).unwrap_or(ApiError::Request(error))),
        }
    }
}

impl Api for Pr0gramm {
    fn http(&self) -> &Client {
        self.http()
    }

    fn page<'a>(&'a self, feed: &Feed, cursor: Cursor) -> BoxFuture<'a, Result<Page, ApiError>> {
        self.page_at(listing(&self.base, feed), cursor).boxed()
    }

    fn info(&self, id: ItemId, comments: bool) -> BoxFuture<'_, Result<Info, ApiError>> {
        self.info(id, comments).boxed()
    }

    fn is_logged_in(&self) -> BoxFuture<'_, Result<bool, ApiError>> {
        self.is_logged_in().boxed()
    }
}

fn endpoint(base: &Url, path: [&str; 2]) -> Url {
    let mut url = base.clone();
    url.path_segments_mut().expect("checked when the client was made").extend(path);
    url
}

fn listing(base: &Url, feed: &Feed) -> Url {
    let mut url = endpoint(base, ["items", "get"]);
    url.query_pairs_mut().append_pair("flags", &feed.flags.bits().to_string());
    if feed.promoted {
        url.query_pairs_mut().append_pair("promoted", "1");
    }
    if let Some(search) = &feed.search {
        url.query_pairs_mut().append_pair("tags", search);
    }
    url
}

/// Reads the body of a page of the listing, as [`Pr0gramm::page`] does; `None` where the board says no in it. For bodies
/// that came another way: from a recording, or from the fuzzer.
///
/// # Errors
/// Where it is no page: no JSON object, or one about something else.
pub fn read_page(body: &[u8], own_domains: &[String]) -> serde_json::Result<Option<Page>> {
    Ok(read(body, |reply| page(reply, own_domains))?.ok())
}

/// The same for the tags of an item, and its comments where they are wanted, as [`Pr0gramm::info`] reads them.
///
/// # Errors
/// As [`read_page`].
pub fn read_info(body: &[u8], comments: bool) -> serde_json::Result<Option<Info>> {
    Ok(read(body, |reply| info(reply, comments))?.ok())
}

/// What a body says: what was asked for, made by `make`, or the board's no.
fn read<T>(
    body: &[u8],
    make: impl Fn(&Reply<'_>) -> serde_json::Result<T>,
) -> serde_json::Result<Result<T, No>> {
    // Tags with bytes that are no UTF-8 exist. They must not make a whole page unreadable.
    let text = String::from_utf8_lossy(body);
    let reply = Reply::parse(&text)?;
    match No::of(&reply) {
        Some(no) => Ok(Err(no)),
        None => make(&reply).map(Ok),
    }
}

fn page(reply: &Reply<'_>, own_domains: &[String]) -> serde_json::Result<Page> {
    let Some(items) = reply.items else {
        // No items and no word on where this is in the feed: that must not be taken for the end of the feed.
        if reply.at_end.is_none() && reply.at_start.is_none() {
            return Err(serde_json::Error::missing_field("items"));
        }
        return Ok(Page { at_end: reply.at_end, at_start: reply.at_start, ..Page::default() });
    };
    Ok(Page { at_end: reply.at_end, at_start: reply.at_start, ..page_of(items, own_domains)? })
}

/// The items of a JSON array. Where the page stands in the feed is not said in it.
pub(crate) fn page_of(items: &str, own_domains: &[String]) -> serde_json::Result<Page> {
    let mut malformed = 0;
    let items = elements(items)?
        .filter_map(|element| {
            let item = wire::item(element, own_domains);
            malformed += u64::from(item.is_none());
            item
        })
        .collect();
    Ok(Page { malformed, ..Page::of(items) })
}

fn info(reply: &Reply<'_>, comments: bool) -> serde_json::Result<Info> {
    // A missing member means none, but an object that is empty or about something else is no answer.
    if reply.tags.is_none() && reply.comments.is_none() && !reply.has_envelope {
        return Err(serde_json::Error::missing_field("tags"));
    }
    let comments_data = comments.then(|| array(reply.comments)).transpose()?;
    Ok(Info { tags_data: array(reply.tags)?, comments_data })
}

/// The array verbatim, `[]` where there is none.
fn array(json: Option<&str>) -> serde_json::Result<String> {
    match json {
        None => Ok("[]".to_owned()),
        Some(array) if array.starts_with('[') => Ok(array.to_owned()),
        Some(_) => Err(serde_json::Error::custom("not an array")),
    }
}

/// The board's own word on what went wrong, whatever the status that it came with.
#[derive(Debug)]
struct No {
    refusal: Refusal,
    word: String,
    message: String,
}

impl No {
    fn of(reply: &Reply<'_>) -> Option<No> {
        let word = reply.error.clone()?;
        let message = reply.message.clone();
        let refusal = match word.as_str() {
            // An empty page may call itself "not found"; a wrong path does too, but knows nothing of the feed.
            "notFound" if reply.at_end.is_some() || reply.at_start.is_some() => Refusal::NothingFound,
            "notFound" => Refusal::NotFound,
            "nothingFound" => Refusal::NothingFound,
            "forbidden" if message == "Not logged in" => Refusal::NotLoggedIn,
            "limitReached" | "rateLimited" | "tooManyRequests" => Refusal::RateLimited,
            "tooShort" => Refusal::BadSearch,
            word if word.ends_with("Required") => Refusal::FlagsNotAllowed,
            _ => Refusal::Unknown,
        };
        Some(No { refusal, word, message })
    }

    /// Said to whoever asked for `url`.
    fn to(self, url: &Url) -> ApiError {
        let No { refusal, word, message } = self;
        ApiError::Refused { url: shown(url), refusal, word, message }
    }
}

/// The same for an answer whose status already says that it failed.
fn explained(url: &Url, error: &tagmill_http::Error) -> Option<ApiError> {
    let tagmill_http::Error::Status { body, .. } = error.last() else { return None };
    let text = String::from_utf8_lossy(body);
    No::of(&Reply::parse(&text).ok()?).map(|no| no.to(url))
}

#[cfg(test)]
mod oddities;
#[cfg(test)]
mod tests;

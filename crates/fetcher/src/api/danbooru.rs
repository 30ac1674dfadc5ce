//! The API of danbooru.donmai.us, and of boards that run the same software.
//!
//! Tags come with the listing, 200 posts a request, so that no post is asked for by itself.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use serde::de::Error as _;
use tagmill_http::{Client, Failure, Pause, Rate, json_failure, looks_like_html, shown};
use tagmill_model::{Flags, ItemId};
use url::Url;

use super::{Api, ApiError, Cursor, Feed, Info, Kind, MediaHosts, Page, Refusal};
use crate::Config;

mod wire;

/// Posts on a page, at most: the server gives no more.
const PAGE: u32 = 200;

/// Ratings are two classes.
const CLASSES: Flags = Flags::SFW.union(Flags::NSFW);

/// The members of a post that are asked for, a good half of what the server would send. All of them are kept.
const MEMBERS: &str = "id,created_at,updated_at,uploader_id,score,up_score,down_score,fav_count,source,md5,rating,\
    image_width,image_height,file_ext,file_size,parent_id,pixiv_id,is_deleted,is_banned,is_pending,is_flagged,\
    tag_string,tag_string_general,tag_string_artist,tag_string_character,tag_string_copyright,tag_string_meta,\
    media_asset,file_url,large_file_url,preview_file_url";

/// Boards that speak like danbooru.donmai.us.
///
/// The public one asks for a request a second at most, blocks whole programs that do not keep to it, and wants a minute of
/// silence after a refusal.
pub static KIND: Kind = Kind {
    name: "danbooru",
    public_api: "https://danbooru.donmai.us",
    domain: "donmai.us",
    media: MediaHosts {
        image: &["https://cdn.donmai.us/"],
        video: &["https://cdn.donmai.us/"],
        full: &["https://cdn.donmai.us/"],
        thumb: &["https://cdn.donmai.us/"],
        // Its operators had to shut out programs that fetched whole data sets as fast as they could.
        pace: Some((4, 8.0)),
        full_member: "file_url",
        thumb_member: "preview_file_url",
    },
    page_size: PAGE,
    lists_tags: true,
    has_sessions: false,
    has_keys: true,
    classes: CLASSES,
    visitors: &[CLASSES],
    accounts: &[CLASSES],
    polite: |http| {
        http.rate = Some(Rate { per_second: 1.0, burst: 1 });
        http.max_in_flight = 1;
        http.pause = Pause { first_delay: Duration::from_secs(60), forget_after: 100, ..Pause::default() };
    },
    refuse,
    connect: |http, config| {
        let api = Danbooru::new(http, &config.api_url)?;
        Some(Box::new(api.with_own_domains(&config.own_domains)))
    },
};

fn refuse(config: &Config) -> Option<(&'static str, &'static str)> {
    let saves_nothing = "would save no request: boards of this kind list their items with tags";
    let faults = [
        (config.promoted, "promoted", "is a feed that boards of this kind do not have"),
        (config.comments, "comments", "are not to be had of boards of this kind"),
        (config.images_only, "images_only", saves_nothing),
        (config.listing_only, "listing_only", saves_nothing),
        (
            config.search.as_deref().is_some_and(has_order),
            "search",
            "must not have an order of its own, as its pages are walked by falling id",
        ),
    ];
    faults.into_iter().find(|(is_asked, ..)| *is_asked).map(|(_, field, fault)| (field, fault))
}

/// Whether a search sorts its hits: `order:score`, `ordfav:someone`, `random:20`.
fn has_order(search: &str) -> bool {
    search.split_whitespace().any(|term| {
        let term = term.to_lowercase();
        term.split_once(':').is_some_and(|(name, _)| name.starts_with("ord") || name == "random")
    })
}

/// A client of the API. Nothing is asked before a method is called.
#[derive(Debug, Clone)]
pub struct Danbooru {
    http: Client,
    base: Url,
    own_domains: Vec<String>,
}

impl Danbooru {
    /// The API at `base`, such as `https://danbooru.donmai.us`. `None` where nothing can stand below such a URL
    /// (`mailto:`).
    pub fn new(http: Client, base: &Url) -> Option<Danbooru> {
        let mut base = base.clone();
        base.set_query(None);
        base.path_segments_mut().ok()?.pop_if_empty();
        Some(Danbooru { http, base, own_domains: Vec::new() }.with_own_domains(&[KIND.domain.to_owned()]))
    }

    /// The same with other domains than `donmai.us` as the board's own, beside the host of the API. Where the listing gives
    /// a file as an absolute URL on one of them, or on a host below, the item has its path; URLs of any other host stay as
    /// they are.
    pub fn with_own_domains(self, domains: &[String]) -> Danbooru {
        // A board on one's own machine is told from others there by its port.
        let host = self.base.authority().rsplit('@').next().unwrap_or_default().to_owned();
        Danbooru { own_domains: domains.iter().cloned().chain([host]).collect(), ..self }
    }

    /// A page of the listing, deleted posts among it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn page(&self, feed: &Feed, cursor: Cursor) -> Result<Page, ApiError> {
        self.page_at(self.listing(feed, cursor), feed.search.is_some()).await
    }

    /// The tags of a post.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn info(&self, id: ItemId) -> Result<Info, ApiError> {
        let mut url = self.endpoint("posts");
        url.path_segments_mut().expect("checked when the client was made").push(&format!("{id}.json"));
        url.query_pairs_mut().append_pair("only", MEMBERS);
        self.ask(&url, false, |body| info(body, &self.own_domains)).await
    }

    async fn page_at(&self, url: Url, is_search: bool) -> Result<Page, ApiError> {
        self.ask(&url, is_search, |body| page(body, &self.own_domains)).await
    }

    fn listing(&self, feed: &Feed, cursor: Cursor) -> Url {
        let mut url = self.endpoint("posts.json");
        let mut query = url.query_pairs_mut();
        query.append_pair("limit", &PAGE.to_string());
        match cursor {
            Cursor::Newest => {}
            Cursor::Older(id) => _ = query.append_pair("page", &format!("b{id}")),
            Cursor::Newer(id) => _ = query.append_pair("page", &format!("a{id}")),
        }
        query.append_pair("tags", &tags(feed)).append_pair("only", MEMBERS);
        drop(query);
        url
    }

    fn endpoint(&self, name: &str) -> Url {
        let mut url = self.base.clone();
        url.path_segments_mut().expect("checked when the client was made").push(name);
        url
    }

    /// Asks until there is a whole JSON text, and makes of it what `make` does.
    async fn ask<T>(
        &self,
        url: &Url,
        is_search: bool,
        make: impl Fn(&str) -> serde_json::Result<T>,
    ) -> Result<T, ApiError> {
        let answer = self.http.request(url, async |response| {
            let status = response.status();
            let body = response.bytes().await?;
            if looks_like_html(&body) {
                // No answer of this API: a challenge for browsers, whatever its status says.
                let error = tagmill_http::Error::Blocked { url: shown(url), status };
                return Err(Failure::Refused { error, wait: None });
            }
            let text = String::from_utf8_lossy(&body);
            match No::of(&text) {
                Some(no) if no.is_too_often() => {
                    let error = tagmill_http::Error::Refused { url: shown(url), wait: None };
                    Err(Failure::Refused { error, wait: None })
                }
                Some(no) => Ok(Err(no.to(url, status, is_search))),
                None => make(&text).map(Ok).map_err(|source| json_failure(url, source)),
            }
        });
        match answer.await {
            Ok(answer) => answer,
            Err(error) => Err(explained(url, &error, is_search).unwrap_or(ApiError::Request(error))),
        }
    }
}

impl Api for Danbooru {
    fn http(&self) -> &Client {
        &self.http
    }

    fn page<'a>(&'a self, feed: &Feed, cursor: Cursor) -> BoxFuture<'a, Result<Page, ApiError>> {
        self.page_at(self.listing(feed, cursor), feed.search.is_some()).boxed()
    }

    fn info(&self, id: ItemId, _comments: bool) -> BoxFuture<'_, Result<Info, ApiError>> {
        self.info(id).boxed()
    }
}

/// The search that shows a feed. A board leaves deleted posts out unless it is asked for them, and they would be holes.
fn tags(feed: &Feed) -> String {
    let search = feed.search.as_deref().unwrap_or_default();
    let mut terms: Vec<&str> = search.split_whitespace().collect();
    let says_status =
        terms.iter().any(|term| term.to_lowercase().trim_start_matches('-').starts_with("status:"));
    if !says_status {
        terms.push("status:any");
    }
    match feed.flags & CLASSES {
        Flags::SFW => terms.push("rating:g,s"),
        Flags::NSFW => terms.push("rating:q,e"),
        // Posts that nobody has rated, too.
        _ => {}
    }
    terms.join(" ")
}

/// Reads the body of a page of the listing, as [`Danbooru::page`] does; `None` where the board says no in it. For bodies that
/// came another way: from a recording, or from the fuzzer.
///
/// # Errors
/// Where it is no page: neither a JSON array nor an object that holds one.
pub fn read_page(body: &[u8], own_domains: &[String]) -> serde_json::Result<Option<Page>> {
    let text = String::from_utf8_lossy(body);
    match No::of(&text) {
        Some(_) => Ok(None),
        None => page(&text, own_domains).map(Some),
    }
}

fn page(body: &str, own_domains: &[String]) -> serde_json::Result<Page> {
    let mut malformed = 0;
    let items = wire::posts(body)?
        .filter_map(|post| {
            let item = wire::item(post, own_domains);
            malformed += u64::from(item.is_none());
            item
        })
        .collect();
    Ok(Page { malformed, ..Page::of(items) })
}

fn info(body: &str, own_domains: &[String]) -> serde_json::Result<Info> {
    let item = wire::item(wire::post(body), own_domains);
    let tags_data = item.and_then(|item| item.tags_data);
    let tags_data = tags_data.ok_or_else(|| serde_json::Error::custom("not a post with tags"))?;
    Ok(Info { tags_data, comments_data: None })
}

/// The board's own word on what went wrong.
#[derive(Debug)]
struct No {
    word: String,
    message: String,
}

impl No {
    fn of(body: &str) -> Option<No> {
        let (word, message) = wire::refusal(body)?;
        Some(No { word, message })
    }

    fn is_too_often(&self) -> bool {
        let said = format!("{} {}", self.word, self.message).to_lowercase();
        said.contains("too many requests") || said.contains("rate limit")
    }

    /// Said to whoever asked for `url`.
    fn to(self, url: &Url, status: u16, is_search: bool) -> ApiError {
        let refusal = match status {
            401 | 403 => Refusal::NotLoggedIn,
            422 if is_search => Refusal::BadSearch,
            _ => Refusal::Unknown,
        };
        ApiError::Refused { url: shown(url), refusal, word: self.word, message: self.message }
    }
}

/// The same for an answer whose status already says that it failed. A missing post is told by its status alone.
fn explained(url: &Url, error: &tagmill_http::Error, is_search: bool) -> Option<ApiError> {
    let tagmill_http::Error::Status { status, body, .. } = error.last() else { return None };
    let no = No::of(&String::from_utf8_lossy(body)).filter(|_| *status != 404)?;
    Some(no.to(url, *status, is_search))
}

#[cfg(test)]
mod tests;

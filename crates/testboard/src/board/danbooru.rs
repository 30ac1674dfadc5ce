//! The endpoints of a board of Danbooru's kind.

use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tagmill_model::ItemId;

use super::Shared;
use super::answer::Answer;
use super::form::decode;
use crate::random::mix;
use crate::wire::danbooru as wire;
use crate::world::{BooruPost, World};

/// Posts on a page, where nobody says and at most.
const USUAL_LIMIT: usize = 20;
const LARGEST_LIMIT: usize = 200;

/// The last page that can be asked for by its number.
const LAST_PAGE: usize = 1_000;

/// Tags that a search may have, besides those that are no tags.
const MOST_TAGS: usize = 2;

/// What goes wrong with a question.
type No = (StatusCode, &'static str, String);

/// `posts.json`.
pub(super) fn posts(shared: &Shared, request: &Parts) -> Answer {
    answer(shared, request, |question| {
        let posts = question.page(&shared.world)?;
        Ok(wire::posts(&posts, host(&request.headers), question.only().as_deref()))
    })
}

/// `posts/<id>.json`.
pub(super) fn post(shared: &Shared, id: Option<ItemId>, request: &Parts) -> Answer {
    let found = answer(shared, request, |question| {
        let post = id.and_then(|id| shared.world.booru_post(id));
        let post = post.ok_or_else(|| {
            (StatusCode::NOT_FOUND, "ActiveRecord::RecordNotFound", "That record was not found.".to_owned())
        })?;
        Ok(wire::post(&post, host(&request.headers), question.only().as_deref()))
    });
    Answer { serves: id.filter(|_| found.status == StatusCode::OK), ..found }
}

/// The post that a path asks for.
pub(super) fn post_id(path: &str) -> Option<ItemId> {
    path.strip_prefix("/posts/")?.strip_suffix(".json")?.parse().ok().map(ItemId)
}

/// Whose key is wrong is nobody.
pub(super) fn unknown_key() -> Answer {
    no((StatusCode::UNAUTHORIZED, "SessionLoader::AuthenticationFailure", "Invalid API key".to_owned()))
}

fn answer(shared: &Shared, request: &Parts, make: impl FnOnce(&Question) -> Result<String, No>) -> Answer {
    if request.headers.contains_key(AUTHORIZATION) && !is_known(shared, &request.headers) {
        return unknown_key();
    }
    let question = Question::read(request.uri.query().unwrap_or(""));
    match question.and_then(|question| make(&question)) {
        Ok(text) => Answer::json(StatusCode::OK, text),
        Err(fault) => no(fault),
    }
}

fn no((status, error, message): No) -> Answer {
    Answer::json(status, wire::error(error, &message))
}

/// Whether the name and key of a request are an account's name and password.
fn is_known(shared: &Shared, headers: &HeaderMap) -> bool {
    let basic = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Basic "));
    let Some(decoded) = basic.and_then(|basic| STANDARD.decode(basic).ok()) else { return false };
    let is = |name: &str, key: &str| decoded == format!("{name}:{key}").into_bytes();
    shared.config.accounts.iter().any(|account| is(&account.name, &account.password))
}

/// The host that the client asked, where the files are too.
fn host(headers: &HeaderMap) -> &str {
    headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or("testboard.invalid")
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Number(usize),
    Below(i64),
    Above(i64),
}

/// What is asked, as far as it is understood; what is not is refused.
#[derive(Debug)]
struct Question {
    limit: usize,
    place: Place,
    tags: Tags,
    only: Option<String>,
}

impl Question {
    fn read(query: &str) -> Result<Question, No> {
        let mut question =
            Question { limit: USUAL_LIMIT, place: Place::Number(1), tags: Tags::default(), only: None };
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let value = decode(value);
            match name {
                "limit" => question.limit = number(&value)?.min(LARGEST_LIMIT),
                "page" => question.place = place(&value)?,
                "tags" => question.tags = Tags::read(&value)?,
                "only" => question.only = Some(known_members(&value)?),
                _ => return Err(odd(format!("nobody knows the parameter {name}"))),
            }
        }
        Ok(question)
    }

    fn only(&self) -> Option<Vec<&str>> {
        self.only.as_ref().map(|only| only.split(',').collect())
    }

    fn page(&self, world: &World) -> Result<Vec<BooruPost>, No> {
        let is_shown = |id: &ItemId| self.tags.admit(world, *id);
        let mut ids: Vec<ItemId> = match self.place {
            Place::Number(page) => {
                let before = (page - 1) * self.limit;
                world.ids().rev().filter(is_shown).skip(before).take(self.limit).collect()
            }
            Place::Below(id) => {
                world.ids().rev().filter(|one| one.0 < id).filter(is_shown).take(self.limit).collect()
            }
            Place::Above(id) => {
                world.ids().filter(|one| one.0 > id).filter(is_shown).take(self.limit).collect()
            }
        };
        // Some pages are a few posts short, at their far end: no sign that nothing is behind them.
        if let (Some(first), true) = (ids.first(), ids.len() == LARGEST_LIMIT) {
            ids.truncate(LARGEST_LIMIT - (mix(first.0 as u64) % 5) as usize);
        }
        // The nearest ones above, and yet the newest first.
        if let Place::Above(_) = self.place {
            ids.reverse();
        }
        Ok(ids.into_iter().filter_map(|id| world.booru_post(id)).collect())
    }
}

/// What a search asks for.
#[derive(Debug, Default)]
struct Tags {
    all_states: bool,
    ratings: Option<String>,
    wanted: Vec<String>,
    unwanted: Vec<String>,
}

impl Tags {
    /// Reads `tag`, `-tag`, `status:any` and `rating:g,s`.
    fn read(text: &str) -> Result<Tags, No> {
        let mut tags = Tags::default();
        for term in text.split_whitespace() {
            let metatag = term.split_once(':').filter(|(name, _)| {
                !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
            });
            match (metatag, term.strip_prefix('-')) {
                (Some(("status", "any")), _) => tags.all_states = true,
                (Some(("status", "active")), _) => tags.all_states = false,
                (Some(("rating", ratings)), _) => tags.ratings = Some(ratings.to_owned()),
                (Some((name, _)), _) => return Err(odd(format!("nobody knows the metatag {name}"))),
                (None, Some(tag)) => tags.unwanted.push(tag.to_lowercase()),
                (None, None) => tags.wanted.push(term.to_lowercase()),
            }
        }
        if tags.wanted.len() + tags.unwanted.len() > MOST_TAGS {
            let message = format!("You cannot search for more than {MOST_TAGS} tags at a time.");
            return Err((StatusCode::UNPROCESSABLE_ENTITY, "PostQuery::TagLimitError", message));
        }
        Ok(tags)
    }

    fn admit(&self, world: &World, id: ItemId) -> bool {
        let rated = |ratings: &String| {
            world.rating(id).is_some_and(|rating| ratings.split(',').any(|one| one == rating.to_string()))
        };
        if (!self.all_states && world.is_deleted(id)) || !self.ratings.as_ref().is_none_or(rated) {
            return false;
        }
        if self.wanted.is_empty() && self.unwanted.is_empty() {
            return true;
        }
        let Some(post) = world.booru_post(id) else { return false };
        let has = |tag: &String| post.tags.iter().any(|(known, _)| known == tag);
        self.wanted.iter().all(has) && !self.unwanted.iter().any(has)
    }
}

fn number(text: &str) -> Result<usize, No> {
    text.parse().map_err(|_| odd(format!("{text} is no number")))
}

fn place(text: &str) -> Result<Place, No> {
    let id = |text: &str| text.parse().map_err(|_| odd(format!("{text} is no id")));
    if let Some(below) = text.strip_prefix('b') {
        return Ok(Place::Below(id(below)?));
    }
    if let Some(above) = text.strip_prefix('a') {
        return Ok(Place::Above(id(above)?));
    }
    match number(text)? {
        page if page > LAST_PAGE => {
            let message = format!("You cannot go beyond page {LAST_PAGE}.");
            Err((StatusCode::GONE, "PaginationExtension::PaginationError", message))
        }
        page => Ok(Place::Number(page.max(1))),
    }
}

fn known_members(only: &str) -> Result<String, No> {
    match only.split(',').find(|name| !wire::MEMBERS.contains(name)) {
        Some(name) => Err(odd(format!("no post has the member {name}"))),
        None => Ok(only.to_owned()),
    }
}

fn odd(message: String) -> No {
    (StatusCode::UNPROCESSABLE_ENTITY, "ActionController::UnpermittedParameters", message)
}

//! The endpoints that speak JSON.

use axum::http::StatusCode;
use tagmill_model::{Flags, ItemId};

use super::answer::{Answer, MISSING};
use super::form::parameter;
use super::session::Session;
use super::{Endpoint, Shared};
use crate::wire;
use crate::world::{Cursor, Feed, PageQuery, Search};

/// `items/get`.
pub(super) fn items_get(shared: &Shared, query: &str, session: Option<&Session<'_>>) -> Answer {
    let world = &shared.world;
    let refuse = |status: StatusCode, error: &str, message: &str| {
        Answer::json(status, wire::error(world, error, status.as_u16(), message))
    };
    let number = |key: &str| match parameter(query, key) {
        None => Ok(None),
        Some(text) => text.parse::<i64>().map(Some).map_err(|_| key.to_owned()),
    };
    let numbers = ["flags", "promoted", "older", "newer", "id"].map(number);
    if let Some(key) = numbers.iter().find_map(|number| number.as_ref().err()) {
        return refuse(StatusCode::BAD_REQUEST, "invalidArgument", &format!("{key} is not a number"));
    }
    let [flags, promoted, older, newer, id] = numbers.map(Result::unwrap_or_default);

    let flags = match u32::try_from(flags.unwrap_or(1)) {
        Ok(mask @ 1..=31) => Flags::from_bits_retain(mask),
        _ => return refuse(StatusCode::BAD_REQUEST, "invalidArgument", "flags must be from 1 to 31"),
    };
    let allowed = session.map_or(shared.config.anonymous_flags, |session| session.allowed);
    if let Some(error) = required(flags - allowed, session.is_some()) {
        return refuse(StatusCode::FORBIDDEN, error, "Diese Inhalte sind nicht freigegeben");
    }
    let top = promoted.is_some_and(|promoted| promoted != 0);
    let cursor = match (older, newer, id) {
        (None, None, None) => Cursor::Start,
        (Some(position), None, None) => Cursor::Older(position),
        (None, Some(position), None) => Cursor::Newer(position),
        (None, None, Some(id)) => {
            if !world.exists(ItemId(id)) {
                return Answer::json(StatusCode::OK, wire::page_error(world, "notFound"));
            }
            let class = world.flags(ItemId(id));
            if let Some(error) = required(class - flags, false) {
                return Answer::json(StatusCode::OK, wire::page_error(world, error));
            }
            Cursor::Around(id)
        }
        _ => return refuse(StatusCode::BAD_REQUEST, "invalidArgument", "only one of older, newer, id"),
    };
    let Ok(search) = parameter(query, "tags").map(|text| Search::parse(&text)).transpose() else {
        return Answer::json(StatusCode::OK, wire::page_error(world, "tooShort"));
    };
    let searches = search.is_some();
    let feed = if top { Feed::Top } else { Feed::New };
    let page = world.page(&PageQuery { flags, feed, cursor, search });
    if searches && page.items.is_empty() && cursor == Cursor::Start && page.at_end {
        return Answer::json(StatusCode::OK, wire::page_error(world, "nothingFound"));
    }
    let cursor = match cursor {
        Cursor::Start => String::new(),
        Cursor::Older(position) => format!(":o{position}"),
        Cursor::Newer(position) => format!(":n{position}"),
        Cursor::Around(id) => format!(":id{id}"),
    };
    let cache = format!("stream:{}:{}{cursor}", if top { "top" } else { "new" }, flags.bits());
    Answer::json(StatusCode::OK, wire::page(world, &page, &cache))
}

/// The error for content classes that may not be seen. An account lacks NSFW and NSFL for its age alone.
fn required(denied: Flags, known: bool) -> Option<&'static str> {
    let lack = |class: Flags| denied.intersects(class);
    if known && lack(Flags::NSFW | Flags::NSFL) {
        Some("verificationRequired")
    } else if lack(Flags::NSFL) {
        Some("nsflRequired")
    } else if lack(Flags::NSFW) {
        Some("nsfwRequired")
    } else if lack(Flags::NSFP) {
        Some("nsfpRequired")
    } else if lack(Flags::POL) {
        Some("polRequired")
    } else if lack(Flags::SFW) {
        Some("sfwRequired")
    } else {
        None
    }
}

/// `items/info`.
pub(super) fn items_info(shared: &Shared, query: &str) -> Answer {
    let world = &shared.world;
    let Some(id) = item_id(query) else {
        let text = wire::error(world, "invalidArgument", 400, "itemId is missing");
        return Answer::json(StatusCode::BAD_REQUEST, text);
    };
    match world.info(id) {
        Some(info) => {
            Answer { serves: Some(id), ..Answer::json(StatusCode::OK, wire::info(world, id, &info)) }
        }
        None => Answer::json(StatusCode::NOT_FOUND, wire::error(world, "notFound", 404, "Item not found")),
    }
}

/// The post that a query of `items/info` asks for.
pub(super) fn item_id(query: &str) -> Option<ItemId> {
    parameter(query, "itemId")?.parse().ok().map(ItemId)
}

/// `user/loggedin`.
pub(super) fn logged_in(shared: &Shared, known: bool) -> Answer {
    Answer::json(StatusCode::OK, wire::logged_in(&shared.world, known))
}

/// 404 as the API says it, or as the media host does.
pub(super) fn not_found(shared: &Shared, endpoint: Endpoint) -> Answer {
    match endpoint {
        Endpoint::Media => Answer::html(StatusCode::NOT_FOUND, MISSING),
        _ => Answer::json(StatusCode::NOT_FOUND, wire::error(&shared.world, "notFound", 404, "Not found")),
    }
}

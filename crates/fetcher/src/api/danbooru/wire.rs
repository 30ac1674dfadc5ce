//! The board's JSON, read as leniently as that of any board. Only two things make a post unreadable: it is not an object, or
//! its id is not a positive number below 2^53. Nothing of these shapes leaves this module.

use std::collections::HashSet;

use serde::Serialize;
use serde::de::Error as _;
use tagmill_model::{Flags, Item, ItemId, parse_date};

use crate::api::json::{boolean, elements, for_each_member, integer, is_id, relative_path, text};

/// The rendition to learn from. Networks look at 224 to 512 pixels, and an original is an order of magnitude larger.
const RENDITION: &str = "720x720";

/// What the name of a member with the tags of one category begins with.
const CATEGORY: &str = "tag_string_";

/// The posts of a page: an array, which some boards wrap in an object.
///
/// # Errors
/// Where the text is neither.
pub(super) fn posts(json: &str) -> serde_json::Result<impl Iterator<Item = &str>> {
    if !json.trim_start().starts_with('{') {
        return elements(json);
    }
    let mut posts = None;
    for_each_member(json, |name, value| {
        if name == "posts" {
            posts = Some(value);
        }
    })?;
    elements(posts.ok_or_else(|| serde_json::Error::missing_field("posts"))?)
}

/// The post of an answer about one, which some boards wrap in an object.
pub(super) fn post(json: &str) -> &str {
    let mut wrapped = None;
    let read = for_each_member(json, |name, value| {
        if name == "post" {
            wrapped = Some(value);
        }
    });
    wrapped.filter(|_| read.is_ok()).unwrap_or(json)
}

/// Word and sentence of an answer that says no: `{"success":false,"error":…,"message":…}`.
pub(super) fn refusal(json: &str) -> Option<(String, String)> {
    let (mut is_no, mut word, mut message) = (false, String::new(), String::new());
    if !json.trim_start().starts_with('{') {
        return None;
    }
    for_each_member(json, |name, value| match name {
        "success" => is_no = !boolean(value),
        "error" => word = text(value),
        // Of older servers.
        "reason" if word.is_empty() => word = text(value),
        "message" => message = text(value),
        _ => {}
    })
    .ok()?;
    is_no.then_some((word, message))
}

/// An item; `None` where it is no object or has no id that could be one. Its tags are `None` where no member has any.
pub(super) fn item(json: &str, own_domains: &[String]) -> Option<Item> {
    let mut item = Item::new(ItemId(0), "");
    let (mut score, mut up, mut down) = (None, None, None);
    let (mut rendition, mut large, mut original) = (String::new(), String::new(), String::new());
    let (mut all_tags, mut categories) = (None, Vec::new());
    let number = |value: &str| integer(value).unwrap_or(0);
    for_each_member(json, |name, value| match name {
        "id" => item.id = ItemId(number(value)),
        "created_at" => item.created = time(value),
        "image_width" => item.width = number(value),
        "image_height" => item.height = number(value),
        "score" => score = integer(value),
        "up_score" => up = integer(value),
        // Negative on the public board.
        "down_score" => down = integer(value).map(i64::saturating_abs),
        "rating" => item.flags = class(&text(value)),
        "source" => item.source = text(value),
        "uploader_id" => item.user_name = text(value),
        "media_asset" => rendition = rendition_of(value),
        "large_file_url" => large = text(value),
        "file_url" => original = text(value),
        "tag_string" => all_tags = Some(text(value)),
        _ => {
            if let Some(category) = name.strip_prefix(CATEGORY) {
                categories.push((category, text(value)));
            }
        }
    })
    .ok()?;
    let score = score.unwrap_or(0);
    item.up = up.unwrap_or_else(|| score.max(0));
    item.down = down.unwrap_or_else(|| score.min(0).saturating_abs());
    // The original comes last also because that of an animation is an archive, of which the large file is a video.
    let image = [rendition, large, original].into_iter().find(|url| !url.is_empty()).unwrap_or_default();
    item.image = path(image, own_domains);
    if all_tags.is_some() || !categories.is_empty() {
        item.tags_data = Some(tags(&all_tags.unwrap_or_default(), &categories));
    }
    item.item_data = json.to_owned();
    is_id(item.id).then_some(item)
}

/// Unix seconds of `2026-05-28T10:31:20.176-04:00`; 0 where it is none.
fn time(json: &str) -> i64 {
    parse_date(&text(json)).unwrap_or(0)
}

/// General and sensitive are safe for work, questionable and explicit are not; a post may be without a rating.
fn class(rating: &str) -> Flags {
    match rating {
        "g" | "s" => Flags::SFW,
        "q" | "e" => Flags::NSFW,
        _ => Flags::empty(),
    }
}

/// The address of the rendition to learn from; empty where there is none.
fn rendition_of(media_asset: &str) -> String {
    let mut variants = None;
    // What is no object has no variants.
    let _ = for_each_member(media_asset, |name, value| {
        if name == "variants" {
            variants = Some(value);
        }
    });
    let Some(Ok(variants)) = variants.map(elements) else { return String::new() };
    let url_of = |variant: &str| {
        let (mut kind, mut url) = (String::new(), String::new());
        let _ = for_each_member(variant, |name, value| match name {
            "type" => kind = text(value),
            "url" => url = text(value),
            _ => {}
        });
        (kind == RENDITION).then_some(url)
    };
    { variants }.find_map(url_of).unwrap_or_default()
}

/// Boards send whole addresses on hosts of theirs, and at times paths below their root.
fn path(url: String, own_domains: &[String]) -> String {
    match url.strip_prefix('/').filter(|path| !path.starts_with('/')) {
        Some(path) => path.to_owned(),
        None => relative_path(url, own_domains),
    }
}

/// A tag as all boards' are kept. Nobody votes on it, so that it counts as sure.
#[derive(Serialize)]
struct Tag<'a> {
    tag: &'a str,
    confidence: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<&'a str>,
}

/// The tags of each category, then those that are in none of them, each once.
fn tags(all: &str, categories: &[(&str, String)]) -> String {
    let mut seen = HashSet::new();
    let categorised = categories
        .iter()
        .flat_map(|(category, tags)| tags.split_whitespace().map(|tag| (tag, Some(*category))));
    let tags: Vec<Tag<'_>> = categorised
        .chain(all.split_whitespace().map(|tag| (tag, None)))
        .filter(|(tag, _)| seen.insert(*tag))
        .map(|(tag, category)| Tag { tag, confidence: 1, category })
        .collect();
    serde_json::to_string(&tags).expect("strings and numbers are JSON")
}

#[cfg(test)]
mod tests;

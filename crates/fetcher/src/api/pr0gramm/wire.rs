//! The board's JSON, read so that ten years of drift do not matter.
//!
//! Unknown members are ignored, every member has a default, `null` may stand everywhere, numbers may be strings, bools
//! may be `0`, `"1"` or `null`, a member may come twice (the last counts). Only two things make an item unreadable: it is
//! not an object, or its id is not a positive number below 2^53. Nothing of these shapes leaves this module.

use tagmill_model::{Flags, Item, ItemId};

use crate::api::json::{boolean, for_each_member, integer, is_id, relative_path, text};

/// Members of any reply of the board. JSON values stay text, exactly as sent; `null` counts as missing.
#[derive(Debug, Default)]
pub(super) struct Reply<'a> {
    pub(super) at_end: Option<bool>,
    pub(super) at_start: Option<bool>,
    pub(super) items: Option<&'a str>,
    pub(super) tags: Option<&'a str>,
    pub(super) comments: Option<&'a str>,
    pub(super) logged_in: Option<bool>,
    /// Whether it has the time or the cache key that come with every answer of the board.
    pub(super) has_envelope: bool,
    /// The board's word for what went wrong, such as `nsfwRequired`.
    pub(super) error: Option<String>,
    /// The board's sentence on it; often empty.
    pub(super) message: String,
}

impl<'a> Reply<'a> {
    /// # Errors
    /// Where the text is not one whole JSON object.
    pub(super) fn parse(json: &'a str) -> serde_json::Result<Reply<'a>> {
        let mut reply = Reply::default();
        for_each_member(json, |name, value| {
            let present = (value != "null").then_some(value);
            match name {
                "atEnd" => reply.at_end = present.map(boolean),
                "atStart" => reply.at_start = present.map(boolean),
                // Some endpoints say it the other way round.
                "hasOlder" => reply.at_end = reply.at_end.or(present.map(|value| !boolean(value))),
                "hasNewer" => reply.at_start = reply.at_start.or(present.map(|value| !boolean(value))),
                "items" => reply.items = present,
                "tags" => reply.tags = present,
                "comments" => reply.comments = present,
                "loggedIn" => reply.logged_in = present.map(boolean),
                "error" => {
                    reply.error = present.filter(|value| !matches!(*value, "false" | "0" | "\"\"")).map(text)
                }
                "msg" => reply.message = text(value),
                "ts" | "cache" | "rt" | "qc" => reply.has_envelope = true,
                _ => {}
            }
        })?;
        Ok(reply)
    }
}

/// What comes back for a login.
#[derive(Debug, Default)]
pub(super) struct LoginReply {
    pub(super) success: bool,
    pub(super) error: Option<String>,
    /// A status, whatever that of HTTP was.
    pub(super) code: Option<i64>,
    /// Until when, `None` for ever, and why.
    pub(super) ban: Option<(Option<i64>, String)>,
}

impl LoginReply {
    /// # Errors
    /// Where the text is not one whole JSON object.
    pub(super) fn parse(json: &str) -> serde_json::Result<LoginReply> {
        let mut reply = LoginReply::default();
        for_each_member(json, |name, value| match name {
            "success" => reply.success = boolean(value),
            "error" => reply.error = Some(text(value)).filter(|word| !word.is_empty()),
            "code" => reply.code = integer(value),
            "ban" => reply.ban = ban(value),
            _ => {}
        })?;
        Ok(reply)
    }
}

fn ban(json: &str) -> Option<(Option<i64>, String)> {
    let (mut banned, mut till, mut reason) = (false, None, String::new());
    for_each_member(json, |name, value| match name {
        "banned" => banned = boolean(value),
        "till" => till = integer(value),
        "reason" => reason = text(value),
        _ => {}
    })
    .ok()?;
    banned.then_some((till, reason))
}

/// Token and picture of a captcha.
///
/// # Errors
/// Where one of them is missing.
pub(super) fn captcha(json: &str) -> serde_json::Result<(String, String)> {
    let (mut token, mut picture) = (String::new(), String::new());
    for_each_member(json, |name, value| match name {
        "token" => token = text(value),
        "captcha" => picture = text(value),
        _ => {}
    })?;
    match (token.is_empty(), picture.is_empty()) {
        (true, _) => Err(serde::de::Error::missing_field("token")),
        (_, true) => Err(serde::de::Error::missing_field("captcha")),
        _ => Ok((token, picture)),
    }
}

/// An item of the listing; `None` where it is no object or has no id that could be one. Its tags are not in the listing.
pub(super) fn item(json: &str, own_domains: &[String]) -> Option<Item> {
    let mut item = Item::new(ItemId(0), "");
    let number = |value: &str| integer(value).unwrap_or(0);
    for_each_member(json, |name, value| match name {
        "id" => item.id = ItemId(number(value)),
        "image" => item.image = relative_path(text(value), own_domains),
        "promoted" => item.promoted = number(value),
        "up" => item.up = number(value),
        "down" => item.down = number(value),
        "created" => item.created = number(value),
        "width" => item.width = number(value),
        "height" => item.height = number(value),
        "audio" => item.audio = boolean(value),
        "source" => item.source = text(value),
        "flags" => item.flags = Flags::from_bits_retain(u32::try_from(number(value)).unwrap_or(0)),
        "user" => item.user_name = text(value),
        "mark" => item.mark = number(value),
        "gift" => item.gift = number(value),
        _ => {}
    })
    .ok()?;
    item.item_data = json.to_owned();
    is_id(item.id).then_some(item)
}

#[cfg(test)]
mod tests;

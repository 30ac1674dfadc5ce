//! The board's JSON, read so that ten years of drift do not matter.
//!
//! Unknown members are ignored, every member has a default, `null` may stand everywhere, numbers may be strings, bools
//! may be `0`, `"1"` or `null`, a member may come twice (the last counts). Only two things make an item unreadable: it is
//! not an object, or its id is not a positive number below 2^53. Nothing of these shapes leaves this module.

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use tagmill_model::{Flags, Item, ItemId};

/// From here on a float, which is what a browser takes any number for, cannot hold every whole number: no board counts
/// its items that far.
const LARGEST: i64 = 9_007_199_254_740_992;

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

/// The elements of a JSON array, each as its text.
///
/// # Errors
/// Where the text is not an array.
pub(super) fn elements(json: &str) -> serde_json::Result<impl Iterator<Item = &str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json)?;
    Ok(elements.into_iter().map(RawValue::get))
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
    (1..LARGEST).contains(&item.id.0).then_some(item)
}

/// Calls `visit` with the name and the JSON text of each member, in the order sent.
fn for_each_member<'a>(json: &'a str, visit: impl FnMut(&'a str, &'a str)) -> serde_json::Result<()> {
    struct Members<F>(F);

    impl<'de, F: FnMut(&'de str, &'de str)> Visitor<'de> for Members<F> {
        type Value = ();

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
            // Names stay raw too: the known ones need no escapes, and a broken escape in another does no harm.
            while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                (self.0)(unquoted(name.get()).unwrap_or_default(), value.get());
            }
            Ok(())
        }
    }

    let mut deserializer = serde_json::Deserializer::from_str(json);
    deserializer.deserialize_map(Members(visit))?;
    deserializer.end()
}

fn unquoted(json: &str) -> Option<&str> {
    json.strip_prefix('"')?.strip_suffix('"')
}

/// A number, or a string that holds one; a bool counts as 0 or 1. Fractions are cut off.
fn integer(json: &str) -> Option<i64> {
    match json {
        "true" => return Some(1),
        "false" => return Some(0),
        _ => {}
    }
    let digits = unquoted(json).unwrap_or(json).trim();
    digits.parse().ok().or_else(|| {
        let number: f64 = digits.parse().ok()?;
        (number.abs() < LARGEST as f64).then_some(number as i64)
    })
}

/// `true`, a number other than 0, or a string that holds one of them.
fn boolean(json: &str) -> bool {
    let word = unquoted(json).unwrap_or(json).trim();
    word.eq_ignore_ascii_case("true") || integer(word).is_some_and(|number| number != 0)
}

/// A string; numbers and bools as they are written, anything else as nothing.
fn text(json: &str) -> String {
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json)
            .or_else(|_| serde_json::from_str(&without_surrogates(json)))
            .unwrap_or_default(),
        Some(b'[' | b'{') | None => String::new(),
        Some(_) if json == "null" => String::new(),
        Some(_) => json.to_owned(),
    }
}

/// Half an emoji (`\ud83e` alone) makes a string unreadable. All halves in it become U+FFFD, whole pairs too.
fn without_surrogates(json: &str) -> String {
    let mut readable = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        // An escape is the backslash, its letter, and after a `u` four hexadecimal digits.
        let code = rest.get(at + 2..at + 6).and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let is_half =
            rest[at..].starts_with("\\u") && code.is_some_and(|code| (0xd800..0xe000).contains(&code));
        if is_half {
            readable.push_str(&rest[..at]);
            readable.push('\u{fffd}');
            rest = &rest[at + 6..];
        } else {
            let letter = rest[at + 1..].chars().next().map_or(0, char::len_utf8);
            let (escape, after) = rest.split_at(at + 1 + letter);
            readable.push_str(escape);
            rest = after;
        }
    }
    readable + rest
}

/// The board's own hosts are cut off, so that the path is relative to the media host. Other hosts stay: who downloads
/// refuses them.
fn relative_path(image: String, own_domains: &[String]) -> String {
    let after_scheme =
        ["https:", "http:", ""].iter().find_map(|scheme| image.strip_prefix(scheme)?.strip_prefix("//"));
    let Some((host, path)) = after_scheme.and_then(|rest| rest.split_once('/')) else { return image };
    let host = host.to_ascii_lowercase();
    let is_own = |domain: &String| {
        host.strip_suffix(domain.as_str()).is_some_and(|label| label.is_empty() || label.ends_with('.'))
    };
    match own_domains.iter().any(is_own) {
        true => path.trim_start_matches('/').to_owned(),
        false => image,
    }
}

#[cfg(test)]
mod tests;

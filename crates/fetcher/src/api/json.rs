//! Reading JSON that boards have written for ten years in as many ways: `null` may stand everywhere, numbers may be
//! strings, bools may be `0`, `"1"` or `null`, a member may come twice, a string may hold half an emoji.

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use tagmill_model::ItemId;

/// From here on a float, which is what a browser takes any number for, cannot hold every whole number: no board counts
/// its items that far.
const LARGEST: i64 = 9_007_199_254_740_992;

/// Whether a board could have given an item this number.
pub(super) fn is_id(id: ItemId) -> bool {
    (1..LARGEST).contains(&id.0)
}

/// The elements of a JSON array, each as its text.
///
/// # Errors
/// Where the text is not an array.
pub(super) fn elements(json: &str) -> serde_json::Result<impl Iterator<Item = &str>> {
    let elements: Vec<&RawValue> = serde_json::from_str(json)?;
    Ok(elements.into_iter().map(RawValue::get))
}

/// Calls `visit` with the name and the JSON text of each member, in the order sent.
pub(super) fn for_each_member<'a>(
    json: &'a str,
    visit: impl FnMut(&'a str, &'a str),
) -> serde_json::Result<()> {
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
pub(super) fn integer(json: &str) -> Option<i64> {
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
pub(super) fn boolean(json: &str) -> bool {
    let word = unquoted(json).unwrap_or(json).trim();
    word.eq_ignore_ascii_case("true") || integer(word).is_some_and(|number| number != 0)
}

/// A string; numbers and bools as they are written, anything else as nothing.
pub(super) fn text(json: &str) -> String {
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
pub(super) fn relative_path(image: String, own_domains: &[String]) -> String {
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

//! Percent-encoding: queries and forms of `key=value` pairs, and cookies.

use std::borrow::Cow;
use std::fmt::Write;

/// Decodes one value of a query or form; `None` where the key is missing.
pub(super) fn parameter<'a>(query: &'a str, key: &str) -> Option<Cow<'a, str>> {
    let value = query.split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key))?.1;
    Some(decode(value))
}

/// What a text says when its percent signs and plus signs are read. What they say is no UTF-8 is replaced.
pub(super) fn decode(value: &str) -> Cow<'_, str> {
    if !value.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(value);
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        rest = tail;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            (b'+', _, _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

/// The opposite of [`decode`]: leaves only what means nothing in a query or cookie.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'.' | b'~' => encoded.push(byte.into()),
            // Writing to a string cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = "a=1&tags=%21%28s%3A1000%29+-%22video%22&bad=%zz%4&empty=";
        assert_eq!(parameter(query, "a").as_deref(), Some("1"));
        assert_eq!(parameter(query, "tags").as_deref(), Some("!(s:1000) -\"video\""));
        assert_eq!(parameter(query, "bad").as_deref(), Some("%zz%4"));
        assert_eq!(parameter(query, "empty").as_deref(), Some(""));
        assert_eq!(parameter(query, "none"), None);
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        for text in ["", "plain", "{\"n\":\"Käpt'n 5+5\",\"a\":0}", "100% & mehr; ?"] {
            assert_eq!(decode(&encode(text)), text);
        }
        assert_eq!(encode("{\"a\": 1}"), "%7B%22a%22%3A%201%7D");
    }
}

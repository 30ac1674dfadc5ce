use std::str::FromStr;

use encoding_rs::{Encoding, UTF_8};
use thiserror::Error;

/// How a text file is encoded, by one of the names of <https://encoding.spec.whatwg.org/>, such as `windows-1252` or `shift_jis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextEncoding(&'static Encoding);

/// A name that is no encoding's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{0}` is no encoding: use such as windows-1252, iso-8859-15, shift_jis, gbk, utf-16le")]
pub struct UnknownEncoding(String);

impl FromStr for TextEncoding {
    type Err = UnknownEncoding;

    fn from_str(name: &str) -> Result<TextEncoding, UnknownEncoding> {
        let found = Encoding::for_label_no_replacement(name.as_bytes());
        found.map(TextEncoding).ok_or_else(|| UnknownEncoding(name.to_owned()))
    }
}

/// The text of a file: by its byte order mark, else in the encoding given, else in UTF-8. The error says what it is not.
pub(crate) fn decode(bytes: &[u8], encoding: Option<TextEncoding>) -> Result<String, String> {
    let (encoding, mark) = match Encoding::for_bom(bytes) {
        Some(found) => found,
        None => (encoding.map_or(UTF_8, |encoding| encoding.0), 0),
    };
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes[mark..]);
    match text {
        None => Err(format!("it is not in {}", encoding.name())),
        // UTF-16 without its mark: Latin letters in it pass for UTF-8, each with a NUL behind it.
        Some(text) if text.contains('\0') => {
            Err(format!("it has NUL bytes, which no text in {} has", encoding.name()))
        }
        Some(text) => Ok(text.into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], encoding: Option<&str>, expected: Result<&str, &str>) {
        let encoding = encoding.map(|name| name.parse().unwrap());
        let found = decode(bytes, encoding);
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{bytes:?}");
    }

    #[test]
    fn marks_then_names_then_utf_8() {
        check("größe".as_bytes(), None, Ok("größe"));
        check("\u{feff}größe".as_bytes(), None, Ok("größe"));
        check("\u{feff}größe".as_bytes(), Some("windows-1252"), Ok("größe"));
        check(b"gr\xf6\xdfe", None, Err("it is not in UTF-8"));
        check(b"gr\xf6\xdfe", Some("windows-1252"), Ok("größe"));
        check(b"gr\xf6\xdfe", Some("latin1"), Ok("größe"));
        check(b"\x94\x4c", Some("shift_jis"), Ok("猫"));
        check(b"\xff\xfea\0,\0b\0", None, Ok("a,b"));
        check(b"\xfe\xff\0a", None, Ok("a"));
        check(b"a\0,\0b\0", Some("utf-16le"), Ok("a,b"));
        check(b"a\0,\0b\0", None, Err("it has NUL bytes, which no text in UTF-8 has"));
        check(b"a\xff", Some("shift_jis"), Err("it is not in Shift_JIS"));
        check(b"", None, Ok(""));
    }

    #[test]
    fn unknown_names() {
        for name in ["", "klingon", "replacement", "utf-32"] {
            assert!(name.parse::<TextEncoding>().is_err(), "{name}");
        }
    }
}

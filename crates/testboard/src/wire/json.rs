//! JSON texts as PHP's `json_encode` writes them.

use std::fmt::Write;

/// A JSON text that grows at its end.
pub(super) struct Json {
    text: String,
}

/// The bytes that are written as they are. None of them is part of a longer character.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'"' | b'\\' | b'/');
        byte += 1;
    }
    plain
};

impl Json {
    pub(super) fn with_capacity(bytes: usize) -> Json {
        Json { text: String::with_capacity(bytes) }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn raw(&mut self, text: &str) -> &mut Json {
        self.text.push_str(text);
        self
    }

    /// A whole number of 64 bits. By hand, as a page has two thousand of them.
    pub(super) fn number(&mut self, value: impl Into<i128>) -> &mut Json {
        let value = value.into();
        let mut rest = value.unsigned_abs() as u64;
        let mut digits = [0; 20];
        let mut start = digits.len();
        while rest > 0 || start == digits.len() {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.text.push_str(if value < 0 { "-" } else { "" });
        self.text.push_str(std::str::from_utf8(&digits[start..]).expect("digits are ASCII"));
        self
    }

    /// A number, as a string where `quoted`.
    pub(super) fn maybe_quoted(&mut self, value: impl Into<i128>, quoted: bool) -> &mut Json {
        let quote = if quoted { "\"" } else { "" };
        self.raw(quote).number(value).raw(quote)
    }

    /// A number from 0 to 1 that has six decimals at most, without the zeros at its end. The general way has to search for
    /// the shortest text that means the same number.
    pub(super) fn share(&mut self, value: f64) -> &mut Json {
        let millionths = (value * 1e6).round() as u32;
        if millionths.is_multiple_of(1_000_000) {
            return self.number(millionths / 1_000_000);
        }
        let start = self.text.len();
        let _ = write!(self.text, "0.{millionths:06}");
        let kept = self.text[start..].trim_end_matches('0').len();
        self.text.truncate(start + kept);
        self
    }

    pub(super) fn string(&mut self, value: &str) -> &mut Json {
        self.text.push('"');
        let mut rest = value;
        // Most texts have nothing to escape, or little.
        while let Some(at) = rest.bytes().position(|byte| !PLAIN[usize::from(byte)]) {
            let (plain, special) = rest.split_at(at);
            self.text.push_str(plain);
            let mut characters = special.chars();
            if let Some(character) = characters.next() {
                self.escaped(character);
            }
            rest = characters.as_str();
        }
        self.text.push_str(rest);
        self.text.push('"');
        self
    }

    fn escaped(&mut self, character: char) {
        match character {
            '"' => self.text.push_str("\\\""),
            '\\' => self.text.push_str("\\\\"),
            '/' => self.text.push_str("\\/"),
            '\n' => self.text.push_str("\\n"),
            '\r' => self.text.push_str("\\r"),
            '\t' => self.text.push_str("\\t"),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    let _ = write!(self.text, "\\u{unit:04x}");
                }
            }
        }
    }

    pub(super) fn boolean(&mut self, value: bool) -> &mut Json {
        self.raw(if value { "true" } else { "false" })
    }

    /// The members that end every reply.
    pub(super) fn envelope(&mut self, now: i64, cache: Option<&str>, queries: u32) -> &mut Json {
        self.raw(",\"ts\":").number(now).raw(",\"cache\":");
        match cache {
            Some(cache) => self.string(cache),
            None => self.raw("null"),
        };
        self.raw(",\"rt\":3,\"qc\":").number(queries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::wilson;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut json = Json::with_capacity(0);
        json.string(text);
        assert_eq!(json.text, expected);
        assert_eq!(serde_json::from_str::<String>(&json.text).unwrap(), text);
    }

    #[test]
    fn strings_are_escaped_as_php_does() {
        check("", r#""""#);
        check("plain", r#""plain""#);
        check("a/b", r#""a\/b""#);
        check("ä🤔", r#""\u00e4\ud83e\udd14""#);
        check("\"\\\r\n\0\u{7f}", r#""\"\\\r\n\u0000\u007f""#);
        check("//ab", r#""\/\/ab""#);
    }

    #[test]
    fn numbers_are_written_as_any_number() {
        for number in [0, 7, -7, 10, 1_234_567_890, i64::MAX, i64::MIN] {
            let mut json = Json::with_capacity(0);
            json.number(number);
            assert_eq!(json.text, number.to_string());
        }
        assert_eq!(Json::with_capacity(0).number(u64::MAX).text, u64::MAX.to_string());
    }

    #[test]
    fn shares_are_written_as_any_number() {
        let votes = (0..60).flat_map(|up| (0..60).map(move |down| wilson(up, down)));
        for share in votes.chain([0.0, 1.0, 0.5, 0.1, 0.000_001, 0.999_999]) {
            let mut json = Json::with_capacity(0);
            json.share(share);
            assert_eq!(json.text, share.to_string());
        }
    }
}

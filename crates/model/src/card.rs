//! What the cards of datasets and models share: the licence, and texts of strangers in Markdown and YAML.

use std::fmt::{self, Write as _};
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

/// Texts beyond so many characters say less than they hide.
const LONGEST: usize = 120;

/// A licence by its identifier on the hub, such as `cc-by-4.0` or `other`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct License(String);

/// A text that cannot be the identifier of a licence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "a licence is named by its identifier on the hub: small letters, digits, `-` and `.`, such as cc-by-4.0 or other"
)]
pub struct InvalidLicense;

impl FromStr for License {
    type Err = InvalidLicense;

    fn from_str(text: &str) -> Result<License, InvalidLicense> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        let is_name = text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(allowed);
        if is_name { Ok(License(text.to_owned())) } else { Err(InvalidLicense) }
    }
}

impl fmt::Display for License {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text as a YAML scalar, whatever is in it.
pub fn yaml(text: &str) -> String {
    // A JSON text is a YAML text, but for the characters that YAML does not take as they are.
    let mut yaml = String::with_capacity(text.len() + 2);
    for c in Value::from(text).to_string().chars() {
        match u32::from(c) {
            code @ (0x7f..=0x9f | 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff | 0xfffe..=0xffff) => {
                // Writing to a text cannot fail.
                let _ = write!(yaml, "\\u{code:04x}");
            }
            _ => yaml.push(c),
        }
    }
    yaml
}

/// A text in Markdown: on one line, short, and without what would end a cell of a table, begin markup or become a link.
pub fn inline(text: &str) -> String {
    let mut inline = String::with_capacity(text.len());
    let mut characters = text.chars().enumerate().peekable();
    let mut before = ' ';
    while let Some((position, c)) = characters.next() {
        if position == LONGEST {
            inline.push('…');
            break;
        }
        let next = characters.peek().map_or(' ', |(_, next)| *next);
        let is_markup = match c {
            '|' | '`' | '*' | '<' | '>' | '[' | ']' | '\\' | '~' | '$' | '&' | '#' => true,
            // Within a word it is itself.
            '_' => !(before.is_alphanumeric() && next.is_alphanumeric()),
            ':' => next == '/',
            '.' => matches!(before, 'w' | 'W'),
            '@' => true,
            _ => false,
        };
        match c {
            c if is_markup => inline.extend(['\\', c]),
            c if c.is_control() || turns_or_ends_a_line(c) => inline.push(' '),
            c => inline.push(c),
        }
        before = c;
    }
    inline
}

fn turns_or_ends_a_line(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rows of a table for the members of nested settings: `rules.length.start` and its value.
pub fn settings(value: &Value) -> Vec<(String, String)> {
    let mut settings = Vec::new();
    flatten("", value, &mut settings);
    settings
}

fn flatten(prefix: &str, value: &Value, settings: &mut Vec<(String, String)>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                flatten(&name, value, settings);
            }
        }
        Value::Null if prefix.is_empty() => {}
        Value::Null => settings.push((prefix.to_owned(), "none".to_owned())),
        Value::String(text) => settings.push((prefix.to_owned(), text.clone())),
        other => settings.push((prefix.to_owned(), other.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_identifiers() {
        for good in ["mit", "cc-by-nc-4.0", "other", "cc0-1.0"] {
            assert_eq!(good.parse::<License>().unwrap().to_string(), good);
        }
        for bad in ["", "MIT", "cc by", "mit\n- x", "4.0", "l: x"] {
            assert!(bad.parse::<License>().is_err(), "{bad}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(inline(text), expected);
    }

    #[test]
    fn strangers_write_no_markdown() {
        check("min_tags", "min_tags");
        check("größe 日本 ;)", "größe 日本 ;)");
        check("a|b", "a\\|b");
        check("a\n# b\u{1b}", "a \\# b ");
        check("_a_ **b** ~c~", "\\_a\\_ \\*\\*b\\*\\* \\~c\\~");
        check("![x](http://y)", "!\\[x\\](http\\://y)");
        check("www.x.org a@b", "www\\.x.org a\\@b");
        check("<img src=x>&amp;", "\\<img src=x\\>\\&amp;");
        check("x\u{202e}y", "x y");
        check(&"x".repeat(200), &("x".repeat(120) + "…"));
    }

    #[test]
    fn strangers_write_no_yaml() {
        assert_eq!(yaml("a: \"b\"\n---"), r#""a: \"b\"\n---""#);
        assert_eq!(yaml("x\u{85}\u{2028}\u{feff}ü"), r#""x\u0085\u2028\ufeffü""#);
    }
}

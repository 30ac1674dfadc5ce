//! Numbers for people to read, and texts of strangers made harmless.

use std::borrow::Cow;

use maud::{Markup, html};

/// Stands where there is no number.
pub(crate) const NONE: &str = "–";

/// A whole number with a comma between thousands.
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// Puts a comma between the thousands of a row of digits.
pub(crate) fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A figure between 0 and 1 with three decimals, with four where three would leave one digit.
pub(crate) fn figure(value: f64) -> String {
    match value {
        value if !value.is_finite() => NONE.to_owned(),
        value if value != 0.0 && value.abs() < 0.01 => format!("{value:.4}"),
        value => format!("{value:.3}"),
    }
}

/// A figure that there may be none of.
pub(crate) fn maybe(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), figure)
}

/// A text that someone else wrote: its direction does not reach beyond it.
pub(crate) fn name(text: &str) -> Markup {
    html! { bdi { (clean(text)) } }
}

/// A text without what HTML has no place for: control characters become their pictures (`␀`).
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    let unfit = |symbol: char| symbol.is_control() && !matches!(symbol, '\n' | '\t');
    if !text.contains(unfit) {
        return Cow::Borrowed(text);
    }
    let picture = |symbol: char| match symbol {
        symbol if !unfit(symbol) => symbol,
        '\x7f' => '␡',
        symbol => char::from_u32(0x2400 + u32::from(symbol))
            .filter(|_| symbol < ' ')
            .unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    Cow::Owned(text.chars().map(picture).collect())
}

/// The first characters of a text, for places that cannot grow.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some(_) => text.chars().take(longest - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_parted() {
        let cases = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, expected) in cases {
            assert_eq!(count(number), expected);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn figures_keep_two_digits_or_more() {
        let cases = [(0.0, "0.000"), (0.7424, "0.742"), (1.0, "1.000"), (0.0031, "0.0031"), (f64::NAN, NONE)];
        for (value, expected) in cases {
            assert_eq!(figure(value), expected);
        }
    }

    #[test]
    fn control_characters_become_visible() {
        assert_eq!(clean("a\0b\x1b[31m\x7f\u{85}\n"), "a␀b␛[31m␡\u{fffd}\n");
        assert!(matches!(clean("katze 🐱"), Cow::Borrowed(_)));
    }

    #[test]
    fn long_texts_end_in_an_ellipsis() {
        assert_eq!(shortened("abcd", 4), "abcd");
        assert_eq!(shortened("äbcde", 4), "äbc…");
    }
}

//! Values as lists write them. An error says what the value is not.

use tagmill_model::{Flags, parse_date};

/// The content class that a text names: ours, or a booru's rating. `None` where it names none.
pub(super) fn class(text: &str) -> Result<Option<Flags>, String> {
    // Where a column has gaps, some write its whole numbers so.
    let is_mask = |mask: &&str| !mask.is_empty() && mask.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.trim();
    let text = text.strip_suffix(".0").filter(is_mask).unwrap_or(text);
    let is_one_of = |words: &[&str]| is_one_of(text, words);
    if text.is_empty() || is_one_of(&["0", "none"]) {
        return Ok(None);
    }
    // What Danbooru calls sensitive is what others call safe.
    if is_one_of(&["g", "general", "s", "safe", "sensitive"]) {
        return Ok(Some(Flags::SFW));
    }
    if is_one_of(&["q", "questionable", "e", "explicit"]) {
        return Ok(Some(Flags::NSFW));
    }
    text.parse().map(Some).map_err(|_| {
        format!("`{}` is not a content class (sfw, nsfw, nsfl, nsfp, pol) and no rating", text.escape_debug())
    })
}

/// Whether a text says yes. An empty one says no.
pub(super) fn is_yes(text: &str) -> Result<bool, String> {
    let text = text.trim();
    if is_one_of(text, &["true", "yes", "1", "1.0"]) {
        return Ok(true);
    }
    if text.is_empty() || is_one_of(text, &["false", "no", "0", "0.0"]) {
        return Ok(false);
    }
    Err(format!("`{}` is neither true nor false", text.escape_debug()))
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// The last second of the year 9999.
const LATEST: f64 = 253_402_300_799.0;

/// Unix seconds, from such or from a date. Of a second's parts nothing is kept.
pub(super) fn created(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if let Some(seconds) = text.parse().ok().filter(|seconds: &f64| seconds.is_finite()) {
        return match seconds.abs() <= LATEST {
            // Whole numbers of this size have an exact `f64`.
            true => Ok(Some(seconds.floor() as i64)),
            false => Err(format!(
                "`{}` seconds are beyond the year 9999: are they milliseconds?",
                text.escape_debug()
            )),
        };
    }
    parse_date(text).map(Some).ok_or_else(|| {
        format!("`{}` is neither Unix seconds nor a date such as 2024-03-17", text.escape_debug())
    })
}

/// A confidence; `None` where it is no number, or none that is finite.
pub(super) fn confidence(text: &str) -> Option<f32> {
    text.trim().parse().ok().filter(|confidence: &f32| confidence.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_ratings() {
        let check = |text: &str, expected: Option<Flags>| assert_eq!(class(text), Ok(expected), "{text}");
        check("", None);
        check(" none ", None);
        check("0", None);
        check("NSFW", Some(Flags::NSFW));
        check("sfw, pol", Some(Flags::SFW | Flags::POL));
        check("17", Some(Flags::SFW | Flags::POL));
        check("Explicit", Some(Flags::NSFW));
        check("s", Some(Flags::SFW));
        check("2.0", Some(Flags::NSFW));
        check("0.0", None);
        assert!(class("sfw.0").is_err() && class("2.5").is_err() && class(".0").is_err());
        assert_eq!(
            class("x\ny").unwrap_err(),
            r"`x\ny` is not a content class (sfw, nsfw, nsfl, nsfp, pol) and no rating"
        );
    }

    #[test]
    fn yes_and_no() {
        for text in ["true", "True", "YES", " 1 ", "1.0"] {
            assert_eq!(is_yes(text), Ok(true), "{text}");
        }
        for text in ["", "False", "no", "0", "0.0"] {
            assert_eq!(is_yes(text), Ok(false), "{text}");
        }
        assert_eq!(is_yes("maybe").unwrap_err(), "`maybe` is neither true nor false");
    }

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(created(text), Ok(expected), "{text}");
        check("", None);
        check("1710633600", Some(1_710_633_600));
        check("-5", Some(-5));
        check("1710633600.0", Some(1_710_633_600));
        check("1710633600.9", Some(1_710_633_600));
        check("-0.5", Some(-1));
        check("253402300799", Some(253_402_300_799));
        check("2024-03-17", Some(1_710_633_600));
        check("2024-03-17T12:00:00Z", Some(1_710_676_800));
        assert_eq!(
            created("1710633600000").unwrap_err(),
            "`1710633600000` seconds are beyond the year 9999: are they milliseconds?"
        );
        assert!(created("NaN").is_err() && created("inf").is_err());
        assert_eq!(
            created("yesterday").unwrap_err(),
            "`yesterday` is neither Unix seconds nor a date such as 2024-03-17"
        );
    }

    #[test]
    fn confidences() {
        assert_eq!([confidence("0.5"), confidence(" 7 "), confidence("")], [Some(0.5), Some(7.0), None]);
        assert_eq!([confidence("NaN"), confidence("1e99"), confidence("high")], [None, None, None]);
    }
}

//! Values as lists write them. An error says what the value is not.

use tagmill_model::{Flags, parse_date};

/// The content class that a text names: ours, or a booru's rating. `None` where it names none.
pub(super) fn class(text: &str) -> Result<Option<Flags>, String> {
    let text = text.trim();
    let is_one_of = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
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

/// Unix seconds, from such or from a date.
pub(super) fn created(text: &str) -> Result<Option<i64>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = text.parse().ok().or_else(|| parse_date(text));
    seconds.map(Some).ok_or_else(|| {
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
        assert_eq!(
            class("x\ny").unwrap_err(),
            r"`x\ny` is not a content class (sfw, nsfw, nsfl, nsfp, pol) and no rating"
        );
    }

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(created(text), Ok(expected), "{text}");
        check("", None);
        check("1710633600", Some(1_710_633_600));
        check("-5", Some(-5));
        check("2024-03-17", Some(1_710_633_600));
        check("2024-03-17T12:00:00Z", Some(1_710_676_800));
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

//! Values of arguments, as people write them.

use std::str::FromStr;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use tagmill_fetcher::Kind;
use tagmill_fetcher::api::KINDS;
use tagmill_model::{ItemId, parse_date};
use tagmill_store::Interval;
use url::Url;

/// A kind of board, by its name.
pub(crate) fn board() -> impl TypedValueParser<Value = &'static Kind> {
    PossibleValuesParser::new(KINDS.map(|kind| kind.name))
        .map(|name| Kind::named(&name).expect("no other names are possible"))
}

/// Where a board's API stands; the public one of its kind, where nobody says.
pub(crate) fn api_url(given: Option<Url>, board: &Kind) -> Url {
    given.unwrap_or_else(|| board.public_api.parse().expect("the addresses of public boards are fixed"))
}

/// A date that is not before 1970, as [`parse_date`] reads it: Unix seconds.
pub(crate) fn date(text: &str) -> Result<i64, String> {
    match parse_date(text) {
        Some(time @ 0..) => Ok(time),
        Some(_) => Err("there were no items before 1970".to_owned()),
        None => Err("write a date as 2024-03-17, or with a time as `2024-03-17 12:00:00`".to_owned()),
    }
}

/// `4711..4799`, `4711..`, `..4799` or `4711`; both ends are included.
pub(crate) fn ids(text: &str) -> Result<Interval, String> {
    let wrong = || "write ids as 4711..4799, 4711.. or ..4799".to_owned();
    let id = |text: &str, absent: i64| match text.trim() {
        "" => Ok(ItemId(absent)),
        digits => match digits.parse() {
            Ok(id @ 1..) => Ok(ItemId(id)),
            _ => Err(wrong()),
        },
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    if first.trim().is_empty() && last.trim().is_empty() {
        return Err(wrong());
    }
    let last = last.trim_start_matches('=');
    let interval = Interval::new(id(first, 1)?, id(last, i64::MAX - 1)?);
    if interval.is_empty() { Err("the range ends before it begins".to_owned()) } else { Ok(interval) }
}

/// A count of what there has to be at least one of.
pub(crate) fn at_least_one<T: FromStr + From<u8> + PartialOrd>(text: &str) -> Result<T, String> {
    match text.trim().parse() {
        Ok(count) if count >= T::from(1) => Ok(count),
        _ => Err("write a whole number, 1 or more".to_owned()),
    }
}

/// Requests a second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    match text.trim().parse() {
        // The bounds of what the client takes for a rate.
        Ok(rate) if (1e-6..=1e9).contains(&rate) => Ok(rate),
        _ => Err("write a number above 0, such as 2 or 0.5".to_owned()),
    }
}

/// `100M`, `1.5GiB` or `4096`: bytes. `M` is a million, `Mi` and `MiB` are 1024 * 1024.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let size = text.trim().parse::<bytesize::ByteSize>();
    size.map(|size| size.as_u64()).map_err(|_| "write a size as 100M, 1.5GiB or 4096".to_owned())
}

/// As [`bytes`], and not nothing.
pub(crate) fn some_bytes(text: &str) -> Result<u64, String> {
    match bytes(text)? {
        0 => Err("write a size above 0, such as 20M".to_owned()),
        size => Ok(size),
    }
}

/// What the board is to search for.
pub(crate) fn search(text: &str) -> Result<String, String> {
    if text.trim().is_empty() { Err("write what to search for".to_owned()) } else { Ok(text.to_owned()) }
}

/// `0.1`: a share of something.
pub(crate) fn fraction(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("a share lies between 0 and 1".to_owned()),
    }
}

/// `1.78`: how often the shorter side goes into the longer one.
pub(crate) fn ratio(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(ratio) if ratio >= 1.0 && ratio.is_finite() => Ok(ratio),
        _ => Err("write a ratio as a number from 1 on, such as 1.78".to_owned()),
    }
}

/// `2..64`: characters, both ends included.
pub(crate) fn lengths(text: &str) -> Result<(usize, usize), String> {
    let ends = text.split_once("..").map(|(least, most)| (least.trim().parse(), most.trim().parse()));
    match ends {
        Some((Ok(least), Ok(most))) if least <= most => Ok((least, most)),
        _ => Err("write lengths as 2..64".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_rates() {
        assert_eq!((at_least_one::<u64>("7"), at_least_one::<usize>(" 1 ")), (Ok(7), Ok(1)));
        for wrong in ["", "0", "-1", "1.5", "many", "99999999999999999999"] {
            assert!(at_least_one::<u64>(wrong).is_err(), "{wrong}");
        }
        assert_eq!((rate("2"), rate("0.5")), (Ok(2.0), Ok(0.5)));
        for wrong in ["", "0", "-1", "nan", "inf", "1e-9", "fast"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn numbers() {
        assert_eq!((fraction("0.1"), ratio("1.5"), lengths("2..64")), (Ok(0.1), Ok(1.5), Ok((2, 64))));
        for wrong in ["", "2", "-0.1", "NaN", "x"] {
            assert!(fraction(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "0.5", "inf", "NaN", "16:9"] {
            assert!(ratio(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "5", "5..2", "..", "a..b", "-1..5"] {
            assert!(lengths(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        for (text, expected) in [
            ("0", 0),
            ("4096", 4096),
            ("100M", 100_000_000),
            ("1.5 GB", 1_500_000_000),
            ("2MiB", 2 << 20),
            ("2mi", 2 << 20),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for wrong in ["", "-1", "M", "1 parsec", "many"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        assert!(some_bytes("0").is_err());
    }

    #[test]
    fn searches() {
        assert_eq!(search("! katze -video"), Ok("! katze -video".to_owned()));
        assert!(search("").is_err() && search("  ").is_err());
    }

    #[test]
    fn dates() {
        assert_eq!(date("2024-03-17"), Ok(1_710_633_600));
        assert_eq!(date("2024-03-17 12:00:00"), Ok(1_710_676_800));
        assert_eq!(date("2024-03-17T12:00:00Z"), Ok(1_710_676_800));
        for wrong in ["", "2024", "17.3.2024", "2024-13-01", "1950-01-01", "yesterday"] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ranges() {
        let interval = |first, last| Ok(Interval::new(ItemId(first), ItemId(last)));
        assert_eq!(ids("10..20"), interval(10, 20));
        assert_eq!(ids("10..=20"), interval(10, 20));
        assert_eq!(ids("10.."), interval(10, i64::MAX - 1));
        assert_eq!(ids("..20"), interval(1, 20));
        assert_eq!(ids("7"), interval(7, 7));
        for wrong in ["", "..", "a..b", "20..10", "0..5", "-3..5", "1.5..3", "99999999999999999999.."] {
            assert!(ids(wrong).is_err(), "{wrong}");
        }
    }
}

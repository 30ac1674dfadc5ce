use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

/// The time, as items and failures note it: Unix seconds, UTC; 0 where the clock stands before 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// Unix seconds of a date as people and programs write it: `2024-03-17`, with or without a time behind a blank or a `T`, which is
/// UTC where it has no offset (`2024-03-17T12:00:00+01:00`). `None` where it is none.
pub fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(time) = text.parse::<DateTime<FixedOffset>>() {
        return Some(time.timestamp());
    }
    let time = match text.parse::<NaiveDate>() {
        Ok(day) => day.and_time(NaiveTime::MIN),
        Err(_) => {
            let formats =
                ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"];
            formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())?
        }
    };
    Some(time.and_utc().timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (text, expected) in [
            ("2024-03-17", 1_710_633_600),
            (" 2024-03-17 ", 1_710_633_600),
            ("2024-03-17 12:00:00", 1_710_676_800),
            ("2024-03-17 12:00", 1_710_676_800),
            ("2024-03-17T12:00:00", 1_710_676_800),
            ("2024-03-17T12:00:00.25", 1_710_676_800),
            ("2024-03-17T12:00:00Z", 1_710_676_800),
            ("2024-03-17T13:00:00.176+01:00", 1_710_676_800),
            ("2024-03-17 08:00:00-04:00", 1_710_676_800),
            ("1969-12-31", -86_400),
        ] {
            assert_eq!(parse_date(text), Some(expected), "{text}");
        }
        for text in ["", "yesterday", "2024", "2024-13-01", "17.03.2024", "2024-03-17 25:00:00", "12:00:00"] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many unusable pictures are taken for granted. Files that are missing do not count: they are yet to be downloaded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaxBad {
    /// This many.
    Count(u64),
    /// This share of the pictures that are there, 0 to 1.
    Share(f64),
}

/// One in ten: a board has some broken files; with more, it is the disk or the download that is broken.
impl Default for MaxBad {
    fn default() -> MaxBad {
        MaxBad::Share(0.1)
    }
}

impl MaxBad {
    /// How many that is of `pictures` pictures.
    pub fn of(self, pictures: u64) -> u64 {
        match self {
            MaxBad::Count(count) => count,
            MaxBad::Share(share) => (pictures as f64 * share) as u64,
        }
    }
}

impl FromStr for MaxBad {
    type Err = String;

    /// `100` or `2.5%`.
    fn from_str(text: &str) -> Result<MaxBad, String> {
        let wrong = || "write a count such as 100, or a share such as 2.5%".to_owned();
        match text.strip_suffix('%') {
            Some(percent) => match percent.trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(MaxBad::Share(percent / 100.0)),
                _ => Err(wrong()),
            },
            None => text.trim().parse().map(MaxBad::Count).map_err(|_| wrong()),
        }
    }
}

impl fmt::Display for MaxBad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MaxBad::Count(count) => write!(f, "{count}"),
            MaxBad::Share(share) => write!(f, "{}%", share * 100.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(text.parse::<MaxBad>().ok().map(|max| max.of(1000)), expected, "{text}");
    }

    #[test]
    fn a_limit_is_a_count_or_a_share() {
        check("7", Some(7));
        check("2.5%", Some(25));
        check("0%", Some(0));
        check("100%", Some(1000));
        for wrong in ["", "%", "-1", "101%", "NaN%", "7 files", "0.5"] {
            check(wrong, None);
        }
        assert_eq!(MaxBad::default().to_string(), "10%");
    }
}

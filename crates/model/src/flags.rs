//! The content class of an item.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

bitflags::bitflags! {
    /// Content class bits. An item normally carries one; a mask to ask for carries several.
    ///
    /// Unknown bits survive: a board may add classes.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(transparent)]
    pub struct Flags: u32 {
        /// Safe for work.
        const SFW = 1;
        /// Not safe for work.
        const NSFW = 2;
        /// Not safe for life.
        const NSFL = 4;
        /// Not safe for public: shown like SFW, but only to accounts.
        const NSFP = 8;
        /// Politics.
        const POL = 16;
        const _ = !0;
    }
}

/// The five named classes.
const NAMED: [(&str, Flags); 5] = [
    ("sfw", Flags::SFW),
    ("nsfw", Flags::NSFW),
    ("nsfl", Flags::NSFL),
    ("nsfp", Flags::NSFP),
    ("pol", Flags::POL),
];

impl Flags {
    /// All five named classes, mask 31.
    pub const EVERY_CLASS: Flags = Flags::from_bits_retain(31);
}

/// Names joined by commas, unknown bits as a number: `sfw,pol`; `none` when empty.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts: Vec<String> = NAMED
            .iter()
            .filter(|(_, flag)| self.contains(*flag))
            .map(|(name, _)| (*name).to_owned())
            .collect();
        let unknown = *self - Flags::EVERY_CLASS;
        if !unknown.is_empty() {
            parts.push(unknown.bits().to_string());
        }
        if parts.is_empty() {
            parts.push("none".to_owned());
        }
        f.write_str(&parts.join(","))
    }
}

/// A text that names no flags.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{0}` is not a content class: use sfw, nsfw, nsfl, nsfp, pol, joined by commas, `all`, or a mask from 1 to 31"
)]
pub struct UnknownFlag(String);

/// Reads names joined by commas (`sfw,pol`), `all`, or the mask as a number (`17`).
impl FromStr for Flags {
    type Err = UnknownFlag;

    fn from_str(text: &str) -> Result<Flags, UnknownFlag> {
        let unknown = || UnknownFlag(text.to_owned());
        if let Ok(mask) = text.trim().parse::<u32>() {
            return match mask {
                1..=31 => Ok(Flags::from_bits_retain(mask)),
                _ => Err(unknown()),
            };
        }
        if text.trim().eq_ignore_ascii_case("all") {
            return Ok(Flags::EVERY_CLASS);
        }
        text.split(',').try_fold(Flags::empty(), |mask, part| {
            NAMED
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(part.trim()))
                .map(|(_, flag)| mask | *flag)
                .ok_or_else(unknown)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, mask: Option<u32>) {
        assert_eq!(text.parse::<Flags>().ok().map(|flags| flags.bits()), mask, "{text}");
    }

    #[test]
    fn reads_names_and_masks() {
        check("sfw", Some(1));
        check("SFW, Pol", Some(17));
        check("all", Some(31));
        check("9", Some(9));
        check("0", None);
        check("32", None);
        check("", None);
        check("sfw,", None);
        check("safe", None);
    }

    #[test]
    fn prints_what_it_reads() {
        for mask in 1..=31 {
            let flags = Flags::from_bits_retain(mask);
            assert_eq!(flags.to_string().parse(), Ok(flags));
        }
        assert_eq!(Flags::from_bits_retain(33).to_string(), "sfw,32");
        assert_eq!(Flags::empty().to_string(), "none");
    }
}

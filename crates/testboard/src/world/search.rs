//! What the `tags` of a listing can ask for.

use std::ops::Range;

use tagmill_model::{Flags, ItemId};

use super::calendar::seconds;
use super::{Listing, World};

/// Terms that all have to hold, each as it is or turned round.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Search {
    tags: Vec<(String, Wanted)>,
    filters: Vec<(Filter, Wanted)>,
}

/// Whether a term was written without a `-` before it.
type Wanted = bool;

/// What a post can be sifted by besides its tags.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Filter {
    /// At least this many more up votes than down votes.
    Score(i64),
    /// The uploader, in lower case.
    User(String),
    /// The time of upload, Unix seconds.
    Created(Range<i64>),
    Class(Flags),
    Sound,
    Top,
    Repost,
}

/// A search for a word of one character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooShort;

impl Search {
    /// Reads terms with blanks or `&` between them: `word`, `"two words"`, `s:100`, `u:name`, `d:2024`, `d:2024:01`,
    /// `f:sfw` and its like, any of them after a `-`. A leading `!` is understood, the rest of the language is not.
    pub(crate) fn parse(text: &str) -> Result<Search, TooShort> {
        let mut search = Search::default();
        let mut rest = text.trim_start_matches(['!', '?']).trim_start();
        while !rest.is_empty() {
            let (wanted, term) = match rest.strip_prefix('-') {
                Some(term) => (false, term.trim_start()),
                None => (true, rest),
            };
            let (term, filter, after) = match term.strip_prefix('"') {
                Some(quoted) => {
                    let (term, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                    (term, None, after)
                }
                None => {
                    let (term, after) = term.split_once([' ', '&']).unwrap_or((term, ""));
                    (term, Filter::parse(term), after)
                }
            };
            match filter {
                Some(filter) => search.filters.push((filter, wanted)),
                None if term.chars().count() == 1 => return Err(TooShort),
                None if term.is_empty() => {}
                None => search.tags.push((term.to_lowercase(), wanted)),
            }
            rest = after.trim_start_matches([' ', '&']);
        }
        Ok(search)
    }

    /// When the posts that are searched for were uploaded, as far as the search says so.
    pub(super) fn created(&self) -> Range<i64> {
        self.filters.iter().fold(i64::MIN..i64::MAX, |span, filter| match filter {
            (Filter::Created(created), true) => span.start.max(created.start)..span.end.min(created.end),
            _ => span,
        })
    }
}

impl Filter {
    /// Reads `key:value`; `None` for what is a word after all.
    fn parse(term: &str) -> Option<Filter> {
        let (key, value) = term.split_once(':')?;
        match (key, value) {
            ("s", _) => value.parse().ok().map(Filter::Score),
            ("u", _) => Some(Filter::User(value.to_lowercase())),
            ("d", _) => created(value).map(Filter::Created),
            ("f", "sfw") => Some(Filter::Class(Flags::SFW)),
            ("f", "nsfw") => Some(Filter::Class(Flags::NSFW)),
            ("f", "nsfl") => Some(Filter::Class(Flags::NSFL)),
            ("f", "nsfp") => Some(Filter::Class(Flags::NSFP)),
            ("f", "pol") => Some(Filter::Class(Flags::POL)),
            ("f", "sound") => Some(Filter::Sound),
            ("f", "top") => Some(Filter::Top),
            ("f", "repost") => Some(Filter::Repost),
            _ => None,
        }
    }

    fn holds(&self, post: &Listing) -> bool {
        match self {
            Filter::Score(least) => post.up - post.down >= *least,
            Filter::User(name) => post.user.to_lowercase() == *name,
            Filter::Created(span) => span.contains(&post.created),
            Filter::Class(class) => post.flags.intersects(*class),
            Filter::Sound => post.audio,
            Filter::Top => post.promoted > 0,
            Filter::Repost => post.repost,
        }
    }
}

/// The seconds of `YYYY` or `YYYY:MM`.
fn created(text: &str) -> Option<Range<i64>> {
    let number = |text: &str| text.parse().ok().filter(|_| text.len() <= 4);
    match text.split_once(':') {
        None => {
            let year = number(text)?;
            Some(seconds(year, 1)..seconds(year + 1, 1))
        }
        Some((year, month)) => {
            let (year, month) = (number(year)?, number(month).filter(|month| (1..=12).contains(month))?);
            let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            Some(seconds(year, month)..seconds(next_year, next_month))
        }
    }
}

impl World {
    /// Whether a post is searched for.
    pub(super) fn is_found(&self, search: &Search, id: ItemId) -> bool {
        // Tags come last: they cost the most.
        self.is_sifted(id, &search.filters) && (search.tags.is_empty() || self.has_tags(id, &search.tags))
    }

    fn is_sifted(&self, id: ItemId, filters: &[(Filter, Wanted)]) -> bool {
        filters.is_empty()
            || self
                .listing(id)
                .is_some_and(|post| filters.iter().all(|(filter, wanted)| filter.holds(&post) == *wanted))
    }

    fn has_tags(&self, id: ItemId, words: &[(String, Wanted)]) -> bool {
        let tags = self.tags(id).unwrap_or_default();
        let tags: Vec<String> = tags.iter().map(|tag| tag.text.trim().to_lowercase()).collect();
        words.iter().all(|(word, wanted)| tags.contains(word) == *wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, tags: &[(&str, Wanted)], filters: &[(Filter, Wanted)]) {
        let tags = tags.iter().map(|(word, wanted)| ((*word).to_owned(), *wanted)).collect();
        assert_eq!(Search::parse(text), Ok(Search { tags, filters: filters.to_vec() }), "{text}");
    }

    #[test]
    fn terms_are_read() {
        check("", &[], &[]);
        check("!& -", &[], &[]);
        check("Katze hund", &[("katze", true), ("hund", true)], &[]);
        check("!-\"Two Words\" & x:y", &[("two words", false), ("x:y", true)], &[]);
        check("! s:-300 -s:1000", &[], &[(Filter::Score(-300), true), (Filter::Score(1_000), false)]);
        check("u:Grau99", &[], &[(Filter::User("grau99".to_owned()), true)]);
        check("-f:top f:pol", &[], &[(Filter::Top, false), (Filter::Class(Flags::POL), true)]);
        check("\"s:100\" f:shiny d:20245", &[("s:100", true), ("f:shiny", true), ("d:20245", true)], &[]);
        check("d:2024:13 d:x s:", &[("d:2024:13", true), ("d:x", true), ("s:", true)], &[]);
    }

    #[test]
    fn dates_are_read() {
        let day = 86_400;
        check("d:1970", &[], &[(Filter::Created(0..365 * day), true)]);
        check("d:1970:02", &[], &[(Filter::Created(31 * day..59 * day), true)]);
        check("d:1970:12", &[], &[(Filter::Created(334 * day..365 * day), true)]);
    }

    #[test]
    fn words_of_one_character_are_too_short() {
        for text in ["a", "cat -b", "\"ü\"", "日"] {
            assert_eq!(Search::parse(text), Err(TooShort), "{text}");
        }
    }

    #[test]
    fn the_time_of_a_search_is_what_all_its_dates_share() {
        let created = |text| Search::parse(text).unwrap().created();
        assert_eq!(created("cat"), i64::MIN..i64::MAX);
        assert_eq!(created("d:1970 d:1970:12 -d:1970:11"), seconds(1970, 12)..seconds(1971, 1));
    }
}

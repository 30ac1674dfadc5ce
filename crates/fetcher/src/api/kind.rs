//! What there is to know of a kind of board before it is asked anything.

use std::fmt;

use tagmill_http::{Client, Pause};
use tagmill_model::Flags;
use url::Url;

use super::{Api, KINDS};
use crate::Config;

/// A kind of board: what all boards that speak one API have in common, and how to make a client of it.
pub struct Kind {
    /// What people call it on a command line, and what databases remember.
    pub name: &'static str,
    /// The API of the public board.
    pub public_api: &'static str,
    /// The domain of the public board. Hosts below it are the board's too.
    pub domain: &'static str,
    /// Where the public board's media lie.
    pub media: MediaHosts,
    /// Items on a full page of the listing.
    pub page_size: u32,
    /// Whether the tags come with the listing, so that items are not asked for one by one.
    pub lists_tags: bool,
    /// Whether accounts are sessions behind a cookie.
    pub has_sessions: bool,
    /// Whether accounts have a key for [`tagmill_http::Credentials`].
    pub has_keys: bool,
    /// The content classes that its items can have.
    pub classes: Flags,
    /// The classes that a visitor asks for who names none, the most first. A board refuses a mask whole where one class
    /// of it is not allowed.
    pub(crate) visitors: &'static [Flags],
    /// The same for an account.
    pub(crate) accounts: &'static [Flags],
    /// How the public board is asked, beside [`tagmill_http::Config`]'s defaults.
    pub(crate) polite: fn(&mut tagmill_http::Config),
    /// What of a configuration it cannot do: the field, and the fault with it.
    pub(crate) refuse: fn(&Config) -> Option<(&'static str, &'static str)>,
    /// Makes a client. `None` where no API can stand below [`Config::api_url`].
    pub(crate) connect: fn(Client, &Config) -> Option<Box<dyn Api>>,
}

/// The hosts of a public board's media, as URLs that paths are relative to. Of each kind the first is asked, the next ones
/// where it has no such file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MediaHosts {
    /// Pictures.
    pub image: &'static [&'static str],
    /// Videos.
    pub video: &'static [&'static str],
    /// Originals of what the board scaled down.
    pub full: &'static [&'static str],
    /// Thumbnails.
    pub thumb: &'static [&'static str],
    /// The most downloads at once that suit these hosts, and how many files a second; `None` where nobody knows of a limit.
    pub pace: Option<(usize, f64)>,
    /// The member of a listing's object that has the path of the original.
    pub full_member: &'static str,
    /// The same for the thumbnail.
    pub thumb_member: &'static str,
}

impl Kind {
    /// The kind of this name, if there is one.
    pub fn named(name: &str) -> Option<&'static Kind> {
        KINDS.into_iter().find(|kind| kind.name == name)
    }

    /// How long the public board is left alone after a refusal.
    pub fn pause(&self) -> Pause {
        let mut http = tagmill_http::Config::default();
        (self.polite)(&mut http);
        http.pause
    }

    /// Whether an address is one of the public board's, which is asked politely.
    pub fn is_public(&self, url: &Url) -> bool {
        let below = |host: &str| host.strip_suffix(self.domain).is_some_and(|label| label.ends_with('.'));
        url.domain().is_some_and(|host| host == self.domain || below(host))
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Kind").field(&self.name).finish()
    }
}

/// By its name, which no two kinds share.
impl PartialEq for Kind {
    fn eq(&self, other: &Kind) -> bool {
        self.name == other.name
    }
}

impl Eq for Kind {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_a_name_of_its_own() {
        for kind in KINDS {
            assert_eq!(Kind::named(kind.name), Some(kind));
            let api = Url::parse(kind.public_api).unwrap();
            assert!(kind.is_public(&api), "{kind:?}");
            assert!(!kind.visitors.is_empty() && !kind.accounts.is_empty() && kind.page_size > 0);
            assert!(kind.visitors.iter().chain(kind.accounts).all(|flags| kind.classes.contains(*flags)));
            let hosts = [kind.media.image, kind.media.video, kind.media.full, kind.media.thumb];
            let is_own = |host: &&str| Url::parse(host).is_ok_and(|url| kind.is_public(&url));
            assert!(hosts.iter().all(|hosts| !hosts.is_empty() && hosts.iter().all(is_own)), "{kind:?}");
        }
        assert_eq!(Kind::named("gelbooru"), None);
    }

    #[test]
    fn the_public_board_is_told_from_others() {
        #[track_caller]
        fn check(url: &str, expected: bool) {
            assert_eq!(super::super::danbooru::KIND.is_public(&Url::parse(url).unwrap()), expected, "{url}");
        }
        check("https://danbooru.donmai.us", true);
        check("https://testbooru.donmai.us/posts.json", true);
        check("https://donmai.us", true);
        check("https://notdonmai.us", false);
        check("https://donmai.us.example.org", false);
        check("http://127.0.0.1:3000", false);
    }
}

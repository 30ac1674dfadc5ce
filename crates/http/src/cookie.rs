use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};
use tokio::sync::watch;
use url::Url;

/// A session cookie, redacted wherever it could be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Its home first.
    origins: Vec<url::Origin>,
    pairs: String,
}

impl Cookie {
    /// A cookie that is sent to the scheme, host and port of `url` and nowhere else. `pairs` is what follows `Cookie:`,
    /// such as `me=...; pp=...`.
    pub fn new(url: &Url, pairs: impl Into<String>) -> Cookie {
        Cookie { origins: vec![url.origin()], pairs: pairs.into() }
    }

    /// Sends it to the scheme, host and port of `url`, too. Only its home refreshes it.
    pub fn also_to(mut self, url: &Url) -> Cookie {
        let origin = url.origin();
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
        self
    }

    /// What follows `Cookie:`. This is the secret itself: for a file that only its owner may read, and for nothing that
    /// is shown.
    pub fn pairs(&self) -> &str {
        &self.pairs
    }

    /// The value of the pair of this name, as it is sent: not decoded.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.split(';').filter_map(pair).find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    pub(crate) fn goes_to(&self, url: &Url) -> bool {
        let origin = url.origin();
        self.origins.contains(&origin)
    }

    fn lives_at(&self, url: &Url) -> bool {
        self.origins.first() == Some(&url.origin())
    }

    /// Gives a pair that is already there another value. Returns whether that changed anything.
    fn refresh(&mut self, name: &str, value: &str) -> bool {
        if self.get(name).is_none_or(|before| before == value) {
            return false;
        }
        let refreshed: Vec<String> = self
            .pairs
            .split(';')
            .map(|part| match pair(part) {
                Some((found, _)) if found == name => format!("{name}={value}"),
                _ => part.trim().to_owned(),
            })
            .collect();
        self.pairs = refreshed.join("; ");
        true
    }

    fn header(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(&self.pairs).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Cookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let origins: Vec<String> = self.origins.iter().map(url::Origin::ascii_serialization).collect();
        write!(f, "Cookie([redacted], for {})", origins.join(" and "))
    }
}

/// The cookie that a client sends, with the values that its origin gave it last.
#[derive(Debug)]
pub(crate) struct Session {
    held: Mutex<Held>,
    /// Whoever wants to know of fresh values.
    fresh: Option<watch::Sender<Cookie>>,
}

#[derive(Debug)]
struct Held {
    cookie: Cookie,
    /// Always that of `cookie`: made once, sent often.
    header: HeaderValue,
}

impl Session {
    /// `None` where the cookie has a character that no header may have.
    pub(crate) fn new(cookie: Cookie, fresh: Option<watch::Sender<Cookie>>) -> Option<Session> {
        let header = cookie.header()?;
        Some(Session { held: Mutex::new(Held { cookie, header }), fresh })
    }

    /// What a request for `url` says after `Cookie:`; nothing away from home.
    pub(crate) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let held = self.lock();
        held.cookie.goes_to(url).then(|| held.header.clone())
    }

    /// Takes new values from an answer of `url`, for names that are held already. What the answer deletes stays: an
    /// answer that went astray must not end a session that only a person can begin again.
    pub(crate) fn refresh(&self, url: &Url, headers: &HeaderMap) {
        if !headers.contains_key(SET_COOKIE) {
            return;
        }
        let mut held = self.lock();
        if !held.cookie.lives_at(url) {
            return;
        }
        let mut cookie = held.cookie.clone();
        let mut is_fresh = false;
        for (name, value) in set_cookies(headers, SystemTime::now()) {
            is_fresh |= cookie.refresh(name, value);
        }
        if let (true, Some(header)) = (is_fresh, cookie.header()) {
            tracing::debug!("the host refreshed the session cookie");
            if let Some(fresh) = &self.fresh {
                fresh.send_replace(cookie.clone());
            }
            *held = Held { cookie, header };
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names and values of the cookies that an answer sets. Those that it deletes are left out.
pub(crate) fn set_cookies(headers: &HeaderMap, now: SystemTime) -> impl Iterator<Item = (&str, &str)> {
    headers.get_all(SET_COOKIE).iter().filter_map(move |header| set_cookie(header.to_str().ok()?, now))
}

fn set_cookie(header: &str, now: SystemTime) -> Option<(&str, &str)> {
    let mut parts = header.split(';');
    let (name, value) = pair(parts.next()?)?;
    let (mut max_age, mut expires) = (None, None);
    for (attribute, value) in parts.filter_map(pair) {
        if attribute.eq_ignore_ascii_case("max-age") {
            max_age = value.parse::<i64>().ok();
        } else if attribute.eq_ignore_ascii_case("expires") {
            // PHP wrote `Thu, 01-Jan-1970` for a long time.
            expires = httpdate::parse_http_date(value)
                .or_else(|_| httpdate::parse_http_date(&value.replace('-', " ")))
                .ok();
        }
    }
    // `Max-Age` counts where both are there (RFC 6265, section 5.3).
    let is_gone = match max_age {
        Some(seconds) => seconds <= 0,
        None => expires.is_some_and(|expires| expires <= now),
    };
    (!is_gone && !name.is_empty() && !value.trim_matches('"').is_empty()).then_some((name, value))
}

fn pair(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    Some((name.trim(), value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;

    fn url(url: &str) -> Url {
        Url::parse(url).unwrap()
    }

    fn home() -> Url {
        url("https://board.example/api/")
    }

    #[test]
    fn a_cookie_stays_home_and_hidden() {
        let cookie = Cookie::new(&home(), "me=s3cret");
        assert!(cookie.goes_to(&url("https://board.example/other?x=1")));
        assert!(cookie.goes_to(&url("https://board.example:443/")));
        assert!(!cookie.goes_to(&url("http://board.example/")));
        assert!(!cookie.goes_to(&url("https://img.board.example/")));
        assert!(!cookie.goes_to(&url("https://board.example:8443/")));
        assert!(!cookie.goes_to(&url("https://board.example.evil.example/")));
        let session = format!("{:?}", Session::new(cookie.clone(), None).unwrap());
        let config = format!("{:?}", Config { cookie: Some(cookie), ..Config::default() });
        for shown in [session, config] {
            assert!(shown.contains("https://board.example") && !shown.contains("s3cret"), "{shown}");
        }
    }

    #[test]
    fn a_cookie_goes_where_it_was_told_to_and_only_home_refreshes_it() {
        let media = url("https://img.board.example/");
        let cookie = Cookie::new(&home(), "me=1").also_to(&media);
        assert!(cookie.goes_to(&home()) && cookie.goes_to(&media));
        assert!(!cookie.goes_to(&url("https://vid.board.example/")));
        let session = Session::new(cookie, None).unwrap();
        let headers = HeaderMap::from_iter([(SET_COOKIE, HeaderValue::from_static("me=2"))]);
        session.refresh(&media, &headers);
        assert_eq!(session.header(&media).unwrap(), "me=1");
        session.refresh(&home(), &headers);
        assert_eq!(session.header(&media).unwrap(), "me=2");
    }

    #[test]
    fn pairs_by_name() {
        let cookie = Cookie::new(&home(), "pp=1;me=%7B%22a%22=3 ;; odd");
        assert_eq!(cookie.get("me"), Some("%7B%22a%22=3"));
        assert_eq!(cookie.get("pp"), Some("1"));
        assert_eq!(cookie.get("m"), None);
        assert_eq!(cookie.get("odd"), None);
        assert_eq!(cookie, Cookie::new(&url("https://board.example"), cookie.pairs()));
        assert_ne!(cookie, Cookie::new(&home(), "pp=1"));
        assert_ne!(cookie, Cookie::new(&url("https://img.board.example"), cookie.pairs()));
    }

    #[test]
    fn what_an_answer_sets() {
        #[track_caller]
        fn check(header: &str, expected: Option<(&str, &str)>) {
            let now = httpdate::parse_http_date("Sun, 06 Nov 1994 08:49:00 GMT").unwrap();
            assert_eq!(set_cookie(header, now), expected, "{header}");
        }
        let me = Some(("me", "%7B%7D"));
        check("me=%7B%7D", me);
        check(" me = %7B%7D ; Path=/; Secure; HttpOnly", me);
        check("me=%7B%7D; expires=Sun, 06-Nov-2004 08:49:00 GMT; Max-Age=315360000; path=/", me);
        check("me=%7B%7D; expires=never", me);
        check("me=a=b", Some(("me", "a=b")));
        check("me=\"a\"", Some(("me", "\"a\"")));
        // Deletions, in all the ways that hosts write them.
        check("me=; path=/", None);
        check("me=\"\"", None);
        check("me=deleted; Max-Age=0", None);
        check("me=deleted; max-age=-1", None);
        check("me=deleted; expires=Thu, 01 Jan 1970 00:00:01 GMT", None);
        check("me=deleted; Expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/", None);
        // Which of the two counts.
        check("me=%7B%7D; expires=Thu, 01 Jan 1970 00:00:01 GMT; Max-Age=60", me);
        check("me=%7B%7D; expires=Sun, 06 Nov 2004 08:49:00 GMT; Max-Age=0", None);
        check("=x", None);
        check("me", None);
        check("", None);
    }

    #[test]
    fn only_home_refreshes_and_only_what_is_held() {
        #[track_caller]
        fn check(from: &str, set: &[&'static str], expected: &str) {
            let before = Cookie::new(&home(), "me=1; pp=2;odd");
            let fresh = watch::Sender::new(before.clone());
            let mut told = fresh.subscribe();
            let session = Session::new(before.clone(), Some(fresh)).unwrap();
            let headers = set.iter().map(|set| (SET_COOKIE, HeaderValue::from_static(set))).collect();
            session.refresh(&url(from), &headers);
            assert_eq!(session.header(&home()).unwrap(), expected);
            // Whoever keeps the cookie is told of changes, and of nothing else.
            assert_eq!(told.has_changed().unwrap(), before.pairs() != expected);
            assert_eq!(told.borrow_and_update().pairs(), expected);
        }
        let before = "me=1; pp=2;odd";
        check("https://board.example/x", &["me=3; path=/"], "me=3; pp=2; odd");
        check("https://board.example/x", &["me=3", "pp=4", "me=5"], "me=5; pp=4; odd");
        check("https://board.example/x", &["pp=4", "me=; Max-Age=0"], "me=1; pp=4; odd");
        check("https://board.example/x", &["me=1", "__cf_bm=9", "ME=9", "odd=9"], before);
        check("https://board.example/x", &[], before);
        check("https://img.board.example/x", &["me=3"], before);
        check("http://board.example/x", &["me=3"], before);
    }
}

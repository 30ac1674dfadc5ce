//! The `me` cookie: who it says one is, and what that opens.

use axum::http::header::COOKIE;
use axum::http::{HeaderMap, HeaderValue};
use serde_json::{Map, Value};
use tagmill_model::Flags;

use super::{Sessions, Shared, form};
use crate::{wire, world};

/// How long the board's cookies say they last: ten years, in seconds.
const COOKIE_AGE: i64 = 315_360_000;

/// Content classes of an account whose age nobody knows: SFW, NSFP and POL.
const UNVERIFIED: Flags = Flags::from_bits_retain(25);

/// What a `me` cookie says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) name: String,
    /// The session, 32 hexadecimal digits where this board wrote them.
    pub(super) id: String,
    pub(super) verified: bool,
}

/// A session that is alive.
pub(super) struct Session<'a> {
    cookie: &'a str,
    /// Content classes that it may ask for.
    pub(super) allowed: Flags,
}

/// The value of a request's `me` cookie.
pub(super) fn me_cookie(headers: &HeaderMap) -> Option<&str> {
    let mut cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.find_map(|value| value.split(';').find_map(|cookie| cookie.trim().strip_prefix("me=")))
}

impl Me {
    /// Reads the value of a cookie. A text that is no JSON is taken for a name: there has to be someone.
    fn read(cookie: &str) -> Me {
        let text = form::decode(cookie);
        // A map, as a key that occurs twice fails anything stricter.
        let Ok(members) = serde_json::from_str::<Map<String, Value>>(&text) else {
            return Me { name: text.into_owned(), id: "0".repeat(32), verified: false };
        };
        let text = |key: &str| members.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let verified = members.get("verified").and_then(Value::as_bool).unwrap_or_default();
        Me { name: text("n"), id: text("id"), verified }
    }

    /// The cookie as a `Set-Cookie` header. Another `stamp` is another value that says the same.
    pub(super) fn set_cookie(&self, shared: &Shared, stamp: u64) -> Option<HeaderValue> {
        let now = shared.world.now();
        let json = wire::me(&self.name, &self.id, self.verified, now.saturating_add_unsigned(stamp));
        set_cookie(now, "me", &form::encode(&json))
    }
}

/// A `Set-Cookie` header as the board writes it.
pub(super) fn set_cookie(now: i64, name: &str, value: &str) -> Option<HeaderValue> {
    let expires = world::http_date(now + COOKIE_AGE);
    HeaderValue::from_str(&format!("{name}={value}; expires={expires}; Max-Age={COOKIE_AGE}; path=/")).ok()
}

impl<'a> Session<'a> {
    /// The session of a `me` cookie, where that is one.
    pub(super) fn of(shared: &Shared, cookie: &'a str) -> Option<Session<'a>> {
        let config = &shared.config;
        let allowed = match config.sessions {
            Sessions::Any => config.account_flags,
            Sessions::None => return None,
            Sessions::LoggedIn => {
                let account = shared.register().account_of(&Me::read(cookie).id)?;
                if config.accounts[account].verified { Flags::EVERY_CLASS } else { UNVERIFIED }
            }
        };
        Some(Session { cookie, allowed })
    }

    /// A new cookie for the same session, where [`Config::refresh_cookie`](super::Config::refresh_cookie) wants one with
    /// this answer. The old one stays good: other requests may be on their way with it.
    pub(super) fn refresh(&self, shared: &Shared) -> Option<HeaderValue> {
        let every = shared.config.refresh_cookie?;
        let number = shared.register().answer();
        number.is_multiple_of(every).then(|| Me::read(self.cookie).set_cookie(shared, number)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cookie: &str, name: &str, id: &str, verified: bool) {
        assert_eq!(Me::read(cookie), Me { name: name.to_owned(), id: id.to_owned(), verified });
    }

    #[test]
    fn cookies_are_read() {
        let id = "0123456789abcdef0123456789abcdef";
        check(&form::encode(&wire::me("Käpt'n", id, true, 5)), "Käpt'n", id, true);
        check(&form::encode(&wire::me("x", id, false, 5)), "x", id, false);
        check("%7B%22n%22%3A%22x%22%7D", "x", "", false);
        check("x", "x", &"0".repeat(32), false);
        check("", "", &"0".repeat(32), false);
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        assert_eq!(me_cookie(&headers), None);
        headers.append(COOKIE, HeaderValue::from_static("pp=1; name=me=2"));
        assert_eq!(me_cookie(&headers), None);
        headers.append(COOKIE, HeaderValue::from_static("x=1;me=%7B%7D; pp=2"));
        assert_eq!(me_cookie(&headers), Some("%7B%7D"));
    }
}

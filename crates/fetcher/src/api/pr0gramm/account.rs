//! Accounts: the session behind a cookie, and how to get one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Error as JsonError;
use tagmill_http::{Cookie, json_failure, shown};
use thiserror::Error;
use url::Url;

use super::wire::{LoginReply, Reply, captcha};
use super::{ApiError, Pr0gramm, endpoint};

/// A picture that shows what only a person can read, by custom five letters and digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captcha {
    /// Belongs into the answer. It is spent by one, right or wrong.
    pub token: String,
    /// The picture, a PNG.
    pub picture: Vec<u8>,
}

/// Why the board began no session.
#[derive(Debug, Error)]
pub enum LoginError {
    /// No account of this name has this password.
    #[error("the name or the password is wrong")]
    WrongPassword,
    /// The picture shows something else, or was asked about before.
    #[error("the captcha's answer is wrong")]
    WrongCaptcha,
    /// The account may not log in.
    #[error("the account is banned{}{}", till.map_or(" for ever", |_| ""), because(reason))]
    Banned {
        /// Until when, Unix seconds; `None` for ever.
        till: Option<i64>,
        /// Why, in the board's words.
        reason: String,
    },
    /// The board says no in a word of which nothing is known.
    #[error("the board refuses the login: `{}`", word.escape_debug())]
    Refused {
        /// The board's word.
        word: String,
    },
    /// The board says yes, but sets no cookie.
    #[error("the board began no session")]
    NoSession,
    /// No answer, or none that can be read; too many attempts are among it.
    #[error(transparent)]
    Request(#[from] ApiError),
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {}", reason.escape_debug()) }
}

impl Pr0gramm {
    /// Whether the board takes the client's cookie for a session that is logged in.
    ///
    /// # Errors
    /// [`ApiError`]; a board without accounts refuses with [`Refusal::NotFound`](super::Refusal::NotFound).
    pub async fn is_logged_in(&self) -> Result<bool, ApiError> {
        let url = endpoint(&self.base, ["user", "loggedin"]);
        self.ask(&url, |reply: &Reply<'_>| Ok(reply.logged_in.unwrap_or(false))).await
    }

    /// A fresh captcha for [`Pr0gramm::log_in`].
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn captcha(&self) -> Result<Captcha, ApiError> {
        let url = endpoint(&self.base, ["user", "captcha"]);
        let body = self.http().get(&url).await?;
        read_captcha(&body).map_err(|error| unreadable(&url, error))
    }

    /// Begins a session: its cookie. Nothing of the arguments shows up in any error.
    ///
    /// # Errors
    /// [`LoginError`].
    pub async fn log_in(
        &self,
        name: &str,
        password: &str,
        token: &str,
        answer: &str,
    ) -> Result<Cookie, LoginError> {
        let url = endpoint(&self.base, ["user", "login"]);
        let form = [("name", name), ("password", password), ("token", token), ("captcha", answer)];
        let posted = self.http().post_form(&url, &form).await.map_err(ApiError::Request)?;
        let reply = read_login(&posted.body).map_err(|error| unreadable(&url, error))?;
        began(&url, reply)?;
        let pairs: Vec<String> =
            posted.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookie = Cookie::new(&url, pairs.join("; "));
        if cookie.get("me").is_some() { Ok(cookie) } else { Err(LoginError::NoSession) }
    }
}

/// Token and picture, whether that is a data URL or its last part alone.
pub(super) fn read_captcha(body: &[u8]) -> serde_json::Result<Captcha> {
    let (token, data) = captcha(&String::from_utf8_lossy(body))?;
    let base64 = data.rsplit_once(',').map_or(data.as_str(), |(_, base64)| base64);
    let picture = STANDARD.decode(base64.trim()).map_err(|error| {
        <JsonError as serde::de::Error>::custom(format!("the captcha is no base64: {error}"))
    })?;
    Ok(Captcha { token, picture })
}

pub(super) fn read_login(body: &[u8]) -> serde_json::Result<LoginReply> {
    LoginReply::parse(&String::from_utf8_lossy(body))
}

/// Whether the board began a session, as far as its reply tells.
pub(super) fn began(url: &Url, reply: LoginReply) -> Result<(), LoginError> {
    if let Some((till, reason)) = reply.ban {
        return Err(LoginError::Banned { till, reason });
    }
    // Too many attempts are said by a word, or by a number alone.
    let is_too_often =
        matches!(reply.error.as_deref(), Some("tooManyRequests" | "rateLimited" | "limitReached"));
    if is_too_often || (!reply.success && reply.code == Some(429)) {
        let refused = tagmill_http::Error::Refused { url: shown(url), wait: None };
        return Err(ApiError::Request(refused).into());
    }
    match reply.error.as_deref() {
        None if reply.success => Ok(()),
        Some("invalidCaptcha") => Err(LoginError::WrongCaptcha),
        None | Some("invalidLogin") => Err(LoginError::WrongPassword),
        Some(word) => Err(LoginError::Refused { word: word.to_owned() }),
    }
}

fn unreadable(url: &Url, source: JsonError) -> ApiError {
    ApiError::Request(json_failure(url, source).into_error())
}

use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;
use url::Url;

/// Why a request came to nothing. Every `url` in it is free of secrets, see [`shown`].
#[derive(Debug, Error)]
pub enum Error {
    /// The configuration cannot work.
    #[error("`{field}` {fault}")]
    InvalidConfig {
        /// The field of [`Config`](crate::Config).
        field: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// TLS could not be set up, so that no `https` URL can be asked; most often the system has no root certificates.
    #[error("cannot set up TLS")]
    Tls {
        /// What the library said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The URL is not one that can be asked.
    #[error("`{url}` is not an http or https url")]
    InvalidUrl {
        /// The URL.
        url: String,
    },
    /// No answer: no connection, or it broke or fell silent before the answer began. Retried.
    #[error("no answer from `{url}`")]
    Network {
        /// What was asked.
        url: String,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// The answer began, but its body broke off, fell silent or came short of its announced length. Retried.
    #[error("the answer of `{url}` broke off after {received} bytes")]
    Truncated {
        /// What was asked.
        url: String,
        /// Bytes of the body that came.
        received: u64,
        /// What happened.
        #[source]
        source: reqwest::Error,
    },
    /// An answer that is not JSON where JSON was asked for: a challenge page, or half an answer. Retried.
    #[error("`{url}` did not answer in json")]
    NotJson {
        /// What was asked.
        url: String,
        /// Where it stops being JSON.
        #[source]
        source: serde_json::Error,
    },
    /// JSON of another shape than expected. Asking again would not help.
    #[error("`{url}` answered in json of an unexpected shape")]
    UnexpectedJson {
        /// What was asked.
        url: String,
        /// The first difference.
        #[source]
        source: serde_json::Error,
    },
    /// An answer that its reader cannot use, such as a web page in place of a picture.
    #[error("`{url}` answered with {fault}")]
    Unusable {
        /// What was asked.
        url: String,
        /// What came instead, such as `a web page`.
        fault: &'static str,
    },
    /// A status that is no success. 408 and 5xx but 503 are retried; a 4xx stands.
    #[error("`{url}` answered with status {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// The first 64 KiB of the body: an API says there what is wrong.
        body: Bytes,
    },
    /// A firewall in front of the host (403 with a page, or a Cloudflare challenge) keeps this machine out. All requests
    /// wait as after [`Error::Refused`], but few times: this error is seen inside [`Error::GaveUp`] after
    /// [`Pause::max_blocks`](crate::Pause::max_blocks), or alone for a form.
    #[error("a firewall in front of `{url}` refuses this client (status {status})")]
    Blocked {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The host asks everyone to wait: 429 or 503. All requests of a client wait together, then try again; this error is
    /// seen inside [`Error::GaveUp`], or alone where the host asked for a longer wait than
    /// [`Pause::max_retry_after`](crate::Pause::max_retry_after), and for a form, which is sent only once.
    #[error("`{url}` asks to wait{}", wait.map(|wait| format!(" for {} s", wait.as_secs())).unwrap_or_default())]
    Refused {
        /// What was asked.
        url: String,
        /// For how long, where it was said.
        wait: Option<Duration>,
    },
    /// The answer leads elsewhere, and [`Redirects`](crate::Redirects) does not allow to follow.
    #[error("`{url}` redirects to `{to}`")]
    Redirected {
        /// What was asked.
        url: String,
        /// The `Location`, made absolute where possible; without secrets.
        to: String,
    },
    /// The body is larger than what the caller takes.
    #[error("`{url}` is larger than {limit} bytes")]
    TooLarge {
        /// What was asked.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// Every try failed with something that might have passed.
    #[error("gave up after {tries} {}", if *tries == 1 { "try" } else { "tries" })]
    GaveUp {
        /// Tries made.
        tries: u32,
        /// How the last one failed.
        #[source]
        last: Box<Error>,
    },
}

impl Error {
    /// What is behind [`Error::GaveUp`]: the last failure; any other error itself.
    pub fn last(&self) -> &Error {
        match self {
            Error::GaveUp { last, .. } => last.last(),
            other => other,
        }
    }

    /// The HTTP status that this error is about, if it is about one.
    pub fn status(&self) -> Option<u16> {
        match self.last() {
            Error::Status { status, .. } | Error::Blocked { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// Whether there was no answer at all, not even a refusal.
    pub fn is_network(&self) -> bool {
        matches!(self.last(), Error::Network { .. })
    }

    /// Whether not even a connection could be made: no such host, nobody listening there, or no way to it.
    pub fn is_connect(&self) -> bool {
        matches!(self.last(), Error::Network { source, .. } if source.is_connect())
    }
}

/// How one try failed: what the `read` of [`Client::request`](crate::Client::request) returns to say what to do next.
#[derive(Debug)]
pub enum Failure {
    /// May pass: try again after a delay.
    Transient(Error),
    /// Stands: end the request with it.
    Permanent(Error),
    /// The host asks to wait, in whatever form its API says it: everybody stops, then this request is tried again.
    Refused {
        /// Seen where the request is given up.
        error: Error,
        /// For how long, where it was said.
        wait: Option<Duration>,
    },
}

impl Failure {
    /// The error inside.
    pub fn error(&self) -> &Error {
        match self {
            Failure::Transient(error) | Failure::Permanent(error) | Failure::Refused { error, .. } => error,
        }
    }

    /// The error inside, for who does not try again.
    pub fn into_error(self) -> Error {
        match self {
            Failure::Transient(error) | Failure::Permanent(error) | Failure::Refused { error, .. } => error,
        }
    }
}

/// What a JSON parser's complaint means: cut or no JSON at all is transient, another shape is permanent.
pub fn json_failure(url: &Url, source: serde_json::Error) -> Failure {
    let url = shown(url);
    match source.classify() {
        serde_json::error::Category::Data => Failure::Permanent(Error::UnexpectedJson { url, source }),
        _ => Failure::Transient(Error::NotJson { url, source }),
    }
}

/// Names of query parameters whose values are no one's business.
const SECRET_PARAMETERS: [&str; 10] =
    ["auth", "code", "key", "nonce", "password", "secret", "session", "sig", "token", "captcha"];

/// Values of query parameters are cut behind so many characters where they are shown, as those of lists and searches fill a
/// screen.
const SHOWN_VALUE: usize = 48;

/// A URL as it may be shown: without user name, password and fragment, values of secret-looking parameters replaced, and
/// overlong ones cut.
pub fn shown(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that cannot hold a user at all.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    let is_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        SECRET_PARAMETERS.iter().any(|secret| name.contains(secret))
    };
    let cut = |value: &str| Some(format!("{}...", &value[..value.char_indices().nth(SHOWN_VALUE)?.0]));
    let replaced =
        |name: &str, value: &str| if is_secret(name) { Some("redacted".to_owned()) } else { cut(value) };
    if url.query_pairs().any(|(name, value)| replaced(&name, &value).is_some()) {
        let pairs = url.query_pairs().map(|(name, value)| {
            let value = replaced(&name, &value).map_or(value, Into::into);
            (name, value)
        });
        shown.query_pairs_mut().clear().extend_pairs(pairs);
    }
    shown.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, expected: &str) {
        assert_eq!(shown(&Url::parse(url).unwrap()), expected);
    }

    #[test]
    fn shows_no_secret() {
        check(
            "https://board.example/api/items/info?itemId=5",
            "https://board.example/api/items/info?itemId=5",
        );
        check("https://me:pw@board.example/a#token", "https://board.example/a");
        check(
            "https://board.example/a?_nonce=1&b=2&api_key=3",
            "https://board.example/a?_nonce=redacted&b=2&api_key=redacted",
        );
        check("https://board.example/a?ACCESS_TOKEN=x", "https://board.example/a?ACCESS_TOKEN=redacted");
    }

    #[test]
    fn cuts_what_fills_a_screen() {
        let fits = "x".repeat(SHOWN_VALUE);
        check(&format!("https://board.example/?a={fits}"), &format!("https://board.example/?a={fits}"));
        check(
            &format!("https://board.example/?a={fits}x&b=1"),
            &format!("https://board.example/?a={fits}...&b=1"),
        );
        let umlauts = "ä".repeat(SHOWN_VALUE + 1);
        let shown = format!("https://board.example/?a={}...", "%C3%A4".repeat(SHOWN_VALUE));
        check(&format!("https://board.example/?a={umlauts}"), &shown);
    }
}

use std::fmt;

use url::Url;

/// A name and its key, for HTTP Basic authentication (RFC 7617). The key is redacted wherever it could be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    home: url::Origin,
    name: String,
    key: String,
}

impl Credentials {
    /// Credentials that are sent to the scheme, host and port of `url` and nowhere else.
    pub fn new(url: &Url, name: impl Into<String>, key: impl Into<String>) -> Credentials {
        Credentials { home: url.origin(), name: name.into(), key: key.into() }
    }

    /// Name and key, where they are for `url`.
    pub(crate) fn for_url(&self, url: &Url) -> Option<(&str, &str)> {
        (self.home == url.origin()).then_some((&self.name, &self.key))
    }

    /// Why no host could read them, if that is so.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let is_unfit = |text: &str| text.is_empty() || text.chars().any(char::is_control);
        match () {
            () if is_unfit(&self.name) || is_unfit(&self.key) => {
                Some("have an empty part, or a control character")
            }
            () if self.name.contains(':') => Some("have a colon in their name"),
            () => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials([redacted], for {})", self.home.ascii_serialization())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Client, Config, Error};

    fn url(url: &str) -> Url {
        Url::parse(url).unwrap()
    }

    #[test]
    fn they_stay_home_and_hidden() {
        let credentials = Credentials::new(&url("https://board.example/posts.json"), "me", "s3cret");
        assert_eq!(credentials.for_url(&url("https://board.example:443/x")), Some(("me", "s3cret")));
        for elsewhere in [
            "http://board.example/",
            "https://cdn.board.example/",
            "https://board.example:8443/",
            "https://board.example.evil.example/",
        ] {
            assert_eq!(credentials.for_url(&url(elsewhere)), None, "{elsewhere}");
        }
        let config = format!("{:?}", Config { credentials: Some(credentials), ..Config::default() });
        assert!(config.contains("https://board.example") && !config.contains("s3cret"), "{config}");
    }

    #[test]
    fn what_no_host_could_read_is_refused() {
        for (name, key) in [("", "k"), ("me", ""), ("m:e", "k"), ("me", "k\n"), ("m\0", "k")] {
            let credentials = Some(Credentials::new(&url("https://board.example"), name, key));
            let error = Client::new(Config { credentials, ..Config::default() }).unwrap_err();
            assert!(matches!(error, Error::InvalidConfig { field: "credentials", .. }), "{error:?}");
        }
    }
}

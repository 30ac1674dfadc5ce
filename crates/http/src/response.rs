use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;
use url::Url;

use crate::bandwidth::Bandwidth;
use crate::error::{json_failure, shown};
use crate::{Error, Failure};

/// A successful response whose body is still to be read.
#[derive(Debug)]
pub struct Response {
    url: Url,
    inner: reqwest::Response,
    expected: Option<u64>,
    received: u64,
    max_body: u64,
    bandwidth: Option<Arc<Bandwidth>>,
}

impl Response {
    pub(crate) fn new(
        url: &Url,
        inner: reqwest::Response,
        max_body: u64,
        bandwidth: Option<Arc<Bandwidth>>,
    ) -> Response {
        let expected =
            inner.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.trim().parse().ok());
        Response { url: url.clone(), inner, expected, received: 0, max_body, bandwidth }
    }

    /// What was asked; [`shown`] makes it fit to be shown.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The HTTP status: 200, or 206 for a part.
    pub fn status(&self) -> u16 {
        self.inner.status().as_u16()
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        self.inner.headers()
    }

    /// A header's value, where it is there and readable.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.inner.headers().get(name)?.to_str().ok()
    }

    /// The announced length of the body in bytes, where the body comes as it is (not compressed) and was announced.
    pub fn content_length(&self) -> Option<u64> {
        self.expected
    }

    /// Whether the body calls itself a web page.
    pub fn is_html(&self) -> bool {
        is_html(self.headers())
    }

    /// The next piece of the body; `None` at its end. A body that ends before its announced length is an error.
    ///
    /// # Errors
    /// [`Failure::Transient`] with [`Error::Truncated`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        match self.inner.chunk().await {
            Ok(chunk) => {
                let length = chunk.as_ref().map_or(0, Bytes::len);
                self.received += length as u64;
                if let Some(bandwidth) = &self.bandwidth {
                    bandwidth.spend(length).await;
                }
                Ok(chunk)
            }
            Err(source) => {
                let source = source.without_url();
                let (url, received) = (shown(&self.url), self.received);
                Err(Failure::Transient(Error::Truncated { url, received, source }))
            }
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Response::chunk`], and [`Error::TooLarge`] beyond [`Config::max_body`](crate::Config::max_body).
    pub async fn bytes(mut self) -> Result<Bytes, Failure> {
        self.check_size(self.expected.unwrap_or(0))?;
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        self.check_size(self.received)?;
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            self.check_size(self.received)?;
            if body.is_empty() {
                body.reserve(self.expected.unwrap_or(0).max(self.received) as usize);
                body.extend_from_slice(&first);
            }
            body.extend_from_slice(&chunk);
        }
        // Most bodies of an API come in one piece, which then needs no copy.
        Ok(if body.is_empty() { first } else { body.freeze() })
    }

    /// The whole body as JSON.
    ///
    /// # Errors
    /// As [`Response::bytes`], and those of [`json_failure`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<T, Failure> {
        let url = self.url.clone();
        serde_json::from_slice(&self.bytes().await?).map_err(|source| json_failure(&url, source))
    }

    fn check_size(&self, size: u64) -> Result<(), Failure> {
        if size <= self.max_body {
            return Ok(());
        }
        Err(Failure::Permanent(Error::TooLarge { url: shown(&self.url), limit: self.max_body }))
    }
}

/// What came back for a form, see [`Client::post_form`](crate::Client::post_form).
#[derive(Clone, PartialEq, Eq)]
pub struct Posted {
    /// The HTTP status: a success, or 400, 401 or 403 with a body in JSON that says why.
    pub status: u16,
    /// The body.
    pub body: Bytes,
    /// Names and values of the cookies that the answer set, without those that it deleted. They are secrets, such as the
    /// session of one who just logged in.
    pub cookies: Vec<(String, String)>,
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.cookies.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Posted")
            .field("status", &self.status)
            .field("body", &format_args!("[{} bytes]", self.body.len()))
            .field("cookies", &format_args!("{names:?} [redacted]"))
            .finish()
    }
}

/// Whether a body begins as a web page does, whatever it calls itself. No JSON and no picture begins so.
pub fn looks_like_html(body: &[u8]) -> bool {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    body.trim_ascii_start().first() == Some(&b'<')
}

pub(crate) fn is_html(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("text/html") || kind.eq_ignore_ascii_case("application/xhtml+xml")
    })
}

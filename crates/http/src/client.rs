use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use url::Url;

use crate::error::shown;
use crate::exchange::{Answer, Exchange};
use crate::limiter::eta;
use crate::{Config, Error, Failure, Posted, Response};

/// More redirects than this in a row are a loop.
const MAX_REDIRECTS: u32 = 5;

/// A polite HTTP client. Clones are cheap and share one rate limit, one gate and one count of requests under way; a
/// request ends when its future is dropped.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Exchange>,
}

/// A GET request. A plain `&Url` becomes one.
#[derive(Debug, Clone)]
pub struct Request {
    /// What to get.
    pub url: Url,
    /// Headers besides the client's own, such as `Range` and `If-Range`.
    pub headers: HeaderMap,
}

impl Request {
    /// A request without headers of its own.
    pub fn get(url: Url) -> Request {
        Request { url, headers: HeaderMap::new() }
    }

    /// Adds a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Request {
        self.headers.insert(name, value);
        self
    }
}

impl From<&Url> for Request {
    fn from(url: &Url) -> Request {
        Request::get(url.clone())
    }
}

impl Client {
    /// Makes a client. Nothing is sent or looked up yet.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] with the field at fault; [`Error::Tls`].
    pub fn new(config: Config) -> Result<Client, Error> {
        Ok(Client { shared: Arc::new(Exchange::new(config)?) })
    }

    /// The configuration that the client was made with.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether any host ever answered this client or a clone of it, with whatever status.
    pub fn has_been_answered(&self) -> bool {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// How long so many requests take at least: until the last of them leaves, where none is refused and the host answers
    /// at once. `None` where neither [`Config::rate`] nor [`Config::cap`] limits them. For a plan that is shown before a
    /// run.
    pub fn eta(&self, requests: u64) -> Option<Duration> {
        eta(self.shared.config.rate, self.shared.config.cap, requests)
    }

    /// Runs one logical request: waits its turn, sends, hands the successful response to `read`, and tries again what
    /// may pass. `read` is called once for each try that got a 2xx, and says by [`Failure`] whether to try again; an
    /// error of the caller's own, such as a full disk, travels inside `T`.
    ///
    /// # Errors
    /// Any [`Error`]: [`Error::GaveUp`] where all tries failed, otherwise the one that stands.
    pub async fn request<T, F, R>(&self, request: impl Into<Request>, read: F) -> Result<T, Error>
    where
        // `AsyncFn` would be shorter, but with a closure that borrows, the future would not be `Send`.
        F: Fn(Response) -> R,
        R: Future<Output = Result<T, Failure>>,
    {
        let Request { url, headers } = request.into();
        self.request_anew(&url, || headers.clone(), read).await
    }

    /// As [`Client::request`], with headers that are made for each try, such as a `Range` behind what came so far.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn request_anew<T, H, F, R>(&self, url: &Url, headers: H, read: F) -> Result<T, Error>
    where
        H: Fn() -> HeaderMap,
        F: Fn(Response) -> R,
        R: Future<Output = Result<T, Failure>>,
    {
        let shared = &*self.shared;
        let retry = &shared.config.retry;
        check(url)?;
        let mut request = Request::get(url.clone());
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(retry.first_delay)
            .with_max_delay(retry.max_delay)
            .with_max_times(retry.max_tries as usize - 1)
            .with_jitter()
            .build();
        let (mut tries, mut refusals, mut blocks, mut redirects) = (0, 0, 0, 0);
        let mut spent = Duration::ZERO;
        loop {
            request.headers = headers();
            let failure = match shared.get(&request, &read, &mut spent).await {
                Ok(Answer::Done(value)) => return Ok(value),
                Ok(Answer::Redirect(to)) if redirects < MAX_REDIRECTS => {
                    redirects += 1;
                    request.url = to;
                    continue;
                }
                Ok(Answer::Redirect(to)) => {
                    return Err(Error::Redirected { url: shown(&request.url), to: shown(&to) });
                }
                Err(failure) => failure,
            };
            tries += 1;
            match failure {
                Failure::Permanent(error) => return Err(error),
                Failure::Refused { error, .. } => {
                    let pause = &shared.config.pause;
                    let (count, most) = match error {
                        Error::Blocked { .. } => (&mut blocks, pause.max_blocks),
                        _ => (&mut refusals, pause.max_refusals),
                    };
                    *count += 1;
                    if *count >= most {
                        return Err(Error::GaveUp { tries, last: Box::new(error) });
                    }
                }
                Failure::Transient(error) => {
                    let stranger = error.is_connect() && !self.has_been_answered();
                    let delay = delays
                        .next()
                        .filter(|delay| spent + *delay < retry.max_elapsed)
                        .filter(|_| !stranger || tries < retry.max_first_tries);
                    let Some(delay) = delay else {
                        return Err(Error::GaveUp { tries, last: Box::new(error) });
                    };
                    tracing::debug!(
                        url = shown(&request.url), tries, delay_ms = delay.as_millis() as u64,
                        reason = %chain(&error), "trying again"
                    );
                    spent += delay;
                    tokio::time::sleep(delay).await;
                }
            }
        }
    }

    /// Gets a whole body, its length checked, of at most [`Config::max_body`] bytes.
    ///
    /// # Errors
    /// As [`Client::request`].
    pub async fn get(&self, url: &Url) -> Result<Bytes, Error> {
        self.request(url, Response::bytes).await
    }

    /// Gets JSON. A page or half an answer with status 200 is tried again.
    ///
    /// # Errors
    /// As [`Client::request`]; [`Error::UnexpectedJson`] where the shape is another.
    pub async fn get_json<T: DeserializeOwned>(&self, url: &Url) -> Result<T, Error> {
        self.request(url, Response::json).await
    }

    /// Sends a form (`application/x-www-form-urlencoded`) when its turn has come, and reads the whole answer. Once:
    /// after a failure nobody knows whether the host took it. A refusal stops everybody, as that of any request.
    ///
    /// A 400, 401 or 403 in JSON is no error, as an API says in it what is wrong with the form. The values of the form are
    /// in no log and no error.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::GaveUp`]: [`Error::Refused`] after a 429 or 503, [`Error::Blocked`] by a firewall,
    /// [`Error::Status`] for any other status that is no success, redirects among them.
    pub async fn post_form(&self, url: &Url, form: &[(&str, &str)]) -> Result<Posted, Error> {
        check(url)?;
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.shared.post(url, form).await.map_err(Failure::into_error)
    }
}

fn check(url: &Url) -> Result<(), Error> {
    match matches!(url.scheme(), "http" | "https") && url.has_host() {
        true => Ok(()),
        false => Err(Error::InvalidUrl { url: shown(url) }),
    }
}

/// The error with its causes, for one line of a log.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use backon::{BackoffBuilder, ExponentialBuilder};
use bytes::{Bytes, BytesMut};
use reqwest::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION};
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use crate::connection::Connections;
use crate::error::shown;
use crate::gate::{Gate, Pass};
use crate::limiter::Limiter;
use crate::response::{is_html, looks_like_html};
use crate::retry_after::retry_after;
use crate::{Config, Error, Failure, Redirects, Response};

/// What is kept of the body of a response that is no success.
const ERROR_BODY: usize = 64 << 10;

/// More redirects than this in a row are a loop.
const MAX_REDIRECTS: u32 = 5;

/// A polite HTTP client. Clones are cheap and share one rate limit, one gate and one count of requests under way; a
/// request ends when its future is dropped.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    cookie: Option<HeaderValue>,
    connections: Connections,
    gate: Gate,
    limiter: Option<Limiter>,
    in_flight: Semaphore,
    /// Whether anything ever answered.
    answered: AtomicBool,
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
        let cookie = check(&config)?;
        let now = Instant::now();
        Ok(Client {
            shared: Arc::new(Shared {
                cookie,
                connections: Connections::new(&config)?,
                gate: Gate::new(config.pause.clone()),
                limiter: config.rate.map(|rate| Limiter::new(rate, now)),
                in_flight: Semaphore::new(config.max_in_flight),
                answered: AtomicBool::new(false),
                config,
            }),
        })
    }

    /// The configuration that the client was made with.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Whether any host ever answered this client or a clone of it, with whatever status.
    pub fn has_been_answered(&self) -> bool {
        self.shared.answered.load(Ordering::Relaxed)
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
        let shared = &*self.shared;
        let retry = &shared.config.retry;
        let mut request = request.into();
        if !matches!(request.url.scheme(), "http" | "https") || !request.url.has_host() {
            return Err(Error::InvalidUrl { url: shown(&request.url) });
        }
        let mut delays = ExponentialBuilder::new()
            .with_min_delay(retry.first_delay)
            .with_max_delay(retry.max_delay)
            .with_max_times(retry.max_tries as usize - 1)
            .with_jitter()
            .build();
        let (mut tries, mut refusals, mut redirects) = (0, 0, 0);
        let mut spent = Duration::ZERO;
        loop {
            let failure = match shared.attempt(&request, &read, &mut spent).await {
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
                    refusals += 1;
                    if refusals >= shared.config.pause.max_refusals {
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
}

enum Answer<T> {
    Done(T),
    Redirect(Url),
}

impl Shared {
    /// One try. `spent` grows by what it took from sending on.
    async fn attempt<T, F, R>(
        &self,
        request: &Request,
        read: &F,
        spent: &mut Duration,
    ) -> Result<Answer<T>, Failure>
    where
        F: Fn(Response) -> R,
        R: Future<Output = Result<T, Failure>>,
    {
        let connection = self.connections.to(&request.url).await.map_err(Failure::Permanent)?;
        let _permit = self.in_flight.acquire().await.expect("the semaphore is never closed");
        let mut builder = connection.get(request.url.clone()).headers(request.headers.clone());
        let cookie = self.config.cookie.as_ref().filter(|cookie| cookie.goes_to(&request.url));
        if let (Some(_), Some(value)) = (cookie, &self.cookie) {
            builder = builder.header(COOKIE, value.clone());
        }
        let pass = self.turn(&request.url).await?;
        let started = Instant::now();
        let result = self.exchange(request, builder, pass, read).await;
        *spent += started.elapsed();
        if let Err(Failure::Refused { wait, error }) = &result {
            let pause = self.gate.shut(pass, *wait, Instant::now());
            tracing::warn!(
                pause_ms = pause.as_millis() as u64,
                told_ms = wait.map(|wait| wait.as_millis() as u64),
                "the host asks to wait, all requests pause: {error}"
            );
        }
        result
    }

    /// Waits until the gate is open and the rate allows a request, both at the same moment.
    async fn turn(&self, url: &Url) -> Result<Pass, Failure> {
        loop {
            let now = Instant::now();
            if let Err(until) = self.gate.enter(now) {
                let wait = until - now;
                if wait > self.config.pause.max_retry_after.max(self.config.pause.max_delay * 2) {
                    return Err(Failure::Permanent(Error::Refused { url: shown(url), wait: Some(wait) }));
                }
                tokio::time::sleep_until(until).await;
                continue;
            }
            if let Some(limiter) = &self.limiter {
                tokio::time::sleep_until(limiter.reserve(now)).await;
            }
            // While this request waited for its slot, another may have been refused.
            if let Ok(pass) = self.gate.enter(Instant::now()) {
                return Ok(pass);
            }
        }
    }

    async fn exchange<T, F, R>(
        &self,
        request: &Request,
        builder: reqwest::RequestBuilder,
        pass: Pass,
        read: &F,
    ) -> Result<Answer<T>, Failure>
    where
        F: Fn(Response) -> R,
        R: Future<Output = Result<T, Failure>>,
    {
        let url = &request.url;
        let response = builder.send().await.map_err(|source| {
            // The library would show the URL again, and with its secrets.
            Failure::Transient(Error::Network { url: shown(url), source: source.without_url() })
        })?;
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status();
        if response.headers().get("cf-mitigated").is_some_and(|value| value == "challenge") {
            return Err(Failure::Permanent(Error::Blocked { url: shown(url), status: status.as_u16() }));
        }
        if matches!(status.as_u16(), 429 | 503) {
            let wait = retry_after(response.headers(), SystemTime::now());
            return Err(Failure::Refused { error: Error::Refused { url: shown(url), wait }, wait });
        }
        self.gate.answered(pass);
        if status.is_success() {
            let response = Response::new(url, response, self.config.max_body);
            return read(response).await.map(Answer::Done);
        }
        if let (true, Some(to)) = (status.is_redirection(), response.headers().get(LOCATION)) {
            return self.redirect(url, &String::from_utf8_lossy(to.as_bytes())).map(Answer::Redirect);
        }
        Err(failed_status(url, response).await)
    }

    fn redirect(&self, url: &Url, location: &str) -> Result<Url, Failure> {
        let target = url.join(location).ok();
        let same_origin = target.as_ref().filter(|target| target.origin() == url.origin());
        match (self.config.redirects, same_origin) {
            (Redirects::SameOrigin, Some(target)) => Ok(target.clone()),
            _ => {
                // A location that is no URL could hold anything, so it is not shown.
                let to = target.map_or_else(|| "an invalid url".to_owned(), |target| shown(&target));
                Err(Failure::Permanent(Error::Redirected { url: shown(url), to }))
            }
        }
    }
}

/// Sorts out a status that is neither a success nor a refusal.
async fn failed_status(url: &Url, mut response: reqwest::Response) -> Failure {
    let status = response.status().as_u16();
    let html = is_html(response.headers());
    let mut body = BytesMut::new();
    // A body that breaks off takes nothing from what the status says.
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(ERROR_BODY - body.len())]);
        if body.len() == ERROR_BODY {
            break;
        }
    }
    let shown = shown(url);
    if status == 403 && (html || looks_like_html(&body)) {
        return Failure::Permanent(Error::Blocked { url: shown, status });
    }
    let error = Error::Status { url: shown, status, body: body.freeze() };
    if status == 408 || status >= 500 { Failure::Transient(error) } else { Failure::Permanent(error) }
}

/// Checks what can be checked without a host, and makes the cookie's header.
fn check(config: &Config) -> Result<Option<HeaderValue>, Error> {
    let invalid = |field, fault| Err(Error::InvalidConfig { field, fault });
    if config.user_agent.trim().is_empty() || HeaderValue::from_str(&config.user_agent).is_err() {
        return invalid("user_agent", "is empty or has a character that no header may have");
    }
    if config.max_in_flight == 0 || config.max_in_flight > Semaphore::MAX_PERMITS {
        return invalid("max_in_flight", "must be at least 1");
    }
    if config.retry.max_tries == 0 {
        return invalid("retry.max_tries", "must be at least 1");
    }
    if config.pause.max_refusals == 0 {
        return invalid("pause.max_refusals", "must be at least 1");
    }
    if let Some(rate) = config.rate {
        // One request in eleven days is the slowest that is still a rate.
        if !(1e-6..=1e9).contains(&rate.per_second) {
            return invalid("rate.per_second", "must be more than 0");
        }
        if rate.burst == 0 {
            return invalid("rate.burst", "must be at least 1");
        }
    }
    let Some(cookie) = &config.cookie else { return Ok(None) };
    match HeaderValue::from_str(cookie.pairs()) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Ok(Some(value))
        }
        Err(_) => invalid("cookie", "has a character that no header may have"),
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

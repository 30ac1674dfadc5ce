use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use bytes::BytesMut;
use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION};
use serde::de::IgnoredAny;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use crate::bandwidth::Bandwidth;
use crate::connection::Connections;
use crate::cookie::{Session, set_cookies};
use crate::error::shown;
use crate::response::{is_html, looks_like_html};
use crate::retry_after::retry_after;
use crate::traffic::Traffic;
use crate::{Config, Error, Failure, Posted, Redirects, Request, Response};

/// What is kept of the body of a response that is no success.
const ERROR_BODY: usize = 64 << 10;

const FORM: &str = "application/x-www-form-urlencoded";

/// What the clones of a client share, and how one try goes.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) config: Config,
    pub(crate) session: Option<Session>,
    connections: Connections,
    traffic: Traffic,
    in_flight: Semaphore,
    bandwidth: Option<Arc<Bandwidth>>,
    /// Whether anything ever answered.
    pub(crate) answered: AtomicBool,
}

pub(crate) enum Answer<T> {
    Done(T),
    Redirect(Url),
}

impl Exchange {
    pub(crate) fn new(config: Config) -> Result<Exchange, Error> {
        config.check()?;
        let fault = "has a character that no header may have";
        let invalid = Error::InvalidConfig { field: "cookie", fault };
        let session = |cookie| Session::new(cookie, config.fresh_cookie.clone()).ok_or(invalid);
        let session = config.cookie.clone().map(session).transpose()?;
        Ok(Exchange {
            session,
            connections: Connections::new(&config)?,
            traffic: Traffic::new(&config, Instant::now()),
            in_flight: Semaphore::new(config.max_in_flight),
            bandwidth: config.bandwidth.map(|bytes| Arc::new(Bandwidth::new(bytes, Instant::now()))),
            answered: AtomicBool::new(false),
            config,
        })
    }

    /// One try. `spent` grows by what it took from sending on.
    pub(crate) async fn get<T, F, R>(
        &self,
        request: &Request,
        read: &F,
        spent: &mut Duration,
    ) -> Result<Answer<T>, Failure>
    where
        F: Fn(Response) -> R,
        R: Future<Output = Result<T, Failure>>,
    {
        let url = &request.url;
        let connection = self.connections.to(url).await.map_err(Failure::Permanent)?;
        let _permit = self.in_flight.acquire().await.expect("the semaphore is never closed");
        let builder = connection.get(url.clone()).headers(request.headers.clone());
        let pass = self.traffic.turn(url).await?;
        let started = Instant::now();
        let result = async {
            let response = self.send(url, builder).await?;
            let status = response.status();
            if status.is_success() {
                return read(self.success(url, response)).await.map(Answer::Done);
            }
            if let (true, Some(to)) = (status.is_redirection(), response.headers().get(LOCATION)) {
                return self.redirect(url, &String::from_utf8_lossy(to.as_bytes())).map(Answer::Redirect);
            }
            Err(failed_status(url, response).await)
        }
        .await;
        *spent += started.elapsed();
        self.traffic.arrived(pass, &result);
        result
    }

    /// The only try of a POST of a form that is already encoded.
    pub(crate) async fn post(&self, url: &Url, form: String) -> Result<Posted, Failure> {
        let connection = self.connections.to(url).await.map_err(Failure::Permanent)?;
        let _permit = self.in_flight.acquire().await.expect("the semaphore is never closed");
        let builder = connection.post(url.clone()).header(CONTENT_TYPE, FORM).body(form);
        let pass = self.traffic.turn(url).await?;
        let result = self.posted(url, builder).await;
        self.traffic.arrived(pass, &result);
        result
    }

    async fn posted(&self, url: &Url, builder: reqwest::RequestBuilder) -> Result<Posted, Failure> {
        let response = self.send(url, builder).await?;
        let status = response.status();
        let cookies = set_cookies(response.headers(), SystemTime::now())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if status.is_success() {
            let body = self.success(url, response).bytes().await?;
            return Ok(Posted { status: status.as_u16(), body, cookies });
        }
        match failed_status(url, response).await {
            Failure::Permanent(Error::Status { status: status @ (400 | 401 | 403), body, .. })
                if serde_json::from_slice::<IgnoredAny>(&body).is_ok() =>
            {
                Ok(Posted { status, body, cookies })
            }
            failure => Err(failure),
        }
    }

    /// Sends a request whose turn it is. What comes back is an answer, not a word about the pace.
    async fn send(&self, url: &Url, builder: reqwest::RequestBuilder) -> Result<reqwest::Response, Failure> {
        let builder = match self.session.as_ref().and_then(|session| session.header(url)) {
            Some(cookie) => builder.header(COOKIE, cookie),
            None => builder,
        };
        let credentials = self.config.credentials.as_ref();
        let builder = match credentials.and_then(|credentials| credentials.for_url(url)) {
            Some((name, key)) => builder.basic_auth(name, Some(key)),
            None => builder,
        };
        let response = builder.send().await.map_err(|source| {
            // The library would show the URL again, and with its secrets.
            Failure::Transient(Error::Network { url: shown(url), source: source.without_url() })
        })?;
        self.answered.store(true, Ordering::Relaxed);
        let status = response.status().as_u16();
        if response.headers().get("cf-mitigated").is_some_and(|value| value == "challenge") {
            let wait = retry_after(response.headers(), SystemTime::now());
            return Err(Failure::Refused { error: Error::Blocked { url: shown(url), status }, wait });
        }
        if matches!(status, 429 | 503) {
            let wait = retry_after(response.headers(), SystemTime::now());
            return Err(Failure::Refused { error: Error::Refused { url: shown(url), wait }, wait });
        }
        // Only a success is sure to come from behind all that may stand before the host.
        if let (true, Some(session)) = (response.status().is_success(), &self.session) {
            session.refresh(url, response.headers());
        }
        Ok(response)
    }

    fn success(&self, url: &Url, response: reqwest::Response) -> Response {
        Response::new(url, response, self.config.max_body, self.bandwidth.clone())
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

/// Sorts out a status that is no success, and no refusal by itself.
async fn failed_status(url: &Url, mut response: reqwest::Response) -> Failure {
    let status = response.status().as_u16();
    let html = is_html(response.headers());
    let wait = retry_after(response.headers(), SystemTime::now());
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
        return Failure::Refused { error: Error::Blocked { url: shown, status }, wait };
    }
    let error = Error::Status { url: shown, status, body: body.freeze() };
    if status == 408 || status >= 500 { Failure::Transient(error) } else { Failure::Permanent(error) }
}

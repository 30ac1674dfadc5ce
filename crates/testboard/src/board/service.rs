//! One request from arrival to answer: counting, mishaps, endpoint.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, RETRY_AFTER, USER_AGENT};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use tagmill_model::ItemId;

use super::mishap::Asked;
use super::{Endpoint, Line, Mishap, Shared, api, media};

/// A whole answer, before mishaps.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) mime_type: &'static str,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    /// The length to announce where no body is sent: HEAD.
    pub(super) length: Option<usize>,
    /// The post whose info or file this is, rightly and whole.
    pub(super) serves: Option<ItemId>,
}

impl Answer {
    pub(super) fn json(status: StatusCode, text: String) -> Answer {
        Answer::of(status, "application/json", text)
    }

    pub(super) fn html(status: StatusCode, text: &'static str) -> Answer {
        Answer::of(status, "text/html; charset=utf-8", text)
    }

    pub(super) fn of(status: StatusCode, mime_type: &'static str, body: impl Into<Bytes>) -> Answer {
        Answer { status, mime_type, headers: Vec::new(), body: body.into(), length: None, serves: None }
    }
}

const BLOCKED: &str = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>\
    <body><h1>Sorry, you have been blocked</h1><p>cloudflare</p></body></html>";
const CHALLENGE: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser.</body></html>";
const BROKEN: &str = "<html><head><title>500 Internal Server Error</title></head><body>nginx</body></html>";
const MISSING: &str = "<html><head><title>404 Not Found</title></head><body>nginx</body></html>";

/// Counts a request as at work until it is dropped.
struct Ticket(Arc<Shared>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.ledger().depart();
    }
}

/// Answers any request.
pub(super) async fn answer(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    // No endpoint reads a body.
    let (request, _) = request.into_parts();
    let path = request.uri.path();
    if path.starts_with("/__stats") {
        return respond(stats(&shared, path, &request.method));
    }
    let endpoint = endpoint(path);
    let query = request.uri.query().unwrap_or("");
    let id = match endpoint {
        Endpoint::ItemsInfo => api::item_id(query),
        Endpoint::Media => shared.world.id_of_path(path),
        _ => None,
    };
    let head = request.method == Method::HEAD;
    let now = Instant::now();
    let number = shared.ledger().arrive(endpoint, head, id.filter(|id| shared.world.exists(*id)), now);
    let ticket = Ticket(Arc::clone(&shared));
    let path_and_query = request.uri.path_and_query().map_or(path, |both| both.as_str());
    let mishap = choose(&shared, number, &Asked { endpoint, id, path_and_query }, now);
    if let Some(mishap) = mishap {
        shared.ledger().mishap(mishap);
    }
    if !shared.config.mishaps.latency.is_zero() {
        tokio::time::sleep(shared.config.mishaps.latency).await;
    }
    if let Some(Mishap::Delay { pause }) = mishap {
        tokio::time::sleep(pause).await;
    }

    let replaced = match mishap {
        Some(Mishap::TooManyRequests { retry_after }) => {
            let mut answer = Answer::json(StatusCode::TOO_MANY_REQUESTS, "{}".to_owned());
            if let Some(seconds) = retry_after {
                answer.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
                shared.ledger().close(seconds, Instant::now());
            }
            Some(answer)
        }
        Some(Mishap::ServerError) => Some(Answer::html(StatusCode::INTERNAL_SERVER_ERROR, BROKEN)),
        Some(Mishap::NotFound) => Some(not_found(&shared, endpoint)),
        Some(Mishap::Html) => Some(Answer::html(StatusCode::OK, CHALLENGE)),
        Some(Mishap::Cut) => {
            line.cut();
            return Response::new(Body::empty());
        }
        _ => None,
    };
    let mut answer = match replaced {
        Some(answer) => answer,
        None if shared.config.require_user_agent && !request.headers.contains_key(USER_AGENT) => {
            Answer::html(StatusCode::FORBIDDEN, BLOCKED)
        }
        None => {
            let known = request.headers.get_all(COOKIE).iter().any(|cookies| {
                cookies
                    .as_bytes()
                    .split(|byte| *byte == b';')
                    .any(|cookie| cookie.trim_ascii().starts_with(b"me="))
            });
            match endpoint {
                Endpoint::ItemsGet => api::items_get(&shared, query, known),
                Endpoint::ItemsInfo => api::items_info(&shared, query),
                Endpoint::LoggedIn => api::logged_in(&shared, known),
                Endpoint::Media => media::file(&shared, path, &request).await,
                Endpoint::Other => not_found(&shared, endpoint),
            }
        }
    };

    {
        let mut ledger = shared.ledger();
        ledger.status(answer.status.as_u16());
        if answer.status == StatusCode::PARTIAL_CONTENT {
            ledger.range();
        }
        // A body that is damaged or cut is none that the client could keep.
        let whole = !matches!(mishap, Some(Mishap::ShortBody | Mishap::Corrupt));
        if let Some(id) = answer.serves.filter(|_| whole) {
            ledger.served(endpoint, id);
        }
    }
    match mishap {
        Some(Mishap::Corrupt) => {
            answer.body = corrupt(&answer.body);
            respond(answer)
        }
        Some(Mishap::ShortBody) => {
            let half = answer.body.slice(..answer.body.len() / 2);
            let pieces = stream::once(async { Ok(half) }).chain(stream::once(async move {
                // A moment for the half to leave; then the answer ends in an error, and with it the connection.
                tokio::task::yield_now().await;
                drop(ticket);
                Err(io::Error::from(io::ErrorKind::ConnectionAborted))
            }));
            respond_with(&answer, Body::from_stream(pieces))
        }
        Some(Mishap::SlowBody { pause }) => {
            let body = answer.body.clone();
            let piece = body.len().div_ceil(10).max(1);
            let starts = (0..body.len()).step_by(piece);
            let pieces = stream::iter(starts).then(move |start| {
                let _at_work = &ticket;
                let piece = body.slice(start..(start + piece).min(body.len()));
                async move {
                    tokio::time::sleep(pause).await;
                    io::Result::Ok(piece)
                }
            });
            respond_with(&answer, Body::from_stream(pieces))
        }
        _ => respond(answer),
    }
}

fn endpoint(path: &str) -> Endpoint {
    match path.strip_suffix('/').unwrap_or(path) {
        "/api/items/get" => Endpoint::ItemsGet,
        "/api/items/info" => Endpoint::ItemsInfo,
        "/api/user/loggedin" => Endpoint::LoggedIn,
        path if path.as_bytes().first() == Some(&b'/')
            && path.as_bytes().get(1).is_some_and(u8::is_ascii_digit) =>
        {
            Endpoint::Media
        }
        _ => Endpoint::Other,
    }
}

/// What goes wrong with a request: by script, by rate, by chance.
fn choose(shared: &Shared, number: u64, asked: &Asked<'_>, now: Instant) -> Option<Mishap> {
    let mut desk = shared.desk();
    if shared.config.keep_requests {
        desk.requests.push(asked.path_and_query.to_owned());
    }
    let mishaps = &shared.config.mishaps;
    let scripted = desk.prompter.next(asked);
    let refused = || {
        let limit = mishaps.rate_limit?;
        (!desk.bucket.admits(limit, now))
            .then_some(Mishap::TooManyRequests { retry_after: limit.retry_after })
    };
    scripted.or_else(refused).or_else(|| mishaps.draw(number, asked.endpoint))
}

fn stats(shared: &Shared, path: &str, method: &Method) -> Answer {
    match (path, method) {
        ("/__stats", _) => {
            let stats = shared.ledger().snapshot();
            match serde_json::to_string_pretty(&stats) {
                Ok(text) => Answer::json(StatusCode::OK, text),
                Err(error) => Answer::of(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string()),
            }
        }
        ("/__stats/reset", &Method::POST) => {
            shared.ledger().reset();
            Answer::json(StatusCode::OK, "{}".to_owned())
        }
        ("/__stats/reset", _) => Answer::json(StatusCode::METHOD_NOT_ALLOWED, "{}".to_owned()),
        _ => Answer::html(StatusCode::NOT_FOUND, MISSING),
    }
}

/// 404 as the API says it, or as the media host does.
pub(super) fn not_found(shared: &Shared, endpoint: Endpoint) -> Answer {
    match endpoint {
        Endpoint::Media => Answer::html(StatusCode::NOT_FOUND, MISSING),
        _ => Answer::json(
            StatusCode::NOT_FOUND,
            crate::wire::error(&shared.world, "notFound", 404, "Not found"),
        ),
    }
}

/// Keeps the first four bytes, so that a glance at them is deceived.
fn corrupt(body: &[u8]) -> Bytes {
    body.iter().enumerate().map(|(i, byte)| if i < 4 { *byte } else { 0x55 }).collect()
}

fn respond(mut answer: Answer) -> Response {
    let body = Body::from(std::mem::take(&mut answer.body));
    let length = answer.length;
    let mut response = head(&answer);
    if let Some(length) = length {
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    *response.body_mut() = body;
    response
}

/// A body that comes in pieces under the length of the whole.
fn respond_with(answer: &Answer, body: Body) -> Response {
    let mut response = head(answer);
    let length = answer.length.unwrap_or(answer.body.len());
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    *response.body_mut() = body;
    response
}

fn head(answer: &Answer) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.mime_type));
    headers.extend(answer.headers.iter().cloned());
    response
}

/// Decodes one value of a query string; `None` where the key is missing.
pub(super) fn parameter<'a>(query: &'a str, key: &str) -> Option<Cow<'a, str>> {
    let value = query.split('&').find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key))?.1;
    if !value.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Some(Cow::Borrowed(value));
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        rest = tail;
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            (b'+', _, _) => bytes.push(b' '),
            _ => bytes.push(*first),
        }
    }
    Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = "a=1&tags=%21%28s%3A1000%29+-%22video%22&bad=%zz%4&empty=";
        assert_eq!(parameter(query, "a").as_deref(), Some("1"));
        assert_eq!(parameter(query, "tags").as_deref(), Some("!(s:1000) -\"video\""));
        assert_eq!(parameter(query, "bad").as_deref(), Some("%zz%4"));
        assert_eq!(parameter(query, "empty").as_deref(), Some(""));
        assert_eq!(parameter(query, "none"), None);
    }
}

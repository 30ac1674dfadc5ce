//! One request from arrival to answer: counting, mishaps, endpoint.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{COOKIE, RETRY_AFTER, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use futures::stream::{self, StreamExt};

use super::answer::{self, Answer, respond, respond_with};
use super::mishap::Asked;
use super::session::{self, Session};
use super::{Endpoint, Line, Mishap, Shared, api, danbooru, login, media};

/// A form that is longer is none that a person filled in.
const LONGEST_FORM: usize = 16 * 1024;

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
    let (request, body) = request.into_parts();
    let path = request.uri.path();
    if path.starts_with("/__stats") {
        return respond(stats(&shared, path, &request.method));
    }
    let endpoint = endpoint(path);
    let query = request.uri.query().unwrap_or("");
    let id = match endpoint {
        Endpoint::ItemsInfo => api::item_id(query),
        Endpoint::Post => danbooru::post_id(path),
        Endpoint::Media => shared.world.id_of_path(path),
        _ => None,
    };
    let head = request.method == Method::HEAD;
    let now = Instant::now();
    let existing = id.filter(|id| shared.world.exists(*id));
    let number = {
        let mut ledger = shared.ledger();
        let me = session::me_cookie(&request.headers).is_some();
        ledger.cookies(endpoint, request.headers.contains_key(COOKIE), me);
        ledger.arrive(endpoint, head, existing, now)
    };
    let ticket = Ticket(Arc::clone(&shared));
    let path_and_query = request.uri.path_and_query().map_or(path, |both| both.as_str());
    let mishap = choose(&shared, number, &Asked { endpoint, id, path_and_query }, now);
    if let Some(mishap) = mishap {
        shared.ledger().mishap(mishap);
    }
    let latency = shared.config.mishaps.latency;
    if !latency.is_zero() {
        // The runtime's timer counts whole milliseconds and rounds up: asked for 49, it takes 50 in the mean.
        tokio::time::sleep(latency.saturating_sub(Duration::from_millis(1))).await;
    }
    if let Some(Mishap::Delay { pause }) = mishap {
        tokio::time::sleep(pause).await;
    }

    if mishap == Some(Mishap::Cut) {
        line.cut();
        return Response::new(Body::empty());
    }
    let answer = match mishap.and_then(|mishap| replacement(&shared, mishap, endpoint)) {
        Some(answer) => answer,
        None if shared.config.require_user_agent && !request.headers.contains_key(USER_AGENT) => {
            Answer::html(StatusCode::FORBIDDEN, answer::BLOCKED)
        }
        None => right_answer(&shared, endpoint, &request, body).await,
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
    deliver(answer, mishap, ticket)
}

/// What a mishap puts in the place of an answer, if it does.
fn replacement(shared: &Shared, mishap: Mishap, endpoint: Endpoint) -> Option<Answer> {
    let refuse = |mut answer: Answer, retry_after: Option<u32>| {
        if let Some(seconds) = retry_after {
            answer.headers.push((RETRY_AFTER, HeaderValue::from(seconds)));
            shared.ledger().close(seconds, Instant::now());
        }
        answer
    };
    Some(match mishap {
        Mishap::TooManyRequests { retry_after } => {
            refuse(Answer::json(StatusCode::TOO_MANY_REQUESTS, "{}".to_owned()), retry_after)
        }
        Mishap::Unavailable { retry_after } => {
            refuse(Answer::html(StatusCode::SERVICE_UNAVAILABLE, answer::UNAVAILABLE), retry_after)
        }
        Mishap::ServerError => Answer::html(StatusCode::INTERNAL_SERVER_ERROR, answer::BROKEN),
        Mishap::NotFound => api::not_found(shared, endpoint),
        Mishap::Html => Answer::html(StatusCode::OK, answer::CHALLENGE),
        Mishap::Blocked => Answer::html(StatusCode::FORBIDDEN, answer::BLOCKED),
        Mishap::NotLoggedIn if matches!(endpoint, Endpoint::Posts | Endpoint::Post) => {
            danbooru::unknown_key()
        }
        Mishap::NotLoggedIn => Answer::json(StatusCode::FORBIDDEN, answer::NOT_LOGGED_IN.to_owned()),
        Mishap::Cut
        | Mishap::ShortBody
        | Mishap::SlowBody { .. }
        | Mishap::Corrupt
        | Mishap::Delay { .. } => {
            return None;
        }
    })
}

/// The answer of a board on which nothing goes wrong.
async fn right_answer(shared: &Arc<Shared>, endpoint: Endpoint, request: &Parts, body: Body) -> Answer {
    let (path, query) = (request.uri.path(), request.uri.query().unwrap_or(""));
    let cookie = session::me_cookie(&request.headers);
    let session = cookie.and_then(|cookie| Session::of(shared, cookie));
    let mut answer = match endpoint {
        Endpoint::ItemsGet => api::items_get(shared, query, session.as_ref()),
        Endpoint::ItemsInfo => api::items_info(shared, query),
        Endpoint::Captcha => login::captcha(shared),
        Endpoint::Login => {
            let form = axum::body::to_bytes(body, LONGEST_FORM).await.unwrap_or_default();
            return login::login(shared, &request.method, &String::from_utf8_lossy(&form));
        }
        Endpoint::LoggedIn => api::logged_in(shared, session.is_some()),
        Endpoint::Posts => return danbooru::posts(shared, request),
        Endpoint::Post => return danbooru::post(shared, danbooru::post_id(path), request),
        Endpoint::Media => return media::file(shared, path, request).await,
        Endpoint::Other => return api::not_found(shared, endpoint),
    };
    let fresh = session.and_then(|session| session.refresh(shared));
    answer.headers.extend(fresh.map(|cookie| (SET_COOKIE, cookie)));
    answer
}

/// Sends an answer, or what a mishap leaves of it.
fn deliver(mut answer: Answer, mishap: Option<Mishap>, ticket: Ticket) -> Response {
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
        "/api/user/captcha" => Endpoint::Captcha,
        "/api/user/login" => Endpoint::Login,
        "/api/user/loggedin" => Endpoint::LoggedIn,
        "/posts.json" => Endpoint::Posts,
        path if danbooru::post_id(path).is_some() => Endpoint::Post,
        path if path.starts_with("/original/") => Endpoint::Media,
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
        _ => Answer::html(StatusCode::NOT_FOUND, answer::MISSING),
    }
}

/// Keeps the first four bytes, so that a glance at them is deceived.
fn corrupt(body: &[u8]) -> Bytes {
    body.iter().enumerate().map(|(i, byte)| if i < 4 { *byte } else { 0x55 }).collect()
}

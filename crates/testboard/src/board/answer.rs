//! Whole answers, and their way into HTTP.

use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use bytes::Bytes;
use tagmill_model::ItemId;

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

pub(super) const BLOCKED: &str = "<!DOCTYPE html><html><head><title>Attention Required! | Cloudflare</title></head>\
    <body><h1>Sorry, you have been blocked</h1><p>cloudflare</p></body></html>";
pub(super) const CHALLENGE: &str = "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Checking your browser.</body></html>";
pub(super) const BROKEN: &str =
    "<html><head><title>500 Internal Server Error</title></head><body>nginx</body></html>";
pub(super) const UNAVAILABLE: &str =
    "<html><head><title>503 Service Temporarily Unavailable</title></head><body>nginx</body></html>";
/// Word for word: clients forget their session on exactly this.
pub(super) const NOT_LOGGED_IN: &str = r#"{"error":"forbidden","code":403,"msg":"Not logged in"}"#;
pub(super) const MISSING: &str = "<html><head><title>404 Not Found</title></head><body>nginx</body></html>";

pub(super) fn respond(mut answer: Answer) -> Response {
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
pub(super) fn respond_with(answer: &Answer, body: Body) -> Response {
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

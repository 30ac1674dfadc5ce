//! The media host: GET, HEAD, ranges and conditions.

use std::sync::Arc;

use axum::http::header::{ACCEPT_RANGES, CONTENT_RANGE, ETAG, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use bytes::Bytes;

use super::answer::Answer;
use super::api::not_found;
use super::{Endpoint, Shared};
use crate::world::http_date;

/// What a `Range` header asks of a file.
#[derive(Debug, PartialEq, Eq)]
enum Span {
    /// Nothing that is understood: the whole.
    Whole,
    /// From the first byte to the last, both part of it.
    Part(usize, usize),
    /// Beyond the end.
    Unsatisfiable,
}

/// Answers a request for a file.
pub(super) async fn file(shared: &Arc<Shared>, path: &str, request: &Parts) -> Answer {
    let Some(wanted) = shared.world.resolve(path) else { return not_found(shared, Endpoint::Media) };
    if request.method != Method::GET && request.method != Method::HEAD {
        return Answer::html(StatusCode::METHOD_NOT_ALLOWED, "");
    }
    // A path never changes its content.
    let tag = format!("\"{}\"", path.trim_start_matches('/').replace('/', "-"));
    let date = http_date(shared.world.created(wanted.id));
    let header = |name: &HeaderName| request.headers.get(name).and_then(|value| value.to_str().ok());
    let headers = vec![
        (ETAG, HeaderValue::from_str(&tag)),
        (LAST_MODIFIED, HeaderValue::from_str(&date)),
        (ACCEPT_RANGES, Ok(HeaderValue::from_static("bytes"))),
    ];
    let headers: Vec<_> = headers.into_iter().filter_map(|(name, value)| Some((name, value.ok()?))).collect();
    let mime_type = wanted.format.mime_type();
    if header(&IF_NONE_MATCH).is_some_and(|tags| tags == "*" || tags.contains(tag.as_str())) {
        return Answer { headers, ..Answer::of(StatusCode::NOT_MODIFIED, mime_type, Bytes::new()) };
    }
    // Drawing takes milliseconds, too long for the thread that serves.
    let world = Arc::clone(shared);
    let drawn = tokio::task::spawn_blocking(move || world.world.file(wanted)).await;
    let Ok(Some(bytes)) = drawn else { return Answer::html(StatusCode::INTERNAL_SERVER_ERROR, "") };

    let current = header(&IF_RANGE).is_none_or(|condition| condition == tag || condition == date);
    let span = match header(&RANGE) {
        Some(range) if current => span(range, bytes.len()),
        _ => Span::Whole,
    };
    let length = bytes.len();
    let bytes = Bytes::from(bytes);
    let mut answer = match span {
        Span::Whole => {
            Answer { headers, serves: Some(wanted.id), ..Answer::of(StatusCode::OK, mime_type, bytes) }
        }
        Span::Part(first, last) => {
            let body = bytes.slice(first..=last);
            let mut answer = Answer { headers, ..Answer::of(StatusCode::PARTIAL_CONTENT, mime_type, body) };
            answer.headers.extend(content_range(&format!("bytes {first}-{last}/{length}")));
            answer
        }
        Span::Unsatisfiable => {
            let mut answer = Answer::html(StatusCode::RANGE_NOT_SATISFIABLE, "");
            answer.headers.extend(content_range(&format!("bytes */{length}")));
            answer
        }
    };
    if request.method == Method::HEAD {
        answer.length = Some(answer.body.len());
        answer.body = Bytes::new();
        answer.serves = None;
    }
    answer
}

fn content_range(value: &str) -> Option<(HeaderName, HeaderValue)> {
    Some((CONTENT_RANGE, HeaderValue::from_str(value).ok()?))
}

/// Reads `bytes=a-b`, `bytes=a-` and `bytes=-n`; several ranges at once are answered with the whole, as RFC 9110 allows.
fn span(range: &str, length: usize) -> Span {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Span::Whole;
    };
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), _) if first >= length => Span::Unsatisfiable,
        (Ok(first), Ok(last)) if first <= last => Span::Part(first, last.min(length - 1)),
        (Ok(first), Err(_)) if last.is_empty() => Span::Part(first, length - 1),
        (Err(_), Ok(0)) if first.is_empty() => Span::Unsatisfiable,
        (Err(_), Ok(n)) if first.is_empty() && length > 0 => Span::Part(length.saturating_sub(n), length - 1),
        _ => Span::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read() {
        assert_eq!(span("bytes=0-9", 100), Span::Part(0, 9));
        assert_eq!(span("bytes=90-", 100), Span::Part(90, 99));
        assert_eq!(span("bytes=90-500", 100), Span::Part(90, 99));
        assert_eq!(span("bytes=-10", 100), Span::Part(90, 99));
        assert_eq!(span("bytes=-500", 100), Span::Part(0, 99));
        assert_eq!(span("bytes=100-", 100), Span::Unsatisfiable);
        assert_eq!(span("bytes=-0", 100), Span::Unsatisfiable);
        assert_eq!(span("bytes=9-3", 100), Span::Whole);
        assert_eq!(span("bytes=0-1,3-4", 100), Span::Whole);
        assert_eq!(span("lines=0-1", 100), Span::Whole);
    }
}

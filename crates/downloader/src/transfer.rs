//! One file from the host to the disk.

use bytes::BytesMut;
use tagmill_http::header::{ACCEPT_ENCODING, HeaderValue};
use tagmill_http::{Client, Error as HttpError, Failure, Request, Response, Url, looks_like_html, shown};
use tagmill_model::MediaPath;

use crate::opt_out::opt_out;
use crate::{Config, Error, MediaPart, MediaStore};

/// Bodies up to this size are collected and written by one call, which is nearly twice as fast as piece by piece; larger
/// ones go to disk as they come, so that memory stays small.
const COLLECTED: u64 = 1 << 20;

const WEB_PAGE: &str = "a web page";

/// How a file was not had: for a reason of the host's or of the disk's.
#[derive(Debug)]
pub(crate) enum TransferError {
    Http(HttpError),
    Disk(Error),
    /// The host sends this header, which asks to leave the file alone.
    OptedOut(String),
}

/// Gets one file. Returns its size in bytes.
pub(crate) async fn transfer(
    client: &Client,
    store: &MediaStore,
    config: &Config,
    path: &MediaPath,
) -> Result<u64, TransferError> {
    // Packed, a body's length would say nothing of the file's.
    let request = Request::get(media_url(&config.media_url, path))
        .with_header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let saved = client.request(request, |response| save(response, store, config, path)).await;
    saved.map_err(TransferError::Http)?
}

/// What is no fault of the request's ends it without a retry, and so travels inside the success.
async fn save(
    mut response: Response,
    store: &MediaStore,
    config: &Config,
    path: &MediaPath,
) -> Result<Result<u64, TransferError>, Failure> {
    let max_bytes = config.max_bytes;
    let url = shown(response.url());
    let unusable = |fault| Failure::Transient(HttpError::Unusable { url: url.clone(), fault });
    let too_large = || Failure::Permanent(HttpError::TooLarge { url: url.clone(), limit: max_bytes });
    let announced = response.content_length().unwrap_or(0);
    if let Some(rule) = opt_out(response.headers()).filter(|_| !config.ignore_opt_out) {
        return Ok(Err(TransferError::OptedOut(rule)));
    }
    if response.is_html() {
        return Err(unusable(WEB_PAGE));
    }
    if announced > max_bytes {
        return Err(too_large());
    }
    let mut head = BytesMut::with_capacity(announced.min(COLLECTED) as usize);
    let mut part: Option<MediaPart> = None;
    let mut received = 0;
    while let Some(chunk) = response.chunk().await? {
        received += chunk.len() as u64;
        if received > max_bytes {
            return Err(too_large());
        }
        let written = match &mut part {
            Some(part) => part.write(&chunk),
            None => {
                head.extend_from_slice(&chunk);
                if announced.max(received) <= COLLECTED {
                    continue;
                }
                if looks_like_html(&head) {
                    return Err(unusable(WEB_PAGE));
                }
                store.begin(path).and_then(|begun| part.insert(begun).write(&head))
            }
        };
        if let Err(error) = written {
            return Ok(Err(TransferError::Disk(error)));
        }
    }
    if received == 0 {
        return Err(unusable("an empty body"));
    }
    let saved = match part {
        Some(part) => part.commit(),
        None if looks_like_html(&head) => return Err(unusable(WEB_PAGE)),
        None => store.save(path, &head),
    };
    Ok(saved.map(|()| received).map_err(TransferError::Disk))
}

/// The file's URL below the base, each part of its path percent-encoded.
fn media_url(base: &Url, path: &MediaPath) -> Url {
    let mut url = base.clone();
    url.path_segments_mut()
        .expect("the base was checked to be an http url, whose path has segments")
        .pop_if_empty()
        .extend(path.as_str().split('/'));
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(base: &str, path: &str, expected: &str) {
        let url = media_url(&Url::parse(base).unwrap(), &MediaPath::parse(path).unwrap());
        assert_eq!(url.as_str(), expected);
    }

    #[test]
    fn paths_are_joined_with_one_slash_and_encoded() {
        check("https://img.example", "2024/a.jpg", "https://img.example/2024/a.jpg");
        check("https://img.example/", "/2024/a.jpg", "https://img.example/2024/a.jpg");
        check("https://img.example/media", "a.jpg", "https://img.example/media/a.jpg");
        check("https://img.example/media/", "a.jpg", "https://img.example/media/a.jpg");
        check("https://img.example/", "a?b#c%2e.jpg", "https://img.example/a%3Fb%23c%252e.jpg");
        check("https://img.example/", "ä ö.jpg", "https://img.example/%C3%A4%20%C3%B6.jpg");
    }

    proptest::proptest! {
        /// No path leads out of the base.
        #[test]
        fn stays_below_the_base(path in "\\PC{1,40}") {
            let base = Url::parse("https://img.example/media/").unwrap();
            if let Ok(path) = MediaPath::parse(&path) {
                let url = media_url(&base, &path);
                proptest::prop_assert!(url.as_str().starts_with("https://img.example/media/"), "{}", url);
                proptest::prop_assert_eq!(url.query(), None);
                proptest::prop_assert_eq!(url.fragment(), None);
            }
        }
    }
}

//! One file from the host to the disk.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tagmill_http::header::{
    ACCEPT_ENCODING, CONTENT_RANGE, ETAG, HeaderMap, HeaderValue, IF_RANGE, LAST_MODIFIED, RANGE,
};
use tagmill_http::{Client, Error as HttpError, Failure, Response, Url, shown};
use tagmill_model::MediaPath;
use tagmill_model::picture::BadPicture;

use crate::medium::{self, HEAD};
use crate::opt_out::opt_out;
use crate::parts::PartList;
use crate::space::Space;
use crate::{Config, Error, MediaPart, MediaStore, tasks};

/// Bodies up to this size are collected and written by one call, which is nearly twice as fast as piece by piece; larger
/// ones go to disk as they come, so that memory stays small.
const COLLECTED: u64 = 1 << 20;

/// What all transfers of a run share.
#[derive(Debug)]
pub(crate) struct Transfers<'a> {
    pub(crate) client: &'a Client,
    pub(crate) store: Arc<MediaStore>,
    pub(crate) config: &'a Config,
    pub(crate) parts: PartList,
    pub(crate) space: Space,
}

/// A file that is there now.
#[derive(Debug)]
pub(crate) struct Saved {
    /// Its size.
    pub(crate) bytes: u64,
    /// What of it came in this run: less where an earlier run had left a part, more where the host's copy changed.
    pub(crate) received: u64,
    /// Its format, as a usual extension.
    pub(crate) format: &'static str,
}

/// How a file was not had: for a reason of the host's, of the disk's or of its own.
#[derive(Debug)]
pub(crate) enum TransferError {
    Http(HttpError),
    Disk(Error),
    /// The host sends this header, which asks to leave the file alone.
    OptedOut(String),
    /// The whole file came, and no decoder takes it.
    Undecodable(BadPicture),
}

impl Transfers<'_> {
    /// Gets one file from the first of these URLs that has it.
    pub(crate) async fn file(&self, path: &MediaPath, urls: &[Url]) -> Result<Saved, TransferError> {
        let mut urls = urls.iter().peekable();
        loop {
            let url = urls.next().expect("a file has at least one url");
            match self.file_from(url, path).await {
                Err(TransferError::Http(error)) if is_gone(&error) && urls.peek().is_some() => {
                    tracing::debug!(url = shown(url), "not there, asking the fallback host");
                }
                result => return result,
            }
        }
    }

    async fn file_from(&self, url: &Url, path: &MediaPath) -> Result<Saved, TransferError> {
        let unfinished = Mutex::new(self.left_behind(url, path).map_err(TransferError::Disk)?);
        let read = |response| async {
            // Held by the try that is under way, and between tries by the mutex.
            let mut held = mem::take(&mut *lock(&unfinished));
            let result = self.receive(response, &mut held, url, path).await;
            *lock(&unfinished) = held;
            result
        };
        loop {
            match self.client.request_anew(url, || lock(&unfinished).headers(), read).await {
                // The part is as long as the file or longer: it is of no use.
                Err(error) if error.status() == Some(416) && lock(&unfinished).is_resumable() => {
                    lock(&unfinished).start_again(None);
                }
                result => return result.map_err(TransferError::Http)?,
            }
        }
    }

    /// What an earlier run left of this file.
    fn left_behind(&self, url: &Url, path: &MediaPath) -> Result<Unfinished, Error> {
        let Some(origin) = self.parts.take(path, url.as_str()) else { return Ok(Unfinished::default()) };
        let Some(part) = self.store.resume(path)? else { return Ok(Unfinished::default()) };
        tracing::debug!(path = path.as_str(), bytes = part.len(), "resuming");
        Ok(Unfinished { validator: Some(origin.validator), received: 0, body: Body::Disk(part) })
    }

    /// Reads one response. What is no fault of the request's ends it without a retry, and so travels inside the success.
    async fn receive(
        &self,
        mut response: Response,
        unfinished: &mut Unfinished,
        url: &Url,
        path: &MediaPath,
    ) -> Result<Result<Saved, TransferError>, Failure> {
        let limit = self.config.max_bytes;
        let unusable = |fault| Failure::Transient(HttpError::Unusable { url: shown(url), fault });
        if let Some(rule) = opt_out(response.headers()).filter(|_| !self.config.ignore_opt_out) {
            return Ok(Err(TransferError::OptedOut(rule)));
        }
        if response.status() != 206 {
            unfinished.start_again(validator(response.headers()));
        } else if !continues(response.headers(), unfinished.len()) {
            unfinished.start_again(None);
            return Err(unusable("another part than was asked for"));
        }
        if response.is_html() {
            return Err(unusable("a web page"));
        }
        let whole = unfinished.len() + response.content_length().unwrap_or(0);
        if let (0, Body::Memory(collected)) = (unfinished.len(), &mut unfinished.body) {
            collected.reserve(whole.min(COLLECTED) as usize);
        }
        let mut is_too_large = whole > limit;
        while !is_too_large && let Some(chunk) = response.chunk().await? {
            unfinished.received += chunk.len() as u64;
            is_too_large = unfinished.len() + chunk.len() as u64 > limit;
            let written = match &mut unfinished.body {
                Body::Disk(part) => self.space.take(chunk.len() as u64).and_then(|()| part.write(&chunk)),
                Body::Memory(collected) => {
                    collected.extend_from_slice(&chunk);
                    if whole.max(collected.len() as u64) <= COLLECTED || collected.len() < HEAD {
                        continue;
                    }
                    // Nothing of what is no medium reaches the disk.
                    medium::format(collected).map_err(unusable)?;
                    self.begin(collected, unfinished.validator.as_deref(), url, path)
                        .map(|part| unfinished.body = Body::Disk(part))
                }
            };
            if let Err(error) = written {
                return Ok(Err(TransferError::Disk(error)));
            }
        }
        if is_too_large {
            unfinished.start_again(None);
            return Err(Failure::Permanent(HttpError::TooLarge { url: shown(url), limit }));
        }
        match self.finish(mem::take(unfinished), path).await {
            Ok(saved) => Ok(Ok(saved)),
            Err(Unfit::Fault(fault)) => Err(unusable(fault)),
            Err(Unfit::Stands(error)) => Ok(Err(error)),
        }
    }

    /// Moves what was collected of a large file to the disk.
    fn begin(
        &self,
        collected: &[u8],
        validator: Option<&str>,
        url: &Url,
        path: &MediaPath,
    ) -> Result<MediaPart, Error> {
        self.space.take(collected.len() as u64)?;
        if let Some(validator) = validator {
            self.parts.add(path, url.as_str(), validator)?;
        }
        let mut part = self.store.begin(path)?;
        part.keep(validator.is_some());
        part.write(collected)?;
        Ok(part)
    }

    /// Checks a whole body and gives it its name.
    async fn finish(&self, finished: Unfinished, path: &MediaPath) -> Result<Saved, Unfit> {
        let (bytes, received) = (finished.len(), finished.received);
        let disk = |error| Unfit::Stands(TransferError::Disk(error));
        let mut body = finished.body;
        let format = match &mut body {
            Body::Memory(collected) => medium::format(collected),
            Body::Disk(part) => {
                // Complete, it is saved or of no use.
                part.keep(false);
                medium::format(&part.read(HEAD as u64).map_err(disk)?)
            }
        };
        let format = format.map_err(Unfit::Fault)?;
        if self.config.verify {
            let verdict;
            (body, verdict) = tasks::cpu(move || {
                let verdict = match &mut body {
                    Body::Memory(collected) => Ok(medium::verify(format, collected)),
                    Body::Disk(part) => part.read(u64::MAX).map(|bytes| medium::verify(format, &bytes)),
                };
                (body, verdict)
            })
            .await;
            verdict.map_err(disk)?.map_err(|bad| Unfit::Stands(TransferError::Undecodable(bad)))?;
        }
        let (store, to) = (Arc::clone(&self.store), path.clone());
        if let Body::Memory(_) = &body {
            self.space.take(bytes).map_err(disk)?;
        }
        let save = move || match body {
            Body::Memory(collected) => store.save(&to, &collected),
            Body::Disk(part) => part.commit(),
        };
        // A write into the system's cache is over sooner than another thread would be awake; one to the disk itself is not.
        let saved = if self.config.durable { tasks::io(save).await } else { save() };
        saved.map_err(disk)?;
        Ok(Saved { bytes, received, format })
    }
}

/// Why a whole body was not saved.
enum Unfit {
    /// It is no medium, but another try may bring one.
    Fault(&'static str),
    Stands(TransferError),
}

/// What there is of a file, kept from try to try.
#[derive(Debug, Default)]
struct Unfinished {
    /// What the host calls this version of it. Without it, the rest could be another version's.
    validator: Option<String>,
    /// Bytes that came in this run.
    received: u64,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Memory(BytesMut),
    Disk(MediaPart),
}

impl Default for Body {
    fn default() -> Body {
        Body::Memory(BytesMut::new())
    }
}

impl Unfinished {
    fn len(&self) -> u64 {
        match &self.body {
            Body::Memory(collected) => collected.len() as u64,
            Body::Disk(part) => part.len(),
        }
    }

    fn is_resumable(&self) -> bool {
        self.len() > 0 && self.validator.is_some()
    }

    /// Drops what came so far.
    fn start_again(&mut self, validator: Option<String>) {
        if let Body::Disk(part) = &mut self.body {
            part.keep(false);
        }
        self.body = Body::default();
        self.validator = validator;
    }

    /// Asks for the rest, or for the whole where the host's copy is another by now.
    fn headers(&self) -> HeaderMap {
        // Packed, a body's length would say nothing of the file's.
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        if let (true, Some(validator)) = (self.is_resumable(), &self.validator)
            && let (Ok(range), Ok(validator)) =
                (HeaderValue::from_str(&format!("bytes={}-", self.len())), HeaderValue::from_str(validator))
        {
            headers.extend([(RANGE, range), (IF_RANGE, validator)]);
        }
        headers
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the host says that it does not have the file.
fn is_gone(error: &HttpError) -> bool {
    matches!(error.status(), Some(404 | 410))
}

/// What tells this version of a file from others: a strong entity tag, or else its date (RFC 9110, section 13.1.5).
fn validator(headers: &HeaderMap) -> Option<String> {
    let value = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let tag = value(ETAG).filter(|tag| tag.starts_with('"'));
    tag.or_else(|| value(LAST_MODIFIED)).map(str::to_owned)
}

/// Whether a part begins where another ends.
fn continues(headers: &HeaderMap, len: u64) -> bool {
    let range = headers.get(CONTENT_RANGE).and_then(|range| range.to_str().ok());
    let first = range.and_then(|range| range.trim().strip_prefix("bytes ")?.split_once('-'));
    first.is_some_and(|(first, _)| first.trim().parse() == Ok(len))
}

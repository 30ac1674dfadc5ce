#![doc = include_str!("../README.md")]

use std::sync::Arc;
use std::time::Instant;

use futures::stream::{self, StreamExt};
use tagmill_http::{Client, Error as HttpError, shown};
use tagmill_model::picture::BadPicture;
use tagmill_model::{Outcome, Progress};
use tokio_util::sync::CancellationToken;

mod config;
mod error;
mod failure_rate;
mod gone;
mod hosts;
mod lines;
mod media_store;
mod medium;
mod opt_out;
mod parts;
mod paths;
mod plan;
mod planner;
mod recheck;
mod report;
mod space;
mod tasks;
mod transfer;
mod walk;

pub use config::{Config, Source};
pub use error::Error;
pub use hosts::{Hosts, Members, Variant};
pub use media_store::{MediaPart, MediaStore};
pub use plan::Plan;
pub use report::{FailedItem, MAX_LISTED, Mislabelled, Reason, Report};

use failure_rate::FailureRate;
use gone::GoneList;
use parts::PartList;
use planner::{Planner, Wanted};
use space::Space;
use transfer::{TransferError, Transfers};

/// So many files in a row without any answer, after there had been answers, mean that the host is gone.
const SILENT_IN_A_ROW: usize = 20;

/// Downloads what the source asks for and the media folder lacks.
///
/// Cancelled, it drops what is under way and returns what was done; of large files the part that came is kept for the next
/// run. A file that cannot be had is listed in the report and ends nothing.
///
/// # Errors
/// Any [`Error`] but [`Error::Obstructed`]: what every further file would meet, too.
pub async fn run(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let client = client(&config)?;
    let store = MediaStore::open(&config.media_dir)?;
    let store = Arc::new(if config.durable { store.durable() } else { store });
    progress.start("planning", None);
    let mut planner = plan::plan(&config, cancel).await?;
    progress.finish();
    if config.verify_existing {
        recheck::recheck(&store, &mut planner, progress, cancel).await?;
    }
    let Planner { queue, mut report, gone, .. } = planner;
    let gone = GoneList::open(&store, &gone)?;
    let space = Space::new(store.root(), config.min_free)?;
    let parts = PartList::open(&store)?;
    let transfers = Transfers { client: &client, store, config: &config, parts, space };
    tracing::info!(
        planned = report.planned,
        present = report.present,
        missing = queue.len(),
        "{} of {} files are missing",
        queue.len(),
        report.planned
    );

    let started = Instant::now();
    progress.start("downloading", Some(queue.len() as u64));
    let arrivals = stream::iter(queue.iter()).map(|wanted| {
        let transfers = &transfers;
        async move {
            let saved = transfers.file(&wanted.path, &wanted.urls).await;
            (wanted, saved)
        }
    });
    let mut arrivals = std::pin::pin!(arrivals.buffer_unordered(config.workers));
    let mut failure_rate = FailureRate::new(config.max_failure_rate);
    let mut silent = 0;
    loop {
        let done = tokio::select! {
            biased;
            () = cancel.cancelled() => {
                report.outcome = Outcome::Cancelled;
                break;
            }
            done = arrivals.next() => done,
        };
        let Some((wanted, saved)) = done else { break };
        match saved {
            Ok(saved) => {
                silent = 0;
                failure_rate.saved();
                report.save(wanted, &saved);
            }
            Err(error) => {
                let network = match &error {
                    TransferError::Http(error) if error.is_network() => Some(error),
                    _ => None,
                };
                silent = network.map_or(0, |_| silent + 1);
                let never_there = network.is_some_and(HttpError::is_connect) && !client.has_been_answered();
                let is_gone = never_there || silent == SILENT_IN_A_ROW;
                let item = failed_item(wanted, error, is_gone)?;
                tracing::debug!(id = item.id.0, path = item.path, "failed: {}: {}", item.reason, item.detail);
                gone.add(&item)?;
                failure_rate.failed(&item)?;
                report.fail(item);
            }
        }
        progress.advance(1);
    }
    report.elapsed_ms = started.elapsed().as_millis() as u64;
    progress.finish();
    Ok(report)
}

/// What [`run`] would do: looks at the source and at the folder, asks no host, and makes and changes nothing.
///
/// # Errors
/// [`Error::InvalidConfig`], [`Error::Client`], [`Error::Dataset`], [`Error::Items`], [`Error::Io`].
pub async fn plan(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Plan, Error> {
    client(&config)?;
    progress.start("planning", None);
    let planner = plan::plan(&config, cancel).await?;
    progress.finish();
    Ok(Plan::of(&planner))
}

fn client(config: &Config) -> Result<Client, Error> {
    let Hosts { image, video, full, thumb } = &config.hosts;
    if [image, video, full, thumb].iter().any(|hosts| hosts.is_empty()) {
        return Err(Error::InvalidConfig { field: "hosts", fault: "has a kind without a host" });
    }
    if config.hosts.all().any(|url| !matches!(url.scheme(), "http" | "https")) {
        return Err(Error::InvalidConfig { field: "hosts", fault: "has what is not an http or https url" });
    }
    if let (Source::Dataset(_), true) = (&config.source, config.variant != Variant::Image) {
        let fault = "is a dataset alone, which does not know where a variant lies";
        return Err(Error::InvalidConfig { field: "source", fault });
    }
    if config.workers == 0 {
        return Err(Error::InvalidConfig { field: "workers", fault: "must be at least 1" });
    }
    if !(0.0..=1.0).contains(&config.max_failure_rate) {
        return Err(Error::InvalidConfig { field: "max_failure_rate", fault: "must be from 0 to 1" });
    }
    let cookie = config.http.cookie.clone().filter(|_| config.send_cookie);
    let http = tagmill_http::Config { cookie, max_in_flight: config.workers, ..config.http.clone() };
    Client::new(http).map_err(|source| Error::Client { source })
}

/// The item to list, or the error that any other item would meet, too.
fn failed_item(wanted: Wanted, error: TransferError, is_gone: bool) -> Result<FailedItem, Error> {
    let (reason, detail) = match error {
        TransferError::Disk(Error::Obstructed { path }) => {
            (Reason::Obstructed, format!("`{}` is in the way", path.display()))
        }
        TransferError::Disk(error) => return Err(error),
        TransferError::Undecodable(BadPicture::TooLarge(how)) => {
            (Reason::TooLarge, format!("it is too large: {how}"))
        }
        TransferError::Undecodable(bad) => (Reason::Undecodable, bad.to_string()),
        TransferError::OptedOut(rule) => (Reason::OptedOut, format!("the host sends `{rule}`")),
        TransferError::Http(source) if is_gone => {
            return Err(Error::Unreachable { url: shown(&wanted.host), source });
        }
        TransferError::Http(source) => match (Reason::of(&source), source.last()) {
            (Some(reason), last) => (reason, last.to_string()),
            (None, HttpError::Blocked { .. } | HttpError::Refused { .. }) => {
                return Err(Error::TurnedAway { url: shown(&wanted.host), source });
            }
            (None, _) => return Err(Error::Client { source }),
        },
    };
    Ok(FailedItem { id: wanted.id, path: wanted.path.into(), reason, detail })
}

//! A run: the walk, the requests for items and the writer, side by side, joined by bounded channels.

use tagmill_model::{Outcome, Progress};
use tagmill_store::{Intervals, Reader, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::walk::{Plan, Seen, Walk};
use crate::write::{Writer, Written};
use crate::{Config, Error, Pr0gramm, Report, ask};

/// Listed items that wait for a request. Four pages: while the next one is under way, hundreds of requests find work.
const LISTED_AHEAD: usize = 480;

/// Answers that wait for the writer. What comes in during the commit of a batch, at ten thousand items a second and a
/// tenth of a second a commit, finds room.
const ANSWERS_AHEAD: usize = 1_024;

pub(crate) async fn run(
    mut config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    check(&config)?;
    // Pages and items together are what is under way.
    config.http.max_in_flight = config.http.max_in_flight.min(config.workers);
    let http = tagmill_http::Client::new(config.http.clone()).map_err(Error::Http)?;
    let api = Pr0gramm::new(http, &config.api_url, config.flags)
        .ok_or(Error::InvalidConfig {
            field: "api_url",
            fault: "is not an address that an API can stand below",
        })?
        .with_own_domains(config.own_domains.clone());
    let mut store = Store::open(&config.database).await?;
    let reader = Reader::open(&config.database).await?;
    let result = fetch(&config, &api, &mut store, &reader, progress, cancel).await;
    progress.finish();
    reader.close().await;
    let closed = store.close().await;
    let report = result?;
    closed?;
    Ok(report)
}

async fn fetch(
    config: &Config,
    api: &Pr0gramm,
    store: &mut Store,
    reader: &Reader,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let plan = Plan::of(reader, config).await?;
    let (work_sender, work) = mpsc::channel(LISTED_AHEAD);
    let (done_sender, done) = mpsc::channel(ANSWERS_AHEAD);
    let (visited, seen) = (Intervals::new(), Seen::default());
    let mut walk = Walk { api, reader, config, progress, plan, visited, work: work_sender, seen };
    let mut writer = Writer::new(store, config, progress);
    // The walk's end closes the channel to the requests, theirs the one to the writer. The other way round, who fails
    // stops those before it.
    let stop = cancel.child_token();
    let (walked, asked, written) = tokio::join!(
        async {
            let walked = stop.run_until_cancelled(walk.walk()).await.unwrap_or(Ok(()));
            let Walk { seen, work, .. } = walk;
            drop(work);
            (seen, walked)
        },
        async {
            // What is under way is let go: it may take minutes, and the next run asks for it again.
            let asked = ask::ask(api, config, work, done_sender);
            let asked = stop.run_until_cancelled(asked).await.unwrap_or(Ok(()));
            stop.cancel();
            asked
        },
        async {
            let written = writer.write(done).await;
            stop.cancel();
            written.map(|()| writer.written)
        },
    );
    let (seen, walked) = walked;
    let written = written?;
    asked?;
    walked?;
    let outcome = if cancel.is_cancelled() { Outcome::Cancelled } else { Outcome::Completed };
    Ok(report(outcome, seen, written))
}

fn report(outcome: Outcome, seen: Seen, written: Written) -> Report {
    Report {
        outcome,
        listed: seen.listed,
        already_known: seen.known,
        saved: written.saved,
        skipped: written.skipped,
        failed: written.failed,
        failures: written.failures,
        malformed: seen.malformed,
        pages: seen.pages,
        requests: seen.pages + written.saved + written.failed,
        commits: written.commits,
        newest: seen.newest,
        oldest: seen.oldest,
    }
}

fn check(config: &Config) -> Result<(), Error> {
    let invalid = |field, fault| Err(Error::InvalidConfig { field, fault });
    if config.workers == 0 {
        return invalid("workers", "must be at least 1");
    }
    if config.batch_size == 0 {
        return invalid("batch_size", "must be at least 1");
    }
    if config.flags.is_empty() {
        return invalid("flags", "must name at least one content class");
    }
    Ok(())
}

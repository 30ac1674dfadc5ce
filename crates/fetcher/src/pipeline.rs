//! A run: the walk, the requests for items and the writer, side by side, joined by bounded channels.

use tagmill_model::{Outcome, Progress, now};
use tagmill_store::{Reader, Store};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::api::Api;
use crate::opening::{self, Opening};
use crate::plan::{Plan, Refresh};
use crate::walk::{Seen, Walk};
use crate::write::{Writer, Written};
use crate::{Config, Error, Report, ask};

/// Listed items that wait for a request. Four pages: while the next one is under way, hundreds of requests find work.
const LISTED_AHEAD: usize = 480;

/// Answers that wait for the writer. What comes in during the commit of a batch, at ten thousand items a second and a
/// tenth of a second a commit, finds room.
const ANSWERS_AHEAD: usize = 1_024;

pub(crate) async fn plan(config: Config) -> Result<Plan, Error> {
    let config = checked(config)?;
    let api = opening::api(&config)?;
    let reader = match config.database.exists() {
        true => Some(Reader::open(&config.database).await?),
        false => None,
    };
    if let Some(reader) = &reader {
        reader.check_origin(config.board.name).await?;
    }
    let opening = Opening::of(api, &config).await?;
    let began = match &reader {
        Some(reader) => reader.refresh_began().await?.unwrap_or_else(now),
        None => now(),
    };
    let refresh = Refresh::of(&config, began);
    let (plan, _) = Plan::of(reader.as_ref(), &opening, &config, refresh).await?;
    if let Some(reader) = reader {
        reader.close().await;
    }
    Ok(plan)
}

pub(crate) async fn run(
    config: Config,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let config = checked(config)?;
    let api = opening::api(&config)?;
    // Before the first request: a second fetch on the same database asks nothing.
    let mut store = Store::open(&config.database).await?;
    store.claim(config.board.name).await?;
    let reader = Reader::open(&config.database).await?;
    let result = fetch(api, &config, &mut store, &reader, progress, cancel).await;
    progress.finish();
    reader.close().await;
    let closed = store.close().await;
    let report = result?;
    closed?;
    Ok(report)
}

fn checked(mut config: Config) -> Result<Config, Error> {
    config.check()?;
    // Pages and items together are what is under way.
    config.http.max_in_flight = config.http.max_in_flight.min(config.workers);
    Ok(config)
}

async fn fetch(
    api: Box<dyn Api>,
    config: &Config,
    store: &mut Store,
    reader: &Reader,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let Some(opening) = cancel.run_until_cancelled(Opening::of(api, config)).await.transpose()? else {
        return Ok(report(Outcome::Cancelled, Seen::default(), Written::default()));
    };
    let began = match config.refresh {
        Some(_) => store.begin_refresh(now()).await?,
        None => 0,
    };
    let refresh = Refresh::of(config, began);
    let (plan, missing) = Plan::of(Some(reader), &opening, config, refresh).await?;
    let lines: Vec<String> = plan.to_string().lines().map(squeezed).collect();
    tracing::info!("{}", lines.join("; "));
    let total = plan.items().min(config.limit.unwrap_or(u64::MAX));
    progress.start("fetching", (!plan.is_search).then_some(total));

    let (work_sender, work) = mpsc::channel(LISTED_AHEAD);
    let (done_sender, done) = mpsc::channel(ANSWERS_AHEAD);
    let mut walk = Walk::new(&opening, missing, refresh, reader, config, progress, work_sender);
    let mut writer = Writer::new(store, opening.classes(), config, progress);
    // The walk's end closes the channel to the requests, theirs the one to the writer. The other way round, who fails
    // stops those before it.
    let stop = cancel.child_token();
    let (walked, asked, written) = tokio::join!(
        async {
            let walked = stop.run_until_cancelled(walk.walk(opening.page.clone())).await.unwrap_or(Ok(()));
            (walk.finish(), walked)
        },
        async {
            // What is under way is let go: it may take minutes, and the next run asks for it again.
            let asked = ask::ask(&*opening.api, &opening.feed, config, work, done_sender);
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
    let (is_done, outcome) = match cancel.is_cancelled() {
        true => (false, Outcome::Cancelled),
        false => (seen.is_done, Outcome::Completed),
    };
    let report = report(outcome, seen, written);
    if let Err(error) = asked.and(walked) {
        // The error says why it ended; this, that it was not for nothing.
        tracing::info!("before the run failed: {report}");
        return Err(error);
    }
    if refresh.is_some() && is_done {
        store.end_refresh().await?;
    }
    Ok(report)
}

/// A line without the blanks that line up columns.
fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
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
        without_medium: written.without_medium,
        malformed: seen.malformed,
        pages: seen.pages,
        requests: seen.pages + written.asked,
        commits: written.commits,
        commit_ms: written.committing.as_millis() as u64,
        newest: seen.newest,
        oldest: seen.oldest,
    }
}

//! The requests for items: many under way at once, none waiting for a page to be complete.

use futures::{Stream, StreamExt, stream};
use tagmill_model::{Item, ItemId, now};
use tagmill_store::Failure;
use tokio::sync::mpsc::{Receiver, Sender};

use crate::api::{Api, Feed};
use crate::walk::{Part, Task, Work};
use crate::{ApiError, Config, Error};

/// The board's word, and HTTP's, that there is no such item.
const GONE: [&str; 2] = ["notFound", "status 404"];

/// Whether the board has said more than once that a listed item does not exist. It is then left alone.
pub(crate) fn is_gone(failure: &Failure) -> bool {
    failure.attempts > 1 && GONE.contains(&failure.reason.as_str())
}

/// So many failures in a row, with no item in between that could be had, are the board's or the network's fault. Well
/// above the requests under way at once, which a short trouble may hit together.
const FAILURES_IN_A_ROW: u64 = 100;

/// A task that is done.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) part: Option<Part>,
    pub(crate) ended: Ended,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The item is complete.
    Saved(Item),
    /// The item is stored as the listing said, which may be all that there is to it.
    Skipped(Item),
    /// The item could not be had.
    Failed(Item, ApiError),
    /// The item could not be had anew; it stays as it is.
    NotRefreshed(ItemId, ApiError),
    /// There was nothing to do.
    Nothing,
}

/// Works until the walk has no more, the writer takes no more, or an answer shows that there is no use in going on.
pub(crate) async fn ask(
    api: &dyn Api,
    feed: &Feed,
    config: &Config,
    work: Receiver<Work>,
    done: Sender<Done>,
) -> Result<(), Error> {
    let mut results = std::pin::pin!(
        incoming(work).map(|work| perform(api, config.comments, work)).buffer_unordered(config.workers)
    );
    let mut failures = 0;
    while let Some(result) = results.next().await {
        match &result.ended {
            Ended::Saved(_) => failures = 0,
            // A clear no is an answer.
            Ended::Failed(_, ApiError::Refused { .. }) | Ended::NotRefreshed(_, ApiError::Refused { .. }) => {
                failures = 0;
            }
            Ended::Failed(..) | Ended::NotRefreshed(..) => failures += 1,
            Ended::Skipped(_) | Ended::Nothing => {}
        }
        let ended = match result.ended {
            Ended::Failed(_, source) | Ended::NotRefreshed(_, source) if source.concerns_all() => {
                return Err(Error::of_board(source, config, feed.flags));
            }
            Ended::Failed(Item { id, .. }, source) | Ended::NotRefreshed(id, source)
                if failures == FAILURES_IN_A_ROW =>
            {
                return Err(Error::TooManyFailures { count: failures, id, source });
            }
            ended => ended,
        };
        if done.send(Done { part: result.part, ended }).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn incoming(mut work: Receiver<Work>) -> impl Stream<Item = Work> {
    stream::poll_fn(move |context| work.poll_recv(context))
}

async fn perform(api: &dyn Api, comments: bool, work: Work) -> Done {
    let ended = match work.task {
        Task::Ask(item) => match with_tags(api, comments, item).await {
            Ok(item) => Ended::Saved(item),
            Err((item, error)) => Ended::Failed(item, error),
        },
        Task::Refresh(item) => match with_tags(api, comments, item).await {
            Ok(item) => Ended::Saved(item),
            Err((item, error)) => Ended::NotRefreshed(item.id, error),
        },
        Task::Keep(mut item) => {
            item.updated_at = now();
            Ended::Skipped(item)
        }
        Task::Nothing => Ended::Nothing,
    };
    Done { part: work.part, ended }
}

async fn with_tags(api: &dyn Api, comments: bool, mut item: Item) -> Result<Item, (Item, ApiError)> {
    let info = api.info(item.id, comments).await;
    item.updated_at = now();
    match info {
        Ok(info) => {
            item.tags_data = Some(info.tags_data);
            item.comments_data = info.comments_data;
            Ok(item)
        }
        Err(error) => Err((item, error)),
    }
}

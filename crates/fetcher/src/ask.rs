//! The requests for items: many under way at once, none waiting for a page to be complete.

use std::time::{SystemTime, UNIX_EPOCH};

use futures::{Stream, StreamExt, stream};
use tagmill_model::{Item, ItemId};
use tokio::sync::mpsc::{Receiver, Sender};

use crate::walk::{Part, Task, Work};
use crate::{ApiError, Config, Error, Pr0gramm};

/// So many failures in a row, with no item in between that could be had, are the board's or the network's fault. Well
/// above the requests under way at once, which a short trouble may hit together.
const FAILURES_IN_A_ROW: u64 = 100;

/// A task that is done.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) page: Part,
    pub(crate) ended: Ended,
}

/// How it ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// The item is complete.
    Saved(Item),
    /// The item is stored as the listing said.
    Skipped(Item),
    /// The item could not be had.
    Failed(Item, ApiError),
    /// An item that failed before is not on the board any more.
    Gone(ItemId, &'static str),
    /// There was nothing to do.
    Nothing,
}

/// Works until the walk has no more, the writer takes no more, or an answer shows that there is no use in going on.
pub(crate) async fn ask(
    api: &Pr0gramm,
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
            Ended::Failed(_, ApiError::Refused { .. }) => failures = 0,
            Ended::Failed(..) => failures += 1,
            Ended::Skipped(_) | Ended::Gone(..) | Ended::Nothing => {}
        }
        let ended = match result.ended {
            Ended::Failed(_, source) if source.concerns_all() => return Err(Error::of_board(source, config)),
            Ended::Failed(item, source) if failures == FAILURES_IN_A_ROW => {
                return Err(Error::TooManyFailures { count: failures, id: item.id, source });
            }
            ended => ended,
        };
        if done.send(Done { page: result.page, ended }).await.is_err() {
            break;
        }
    }
    Ok(())
}

fn incoming(mut work: Receiver<Work>) -> impl Stream<Item = Work> {
    stream::poll_fn(move |context| work.poll_recv(context))
}

async fn perform(api: &Pr0gramm, comments: bool, work: Work) -> Done {
    let ended = match work.task {
        Task::Ask(mut item) => {
            let info = api.info(item.id, comments).await;
            item.updated_at = now();
            match info {
                Ok(info) => {
                    item.tags_data = Some(info.tags_data);
                    item.comments_data = info.comments_data;
                    Ended::Saved(item)
                }
                Err(error) => Ended::Failed(item, error),
            }
        }
        Task::Keep(mut item) => {
            item.updated_at = now();
            Ended::Skipped(item)
        }
        Task::Forget(id, reason) => Ended::Gone(id, reason),
        Task::Nothing => Ended::Nothing,
    };
    Done { page: work.page, ended }
}

/// Unix seconds.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

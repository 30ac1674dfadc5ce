//! Times that can be compared although the machine is not quiet.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::Failed;
use crate::sides::{Rows, Side};

/// One who writes a database of its own.
pub(crate) struct Contender {
    pub(crate) side: Side,
    pub(crate) pragmas: String,
    /// A database that was created.
    pub(crate) path: PathBuf,
}

/// How long one contender took.
#[derive(Debug, Clone, Default)]
pub(crate) struct Times {
    /// Of each batch.
    pub(crate) commits: Vec<Duration>,
    /// The last checkpoint, and what else is done on closing.
    closing: Duration,
}

impl Times {
    /// Seconds from the first batch to the closed database.
    pub(crate) fn all(&self) -> f64 {
        (self.commits.iter().sum::<Duration>() + self.closing).as_secs_f64()
    }
}

/// Has the contenders commit `batches` batches, batch by batch in turns, so that what else the machine does meets all.
pub(crate) async fn take(
    contenders: &[Contender],
    batches: usize,
    rows: impl Fn(Side, usize) -> Rows,
) -> Result<Vec<Times>, Failed> {
    let mut writers = Vec::new();
    for contender in contenders {
        writers.push(contender.side.open(&contender.path, &contender.pragmas).await?);
    }
    let mut times = vec![Times::default(); contenders.len()];
    for batch in 0..batches {
        // Whoever comes first finds the processor's caches as the last one left them: each does in turn.
        for turn in 0..contenders.len() {
            let at = (batch + turn) % contenders.len();
            let rows = rows(contenders[at].side, batch);
            let started = Instant::now();
            writers[at].commit(rows).await?;
            times[at].commits.push(started.elapsed());
        }
    }
    for (writer, times) in writers.into_iter().zip(&mut times) {
        let started = Instant::now();
        writer.close().await?;
        times.closing = started.elapsed();
    }
    Ok(times)
}

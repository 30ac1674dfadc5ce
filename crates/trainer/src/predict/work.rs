//! Pictures on their way to the model: looked for, decoded and scored, each ahead of the next.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;
use std::time::{Duration, Instant};

use rayon::prelude::*;
use tagmill_model::picture::Limits;

use super::Failure;
use super::plan::{Task, Wanted};
use crate::Picture;
use crate::tagger::AT_ONCE;

/// Pictures that are decoded at once, for each core: enough that cores seldom wait for the last one.
const FOR_EACH_CORE: usize = 8;

/// Pictures that are decoded at once, at the least: four times through the network.
const FEWEST: usize = 4 * AT_ONCE;

/// Inputs that wait to be decoded: a few batches, so that looking for more goes on while the model works.
const LISTED_AHEAD: usize = 4096;

/// Batches that wait decoded for a GPU. One would do; two ride out a slow disk.
const DECODED_AHEAD: usize = 2;

/// How long a batch that is not full waits for more pictures, where somebody lists them as they come.
const LINGER: Duration = Duration::from_millis(100);

/// How pictures are decoded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Work {
    pub(super) size: u32,
    pub(super) limits: Limits,
}

/// Pictures ready to be scored.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) decoded: Vec<Result<(Wanted, Picture), Failure>>,
    /// How many inputs among them were done before.
    pub(super) skipped: u64,
}

impl Batch {
    /// How many inputs came to it.
    pub(super) fn seen(&self) -> u64 {
        self.decoded.len() as u64 + self.skipped
    }
}

impl Work {
    /// Starts a thread that looks for pictures. Where the model leaves the cores free, another one decodes ahead; else
    /// decoding and scoring take turns: each uses all cores, and libtorch's threads collapse when others compete with them.
    pub(super) fn start<'scope>(
        self,
        scope: &'scope Scope<'scope, '_>,
        tasks: impl Iterator<Item = Task> + Send + 'scope,
        ahead: bool,
    ) -> Box<dyn Iterator<Item = Batch> + 'scope> {
        let (sender, listed) = sync_channel(LISTED_AHEAD);
        scope.spawn(move || {
            for task in tasks {
                // Nobody receives any more: the run was cancelled or failed.
                if sender.send(task).is_err() {
                    break;
                }
            }
        });
        let batches = std::iter::from_fn(move || self.next(&listed));
        if !ahead {
            return Box::new(batches);
        }
        let (sender, decoded) = sync_channel(DECODED_AHEAD);
        scope.spawn(move || {
            for batch in batches {
                if sender.send(batch).is_err() {
                    break;
                }
            }
        });
        Box::new(decoded.into_iter())
    }

    /// Waits for the next inputs and decodes them on all cores.
    fn next(self, listed: &Receiver<Task>) -> Option<Batch> {
        let full = FEWEST.max(rayon::current_num_threads() * FOR_EACH_CORE).next_multiple_of(AT_ONCE);
        let (mut skipped, mut pictures) = (0, Vec::with_capacity(full));
        let mut task = listed.recv().ok();
        let deadline = Instant::now() + LINGER;
        while let Some(next) = task {
            match next {
                Task::Done => skipped += 1,
                Task::Picture(wanted) => pictures.push(Ok(wanted)),
                Task::Failed(failure) => pictures.push(Err(failure)),
            }
            let patience = deadline.saturating_duration_since(Instant::now());
            task = if pictures.len() < full { listed.recv_timeout(patience).ok() } else { None };
        }
        let decode = |wanted: Result<Wanted, Failure>| {
            let wanted = wanted?;
            match Picture::open(&wanted.path, self.size, &self.limits) {
                Ok(picture) => Ok((wanted, picture)),
                Err(bad) => Err(Failure::new(wanted.path, &bad)),
            }
        };
        let batch = Batch { decoded: pictures.into_par_iter().map(decode).collect(), skipped };
        // What was received made at least one of them: with nothing, the inputs are over.
        (batch.seen() > 0).then_some(batch)
    }
}

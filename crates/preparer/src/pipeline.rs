//! Blocks in parallel, results in order.
//!
//! Every thread takes the next block, works on it, and hands it in. Whoever hands in the block whose turn it is also writes
//! it, and those behind it that are ready; there is no thread that only writes, so that one thread is one thread. Nobody takes
//! a block that is too far ahead of the one whose turn it is: that bounds the memory.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tagmill_store::Reader;

use crate::Error;
use crate::block::{Blocks, Chunk, Job, Worker};
use crate::tag_counts::TagCounts;

/// Blocks a thread may be ahead of the one whose turn it is: enough that a slow block holds up nobody.
const AHEAD: u64 = 2;

/// Where the blocks go, one after the other.
pub(crate) trait Sink: Send {
    /// Whether the run shall stop before any more work is begun.
    fn is_cancelled(&self) -> bool;
    /// Takes a block in.
    fn accept(&mut self, chunk: Chunk) -> Result<(), Error>;
}

struct Line<'a> {
    state: Mutex<State>,
    /// Notified when a block was written, and at the end.
    moved: Condvar,
    sink: Mutex<&'a mut dyn Sink>,
    ahead: u64,
}

struct State {
    blocks: Blocks,
    taken: u64,
    written: u64,
    ready: BTreeMap<u64, Chunk>,
    is_writing: bool,
    /// No more work is wanted: cancelled, failed, or full.
    is_over: bool,
    error: Option<Error>,
}

/// Runs all blocks into the sink, and counts their tags.
///
/// A limit is for one thread: which rows of a block it lets in depends on all rows before them.
pub(crate) fn run(job: &Job, reader: &Reader, sink: &mut dyn Sink, tags: &TagCounts) -> Result<(), Error> {
    let threads = if job.limit().is_some() { 1 } else { job.threads };
    let state = State {
        blocks: Blocks::all(),
        taken: 0,
        written: 0,
        ready: BTreeMap::new(),
        is_writing: false,
        is_over: false,
        error: None,
    };
    let line = Line {
        state: Mutex::new(state),
        moved: Condvar::new(),
        sink: Mutex::new(sink),
        ahead: threads as u64 * AHEAD,
    };
    let workers: Vec<Worker<'_>> =
        (0..threads).map(|_| Worker::new(job, reader, tags)).collect::<Result<_, _>>()?;
    thread::scope(|scope| {
        let mut workers = workers.into_iter();
        let mine = workers.next();
        for (index, worker) in workers.enumerate() {
            let line = &line;
            let named = thread::Builder::new().name(format!("prepare-{index}"));
            if let Err(source) = named.spawn_scoped(scope, move || line.work(worker)) {
                line.state().fail(Error::Threads { source });
                break;
            }
        }
        if let Some(worker) = mine {
            line.work(worker);
        }
    });
    let state = line.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    state.error.map_or(Ok(()), Err)
}

impl State {
    fn fail(&mut self, error: Error) {
        self.is_over = true;
        self.error.get_or_insert(error);
    }
}

impl Line<'_> {
    /// A thread that panics must not leave the others waiting; its panic goes on when they have ended.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut worker: Worker<'_>) {
        let _ended = EndOthers(self);
        while let Some((turn, block)) = self.take(&worker) {
            match worker.block(block) {
                Ok(chunk) => self.hand_in(turn, chunk),
                Err(error) => self.state().fail(error),
            }
        }
        worker.hand_over();
    }

    /// The next block, once it is not too far ahead.
    fn take(&self, worker: &Worker<'_>) -> Option<(u64, i64)> {
        let mut state = self.state();
        while !state.is_over && state.taken >= state.written + self.ahead {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_over || worker.is_full() {
            return None;
        }
        // Under the lock, so that blocks are numbered in their order.
        match state.blocks.take(&worker.scanner) {
            Ok(Some(block)) => {
                state.taken += 1;
                Some((state.taken - 1, block))
            }
            Ok(None) => None,
            Err(error) => {
                state.fail(error.into());
                None
            }
        }
    }

    /// Puts a block into its place, and writes whatever is ready, unless someone else is at it.
    fn hand_in(&self, turn: u64, chunk: Chunk) {
        let mut state = self.state();
        state.ready.insert(turn, chunk);
        while !state.is_writing && !state.is_over {
            let turn = state.written;
            let Some(chunk) = state.ready.remove(&turn) else { return };
            state.is_writing = true;
            drop(state);
            let accepted = self.accept(chunk);
            state = self.state();
            state.is_writing = false;
            state.written += 1;
            self.moved.notify_all();
            match accepted {
                Ok(is_cancelled) => state.is_over |= is_cancelled,
                Err(error) => state.fail(error),
            }
        }
    }

    /// Whether the run was cancelled instead.
    fn accept(&self, chunk: Chunk) -> Result<bool, Error> {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        if sink.is_cancelled() {
            return Ok(true);
        }
        sink.accept(chunk).map(|()| false)
    }
}

/// When a thread ends, by the end of the ids or by a panic, those that wait for it look again.
struct EndOthers<'a, 'b>(&'a Line<'b>);

impl Drop for EndOthers<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.state().is_over = true;
        }
        self.0.moved.notify_all();
    }
}

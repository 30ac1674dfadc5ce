//! How far the threads are, told to whoever polls the run.

use tagmill_model::{ItemId, Progress};
use tagmill_store::Interval;
use tokio::sync::mpsc::{Receiver, Sender};

/// What the threads tell.
pub(crate) enum Message {
    /// A pass begins over so many ids.
    Start(&'static str, Option<u64>),
    /// So many more ids are done.
    Advance(u64),
}

/// Counts ids: how many items there are is not known before all were read.
pub(crate) struct Ids {
    messages: Sender<Message>,
    all: Option<Interval>,
    seen: i64,
}

impl Ids {
    /// Begins a pass.
    pub(crate) fn start(messages: &Sender<Message>, phase: &'static str, all: Option<Interval>) -> Ids {
        // Where nobody listens any more, that shows at the first block.
        let _ = messages.blocking_send(Message::Start(phase, all.map(|all| all.ids())));
        let seen = all.map_or(0, |all| all.first.0.saturating_sub(1));
        Ids { messages: messages.clone(), all, seen }
    }

    /// Tells that all up to an id is done. Waits until that was heard, so that a caller who cancels on it is not overrun.
    pub(crate) fn reach(&mut self, id: ItemId) {
        let id = self.all.map_or(id.0, |all| id.0.min(all.last.0));
        if id > self.seen {
            let _ = self.messages.blocking_send(Message::Advance(id.abs_diff(self.seen)));
            self.seen = id;
        }
    }

    /// Whether the future of the run was dropped.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.messages.is_closed()
    }
}

/// Passes on what the threads tell, until they have ended.
pub(crate) async fn show(mut messages: Receiver<Message>, progress: &dyn Progress) {
    while let Some(message) = messages.recv().await {
        match message {
            Message::Start(phase, total) => progress.start(phase, total),
            Message::Advance(ids) => progress.advance(ids),
        }
    }
    progress.finish();
}

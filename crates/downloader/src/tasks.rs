//! Work that would hold up the transfers, elsewhere.

use tokio::sync::oneshot;

/// Runs what waits for a disk on a thread of the runtime's that may.
pub(crate) async fn io<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => unreachable!("blocking work is never aborted while it is awaited"),
        },
    }
}

/// Runs what computes on rayon's threads, no more of it at once than there are cores.
pub(crate) async fn cpu<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = oneshot::channel();
    rayon::spawn(move || {
        // Nobody waits any more: the run was dropped.
        let _ = sender.send(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
    });
    match receiver.await {
        Ok(Ok(value)) => value,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(_) => unreachable!("the work sends before it ends, and a panic as well"),
    }
}

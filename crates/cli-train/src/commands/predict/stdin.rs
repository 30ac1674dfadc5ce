//! A list on stdin that a cancelled run does not wait for.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// How much is read at once: what a pipe holds.
const CHUNK_BYTES: usize = 1 << 16;

/// How long a cancelled run waits for a list that is silent.
const PATIENCE: Duration = Duration::from_millis(50);

/// What comes on stdin, until it ends or the run is cancelled.
///
/// Nothing interrupts a read that waits for somebody to write. It waits on a thread of its own, which holds nothing but a
/// chunk of the list and ends with the process.
pub(super) fn until(is_cancelled: impl Fn() -> bool + Send) -> impl BufRead + Send {
    let (sender, chunks) = sync_channel(1);
    thread::spawn(move || {
        loop {
            let mut bytes = vec![0; CHUNK_BYTES];
            let chunk = io::stdin().read(&mut bytes).map(|count| {
                bytes.truncate(count);
                bytes
            });
            if matches!(&chunk, Err(error) if error.kind() == io::ErrorKind::Interrupted) {
                continue;
            }
            let is_last = !matches!(&chunk, Ok(bytes) if !bytes.is_empty());
            if sender.send(chunk).is_err() || is_last {
                break;
            }
        }
    });
    BufReader::new(List { chunks, rest: io::Cursor::default(), is_cancelled })
}

struct List<IsCancelled> {
    chunks: Receiver<io::Result<Vec<u8>>>,
    /// What is not handed on yet.
    rest: io::Cursor<Vec<u8>>,
    is_cancelled: IsCancelled,
}

impl<IsCancelled: Fn() -> bool> Read for List<IsCancelled> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.rest.read(into)?;
            if count > 0 || (self.is_cancelled)() {
                return Ok(count);
            }
            match self.chunks.recv_timeout(PATIENCE) {
                Ok(chunk) => self.rest = io::Cursor::new(chunk?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

//! How much room the disk has left, looked at often enough to stop before there is none.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// Bytes between two looks: a fraction of any sensible reserve, and a look costs microseconds.
const BYTES_A_LOOK: u64 = 16 << 20;

/// The reserve that a run leaves on the disk.
#[derive(Debug)]
pub(crate) struct Space {
    root: PathBuf,
    min_free: u64,
    /// Bytes written since the last look.
    written: AtomicU64,
}

impl Space {
    /// Looks for the first time.
    pub(crate) fn new(root: &Path, min_free: u64) -> Result<Space, Error> {
        let space = Space { root: root.to_owned(), min_free, written: AtomicU64::new(0) };
        space.look()?;
        Ok(space)
    }

    /// So many bytes are about to be written.
    pub(crate) fn take(&self, bytes: u64) -> Result<(), Error> {
        if self.written.fetch_add(bytes, Ordering::Relaxed) + bytes < BYTES_A_LOOK {
            return Ok(());
        }
        self.written.store(0, Ordering::Relaxed);
        self.look()
    }

    fn look(&self) -> Result<(), Error> {
        let free = fs4::available_space(&self.root).map_err(|source| Error::io(&self.root, source))?;
        match free < self.min_free {
            true => Err(Error::LowOnSpace { path: self.root.clone(), free, min_free: self.min_free }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_first_and_now_and_then() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(Space::new(folder.path(), u64::MAX), Err(Error::LowOnSpace { .. })));
        let mut space = Space::new(folder.path(), 0).unwrap();
        space.min_free = u64::MAX;
        space.take(BYTES_A_LOOK - 1).unwrap();
        assert!(matches!(space.take(1), Err(Error::LowOnSpace { min_free: u64::MAX, .. })));
        space.take(1).unwrap();
    }
}

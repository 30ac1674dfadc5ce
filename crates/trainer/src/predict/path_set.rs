use std::collections::HashSet;
use std::path::Path;

/// Half a BLAKE3 hash: no two paths share one.
pub(super) type PathKey = [u8; 16];

/// Paths that were seen, in 16 bytes each, so that millions fit into memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PathSet(HashSet<PathKey>);

impl PathSet {
    /// Adds a path by its bytes, as [`std::ffi::OsStr::as_encoded_bytes`] has them, and says whether it is new.
    pub(super) fn insert(&mut self, path: &[u8]) -> bool {
        self.0.insert(key(path))
    }

    /// Whether the path is among them, spelled as it was added.
    #[cfg(test)]
    pub(super) fn contains(&self, path: &Path) -> bool {
        self.0.contains(&key_of(path))
    }
}

pub(super) fn key_of(path: &Path) -> PathKey {
    key(path.as_os_str().as_encoded_bytes())
}

fn key(path: &[u8]) -> PathKey {
    let mut key = PathKey::default();
    blake3::Hasher::new().update(path).finalize_xof().fill(&mut key);
    key
}

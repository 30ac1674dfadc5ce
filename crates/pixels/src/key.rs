//! What pictures are known by: what is in a file, and which file it is.

use std::fs::Metadata;
use std::path::Path;
use std::time::UNIX_EPOCH;

/// The first 128 bits of a BLAKE3 hash. Pictures come from strangers, so it has to be one for which nobody can make a second
/// file of the same hash: the one would be trained on under the tags of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(crate) [u8; 16]);

impl Key {
    /// The key of a file's contents.
    pub(crate) fn of_content(bytes: &[u8]) -> Key {
        Key::of(blake3::hash(bytes))
    }

    /// The key of a file as the system lists it: its place, length and time of change. While this stays the same the contents
    /// are taken to be the same, so that a second run need not read them.
    pub(crate) fn of_file(path: &Path, metadata: &Metadata) -> Key {
        // A file system that keeps no times is left with place and length.
        let changed = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let mut hasher = blake3::Hasher::new();
        hasher.update(&metadata.len().to_le_bytes());
        hasher.update(&changed.map_or(0, |time| time.as_nanos()).to_le_bytes());
        hasher.update(path.as_os_str().as_encoded_bytes());
        Key::of(hasher.finalize())
    }

    fn of(hash: blake3::Hash) -> Key {
        let (first, _) = hash.as_bytes().split_first_chunk().expect("a BLAKE3 hash has 32 bytes");
        Key(*first)
    }

    /// The first 64 bits.
    pub(crate) fn short(&self) -> u64 {
        let (first, _) = self.0.split_first_chunk().expect("a key has 16 bytes");
        u64::from_le_bytes(*first)
    }
}

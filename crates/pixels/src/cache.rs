//! The pixel cache as a whole: where it lies, what it takes, how it goes.

use std::fmt;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::error::Bytes;
use crate::{Error, record, shard};

/// Raised whenever the same file would come out as other pixels than before, or the index gets another form: what was kept
/// under an older number is then no longer looked at. `the_pixels_are_pinned` tells when.
const VERSION: u32 = 1;

/// The folder for pictures of one size: what else becomes of a picture is in the version.
pub(crate) fn folder(cache: &Path, size: u32) -> PathBuf {
    cache.join(format!("v{VERSION}-{size}px"))
}

/// The folder for what `maker`, a name in hexadecimal digits, makes of the pictures of one size.
pub(crate) fn vectors_folder(cache: &Path, size: u32, maker: &str) -> PathBuf {
    cache.join(format!("v{VERSION}-{size}px-{maker}"))
}

/// What a cache takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Usage {
    /// The cache.
    pub folder: PathBuf,
    /// By size of the pictures, and for each size by network, whose feature vectors they are: one entry a subfolder, by name.
    pub sizes: Vec<SizeUsage>,
}

/// What the pictures of one size take, or their feature vectors by one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SizeUsage {
    /// The subfolder: version and size, and a network's digest.
    pub name: String,
    /// Files whose outcome is known, or pictures whose feature vector is.
    pub files: u64,
    /// Bytes on disk, indices included.
    pub bytes: u64,
}

impl Usage {
    /// Bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.sizes.iter().map(|size| size.bytes).sum()
    }
}

/// Looks what a cache takes. Where there is none, nothing.
///
/// # Errors
/// [`Error::Io`].
pub fn usage(cache: &Path) -> Result<Usage, Error> {
    let mut sizes = Vec::new();
    for (name, folder) in subfolders(cache)? {
        let mut size = SizeUsage { name, files: 0, bytes: 0 };
        for index in shard::indices(&folder)? {
            let bytes = fs::read(&index).map_err(Error::io(&index))?;
            size.files += record::read_all(&bytes).0.len() as u64;
        }
        for entry in fs::read_dir(&folder).map_err(Error::io(&folder))? {
            let metadata = entry.and_then(|entry| entry.metadata()).map_err(Error::io(&folder))?;
            size.bytes += metadata.len();
        }
        sizes.push(size);
    }
    Ok(Usage { folder: cache.to_owned(), sizes })
}

/// Takes a cache away and tells what it took.
///
/// # Errors
/// [`Error::InUse`] where another process adds to it, before anything is taken away; [`Error::Io`].
pub fn clear(cache: &Path) -> Result<Usage, Error> {
    let usage = usage(cache)?;
    let mut locks = Vec::new();
    for (_, folder) in subfolders(cache)? {
        for path in shard::indices(&folder)? {
            let index = File::open(&path).map_err(Error::io(&path))?;
            if !shard::lock(&index, &path)? {
                return Err(Error::InUse { folder: cache.to_owned() });
            }
            locks.push(index);
        }
    }
    for (_, folder) in subfolders(cache)? {
        fs::remove_dir_all(&folder).map_err(Error::io(&folder))?;
    }
    Ok(usage)
}

/// The subfolders of a cache that are ours.
fn subfolders(cache: &Path) -> Result<Vec<(String, PathBuf)>, Error> {
    let entries = match fs::read_dir(cache) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io(cache))?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let path = entry.map_err(Error::io(cache))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && is_ours(&name) {
            folders.push((name, path));
        }
    }
    folders.sort();
    Ok(folders)
}

/// Whether a name is one that [`folder`] or [`vectors_folder`] gives, in this version or another: clearing takes away nothing
/// else.
fn is_ours(name: &str) -> bool {
    let all = |text: &str, is: fn(&u8) -> bool| !text.is_empty() && text.as_bytes().iter().all(is);
    let parts = name.strip_prefix('v').and_then(|rest| rest.split_once('-'));
    parts.is_some_and(|(version, rest)| {
        let (size, maker) = rest.split_once("px").unwrap_or_default();
        let is_maker = maker.is_empty()
            || maker.strip_prefix('-').is_some_and(|maker| all(maker, u8::is_ascii_hexdigit));
        all(version, u8::is_ascii_digit) && all(size, u8::is_ascii_digit) && is_maker
    })
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in `{}`", Bytes(self.bytes()), self.folder.display())?;
        for SizeUsage { name, files, bytes } in &self.sizes {
            write!(f, "\n{name}: {files} files, {}", Bytes(*bytes))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_the_cache_are_ours() {
        for ours in [folder(Path::new(""), 224), vectors_folder(Path::new(""), 64, "0123456789abcdef")] {
            assert!(is_ours(ours.to_str().unwrap()), "{}", ours.display());
        }
        for other in
            ["videos-720px", "v-224px", "v1-px", "v1-224", "v1-224px-", "v1-224px-holiday", "v1-224px2", ""]
        {
            assert!(!is_ours(other), "{other}");
        }
    }
}

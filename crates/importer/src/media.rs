//! Pictures on their way into the media folder, where each stands under a name made of its contents.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use tagmill_model::hex;
use tagmill_model::media::IMPORTED;
use tagmill_model::picture::{self, BadPicture, Header, Limits};

use crate::{Error, Placing, Reason};

/// The first 128 bits of the BLAKE3 hash of a picture's file. Nobody can make two files of one hash.
pub(crate) type Hash = [u8; 16];

/// A picture, looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Looked {
    pub(crate) hash: Hash,
    pub(crate) header: Header,
    stamp: Stamp,
}

/// What changes when a file does.
#[derive(Debug, Clone, PartialEq)]
struct Stamp {
    len: u64,
    modified: Option<SystemTime>,
    /// Device and number, where the system has such.
    file: (u64, u64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        let file =
            (std::os::unix::fs::MetadataExt::dev(metadata), std::os::unix::fs::MetadataExt::ino(metadata));
        #[cfg(not(unix))]
        let file = (0, 0);
        Stamp { len: metadata.len(), modified: metadata.modified().ok(), file }
    }
}

impl Looked {
    /// Its path below the media folder.
    pub(crate) fn image(&self) -> String {
        let hex = hex(&self.hash);
        format!("{IMPORTED}/{}/{hex}.{}", &hex[..2], self.header.extension)
    }

    /// When the file was last changed, Unix seconds; 0 where the system does not know.
    pub(crate) fn modified(&self) -> i64 {
        let since = self.stamp.modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since.and_then(|since| i64::try_from(since.as_secs()).ok()).unwrap_or(0)
    }
}

/// Half a BLAKE3 hash.
pub(crate) fn hash(bytes: &[u8]) -> Hash {
    let hash = blake3::hash(bytes);
    *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes")
}

/// The hash in a path that [`Looked::image`] made.
pub(crate) fn hash_in(image: &str) -> Option<Hash> {
    let (_, name) = image.strip_prefix(IMPORTED)?.strip_prefix('/')?.split_once('/')?;
    let (hex, _) = name.split_once('.')?;
    let mut hash = Hash::default();
    if hex.len() != 2 * hash.len() || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in hash.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(hash)
}

/// Reads a picture's file and its head.
///
/// # Errors
/// Why it is left out, and more of it.
pub(crate) fn look(path: &Path, limits: &Limits) -> Result<Looked, (Reason, String)> {
    let bad = |bad: BadPicture| (Reason::of(&bad), bad.to_string());
    let metadata = metadata(path)?;
    // To open a pipe is to wait for whoever writes into it.
    if !metadata.is_file() {
        return Err((Reason::Unreadable, "it is no file".to_owned()));
    }
    let bytes = picture::read(path, limits).map_err(bad)?;
    let header = picture::header(&bytes, limits).map_err(bad)?;
    Ok(Looked { hash: hash(&bytes), header, stamp: Stamp::of(&metadata) })
}

fn metadata(path: &Path) -> Result<Metadata, (Reason, String)> {
    fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => (Reason::Missing, "there is no such file".to_owned()),
        _ => (Reason::Unreadable, error.to_string()),
    })
}

/// How a picture has come into the media folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// It was there.
    Present,
    Linked,
    Copied,
    Referenced,
}

/// Why a picture did not come into the media folder.
#[derive(Debug)]
pub(crate) enum NotPlaced {
    /// Something is wrong with this one.
    Bad(Reason, String),
    /// The next ones would fare the same.
    Failed(Error),
}

/// Puts a picture into the media folder, whole or not at all, unless it is there as it is to be.
pub(crate) fn place(
    looked: &Looked,
    path: &Path,
    media_dir: &Path,
    placing: Placing,
) -> Result<How, NotPlaced> {
    let target = media_dir.join(looked.image());
    if is_present(looked, &target, placing) {
        return Ok(How::Present);
    }
    let part = part_of(&target);
    let placed = begin(looked, path, &part, placing).and_then(|how| {
        fs::rename(&part, &target).map_err(|error| NotPlaced::Failed(Error::write(&target)(error)))?;
        Ok(how)
    });
    // Nobody misses a part, and the next run replaces one that stays.
    let _ = fs::remove_file(&part);
    placed
}

/// A link that leads nowhere, or a file that was written to through its other name, is not the picture. Nor is what the original's
/// owner may take away or change, where that was not asked for.
fn is_present(looked: &Looked, target: &Path, placing: Placing) -> bool {
    let found = match placing {
        Placing::Reference => fs::metadata(target),
        Placing::Link | Placing::Copy => fs::symlink_metadata(target),
    };
    let Ok(found) = found else { return false };
    let is_shared = cfg!(unix) && Stamp::of(&found).file == looked.stamp.file;
    found.is_file() && found.len() == looked.stamp.len && !(placing == Placing::Copy && is_shared)
}

fn part_of(target: &Path) -> PathBuf {
    let mut part = target.to_owned().into_os_string();
    part.push(".part");
    part.into()
}

/// Makes the part, and looks whether it still is what was looked at.
fn begin(looked: &Looked, path: &Path, part: &Path, placing: Placing) -> Result<How, NotPlaced> {
    let failed = |error| NotPlaced::Failed(Error::write(part)(error));
    let bad = |(reason, detail)| NotPlaced::Bad(reason, detail);
    if let Some(folder) = part.parent() {
        fs::create_dir_all(folder).map_err(|error| NotPlaced::Failed(Error::write(folder)(error)))?;
    }
    match fs::remove_file(part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    // A hard link to a symbolic link would be one itself, and lead elsewhere from there.
    let source = path.canonicalize().map_err(|error| bad((Reason::Unreadable, error.to_string())))?;
    let how = match placing {
        Placing::Reference => symlink(&source, part).map(|()| How::Referenced).map_err(failed)?,
        // Another file system, one that knows no links, somebody else's file: a copy will do, or tell what is wrong.
        Placing::Link if fs::hard_link(&source, part).is_ok() => How::Linked,
        Placing::Link | Placing::Copy => {
            let mut from =
                File::open(&source).map_err(|error| bad((Reason::Unreadable, error.to_string())))?;
            let mut to = File::create_new(part).map_err(failed)?;
            io::copy(&mut from, &mut to).map_err(failed)?;
            How::Copied
        }
    };
    let found = metadata(&source).map_err(bad)?;
    let len = fs::metadata(part).map_err(failed)?.len();
    if Stamp::of(&found) != looked.stamp || len != looked.stamp.len {
        return Err(NotPlaced::Bad(Reason::Changing, "run it again when nobody writes to it".to_owned()));
    }
    Ok(how)
}

#[cfg(unix)]
fn symlink(to: &Path, from: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(to, from)
}

#[cfg(windows)]
fn symlink(to: &Path, from: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(to, from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(folder: &Path, name: &str, width: u32) -> PathBuf {
        let path = folder.join(name);
        image::RgbImage::new(width, 3).save_with_format(&path, image::ImageFormat::Png).unwrap();
        path
    }

    fn look(path: &Path) -> Looked {
        super::look(path, &Limits::default()).unwrap()
    }

    #[test]
    fn a_name_is_made_of_the_contents() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (png(folder.path(), "a.jpg", 5), png(folder.path(), "b.jpg", 6));
        let looked = look(&a);
        let image = looked.image();
        assert!(image.starts_with("imported/") && image.ends_with(".png") && image.len() == 48, "{image}");
        assert_eq!(hash_in(&image), Some(looked.hash));
        assert_eq!((looked.header.width, looked.header.height), (5, 3));
        assert_ne!(look(&b).hash, looked.hash);
        fs::copy(&a, &b).unwrap();
        assert_eq!(look(&b).image(), image);
        for other in ["2024/ab/c.jpg", "imported/a.jpg", "imported/ab/0g.jpg", "imported/ab/é.jpg"] {
            assert_eq!(hash_in(other), None, "{other}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn each_way_into_the_folder() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let (source, media) = (png(folder.path(), "a.png", 5), folder.path().join("media"));
        std::os::unix::fs::symlink("a.png", folder.path().join("link.png")).unwrap();
        let (looked, inode) = (look(&source), fs::metadata(&source).unwrap().ino());
        let target = media.join(looked.image());
        for (placing, how, is_same_file, is_link) in [
            (Placing::Link, How::Linked, true, false),
            (Placing::Copy, How::Copied, false, false),
            (Placing::Reference, How::Referenced, true, true),
        ] {
            for name in ["a.png", "link.png"] {
                assert_eq!(place(&looked, &folder.path().join(name), &media, placing).unwrap(), how);
                assert_eq!(fs::metadata(&target).unwrap().ino() == inode, is_same_file, "{how:?}");
                assert_eq!(fs::symlink_metadata(&target).unwrap().is_symlink(), is_link, "{how:?}");
                assert_eq!(look(&target).hash, looked.hash);
                assert_eq!(place(&looked, &source, &media, placing).unwrap(), How::Present);
                assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1);
                fs::remove_file(&target).unwrap();
            }
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_there_in_another_way_is_replaced_where_that_is_safer() {
        use Placing::{Copy, Link, Reference};
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let (source, media) = (png(folder.path(), "a.png", 5), folder.path().join("media"));
        let (looked, inode) = (look(&source), fs::metadata(&source).unwrap().ino());
        let target = media.join(looked.image());
        for (before, then, how) in [
            (Reference, Link, How::Linked),
            (Reference, Copy, How::Copied),
            (Link, Copy, How::Copied),
            (Link, Reference, How::Present),
            (Copy, Link, How::Present),
            (Copy, Reference, How::Present),
        ] {
            place(&looked, &source, &media, before).unwrap();
            assert_eq!(place(&looked, &source, &media, then).unwrap(), how, "{before:?}, {then:?}");
            assert!(fs::symlink_metadata(&target).unwrap().is_file());
            assert_eq!(fs::metadata(&target).unwrap().ino() == inode, how != How::Copied && before != Copy);
            assert_eq!(place(&looked, &source, &media, then).unwrap(), How::Present);
            fs::remove_file(&target).unwrap();
        }
    }

    #[test]
    fn what_is_not_whole_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (source, media) = (png(folder.path(), "a.png", 5), folder.path().join("media"));
        let looked = look(&source);
        let target = media.join(looked.image());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::write(&target, "shorter").unwrap();
        fs::write(part_of(&target), "left by a kill").unwrap();
        assert_eq!(place(&looked, &source, &media, Placing::Link).unwrap(), How::Linked);
        assert_eq!(fs::read(&target).unwrap(), fs::read(&source).unwrap());
        assert!(!part_of(&target).exists());
        #[cfg(unix)]
        {
            fs::remove_file(&target).unwrap();
            std::os::unix::fs::symlink("/nowhere", &target).unwrap();
            assert_eq!(place(&looked, &source, &media, Placing::Copy).unwrap(), How::Copied);
            assert!(fs::symlink_metadata(&target).unwrap().is_file());
        }
    }

    #[test]
    fn what_changes_meanwhile_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let (source, media) = (png(folder.path(), "a.png", 5), folder.path().join("media"));
        let looked = look(&source);
        fs::write(&source, "something else").unwrap();
        for placing in [Placing::Link, Placing::Copy, Placing::Reference] {
            let error = place(&looked, &source, &media, placing).unwrap_err();
            assert!(matches!(error, NotPlaced::Bad(Reason::Changing, _)), "{error:?}");
        }
        fs::remove_file(&source).unwrap();
        let error = place(&looked, &source, &media, Placing::Link).unwrap_err();
        assert!(matches!(error, NotPlaced::Bad(Reason::Unreadable, _)), "{error:?}");
        let folder = media.join(looked.image()).parent().unwrap().to_owned();
        assert_eq!(fs::read_dir(folder).unwrap().count(), 0);
    }

    #[test]
    fn a_media_folder_that_cannot_be_one_ends_the_run() {
        let folder = tempfile::tempdir().unwrap();
        let source = png(folder.path(), "a.png", 5);
        let error = place(&look(&source), &source, &source, Placing::Link).unwrap_err();
        assert!(matches!(error, NotPlaced::Failed(Error::Write { .. })), "{error:?}");
    }

    #[test]
    fn what_is_no_picture() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.png");
        let check = |expected: Reason| {
            let (reason, detail) = super::look(&path, &Limits::default()).unwrap_err();
            assert_eq!(reason, expected, "{detail}");
        };
        check(Reason::Missing);
        fs::write(&path, "").unwrap();
        check(Reason::Empty);
        fs::write(&path, "text").unwrap();
        check(Reason::UnknownFormat);
        fs::write(&path, b"\x89PNG\r\n\x1a\n").unwrap();
        check(Reason::Corrupt);
        fs::write(&path, b"\xff\xd8\xff\xe0\0\x10JFIF\0").unwrap();
        check(Reason::Truncated);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        check(Reason::Unreadable);
    }
}

//! A folder of pictures with all folders below it, in the order of names.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use tagmill_model::{MediaKind, Tag};

use super::names::{self, Paired, Sidecar};
use crate::encoding::decode;
use crate::source::{Entry, Pictures, Reading, kind, text_of};
use crate::{Error, Fault, FolderTags, Reason, tags};

/// Sidecars are lists of words; a book would be somebody's mistake.
const LARGEST_SIDECAR: u64 = 1 << 20;

/// Reads a folder. What is hidden is passed over.
pub(crate) struct Folder {
    root: PathBuf,
    tags: FolderTags,
    /// Folders to look into, below the root; the next one is the last.
    folders: Vec<PathBuf>,
    /// What was found in the folder that was last looked into.
    found: VecDeque<Raw>,
}

pub(crate) enum Raw {
    /// A picture below the root, and its sidecars beside it.
    Picture(PathBuf, Vec<Sidecar>),
    Fault(Fault),
    Video,
    Other,
}

impl Folder {
    /// `root` is absolute and has no links in it.
    pub(crate) fn open(root: PathBuf, tags: FolderTags) -> Folder {
        Folder { root, tags, folders: vec![PathBuf::new()], found: VecDeque::new() }
    }

    fn look_into(&mut self, folder: &Path) -> Result<(), Error> {
        let Listing { names, folders, faults } = match list(&self.root, folder) {
            Ok(listing) => listing,
            Err(error) if folder.as_os_str().is_empty() => return Err(Error::source(&self.root)(error)),
            Err(error) => {
                let fault = Fault::new(text_of(folder), Reason::Unreadable, error.to_string());
                self.found.push_back(Raw::Fault(fault));
                return Ok(());
            }
        };
        self.found.extend(faults.into_iter().map(Raw::Fault));
        let Paired { pictures, alone, videos, others } = match self.tags {
            FolderTags::Sidecars { .. } => names::pair(names),
            // There are no sidecars: all files of text are others.
            FolderTags::Folders => {
                let (texts, names): (Vec<_>, Vec<_>) =
                    names.into_iter().partition(|name| names::is_sidecar(name));
                let paired = names::pair(names);
                Paired { others: paired.others + texts.len() as u64, ..paired }
            }
        };
        self.found.extend((0..videos).map(|_| Raw::Video));
        self.found.extend((0..others).map(|_| Raw::Other));
        for name in alone {
            let path = text_of(&folder.join(name));
            self.found.push_back(Raw::Fault(Fault::new(path, Reason::NoPicture, "")));
        }
        let picture = |picture: names::Picture| Raw::Picture(folder.join(picture.name), picture.sidecars);
        self.found.extend(pictures.into_iter().map(picture));
        self.folders.extend(folders.into_iter().rev().map(|name| folder.join(name)));
        Ok(())
    }
}

impl Pictures for Folder {
    type Raw = Raw;

    fn next(&mut self) -> Result<Option<Raw>, Error> {
        loop {
            if let Some(raw) = self.found.pop_front() {
                return Ok(Some(raw));
            }
            let Some(folder) = self.folders.pop() else { return Ok(None) };
            self.look_into(&folder)?;
        }
    }

    fn read(&self, raw: Raw) -> Reading {
        let (path, sidecars) = match raw {
            Raw::Picture(path, sidecars) => (path, sidecars),
            Raw::Fault(fault) => return Reading::fault(fault),
            Raw::Video => return Reading { is_video: true, ..Reading::default() },
            Raw::Other => return Reading { is_other: true, ..Reading::default() },
        };
        let name = text_of(&path);
        let mut faults = Vec::new();
        let tags = match self.tags {
            FolderTags::Folders => folder_tags(&path),
            FolderTags::Sidecars { .. } => match self.sidecar_tags(&name, &path, &sidecars, &mut faults) {
                Ok(tags) => tags,
                Err(fault) => return Reading::fault(fault),
            },
        };
        let path = self.root.join(path);
        let entry = Entry { name, path, tags, class: None, created: None };
        Reading { entry: Some(entry), faults, ..Reading::default() }
    }
}

impl Folder {
    /// The tags of all sidecars of a picture.
    fn sidecar_tags(
        &self,
        name: &str,
        picture: &Path,
        sidecars: &[Sidecar],
        faults: &mut Vec<Fault>,
    ) -> Result<Vec<Tag>, Fault> {
        let mut lists: Vec<Vec<Tag>> = Vec::new();
        for sidecar in sidecars {
            let tags = self.sidecar(&picture.with_file_name(&sidecar.name));
            let tags = tags.map_err(|(reason, detail)| {
                let detail = format!("`{}`: {detail}", text_of(Path::new(&sidecar.name)));
                Fault::new(name, reason, detail)
            })?;
            lists.push(tags);
            if sidecar.is_shared {
                let sidecar = text_of(Path::new(&sidecar.name));
                faults.push(Fault::new(name, Reason::SharedSidecar, format!("`{sidecar}`")));
            }
        }
        let sorted = |tags: &[Tag]| {
            let mut names: Vec<String> = tags.iter().map(|tag| tag.name.clone()).collect();
            names.sort();
            names
        };
        if lists.windows(2).any(|pair| sorted(&pair[0]) != sorted(&pair[1])) {
            let names: Vec<String> =
                sidecars.iter().map(|sidecar| format!("`{}`", text_of(Path::new(&sidecar.name)))).collect();
            faults.push(Fault::new(name, Reason::TwoSidecars, names.join(" and ")));
        }
        Ok(tags::united(lists.into_iter().flatten()))
    }

    fn sidecar(&self, path: &Path) -> Result<Vec<Tag>, (Reason, String)> {
        let FolderTags::Sidecars { separator, encoding } = self.tags else { return Ok(Vec::new()) };
        let unreadable = |error: io::Error| (Reason::UnreadableSidecar, error.to_string());
        let mut bytes = Vec::new();
        let file = File::open(self.root.join(path)).map_err(unreadable)?;
        file.take(LARGEST_SIDECAR + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST_SIDECAR {
            return Err((Reason::TooLarge, format!("it has more than {LARGEST_SIDECAR} bytes")));
        }
        let text = decode(&bytes, encoding).map_err(|fault| (Reason::UnreadableSidecar, fault))?;
        Ok(tags::of_sidecar(&text, separator))
    }
}

/// Each folder between the root and the picture.
fn folder_tags(path: &Path) -> Vec<Tag> {
    let folders = path.parent().map(Path::components).into_iter().flatten();
    let names: Vec<String> = folders
        .filter_map(|component| match component {
            Component::Normal(name) => Some(text_of(Path::new(name))),
            _ => None,
        })
        .collect();
    tags::certain(names.iter().map(String::as_str))
}

/// What is in a folder, sorted by name.
#[derive(Default)]
struct Listing {
    names: Vec<OsString>,
    folders: Vec<OsString>,
    faults: Vec<Fault>,
}

fn list(root: &Path, folder: &Path) -> io::Result<Listing> {
    let mut entries = fs::read_dir(root.join(folder))?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut listing = Listing::default();
    for entry in entries {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let fault = |reason, detail: &str| Fault::new(text_of(&folder.join(&name)), reason, detail);
        let mut kind = entry.file_type()?;
        if kind.is_symlink() {
            match fs::metadata(entry.path()) {
                Ok(metadata) if metadata.is_dir() => {
                    listing.faults.push(fault(Reason::LinkedFolder, ""));
                    continue;
                }
                Ok(metadata) => kind = metadata.file_type(),
                Err(_) if !is_wanted(&name) => continue,
                Err(error) => {
                    listing.faults.push(fault(Reason::BrokenLink, &error.to_string()));
                    continue;
                }
            }
        }
        if kind.is_dir() {
            listing.folders.push(name);
        } else if kind.is_file() {
            listing.names.push(name);
        } else if is_wanted(&name) {
            // A pipe could keep us waiting for ever.
            listing.faults.push(fault(Reason::Unreadable, "it is neither a file nor a folder"));
        }
    }
    Ok(listing)
}

fn is_wanted(name: &OsStr) -> bool {
    names::is_sidecar(name) || kind(Path::new(name)) != MediaKind::Other
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Separator, Source};

    const SIDECARS: FolderTags = FolderTags::Sidecars { separator: Separator::Auto, encoding: None };

    /// Each picture with its tags, and each fault, one a line.
    fn read(root: &Path, tags: FolderTags) -> String {
        let mut folder = Folder::open(root.canonicalize().unwrap(), tags);
        let (mut lines, mut videos, mut others) = (Vec::new(), 0, 0);
        while let Some(raw) = folder.next().unwrap() {
            let reading = folder.read(raw);
            for Fault { path, reason, detail } in reading.faults {
                lines.push(format!("! {path}: {reason} {detail}").trim_end().to_owned());
            }
            if let Some(entry) = reading.entry {
                assert_eq!(entry.path, root.canonicalize().unwrap().join(&entry.name));
                let tags: Vec<&str> = entry.tags.iter().map(|tag| tag.name.as_str()).collect();
                lines.push(format!("{}: {}", entry.name, tags.join(" | ")));
            }
            videos += u64::from(reading.is_video);
            others += u64::from(reading.is_other);
        }
        lines.push(format!("{videos} videos, {others} others"));
        lines.join("\n")
    }

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, contents) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, contents).unwrap();
        }
        folder
    }

    #[test]
    fn in_order_with_its_sidecars() {
        let folder = folder(&[
            ("b.jpg", b""),
            ("b.txt", b"cat, red sofa"),
            ("a/z.png", b""),
            ("a/z.png.txt", b"a\nb, c"),
            ("a.webp", b""),
            ("a/y/x.gif", b""),
            ("a/y/x.txt", b"\xef\xbb\xbfone"),
            ("clip.mp4", b""),
            ("clip.txt", b"moving"),
            ("readme.md", b""),
            (".hidden.jpg", b""),
            (".git/c.jpg", b""),
        ]);
        insta::assert_snapshot!(read(folder.path(), SIDECARS), @r"
        a.webp: 
        b.jpg: cat | red sofa
        a/z.png: a | b, c
        a/y/x.gif: one
        1 videos, 1 others
        ");
        insta::assert_snapshot!(read(folder.path(), FolderTags::Folders), @r"
        a.webp: 
        b.jpg: 
        a/z.png: a
        a/y/x.gif: a | y
        1 videos, 5 others
        ");
    }

    #[test]
    fn bad_sidecars() {
        let folder = folder(&[
            ("alone.txt", b"x"),
            ("book.jpg", b""),
            ("book.txt", &vec![b'x'; 1 + LARGEST_SIDECAR as usize]),
            ("differ.jpg", b""),
            ("differ.jpg.txt", b"b\na"),
            ("differ.txt", b"a, c"),
            ("latin.jpg", b""),
            ("latin.txt", b"gr\xf6\xdfe"),
            ("same.jpg", b""),
            ("same.jpg.txt", b"b\na"),
            ("same.txt", b"a, b"),
            ("shared.jpg", b""),
            ("shared.png", b""),
            ("shared.txt", b"s"),
        ]);
        insta::assert_snapshot!(read(folder.path(), SIDECARS), @r"
        ! alone.txt: sidecar without a picture
        ! book.jpg: too large `book.txt`: it has more than 1048576 bytes
        ! differ.jpg: two sidecars that differ `differ.jpg.txt` and `differ.txt`
        differ.jpg: b | a | c
        ! latin.jpg: unreadable sidecar `latin.txt`: it is not in UTF-8
        same.jpg: b | a
        ! shared.jpg: shared sidecar `shared.txt`
        shared.jpg: s
        ! shared.png: shared sidecar `shared.txt`
        shared.png: s
        0 videos, 0 others
        ");
        let encoding = Some("windows-1252".parse().unwrap());
        let named = read(folder.path(), FolderTags::Sidecars { separator: Separator::Auto, encoding });
        assert!(named.contains("\nlatin.jpg: größe\n"), "{named}");
    }

    #[cfg(unix)]
    #[test]
    fn links_pipes_and_loops() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let folder = folder(&[("a.jpg", b""), ("a.txt", b"cat"), ("sub/c.jpg", b""), ("locked/d.jpg", b"")]);
        let at = |name: &str| folder.path().join(name);
        symlink("a.jpg", at("link.jpg")).unwrap();
        symlink("a.txt", at("link.txt")).unwrap();
        symlink("nowhere.jpg", at("broken.jpg")).unwrap();
        symlink("nowhere", at("broken")).unwrap();
        symlink("circle.jpg", at("circle.jpg")).unwrap();
        symlink("..", at("sub/up")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(at("pipe.jpg")).status().unwrap().success());
        fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o000)).unwrap();
        let is_root = fs::read_dir(at("locked")).is_ok();
        let found = read(folder.path(), SIDECARS);
        fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o700)).unwrap();
        let locked = if is_root {
            "locked/d.jpg: \n"
        } else {
            "! locked: unreadable Permission denied (os error 13)\n"
        };
        assert_eq!(
            found,
            format!(
                "\
! broken.jpg: broken link No such file or directory (os error 2)
! circle.jpg: broken link Too many levels of symbolic links (os error 40)
! pipe.jpg: unreadable it is neither a file nor a folder
a.jpg: cat
link.jpg: cat
{locked}! sub/up: linked folder
sub/c.jpg: 
0 videos, 0 others"
            )
        );
    }

    #[test]
    fn a_folder_that_is_not_there() {
        let mut folder = Folder::open("/nowhere at all".into(), SIDECARS);
        let error = folder.next().err().unwrap();
        assert_eq!(error.to_string(), "cannot read `/nowhere at all`");
        assert_eq!(Source::folder("x").path(), Path::new("x"));
    }
}

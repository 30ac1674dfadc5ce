//! Which of a folder's files belong together, by their names alone.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;

use tagmill_model::MediaKind;

use crate::source::kind;

/// What a folder's files are.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Paired {
    pub(super) pictures: Vec<Picture>,
    /// Sidecars that belong to no picture and no video.
    pub(super) alone: Vec<OsString>,
    pub(super) videos: u64,
    /// Neither pictures nor videos nor sidecars.
    pub(super) others: u64,
}

#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    pub(super) name: OsString,
    pub(super) sidecars: Vec<Sidecar>,
}

#[derive(Debug, PartialEq)]
pub(crate) struct Sidecar {
    pub(super) name: OsString,
    /// Whether it is another picture's too.
    pub(super) is_shared: bool,
}

/// Finds the sidecars of each picture among sorted names: `photo.jpg.txt`, as Hydrus exports them, is that of `photo.jpg` and of
/// no other; `photo.txt`, as sd-scripts has them, is that of every `photo`.
pub(super) fn pair(names: Vec<OsString>) -> Paired {
    let (mut paired, mut sidecars) = (Paired::default(), Vec::new());
    let mut owners = Owners::default();
    for name in names {
        match kind(Path::new(&name)) {
            MediaKind::Image => {
                owners.add(&name, Some(paired.pictures.len()));
                paired.pictures.push(Picture { name, sidecars: Vec::new() });
            }
            MediaKind::Video => {
                owners.add(&name, None);
                paired.videos += 1;
            }
            MediaKind::Other if is_sidecar(&name) => sidecars.push(name),
            MediaKind::Other => paired.others += 1,
        }
    }
    for name in sidecars {
        let Some(found) = owners.of(&name) else {
            paired.alone.push(name);
            continue;
        };
        let pictures: Vec<usize> = found.iter().copied().flatten().collect();
        for picture in &pictures {
            let is_shared = pictures.len() > 1;
            paired.pictures[*picture].sidecars.push(Sidecar { name: name.clone(), is_shared });
        }
    }
    paired
}

/// Pictures by their places, and videos as `None`, under the names that their sidecars may begin with.
#[derive(Default)]
struct Owners {
    by_name: HashMap<OsString, Vec<Option<usize>>>,
    by_stem: HashMap<OsString, Vec<Option<usize>>>,
}

impl Owners {
    fn add(&mut self, name: &OsStr, picture: Option<usize>) {
        self.by_name.entry(name.to_owned()).or_default().push(picture);
        self.by_stem.entry(stem(name)).or_default().push(picture);
    }

    fn of(&self, sidecar: &OsStr) -> Option<&[Option<usize>]> {
        let stem = stem(sidecar);
        self.by_name.get(&stem).or_else(|| self.by_stem.get(&stem)).map(Vec::as_slice)
    }
}

fn stem(name: &OsStr) -> OsString {
    Path::new(name).file_stem().unwrap_or(name).to_owned()
}

/// Whether a file is a sidecar, unless it stands alone.
pub(super) fn is_sidecar(name: &OsStr) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("txt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a.jpg: a.txt`, then what stands alone, videos, others.
    #[track_caller]
    fn check(names: &str, expected: &str) {
        let mut names: Vec<OsString> = names.split(' ').map(OsString::from).collect();
        names.sort();
        let paired = pair(names);
        let show = |name: &OsStr| name.to_str().unwrap().to_owned();
        let mut shown = Vec::new();
        for picture in &paired.pictures {
            let sidecars = picture.sidecars.iter();
            let sidecars =
                sidecars.map(|sidecar| show(&sidecar.name) + if sidecar.is_shared { "*" } else { "" });
            shown.push(format!("{}: {}", show(&picture.name), sidecars.collect::<Vec<_>>().join(" ")));
        }
        shown.extend(paired.alone.iter().map(|name| format!("{} alone", show(name))));
        shown.push(format!("{} {}", paired.videos, paired.others));
        assert_eq!(shown.join(", "), expected);
    }

    #[test]
    fn both_kinds_of_sidecars() {
        check("a.jpg a.txt b.png b.png.txt c.gif", "a.jpg: a.txt, b.png: b.png.txt, c.gif: , 0 0");
        check("a.jpg a.jpg.txt a.txt", "a.jpg: a.jpg.txt a.txt, 0 0");
        check("A.JPG A.TXT", "A.JPG: A.TXT, 0 0");
        check("a.b.jpg a.b.txt", "a.b.jpg: a.b.txt, 0 0");
    }

    #[test]
    fn sidecars_of_several_and_of_none() {
        check("a.jpg a.png a.txt", "a.jpg: a.txt*, a.png: a.txt*, 0 0");
        check("a.jpg a.png a.txt a.png.txt", "a.jpg: a.txt*, a.png: a.png.txt a.txt*, 0 0");
        check("a.txt b.jpg notes.txt", "b.jpg: , a.txt alone, notes.txt alone, 0 0");
        // That of a video is not alone, and a video shares with nobody.
        check("a.mp4 a.txt b.webm b.webm.txt c.mp4 c.jpg c.txt", "c.jpg: c.txt, 3 0");
        check("a.txt.txt a.txt", "a.txt alone, a.txt.txt alone, 0 0");
    }

    #[test]
    fn a_whole_name_goes_before_a_stem() {
        check("a.jpg a.jpg.png a.jpg.txt", "a.jpg: a.jpg.txt, a.jpg.png: , 0 0");
        check("a.jpg.png a.jpg.txt", "a.jpg.png: a.jpg.txt, 0 0");
    }

    #[test]
    fn other_files_are_counted() {
        check("a.npz a.json jpg a.mp4", "1 3");
    }
}

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use walkdir::WalkDir;

use super::keywords::keywords;

/// Where the packages keep pictures and drawings, below the root that they are unpacked to. The two trees are alike but for the
/// files' extension.
const PICTURES: &str = "usr/share/openclipart/png";
const SVGS: &str = "usr/share/openclipart/svg";

/// So many links may lead from one to the next; Linux follows as many.
const MAX_LINKS: usize = 40;

/// What stands in the packages: each picture once, under its own path below the tree of pictures.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Drawings {
    pub(super) keywords: BTreeMap<PathBuf, BTreeSet<String>>,
    pub(super) counts: Counts,
    /// Pictures and SVG files that could not be read, with the reason.
    pub(super) unreadable: Vec<(PathBuf, String)>,
}

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Pictures, each counted once.
    pub(crate) pictures: u64,
    /// Further names of them, which are links.
    pub(crate) copies: u64,
    /// Pictures with keywords, which are the data; the others are left out.
    pub(crate) tagged: u64,
    /// Pictures and SVG files that could not be read.
    pub(crate) unreadable: u64,
}

impl Drawings {
    /// Reads the packages that were unpacked to `root`.
    ///
    /// A picture that stands under several names, as links to one file do, is one drawing with the keywords of all.
    pub(super) fn read(root: &Path) -> Result<Drawings> {
        let root = root.canonicalize().with_context(|| format!("cannot read `{}`", root.display()))?;
        let pictures = root.join(PICTURES);
        let mut drawings = Drawings::default();
        for entry in WalkDir::new(&pictures).sort_by_file_name() {
            let entry = entry.context("cannot read the pictures")?;
            let is_picture = entry.path().extension().is_some_and(|extension| extension == "png");
            if entry.file_type().is_dir() || !is_picture {
                continue;
            }
            let name = entry.path().strip_prefix(&pictures).expect("the walk stays below its root");
            match resolve(&root, entry.path()).and_then(|file| own_name(&pictures, &file)) {
                Ok(own) => drawings.add(&root, name, own),
                Err(error) => drawings.unreadable.push((name.to_owned(), format!("{error:#}"))),
            }
            drawings.counts.copies += u64::from(entry.path_is_symlink());
        }
        drawings.counts.pictures = drawings.keywords.len() as u64;
        drawings.keywords.retain(|_, keywords| !keywords.is_empty());
        drawings.counts.tagged = drawings.keywords.len() as u64;
        drawings.counts.unreadable = drawings.unreadable.len() as u64;
        Ok(drawings)
    }

    /// Adds the keywords that stand under `name` to those of the picture that it is.
    fn add(&mut self, root: &Path, name: &Path, own: PathBuf) {
        let all = self.keywords.entry(own).or_default();
        let svg = name.with_extension("svg");
        match read_keywords(root, &svg) {
            Ok(keywords) => all.extend(keywords),
            Err(error) => self.unreadable.push((svg, format!("{error:#}"))),
        }
    }

    /// Moves the pictures that have keywords from `root` to `folder`, each with its keywords beside it, one a line.
    pub(super) fn move_to(&self, root: &Path, folder: &Path) -> Result<()> {
        for (name, keywords) in &self.keywords {
            let picture = folder.join(name);
            let parent = picture.parent().expect("the name was appended to a folder");
            fs::create_dir_all(parent).with_context(|| format!("cannot create `{}`", parent.display()))?;
            fs::rename(root.join(PICTURES).join(name), &picture)
                .with_context(|| format!("cannot create `{}`", picture.display()))?;
            let lines: String = keywords.iter().map(|keyword| format!("{keyword}\n")).collect();
            let sidecar = picture.with_extension("txt");
            fs::write(&sidecar, lines).with_context(|| format!("cannot write `{}`", sidecar.display()))?;
        }
        Ok(())
    }
}

/// The name of a picture's file below the tree of pictures.
fn own_name(pictures: &Path, file: &Path) -> Result<PathBuf> {
    match file.strip_prefix(pictures) {
        Ok(name) => Ok(name.to_owned()),
        Err(_) => bail!("it leads to what is no picture"),
    }
}

/// A picture without an SVG file of its name has no keywords.
fn read_keywords(root: &Path, name: &Path) -> Result<BTreeSet<String>> {
    let path = root.join(SVGS).join(name);
    if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
        return Ok(BTreeSet::new());
    }
    keywords(&fs::read(resolve(root, &path)?)?)
}

/// The file that a path leads to, through all links. A link may be relative, or absolute as it is once installed; one that
/// leads out of `root` leads nowhere.
fn resolve(root: &Path, path: &Path) -> Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        if !path.symlink_metadata().context("it leads to nothing")?.is_symlink() {
            let file = path.canonicalize()?;
            ensure!(file.starts_with(root), "it leads out of the package");
            ensure!(file.is_file(), "it is no file");
            return Ok(file);
        }
        let target = fs::read_link(&path)?;
        path = match target.strip_prefix("/") {
            Ok(installed) => root.join(installed),
            Err(_) => path.parent().unwrap_or(root).join(target),
        };
    }
    bail!("it leads in a circle")
}

#[cfg(test)]
#[cfg(unix)]
mod tests;

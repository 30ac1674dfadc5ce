//! Debian's openclipart as a folder of pictures with sidecars, and imported.

use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};

use crate::cargo::{build_release, root};
use crate::stage::Finished;
use crate::table::grouped;
use drawings::{Counts, Drawings};

mod drawings;
mod keywords;
mod packages;

/// Tells that a folder is the data and whole, and how it came to be.
const MARKER: &str = "openclipart.json";

/// The folder of pictures and sidecars in it.
const PICTURES: &str = "pictures";

/// What the folder holds, as a number that grows when that changes.
const FORM: u32 = 1;

/// So many files that could not be read are named; the marker counts them all.
const SHOWN: usize = 10;

/// Where to, and what from.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Folder for the pictures with their tags, and for what is imported of them [default: target/data/openclipart]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Folder that holds the .deb files of openclipart-png and openclipart-svg, instead of asking apt for them
    #[arg(long, value_name = "DIR")]
    debs: Option<PathBuf>,
}

/// The folder that holds the data, in a folder of its own.
#[derive(Debug, Serialize, Deserialize)]
struct Marker {
    form: u32,
    counts: Counts,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = options.to.clone().unwrap_or_else(default_folder);
    let pictures = make(&folder, options.debs.as_deref())?;
    let binaries = build_release(&["tagmill-cli"])?;
    let arguments = import_arguments(&pictures)?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let imported = Finished::of(&binaries.join("tagmill"), &folder, "import", &arguments)?;
    println!("\nopenclipart: {} imported; go on with", grouped(imported.items()));
    println!("  tagmill prepare --data-dir {} {}", folder.display(), rules().join(" "));
    println!("  tagmill train --data-dir {}", folder.display());
    Ok(())
}

/// Where the data lie unless somebody wants them elsewhere.
pub(crate) fn default_folder() -> PathBuf {
    root().join("target/data/openclipart")
}

/// How the folder of pictures is imported.
pub(crate) fn import_arguments(pictures: &Path) -> Result<Vec<String>> {
    let pictures = pictures.to_str().with_context(|| format!("`{}` is not UTF-8", pictures.display()))?;
    Ok(["folder", pictures].map(str::to_owned).to_vec())
}

/// How prepare is to read the tags.
///
/// Most drawings have two or three tags, and no server has added any.
pub(crate) fn rules() -> Vec<String> {
    let file = |name: &str| root().join("data/openclipart").join(name).display().to_string();
    let [aliases, drop] = [file("aliases.txt"), file("drop.txt")];
    ["--alias", &aliases, "--drop", &drop, "--min-tags", "1", "--keep-server-tags"]
        .map(str::to_owned)
        .to_vec()
}

/// Makes the data, unless they are there, and returns the folder of pictures and sidecars.
pub(crate) fn make(folder: &Path, debs: Option<&Path>) -> Result<PathBuf> {
    make_of(folder, |work| {
        let packages = packages::obtain(debs, work)?;
        println!("openclipart: unpacking");
        packages::unpack(&packages, work)
    })
}

/// Where the data are made, until they are whole.
struct Work {
    /// What lies here is there again when a run that was stopped is gone on with.
    part: PathBuf,
    /// Where the packages are unpacked to.
    unpacked: PathBuf,
    /// Who has it works here alone. Programs that are started get it as their stdin: should this process be killed, they
    /// keep the next one out until they have ended too.
    lock: File,
}

/// Makes the data of the packages that `unpack` unpacks.
fn make_of(folder: &Path, unpack: impl FnOnce(&Work) -> Result<()>) -> Result<PathBuf> {
    let name =
        folder.file_name().with_context(|| format!("`{}` is no name for a folder", folder.display()))?;
    let beside = |suffix: &str| {
        let mut name = name.to_owned();
        name.push(suffix);
        folder.with_file_name(name)
    };
    let (part, lock) = (beside(".part"), beside(".lock"));
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent).with_context(|| format!("cannot create `{}`", parent.display()))?;
    }
    let lock = locked(&lock)?;
    let marker = match look(folder)? {
        Some(marker) => marker,
        None => build(folder, &Work { unpacked: part.join("unpacked"), part, lock }, unpack)?,
    };
    println!("{}", sentence(&marker.counts, folder));
    Ok(folder.join(PICTURES))
}

/// The lock that this value holds until it goes, waiting for another chore that has it.
fn locked(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("cannot create `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            println!("openclipart: somebody else is making it; waiting");
            file.lock().with_context(|| format!("cannot lock `{}`", path.display()))?;
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock `{}`", path.display()));
        }
    }
    Ok(file)
}

/// What the folder says of itself; `None` where it is not there or empty.
fn look(folder: &Path) -> Result<Option<Marker>> {
    let path = folder.join(MARKER);
    match fs::read(&path) {
        Ok(bytes) => {
            let marker: Marker = serde_json::from_slice(&bytes)
                .with_context(|| format!("`{}` is damaged: remove `{}`", path.display(), folder.display()))?;
            ensure!(
                marker.form == FORM,
                "another version of this chore made `{}`: remove it, or choose another folder by `--to`",
                folder.display()
            );
            ensure!(
                folder.join(PICTURES).is_dir(),
                "`{}` has lost its pictures: remove it",
                folder.display()
            );
            Ok(Some(marker))
        }
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            let is_free = match fs::read_dir(folder) {
                Ok(mut entries) => entries.next().is_none(),
                Err(error) => error.kind() == ErrorKind::NotFound,
            };
            ensure!(
                is_free,
                "`{}` is there and holds something else: choose another folder by `--to`",
                folder.display()
            );
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    }
}

/// Everything happens in the work folder: whatever interrupts it, the folder is whole or not there, and the packages need not be fetched
/// again.
fn build(folder: &Path, work: &Work, unpack: impl FnOnce(&Work) -> Result<()>) -> Result<Marker> {
    let Work { part, unpacked, .. } = work;
    let made = part.join("made");
    clear(unpacked)?;
    clear(&made)?;
    fs::create_dir_all(unpacked).with_context(|| format!("cannot create `{}`", unpacked.display()))?;
    unpack(work)?;
    let drawings = Drawings::read(unpacked)?;
    for (path, reason) in drawings.unreadable.iter().take(SHOWN) {
        println!("openclipart: left out `{}`: {reason}", path.display());
    }
    if drawings.keywords.is_empty() {
        bail!("the packages hold no drawing with keywords");
    }
    drawings.move_to(unpacked, &made.join(PICTURES))?;
    let marker = Marker { form: FORM, counts: drawings.counts };
    let path = made.join(MARKER);
    fs::write(&path, serde_json::to_vec_pretty(&marker)?)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    fs::rename(&made, folder).with_context(|| format!("cannot create `{}`", folder.display()))?;
    clear(part)?;
    Ok(marker)
}

fn clear(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove `{}`", folder.display()))
        }
        _ => Ok(()),
    }
}

fn sentence(counts: &Counts, folder: &Path) -> String {
    let Counts { pictures, copies, tagged, unreadable } = counts;
    let mut text = format!(
        "openclipart: {} drawings with keywords in `{}`; {} of {} had none; {} further names are links to them",
        grouped(*tagged),
        folder.display(),
        grouped(pictures - tagged),
        grouped(*pictures),
        grouped(*copies)
    );
    if *unreadable > 0 {
        text += &format!("; {} files could not be read", grouped(*unreadable));
    }
    text
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    /// Leaves one drawing, as the packages would.
    fn unpack(work: &Work) -> Result<()> {
        for (tree, content) in [
            ("png", "a picture"),
            (
                "svg",
                r#"<svg xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:subject>bird</dc:subject></svg>"#,
            ),
        ] {
            let folder = work.unpacked.join("usr/share/openclipart").join(tree);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("owl").with_extension(tree), content)?;
        }
        Ok(())
    }

    #[track_caller]
    fn check_made(folder: &Path) {
        assert_eq!(fs::read_to_string(folder.join("pictures/owl.png")).unwrap(), "a picture");
        assert_eq!(fs::read_to_string(folder.join("pictures/owl.txt")).unwrap(), "bird\n");
        assert!(!folder.with_extension("part").exists());
    }

    #[test]
    fn a_second_run_does_nothing() {
        let temporary = TempDir::new().unwrap();
        let folder = temporary.path().join("deep/data");
        assert_eq!(make_of(&folder, unpack).unwrap(), folder.join("pictures"));
        check_made(&folder);
        let again = make_of(&folder, |_| panic!("the data are there"));
        assert_eq!(again.unwrap(), folder.join("pictures"));
        check_made(&folder);
    }

    #[test]
    fn a_run_that_was_stopped_leaves_no_folder_and_is_gone_on_with() {
        let temporary = TempDir::new().unwrap();
        let folder = temporary.path().join("data");
        let stopped = make_of(&folder, |work| {
            fs::write(work.part.join("debs"), "fetched")?;
            unpack(work)?;
            bail!("stopped")
        });
        assert_eq!(stopped.unwrap_err().to_string(), "stopped");
        assert!(!folder.exists());
        let made = make_of(&folder, |work| {
            assert_eq!(fs::read_to_string(work.part.join("debs"))?, "fetched");
            assert_eq!(fs::read_dir(&work.unpacked)?.count(), 0);
            unpack(work)
        });
        made.unwrap();
        check_made(&folder);
    }

    #[test]
    fn what_stands_in_the_way_is_left_alone() {
        let temporary = TempDir::new().unwrap();
        let folder = temporary.path().join("data");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "1").unwrap();
        let refused = |expected: &str| {
            let error = make_of(&folder, |_| panic!("the place is taken")).unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        };
        refused("holds something else");
        fs::write(folder.join(MARKER), "{").unwrap();
        refused("is damaged");
        for (form, expected) in [(FORM + 1, "another version"), (FORM, "has lost its pictures")] {
            let marker = Marker { form, counts: Counts::default() };
            fs::write(folder.join(MARKER), serde_json::to_vec(&marker).unwrap()).unwrap();
            refused(expected);
        }
        assert_eq!(fs::read_to_string(folder.join("mine")).unwrap(), "1");
        fs::remove_dir_all(&folder).unwrap();
        fs::write(&folder, "a file").unwrap();
        refused("holds something else");
        assert_eq!(fs::read_to_string(&folder).unwrap(), "a file");
    }

    #[test]
    fn packages_without_keywords_make_no_data() {
        let temporary = TempDir::new().unwrap();
        let folder = temporary.path().join("data");
        let made = make_of(&folder, |work| {
            unpack(work)?;
            Ok(fs::remove_dir_all(work.unpacked.join("usr/share/openclipart/svg"))?)
        });
        assert_eq!(made.unwrap_err().to_string(), "the packages hold no drawing with keywords");
        assert!(!folder.exists());
    }
}

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::Work;
use crate::cargo::{check, show};

/// A package of Debian, and the SHA-256 of the version of which the documentation tells.
struct Package {
    name: &'static str,
    sha256: &'static str,
}

const VERSION: &str = "1:0.18+dfsg-19";

const PACKAGES: [Package; 2] = [
    Package {
        name: "openclipart-png",
        sha256: "f07f1545a2970c2cf3fa339bc2405da1a95cf2b1827bfa05bf73eb1c20291c02",
    },
    Package {
        name: "openclipart-svg",
        sha256: "989712d90d57dfa3230049f553bb43b76c30ee4d4b8c5f6e106e33f7db5cbdc5",
    },
];

/// The packages' files: those in `given`, which have to be of the known version, or those that apt gets and checks, which are
/// kept until they are no longer needed.
pub(super) fn obtain(given: Option<&Path>, work: &Work) -> Result<Vec<PathBuf>> {
    let Some(given) = given else { return download(work) };
    PACKAGES
        .iter()
        .map(|package| {
            let file = find(given, package.name)?;
            verify(&file, package)?;
            Ok(file)
        })
        .collect()
}

fn download(work: &Work) -> Result<Vec<PathBuf>> {
    let folder = work.part.join("debs");
    if !folder.exists() {
        fetch(&folder, &work.lock)?;
    }
    PACKAGES.iter().map(|package| find(&folder, package.name)).collect()
}

/// Everything happens in a folder of another name: whatever interrupts it, the packages are there whole or not at all.
fn fetch(folder: &Path, lock: &File) -> Result<()> {
    let part = folder.with_extension("part");
    fs::create_dir_all(&part).with_context(|| format!("cannot create `{}`", part.display()))?;
    let mut apt = Command::new("apt-get");
    apt.arg("download")
        .args(PACKAGES.map(|package| package.name))
        .current_dir(&part)
        .stdin(lock.try_clone()?);
    println!("openclipart: fetching 156 MB from Debian\n$ {}", show(&apt));
    match apt.status() {
        Ok(status) if status.success() => {}
        Ok(status) => bail!(
            "`{}` failed ({status}): is the network there, and does apt know the packages (`apt-get update`)?",
            show(&apt)
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => bail!(
            "there is no apt-get here: get the files of version {VERSION} that packages.debian.org/openclipart-png and packages.debian.org/openclipart-svg lead to, and run `cargo xtask data openclipart --debs DIR` with their folder first"
        ),
        Err(error) => return Err(error).context("cannot start `apt-get`"),
    }
    fs::rename(&part, folder).with_context(|| format!("cannot create `{}`", folder.display()))
}

/// The one file of a package in a folder, such as `openclipart-png_1%3a0.18+dfsg-19_all.deb`.
fn find(folder: &Path, package: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read `{}`", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read `{}`", folder.display()))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.strip_prefix(package).is_some_and(|rest| rest.starts_with('_') && rest.ends_with(".deb")) {
            found.push(entry.path());
        }
    }
    match found.len() {
        0 => bail!("`{}` has no {package}_*.deb", folder.display()),
        1 => Ok(found.remove(0)),
        files => bail!("`{}` has {files} files {package}_*.deb: leave one of them", folder.display()),
    }
}

fn verify(file: &Path, package: &Package) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(
        digest == package.sha256,
        "`{}` is not {} {VERSION}: its SHA-256 is {digest}, not {}",
        file.display(),
        package.name,
        package.sha256
    );
    Ok(())
}

/// Unpacks packages, without being root.
pub(super) fn unpack(files: &[PathBuf], work: &Work) -> Result<()> {
    for file in files {
        let mut dpkg = Command::new("dpkg-deb");
        dpkg.arg("--extract").arg(file).arg(&work.unpacked).stdin(work.lock.try_clone()?);
        match check(&mut dpkg) {
            Err(error) if not_found(&error) => {
                bail!("dpkg-deb is not installed: install dpkg, which other systems have as a package too")
            }
            result => result.context("a package could not be unpacked: is there 400 MB of free disk?")?,
        }
    }
    Ok(())
}

fn not_found(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == ErrorKind::NotFound)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[track_caller]
    fn check(files: &[&str], expected: &str) {
        let temporary = TempDir::new().unwrap();
        let given = temporary.path().join("debs");
        fs::create_dir(&given).unwrap();
        for file in files {
            fs::write(given.join(file), "no package").unwrap();
        }
        let lock = File::create(temporary.path().join("lock")).unwrap();
        let part = temporary.path().join("part");
        let work = Work { unpacked: part.join("unpacked"), part, lock };
        let error = obtain(Some(&given), &work).unwrap_err().to_string();
        let error = error.replace(&given.display().to_string(), "DIR");
        assert_eq!(error, expected);
    }

    #[test]
    fn packages_have_to_be_there_once() {
        check(&[], "`DIR` has no openclipart-png_*.deb");
        check(&["openclipart-png.deb", "openclipart-png-extra_1.deb"], "`DIR` has no openclipart-png_*.deb");
        let two = ["openclipart-png_1_all.deb", "openclipart-png_2_all.deb"];
        check(&two, "`DIR` has 2 files openclipart-png_*.deb: leave one of them");
    }

    #[test]
    fn packages_have_to_be_the_known_ones() {
        let digest = "a5e36d154d6ea17046a6b246a386a77096a56a9f0586a51e4abc4ad0fe0bbd43";
        let expected = PACKAGES[0].sha256;
        check(
            &["openclipart-png_1_all.deb", "openclipart-svg_1_all.deb"],
            &format!(
                "`DIR/openclipart-png_1_all.deb` is not openclipart-png {VERSION}: its SHA-256 is {digest}, not {expected}"
            ),
        );
    }
}

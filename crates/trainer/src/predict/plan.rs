//! What each picture still wants, found out before any work is done.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};

use super::path_set::{PathKey, key_of};
use super::{ExistingSidecar, Failure, Input, PathSet, SIDECAR_EXISTS, SIDECAR_TAKEN, Sidecars};

/// What to do about an input.
#[derive(Debug)]
pub(super) enum Task {
    /// A picture to predict.
    Picture(Wanted),
    /// One that wants nothing more.
    Done,
    /// One that cannot be used.
    Failed(Failure),
}

/// A picture, and what it wants besides being predicted.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) path: PathBuf,
    /// Whether its sidecar is to be written.
    pub(super) sidecar: bool,
    /// Whether it is to have a row among the feature vectors.
    pub(super) row: bool,
}

/// What was asked for, and what of it is there.
pub(super) struct Plan {
    claims: Option<Claims>,
    /// The pictures that have a row, or will have one; `None` where nobody asked for vectors.
    rows: Option<PathSet>,
}

impl Plan {
    pub(super) fn new(sidecars: Option<Sidecars>, rows: Option<PathSet>) -> Plan {
        Plan { claims: sidecars.map(Claims::new), rows }
    }

    /// A picture is done when all that was asked for is there: else what is missing is made. What becomes of a sidecar that
    /// is there without a row is for [`ExistingSidecar`] to say.
    pub(super) fn task(&mut self, input: Input) -> Task {
        let path = match input {
            Input::Picture(path) => path,
            Input::Done => return Task::Done,
            Input::Failed(failure) => return Task::Failed(failure),
        };
        let claimed = match self.claims.as_mut().map(|claims| claims.claim(&path)).transpose() {
            Ok(claimed) => claimed,
            Err(failure) => return Task::Failed(failure),
        };
        let has_row = self.rows.as_mut().map(|rows| !rows.insert(path.as_os_str().as_encoded_bytes()));
        let row = has_row == Some(false);
        let sidecar = match claimed {
            Some(Claim::Twice) => return Task::Done,
            Some(Claim::Missing) => true,
            Some(Claim::Exists { .. }) | None if has_row == Some(true) => return Task::Done,
            Some(Claim::Exists { file, existing }) => match existing {
                ExistingSidecar::Refuse => return Task::Failed(sidecar_exists(path, &file)),
                ExistingSidecar::Skip if row => false,
                ExistingSidecar::Skip => return Task::Done,
                ExistingSidecar::Append | ExistingSidecar::Overwrite => true,
            },
            None => false,
        };
        Task::Picture(Wanted { path, sidecar, row })
    }
}

fn sidecar_exists(path: PathBuf, file: &Path) -> Failure {
    let error = format!("its sidecar `{}` exists already", file.display());
    Failure { path, reason: SIDECAR_EXISTS.to_owned(), error }
}

/// What a picture finds where its sidecar belongs.
enum Claim {
    Missing,
    Exists {
        file: PathBuf,
        existing: ExistingSidecar,
    },
    /// The same picture was there before.
    Twice,
}

/// Whose sidecar is whose: `a.jpg` and `a.png` would have the same one.
struct Claims {
    sidecars: Sidecars,
    /// For each sidecar, its picture.
    owners: HashMap<PathKey, PathKey>,
}

impl Claims {
    fn new(sidecars: Sidecars) -> Claims {
        Claims { sidecars, owners: HashMap::new() }
    }

    fn claim(&mut self, picture: &Path) -> Result<Claim, Failure> {
        let file = self.sidecars.style.file(picture);
        let taken =
            |error: String| Failure { path: picture.to_owned(), reason: SIDECAR_TAKEN.to_owned(), error };
        if file == picture {
            return Err(taken("its sidecar would take its own place".to_owned()));
        }
        match self.owners.entry(key_of(&file)) {
            Entry::Vacant(entry) => {
                entry.insert(key_of(picture));
            }
            Entry::Occupied(owner) if *owner.get() == key_of(picture) => return Ok(Claim::Twice),
            Entry::Occupied(_) => {
                return Err(taken(format!("its sidecar `{}` is that of another picture", file.display())));
            }
        }
        // A link that leads nowhere is there too.
        let is_there = fs::symlink_metadata(&file).is_ok();
        let existing = self.sidecars.existing;
        Ok(if is_there { Claim::Exists { file, existing } } else { Claim::Missing })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::predict::SidecarStyle;

    fn told(task: Task) -> String {
        match task {
            Task::Picture(Wanted { sidecar: false, row: false, .. }) => "tags".to_owned(),
            Task::Picture(Wanted { sidecar: true, row: false, .. }) => "sidecar".to_owned(),
            Task::Picture(Wanted { sidecar: false, row: true, .. }) => "row".to_owned(),
            Task::Picture(Wanted { sidecar: true, row: true, .. }) => "sidecar, row".to_owned(),
            Task::Done => "done".to_owned(),
            Task::Failed(failure) => failure.reason,
        }
    }

    #[test]
    fn a_sidecar_has_one_picture() {
        use ExistingSidecar::{Append, Overwrite, Refuse, Skip};
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old.txt"), "mine").unwrap();
        for (existing, old) in
            [(Refuse, SIDECAR_EXISTS), (Skip, "done"), (Append, "sidecar"), (Overwrite, "sidecar")]
        {
            let mut plan = Plan::new(Some(Sidecars { style: SidecarStyle::SdScripts, existing }), None);
            let names = ["a.jpg", "a.png", "a.jpg", "old.jpg", "old.png", "b.txt"];
            let found = names.map(|name| told(plan.task(Input::Picture(folder.path().join(name)))));
            let expected = ["sidecar", SIDECAR_TAKEN, "done", old, SIDECAR_TAKEN, SIDECAR_TAKEN];
            assert_eq!(found, expected, "{existing:?}");
        }
    }

    /// What becomes of pictures that have neither, a sidecar, a row, and both.
    #[track_caller]
    fn check(existing: Option<ExistingSidecar>, expected: [&str; 4]) {
        let folder = tempfile::tempdir().unwrap();
        let pictures =
            ["neither.jpg", "sidecar.jpg", "row.jpg", "both.jpg"].map(|name| folder.path().join(name));
        let mut rows = PathSet::default();
        for picture in &pictures[2..] {
            rows.insert(picture.as_os_str().as_encoded_bytes());
        }
        for picture in [&pictures[1], &pictures[3]] {
            fs::write(picture.with_extension("txt"), "mine").unwrap();
        }
        let sidecars = existing.map(|existing| Sidecars { style: SidecarStyle::SdScripts, existing });
        let mut plan = Plan::new(sidecars, Some(rows));
        assert_eq!(pictures.each_ref().map(|path| told(plan.task(Input::Picture(path.clone())))), expected);
        // Named a second time, there is nothing left to do.
        assert!(pictures.map(|path| told(plan.task(Input::Picture(path)))).iter().all(|told| told == "done"));
    }

    #[test]
    fn what_is_missing_is_made() {
        check(None, ["row", "row", "done", "done"]);
        check(Some(ExistingSidecar::Refuse), ["sidecar, row", SIDECAR_EXISTS, "sidecar", "done"]);
        check(Some(ExistingSidecar::Skip), ["sidecar, row", "row", "sidecar", "done"]);
        check(Some(ExistingSidecar::Append), ["sidecar, row", "sidecar, row", "sidecar", "done"]);
        check(Some(ExistingSidecar::Overwrite), ["sidecar, row", "sidecar, row", "sidecar", "done"]);
    }
}

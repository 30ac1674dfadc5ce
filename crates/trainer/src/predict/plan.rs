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
    /// Whether it is to stand among the feature vectors.
    pub(super) vector: bool,
    /// Whether it is to have rows in the output.
    pub(super) rows: bool,
}

/// What was asked for, and what of it is there.
pub(super) struct Plan {
    claims: Option<Claims>,
    /// The pictures that have a feature vector, or will have one; `None` where nobody asked for them.
    vectors: Option<PathSet>,
    /// The same of rows in the output.
    rows: Option<PathSet>,
}

impl Plan {
    pub(super) fn new(sidecars: Option<Sidecars>, vectors: Option<PathSet>, rows: Option<PathSet>) -> Plan {
        Plan { claims: sidecars.map(Claims::new), vectors, rows }
    }

    /// What to do about all inputs. Where rows of a picture may be missing in the output, that one comes first, among the
    /// inputs or not, and gets its rows again; then it is done once, not twice.
    pub(super) fn tasks(
        mut self,
        inputs: impl Iterator<Item = Input> + Send,
        again: Option<PathBuf>,
    ) -> impl Iterator<Item = Task> + Send {
        let wanted = |path| Wanted { path, sidecar: false, vector: false, rows: true };
        let first = again.clone().map(|path| Task::Picture(wanted(path)));
        let rest = inputs.filter_map(move |input| {
            let is_first = matches!((&input, &again), (Input::Picture(path), Some(again)) if path == again);
            match self.task(input) {
                Task::Done if is_first => None,
                task => Some(task),
            }
        });
        first.into_iter().chain(rest)
    }

    /// A picture is done when all that was asked for is there: else what is missing is made. What becomes of a sidecar that
    /// is there without the rest is for [`ExistingSidecar`] to say.
    fn task(&mut self, input: Input) -> Task {
        let path = match input {
            Input::Picture(path) => path,
            Input::Failed(failure) => return Task::Failed(failure),
        };
        let claimed = match self.claims.as_mut().map(|claims| claims.claim(&path)).transpose() {
            Ok(claimed) => claimed,
            Err(failure) => return Task::Failed(failure),
        };
        let lacks = |there: &mut PathSet| there.insert(path.as_os_str().as_encoded_bytes());
        let (vector, rows) = (self.vectors.as_mut().map(lacks), self.rows.as_mut().map(lacks));
        let has_the_rest = vector.or(rows).is_some() && vector != Some(true) && rows != Some(true);
        let (vector, rows) = (vector == Some(true), rows == Some(true));
        let sidecar = match claimed {
            Some(Claim::Twice) => return Task::Done,
            Some(Claim::Missing) => true,
            Some(Claim::Exists { .. }) | None if has_the_rest => return Task::Done,
            Some(Claim::Exists { file, existing }) => match existing {
                ExistingSidecar::Refuse => return Task::Failed(sidecar_exists(path, &file)),
                ExistingSidecar::Skip if vector || rows => false,
                ExistingSidecar::Skip => return Task::Done,
                ExistingSidecar::Append | ExistingSidecar::Overwrite => true,
            },
            None => false,
        };
        Task::Picture(Wanted { path, sidecar, vector, rows })
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
            Task::Picture(Wanted { sidecar, vector, rows, .. }) => {
                let wanted = [(sidecar, "sidecar"), (vector, "vector"), (rows, "rows")];
                let wanted = wanted.into_iter().filter(|(is_wanted, _)| *is_wanted);
                wanted.map(|(_, what)| what).collect::<Vec<_>>().join(", ")
            }
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
            let mut plan = Plan::new(Some(Sidecars { style: SidecarStyle::SdScripts, existing }), None, None);
            let names = ["a.jpg", "a.png", "a.jpg", "old.jpg", "old.png", "b.txt"];
            let found = names.map(|name| told(plan.task(Input::Picture(folder.path().join(name)))));
            let expected = ["sidecar", SIDECAR_TAKEN, "done", old, SIDECAR_TAKEN, SIDECAR_TAKEN];
            assert_eq!(found, expected, "{existing:?}");
        }
    }

    /// What becomes of pictures that have nothing, a sidecar, a vector, rows, a sidecar and a vector, and all three.
    #[track_caller]
    fn check(existing: Option<ExistingSidecar>, expected: [&str; 6]) {
        let folder = tempfile::tempdir().unwrap();
        let names = ["none", "sidecar", "vector", "rows", "sidecar-vector", "sidecar-vector-rows"];
        let pictures = names.map(|name| folder.path().join(name).with_extension("jpg"));
        let (mut vectors, mut rows) = (PathSet::default(), PathSet::default());
        for (name, picture) in names.iter().zip(&pictures) {
            if name.contains("sidecar") {
                fs::write(picture.with_extension("txt"), "mine").unwrap();
            }
            for (file, there) in [("vector", &mut vectors), ("rows", &mut rows)] {
                if name.contains(file) {
                    there.insert(picture.as_os_str().as_encoded_bytes());
                }
            }
        }
        let sidecars = existing.map(|existing| Sidecars { style: SidecarStyle::SdScripts, existing });
        let mut plan = Plan::new(sidecars, Some(vectors), Some(rows));
        assert_eq!(pictures.each_ref().map(|path| told(plan.task(Input::Picture(path.clone())))), expected);
        // Named a second time, there is nothing left to do.
        assert!(pictures.map(|path| told(plan.task(Input::Picture(path)))).iter().all(|told| told == "done"));
    }

    #[test]
    fn what_is_missing_is_made() {
        use ExistingSidecar::{Append, Overwrite, Refuse, Skip};
        const ALL: &str = "sidecar, vector, rows";
        check(None, ["vector, rows", "vector, rows", "rows", "vector", "rows", "done"]);
        let missing = ["sidecar, rows", "sidecar, vector"];
        check(Some(Refuse), [ALL, SIDECAR_EXISTS, missing[0], missing[1], SIDECAR_EXISTS, "done"]);
        check(Some(Skip), [ALL, "vector, rows", missing[0], missing[1], "rows", "done"]);
        for existing in [Append, Overwrite] {
            check(Some(existing), [ALL, ALL, missing[0], missing[1], "sidecar, rows", "done"]);
        }
    }

    #[test]
    fn rows_that_may_be_missing_are_made_first() {
        let plan = |rows: &[&str]| {
            let mut there = PathSet::default();
            for path in rows {
                there.insert(path.as_bytes());
            }
            Plan::new(None, None, Some(there))
        };
        let inputs = || ["a.jpg", "b.jpg", "c.jpg"].map(|path| Input::Picture(path.into())).into_iter();
        let told =
            |plan: Plan, again: &str| plan.tasks(inputs(), Some(again.into())).map(told).collect::<Vec<_>>();
        assert_eq!(told(plan(&["a.jpg", "b.jpg"]), "b.jpg"), ["rows", "done", "rows"]);
        assert_eq!(told(plan(&["z.jpg"]), "z.jpg"), ["rows"; 4]);
    }

    #[test]
    fn without_files_there_is_always_something_to_do() {
        let mut plan = Plan::new(None, None, None);
        let mut task = || told(plan.task(Input::Picture("a.jpg".into())));
        assert_eq!([task(), task()], ["", ""]);
    }
}

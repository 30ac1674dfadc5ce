//! What lies in a media folder.

use std::fs;
use std::io;
use std::path::Path;

use rayon::prelude::*;
use tagmill_model::MediaPath;

use crate::Error;
use crate::media_store::PART;

/// The media of one folder, in one text: a string of its own for each of millions would take three times the memory.
#[derive(Debug)]
pub(crate) struct Folder {
    /// `/`-joined below the root, and with a `/` behind it; empty at the root.
    prefix: String,
    /// Each with a `/` behind it, which no name has.
    names: String,
}

impl Folder {
    /// The paths of the media below the root.
    pub(crate) fn paths(&self, mut lend: impl FnMut(&str)) {
        let mut path = self.prefix.clone();
        for name in self.names.split_terminator('/') {
            path.truncate(self.prefix.len());
            path.push_str(name);
            lend(&path);
        }
    }
}

/// Walks over a folder on all cores; finds nothing where there is no such folder. Hidden files, parts and symbolic links are
/// no media, but for links to what was imported by reference. Nothing is made or locked.
pub(crate) fn walk(root: &Path) -> Result<Vec<Folder>, Error> {
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        _ => walk_below(root, String::new()),
    }
}

fn walk_below(folder: &Path, prefix: String) -> Result<Vec<Folder>, Error> {
    let fault = |source| Error::io(folder, source);
    let (mut names, mut folders) = (String::new(), Vec::new());
    for entry in fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        // No medium's path has a name that is no UTF-8, so such a file is nobody's.
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.') && !name.ends_with(PART)) else {
            continue;
        };
        let kind = entry.file_type().map_err(fault)?;
        let is_reference =
            || MediaPath::is_imported(&prefix) && fs::metadata(entry.path()).is_ok_and(|to| to.is_file());
        if kind.is_file() || kind.is_symlink() && is_reference() {
            names.push_str(name);
            names.push('/');
        } else if kind.is_dir() {
            folders.push(name.to_owned());
        }
    }
    let mut found = folders
        .into_par_iter()
        .map(|name| walk_below(&folder.join(&name), format!("{prefix}{name}/")))
        .try_reduce(Vec::new, |mut all, more| {
            all.extend(more);
            Ok(all)
        })?;
    if !names.is_empty() {
        names.shrink_to_fit();
        found.push(Folder { prefix, names });
    }
    Ok(found)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_link_is_a_medium_only_where_it_was_imported() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("imported/ab")).unwrap();
        fs::write(at("a.jpg"), "").unwrap();
        for (name, to) in
            [("b.jpg", "a.jpg"), ("imported/ab/c.jpg", "../../a.jpg"), ("imported/ab/d.jpg", "nowhere")]
        {
            symlink(to, at(name)).unwrap();
        }
        symlink(folder.path(), at("imported/ab/e.jpg")).unwrap();
        let mut found = Vec::new();
        walk(folder.path())
            .unwrap()
            .iter()
            .for_each(|folder| folder.paths(|path| found.push(path.to_owned())));
        found.sort();
        assert_eq!(found, ["a.jpg", "imported/ab/c.jpg"]);
    }
}

//! From what somebody named to pictures, found as they are needed.

use std::fs;
use std::io::{BufRead, ErrorKind};
use std::path::{Path, PathBuf};

use tagmill_model::picture::BadPicture;
use tagmill_model::{MediaKind, path_of_bytes};
use walkdir::{DirEntry, WalkDir};

use super::Failure;
use crate::Error;

/// What stands for a list among paths.
const LIST: &str = "-";

/// A picture to predict, or why there is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A file to predict, or a path where none is.
    Picture(PathBuf),
    /// One that cannot be used.
    Failed(Failure),
}

/// The pictures to predict, one after the other: a million of them need no memory.
pub struct Inputs<'a> {
    /// The pictures.
    pub items: Box<dyn Iterator<Item = Input> + Send + 'a>,
    /// How many they are, where that is known.
    pub total: Option<u64>,
}

impl<'a> Inputs<'a> {
    /// Files, and folders that are searched with all below them for files with a picture's extension. Each file is taken as
    /// it is, each folder's pictures by name; links to folders are not followed, as they may lead back up.
    ///
    /// # Errors
    /// [`Error::InputNotFound`] where one of the paths is not there, [`Error::Io`] where one of the folders cannot be read. A
    /// folder below that cannot be read is a picture that cannot be used.
    pub fn named(paths: Vec<PathBuf>) -> Result<Inputs<'a>, Error> {
        paths.iter().try_for_each(|path| check(path))?;
        let total = paths.iter().cloned().flat_map(pictures).count();
        let items = paths.into_iter().flat_map(pictures);
        Ok(Inputs { items: Box::new(items), total: Some(total as u64) })
    }

    /// As [`Inputs::named`], with a list of files and folders in the place of each `-`. The list has one path a line, or,
    /// where there are NULs in it, one between two of them, as `find -print0` writes it; it is read as it comes. What is not
    /// there is then a picture that cannot be used. A list that is silent keeps [`stream`](super::stream) waiting: where that
    /// may be cancelled, the list has to end then.
    ///
    /// # Errors
    /// As [`Inputs::named`], for the paths that are not in the list.
    pub fn with_list(paths: Vec<PathBuf>, list: impl BufRead + Send + 'a) -> Result<Inputs<'a>, Error> {
        let is_list = |path: &Path| path == Path::new(LIST);
        paths.iter().filter(|path| !is_list(path)).try_for_each(|path| check(path))?;
        let mut list = Some(list);
        let items = paths.into_iter().flat_map(move |path| -> Box<dyn Iterator<Item = Input> + Send> {
            match list.take_if(|_| is_list(&path)) {
                Some(list) => Box::new(Listed::new(list).flat_map(|path| match path {
                    Ok(path) => pictures(path),
                    Err(failure) => Box::new(std::iter::once(Input::Failed(failure))),
                })),
                // The list is read once, however often it is named.
                None if is_list(&path) => Box::new(std::iter::empty()),
                None => pictures(path),
            }
        });
        Ok(Inputs { items: Box::new(items), total: None })
    }

    /// Whether one of the paths stands for a list.
    pub fn name_a_list(paths: &[PathBuf]) -> bool {
        paths.iter().any(|path| path == Path::new(LIST))
    }
}

fn check(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::read_dir(path).map(drop).map_err(Error::io(path)),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Error::InputNotFound { path: path.to_owned() })
        }
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// The file itself, or the pictures in a folder and below.
fn pictures(path: PathBuf) -> Box<dyn Iterator<Item = Input> + Send> {
    if !path.is_dir() {
        return Box::new(std::iter::once(Input::Picture(path)));
    }
    let found = WalkDir::new(path).sort_by_file_name().into_iter().filter_map(|entry| match entry {
        Ok(entry) => is_picture(&entry).then(|| Input::Picture(entry.into_path())),
        Err(error) => {
            let path = error.path().unwrap_or(Path::new("")).to_owned();
            let detail = error.into_io_error().map_or_else(String::new, |error| error.to_string());
            Some(Input::Failed(Failure::new(path, &BadPicture::Unreadable(detail))))
        }
    });
    Box::new(found)
}

/// A pipe or a device of a picture's name could keep us waiting for ever; a link may lead to a picture.
fn is_picture(entry: &DirEntry) -> bool {
    let extension = entry.path().extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    MediaKind::of_extension(extension) == MediaKind::Image
        && (entry.file_type().is_file() || entry.file_type().is_symlink())
}

/// The paths of a list.
struct Listed<List> {
    list: List,
    /// Found in what comes first.
    separator: Option<u8>,
    is_over: bool,
}

impl<List: BufRead> Listed<List> {
    fn new(list: List) -> Listed<List> {
        Listed { list, separator: None, is_over: false }
    }

    fn read(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        let separator = match self.separator {
            Some(separator) => separator,
            None => *self.separator.insert(if self.list.fill_buf()?.contains(&0) { 0 } else { b'\n' }),
        };
        let mut path = Vec::new();
        while path.is_empty() {
            if self.list.read_until(separator, &mut path)? == 0 {
                return Ok(None);
            }
            if path.last() == Some(&separator) {
                path.pop();
                // A list that was made on Windows.
                if separator == b'\n' && path.last() == Some(&b'\r') {
                    path.pop();
                }
            }
        }
        Ok(Some(path))
    }
}

impl<List: BufRead> Iterator for Listed<List> {
    type Item = Result<PathBuf, Failure>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        match self.read() {
            Ok(Some(path)) => Some(Ok(path_of_bytes(path))),
            Ok(None) => None,
            // What cannot be read now cannot be read later either.
            Err(error) => {
                self.is_over = true;
                Some(Err(Failure::new(PathBuf::from(LIST), &BadPicture::Unreadable(error.to_string()))))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(list: &[u8], expected: &[&str]) {
        let paths: Vec<PathBuf> = Listed::new(list).map(Result::unwrap).collect();
        assert_eq!(paths, expected.iter().map(PathBuf::from).collect::<Vec<_>>());
    }

    #[test]
    fn lists_are_read() {
        check(b"", &[]);
        check(b"a.jpg\nb c.png\n", &["a.jpg", "b c.png"]);
        check(b"a.jpg\r\n\n\r\nb.png", &["a.jpg", "b.png"]);
        check(b"a\nb.jpg\0c.png\r\0", &["a\nb.jpg", "c.png\r"]);
        check(b"\0\0a.jpg", &["a.jpg"]);
    }

    #[test]
    fn a_list_stands_among_paths_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("below")).unwrap();
        for name in ["b.png", "below/c.JPG", "below/notes.txt", "z.gif"] {
            fs::write(at(name), "").unwrap();
        }
        let paths = [at("z.gif"), LIST.into(), folder.path().to_owned(), LIST.into()];
        let list = format!("{}\nnowhere.png\n", at("below").display());
        let inputs = Inputs::with_list(paths.to_vec(), list.as_bytes()).unwrap();
        assert_eq!(inputs.total, None);
        let expected = [at("z.gif"), at("below/c.JPG"), "nowhere.png".into(), at("b.png"), at("below/c.JPG")];
        let mut expected: Vec<Input> = expected.into_iter().map(Input::Picture).collect();
        expected.push(Input::Picture(at("z.gif")));
        assert_eq!(inputs.items.collect::<Vec<_>>(), expected);

        let inputs = Inputs::named(vec![folder.path().to_owned()]).unwrap();
        assert_eq!((inputs.total, inputs.items.count()), (Some(3), 3));
    }

    #[cfg(unix)]
    #[test]
    fn loops_and_pipes_do_not_hang() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("loop.jpg")).unwrap();
        std::os::unix::fs::symlink("..", folder.path().join("up")).unwrap();
        let pipe = folder.path().join("pipe.jpg");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let inputs = Inputs::named(vec![folder.path().to_owned()]).unwrap();
        assert_eq!(inputs.items.collect::<Vec<_>>(), [Input::Picture(folder.path().join("loop.jpg"))]);
    }
}

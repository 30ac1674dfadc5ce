//! Feature vectors in a file that numpy reads, and that can be gone on with.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{ExistingFile, PathSet};
use crate::Error;

/// Where feature vectors go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Embeddings {
    /// A NumPy array of 32-bit floats, a row a picture: `numpy.load` reads it. Beside it stands [`Embeddings::paths`].
    pub file: PathBuf,
    /// What becomes of a file that is there already.
    pub existing: ExistingFile,
}

impl Embeddings {
    /// A CSV file with a column `path`, whose row `i` says which picture row `i` of the array is: `vectors.paths.csv` beside
    /// `vectors.npy`.
    pub fn paths(&self) -> PathBuf {
        self.file.with_extension("paths.csv")
    }
}

/// Length of the header, which the format wants to be a multiple of 64. The number of rows grows in it without moving the data.
const HEADER_BYTES: usize = 128;

/// The column's name and the end of its line.
const PATHS_HEADER: &[u8] = b"path\n";

/// The two files while they grow. The array's header counts those rows alone whose data and paths are written, so that a
/// kill at any moment leaves whole rows.
pub(super) struct Writer {
    file: PathBuf,
    paths_file: PathBuf,
    array: File,
    paths: File,
    features: usize,
    rows: u64,
}

impl Writer {
    /// Opens the files, and says which pictures are in them.
    pub(super) fn open(embeddings: &Embeddings, features: usize) -> Result<(Writer, PathSet), Error> {
        let Embeddings { file, existing } = embeddings;
        let paths_file = embeddings.paths();
        let array = existing.open(file)?;
        let paths = existing.open(&paths_file)?;
        let mut writer = Writer { file: file.clone(), paths_file, array, paths, features, rows: 0 };
        let done = writer.go_on()?;
        Ok((writer, done))
    }

    /// Adds a row for each of these pictures with their vectors.
    pub(super) fn append(&mut self, rows: &[(&Path, &[f32])]) -> Result<(), Error> {
        let data: Vec<u8> =
            rows.iter().flat_map(|(_, vector)| *vector).flat_map(|value| value.to_le_bytes()).collect();
        self.array.write_all(&data).map_err(Error::io(&self.file))?;
        let mut lines = csv::Writer::from_writer(Vec::new());
        for (path, _) in rows {
            let field = [path.as_os_str().as_encoded_bytes()];
            lines.write_byte_record(&csv::ByteRecord::from(&field[..])).expect("a Vec takes everything");
        }
        let lines = lines.into_inner().expect("a Vec takes everything");
        self.paths.write_all(&lines).map_err(Error::io(&self.paths_file))?;
        self.rows += rows.len() as u64;
        self.write_header().map_err(Error::io(&self.file))
    }

    /// Reads what is there, and takes away what stands behind the last row that counts.
    fn go_on(&mut self) -> Result<PathSet, Error> {
        let mut header = Vec::new();
        let start = Read::by_ref(&mut self.array).take(HEADER_BYTES as u64).read_to_end(&mut header);
        start.map_err(Error::io(&self.file))?;
        if !header.is_empty() {
            self.rows = rows_of(&header, self.features).map_err(|fault| self.not_resumable(fault))?;
        }
        let (done, paths_bytes) = self.read_paths()?;
        let bytes = HEADER_BYTES as u64 + self.rows * self.features as u64 * 4;
        let is_short = self.array.metadata().map_err(Error::io(&self.file))?.len() < bytes;
        if is_short && self.rows > 0 {
            return Err(self.not_resumable(format!("it is cut off: its header counts {} rows", self.rows)));
        }
        cut(&mut self.paths, paths_bytes).map_err(Error::io(&self.paths_file))?;
        if paths_bytes == 0 {
            self.paths.write_all(PATHS_HEADER).map_err(Error::io(&self.paths_file))?;
        }
        self.write_header().and_then(|()| cut(&mut self.array, bytes)).map_err(Error::io(&self.file))?;
        Ok(done)
    }

    /// The paths of the rows, and how many bytes they take.
    fn read_paths(&mut self) -> Result<(PathSet, u64), Error> {
        let fault =
            |fault: &str| self.not_resumable(format!("`{}` beside it {fault}", self.paths_file.display()));
        let mut start = Vec::new();
        let read = (&self.paths).take(PATHS_HEADER.len() as u64).read_to_end(&mut start);
        read.map_err(Error::io(&self.paths_file))?;
        if !PATHS_HEADER.starts_with(&start) {
            return Err(fault("is no list of paths"));
        }
        let (mut done, mut bytes) = (PathSet::default(), start.len() as u64);
        let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(BufReader::new(&self.paths));
        let mut record = csv::ByteRecord::new();
        for _ in 0..self.rows {
            let read = csv.read_byte_record(&mut record);
            if !read.map_err(|error| Error::io(&self.paths_file)(error.into()))? {
                return Err(fault(&format!("lists less than its {} rows", self.rows)));
            }
            done.insert(&record[0]);
            bytes = PATHS_HEADER.len() as u64 + csv.position().byte();
        }
        Ok((done, if self.rows == 0 { 0 } else { bytes }))
    }

    fn write_header(&mut self) -> std::io::Result<()> {
        self.array.seek(SeekFrom::Start(0))?;
        self.array.write_all(&header(self.rows, self.features))?;
        self.array.seek(SeekFrom::End(0)).map(drop)
    }

    fn not_resumable(&self, fault: String) -> Error {
        Error::NotResumable { file: self.file.clone(), fault }
    }
}

/// Ends a file there, and stands at its end.
fn cut(file: &mut File, bytes: u64) -> std::io::Result<()> {
    file.set_len(bytes)?;
    file.seek(SeekFrom::Start(bytes)).map(drop)
}

/// The header of version 1.0 of <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>.
fn header(rows: u64, features: usize) -> Vec<u8> {
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend((HEADER_BYTES as u16 - 10).to_le_bytes());
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {features}), }}");
    header.extend(shape.bytes());
    header.resize(HEADER_BYTES - 1, b' ');
    header.push(b'\n');
    header
}

/// How many rows a header of [`header`]'s counts.
fn rows_of(found: &[u8], features: usize) -> Result<u64, String> {
    let text = String::from_utf8_lossy(found);
    let shape = text.split_once("'shape': (").and_then(|(_, shape)| shape.split_once(')'));
    let numbers = shape.and_then(|(shape, _)| shape.split_once(", "));
    let numbers = numbers.and_then(|(rows, width)| Some((rows.parse().ok()?, width.parse().ok()?)));
    match numbers {
        Some((rows, width)) if header(rows, width) != found => {
            Err("it is not an array that predict wrote".to_owned())
        }
        Some((_, width)) if width != features => {
            Err(format!("its vectors have {width} numbers, the model's {features}"))
        }
        Some((rows, _)) => Ok(rows),
        None => Err("it is not an array that predict wrote".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn embeddings(folder: &Path) -> Embeddings {
        Embeddings { file: folder.join("vectors.npy"), existing: ExistingFile::Resume }
    }

    fn append(embeddings: &Embeddings, names: &[&str]) -> PathSet {
        let (mut writer, done) = Writer::open(embeddings, 2).unwrap();
        let vectors: Vec<[f32; 2]> = names.iter().map(|name| [name.len() as f32, -0.5]).collect();
        let rows: Vec<(&Path, &[f32])> =
            names.iter().zip(&vectors).map(|(name, vector)| (Path::new(*name), &vector[..])).collect();
        writer.append(&rows).unwrap();
        done
    }

    fn bytes(embeddings: &Embeddings) -> [Vec<u8>; 2] {
        [&embeddings.file, &embeddings.paths()].map(|file| fs::read(file).unwrap())
    }

    #[test]
    fn numpy_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let embeddings = embeddings(folder.path());
        append(&embeddings, &["a.jpg", "b, c"]);
        let [array, paths] = bytes(&embeddings);
        assert_eq!(String::from_utf8(paths).unwrap(), "path\na.jpg\n\"b, c\"\n");
        assert_eq!(&array[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let dictionary = String::from_utf8(array[10..128].to_vec()).unwrap();
        assert_eq!(dictionary.trim_end(), "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }");
        assert!(dictionary.ends_with('\n'));
        assert_eq!(array[128..], [5.0_f32, -0.5, 4.0, -0.5].map(f32::to_le_bytes).concat());
    }

    /// However much of the second batch a kill let through, going on gives what would have been.
    #[test]
    fn it_is_gone_on_with_after_a_kill() {
        let folder = tempfile::tempdir().unwrap();
        let embeddings = embeddings(folder.path());
        append(&embeddings, &["a", "b"]);
        let [array, paths] = bytes(&embeddings);
        append(&embeddings, &["c\nd"]);
        let whole = bytes(&embeddings);
        for (more_array, more_paths) in [(0, 0), (3, 0), (8, 0), (8, 2), (8, 6)] {
            let partly =
                |old: &[u8], new: &[u8], more: usize| [old, &new[old.len()..old.len() + more]].concat();
            fs::write(&embeddings.file, partly(&array, &whole[0], more_array)).unwrap();
            fs::write(embeddings.paths(), partly(&paths, &whole[1], more_paths)).unwrap();
            let done = append(&embeddings, &["c\nd"]);
            assert!(done.contains(Path::new("b")) && !done.contains(Path::new("c\nd")));
            assert_eq!(bytes(&embeddings), whole);
        }
        // Killed before anything was written.
        for (array, paths) in [(&b""[..], &b""[..]), (&header(0, 2), b""), (&header(0, 2), b"pa")] {
            fs::write(&embeddings.file, array).unwrap();
            fs::write(embeddings.paths(), paths).unwrap();
            append(&embeddings, &["a", "b"]);
            append(&embeddings, &["c\nd"]);
            assert_eq!(bytes(&embeddings), whole);
        }
    }

    #[test]
    fn what_is_not_its_own_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let embeddings = embeddings(folder.path());
        append(&embeddings, &["a", "b"]);
        let open = |embeddings: &Embeddings, features: usize| {
            let error = Writer::open(embeddings, features).err().unwrap().to_string();
            error.replace(&folder.path().display().to_string(), "DIR")
        };
        let refuse = Embeddings { existing: ExistingFile::Refuse, ..embeddings.clone() };
        assert_eq!(open(&refuse, 2), "`DIR/vectors.npy` exists already");
        let held = Writer::open(&embeddings, 2).unwrap();
        assert_eq!(open(&embeddings, 2), "another program is writing `DIR/vectors.npy`");
        drop(held);
        let lead = "`DIR/vectors.npy` cannot be gone on with: ";
        assert_eq!(open(&embeddings, 3), format!("{lead}its vectors have 2 numbers, the model's 3"));
        fs::write(embeddings.paths(), "path\na\n").unwrap();
        let fault = "`DIR/vectors.paths.csv` beside it lists less than its 2 rows";
        assert_eq!(open(&embeddings, 2), format!("{lead}{fault}"));
        fs::write(embeddings.paths(), "precious").unwrap();
        let fault = "`DIR/vectors.paths.csv` beside it is no list of paths";
        assert_eq!(open(&embeddings, 2), format!("{lead}{fault}"));
        fs::write(&embeddings.file, "precious").unwrap();
        assert_eq!(open(&embeddings, 2), format!("{lead}it is not an array that predict wrote"));
        assert_eq!(fs::read(&embeddings.file).unwrap(), b"precious");
        assert_eq!(fs::read(embeddings.paths()).unwrap(), b"precious");
    }
}

//! The list of faults: `path,reason,detail`.

use std::path::PathBuf;

use tagmill_model::AtomicFile;

use crate::{Error, Fault};

/// The list, where there is to be one. It appears as a whole, at the end.
pub(crate) struct Rejects(Option<(PathBuf, csv::Writer<AtomicFile>)>);

impl Rejects {
    pub(crate) fn create(path: Option<PathBuf>) -> Result<Rejects, Error> {
        let Some(path) = path else { return Ok(Rejects(None)) };
        let file = AtomicFile::create(&path).map_err(Error::write(&path))?;
        let mut rejects = Rejects(Some((path, csv::Writer::from_writer(file))));
        rejects.write(["path", "reason", "detail"])?;
        Ok(rejects)
    }

    pub(crate) fn add(&mut self, fault: &Fault) -> Result<(), Error> {
        self.write([&fault.path, fault.reason.as_str(), &fault.detail])
    }

    fn write(&mut self, row: [&str; 3]) -> Result<(), Error> {
        match &mut self.0 {
            None => Ok(()),
            Some((path, csv)) => {
                csv.write_record(row).map_err(|error| Error::write(path)(std::io::Error::from(error)))
            }
        }
    }

    pub(crate) fn commit(self) -> Result<(), Error> {
        let Some((path, csv)) = self.0 else { return Ok(()) };
        let file = csv.into_inner().map_err(|error| Error::write(&path)(error.into_error()))?;
        file.commit().map_err(Error::write(&path))
    }
}

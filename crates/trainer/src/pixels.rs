//! Decoded pictures in a file without a name: decoded once, read in every epoch, gone with the process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tagmill_model::picture::{BadPicture, Limits};
use tagmill_model::{ItemId, MediaPath, Progress};
use tokio_util::sync::CancellationToken;

use crate::picture::Picture;
use crate::table::Example;
use crate::{Error, run_folder};

/// Pictures that rayon decodes before one thread writes them: enough to busy many cores, 38 MB at 224 pixels.
const DECODED_AT_ONCE: usize = 256;

/// A picture of the table that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rejected {
    /// The item.
    pub(crate) id: ItemId,
    /// Its picture, below the media folder.
    pub(crate) image: MediaPath,
    /// Why, as one word.
    pub(crate) reason: String,
    /// Why, in words.
    pub(crate) detail: String,
}

/// The usable pictures of a part of the table, with their pixels on disk.
pub(crate) struct Pixels {
    examples: Vec<Example>,
    /// Picture `i` at byte `i * size * size * 3`. The file has no name, so nobody else can change it.
    file: File,
    folder: PathBuf,
    size: u32,
}

impl Pixels {
    /// Decodes all pictures, leaving out those that cannot be used. Returns what was done so far when cancelled.
    pub(crate) fn decode(
        examples: Vec<Example>,
        source: &Source<'_>,
        folder: &Path,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Result<(Pixels, Vec<Rejected>), Error> {
        let file = tempfile::tempfile_in(folder).map_err(Error::io(folder))?;
        let mut writer = BufWriter::with_capacity(1 << 20, &file);
        let (mut usable, mut rejected) = (Vec::with_capacity(examples.len()), Vec::new());
        for examples in examples.chunks(DECODED_AT_ONCE) {
            if cancel.is_cancelled() {
                break;
            }
            for (example, picture) in examples.iter().zip(source.decode(examples, progress)) {
                match picture {
                    Ok(picture) => {
                        writer.write_all(picture.pixels()).map_err(Error::io(folder))?;
                        usable.push(example.clone());
                    }
                    Err(bad) => rejected.push(Rejected::new(example, &bad)),
                }
            }
        }
        writer.flush().map_err(Error::io(folder))?;
        drop(writer);
        Ok((Pixels { examples: usable, file, folder: folder.to_owned(), size: source.size }, rejected))
    }

    pub(crate) fn len(&self) -> usize {
        self.examples.len()
    }

    pub(crate) fn size(&self) -> u32 {
        self.size
    }

    pub(crate) fn examples(&self) -> &[Example] {
        &self.examples
    }

    /// Reads one picture into `pixels`, which has its length.
    pub(crate) fn read(&self, index: usize, pixels: &mut [u8]) -> Result<(), Error> {
        let offset = index as u64 * pixels.len() as u64;
        self.file.read_exact_at(pixels, offset).map_err(Error::io(&self.folder))
    }
}

/// Where pictures come from and what becomes of them.
pub(crate) struct Source<'a> {
    pub(crate) media: &'a Path,
    pub(crate) size: u32,
    pub(crate) limits: Limits,
}

impl Source<'_> {
    /// Decodes on all cores; the results stand in the order of the examples.
    pub(crate) fn decode(
        &self,
        examples: &[Example],
        progress: &dyn Progress,
    ) -> Vec<Result<Picture, BadPicture>> {
        examples
            .par_iter()
            .map(|example| {
                let picture = Picture::open(&example.image.under(self.media), self.size, &self.limits);
                progress.advance(1);
                picture
            })
            .collect()
    }
}

/// Writes the list of rejected pictures.
pub(crate) fn write_rejected(path: &Path, rejected: &[Rejected]) -> Result<(), Error> {
    run_folder::write_csv(path, &["id", "image", "reason", "detail"], rejected)
}

/// Reads a list that [`write_rejected`] wrote; a list that is not there is empty.
pub(crate) fn read_rejected(path: &Path) -> Result<Vec<Rejected>, Error> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let damaged = |error: csv::Error| Error::MalformedRun { file: path.to_owned(), fault: error.to_string() };
    csv::Reader::from_path(path).map_err(damaged)?.deserialize().map(|row| row.map_err(damaged)).collect()
}

/// How many pictures were rejected for each reason.
pub(crate) fn by_reason(rejected: &[Rejected]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for rejected in rejected {
        *counts.entry(rejected.reason.clone()).or_default() += 1;
    }
    counts
}

impl Rejected {
    /// Whether the picture was missing and is there now.
    pub(crate) fn arrived(&self, media: &Path) -> bool {
        self.reason == BadPicture::Missing.reason() && self.image.under(media).exists()
    }

    pub(crate) fn new(example: &Example, bad: &BadPicture) -> Rejected {
        Rejected {
            id: example.id,
            image: example.image.clone(),
            reason: bad.reason().to_owned(),
            detail: bad.to_string(),
        }
    }
}

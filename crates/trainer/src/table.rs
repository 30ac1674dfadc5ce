//! What training and validating need of `dataset.csv`: which pictures, on which side, with which classes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use sha2::{Digest, Sha256};
use tagmill_model::dataset::{DatasetReader, DatasetRow};
use tagmill_model::{ItemId, MediaKind, MediaPath, Split, SplitConfig, Vocabulary};

use crate::Error;

/// One picture and the classes it shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    pub(crate) id: ItemId,
    pub(crate) image: MediaPath,
    /// Rising, each once. Tags outside the vocabulary are not among them.
    pub(crate) classes: Vec<u32>,
}

/// What the first pass over a table finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) rows: u64,
    /// Rows whose medium is a video. Nobody decodes those.
    pub(crate) videos: u64,
    /// Pictures of the training side.
    pub(crate) train: u64,
    /// In how many of them each tag occurs.
    pub(crate) counts: HashMap<String, u64>,
}

/// Counts a table's rows, and the tags of its training side: a vocabulary knows nothing of the other sides.
pub(crate) fn census(dataset: &Path, split: &SplitConfig) -> Result<Census, Error> {
    let mut census = Census::default();
    for row in DatasetReader::open(dataset)? {
        let row = row?;
        census.rows += 1;
        if row.image.kind() == MediaKind::Video {
            census.videos += 1;
        } else if split.side(row.id) == Split::Train {
            census.train += 1;
            for name in names(row) {
                *census.counts.entry(name).or_default() += 1;
            }
        }
    }
    Ok(census)
}

/// The pictures of one or more sides, each side in the table's order.
pub(crate) fn examples<const SIDES: usize>(
    dataset: &Path,
    split: &SplitConfig,
    vocabulary: &Vocabulary,
    sides: [Split; SIDES],
) -> Result<[Vec<Example>; SIDES], Error> {
    let mut examples = [const { Vec::new() }; SIDES];
    for row in DatasetReader::open(dataset)? {
        let row = row?;
        let side = split.side(row.id);
        let Some(index) = sides.iter().position(|wanted| *wanted == side) else { continue };
        if row.image.kind() != MediaKind::Video {
            let (id, image) = (row.id, row.image.clone());
            let mut classes: Vec<u32> = names(row)
                .iter()
                .filter_map(|name| vocabulary.class(name))
                .map(|class| class as u32)
                .collect();
            classes.sort_unstable();
            examples[index].push(Example { id, image, classes });
        }
    }
    Ok(examples)
}

/// The names of a row's tags, each once.
fn names(row: DatasetRow) -> Vec<String> {
    let mut names: Vec<String> = row.tags.into_iter().map(|tag| tag.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// SHA-256 of a file, in hex.
pub(crate) fn sha256(path: &Path) -> Result<String, Error> {
    let mut hash = Hash(Sha256::new());
    let mut file = File::open(path).map_err(Error::io(path))?;
    io::copy(&mut file, &mut hash).map_err(Error::io(path))?;
    Ok(hex(hash.0))
}

pub(crate) fn sha256_of(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Hash(Sha256);

impl Write for Hash {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

//! The pictures that a run learns from, with their pixels on disk and their classes, and those that it cannot use.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tagmill_model::picture::BadPicture;
use tagmill_model::{Flags, ItemId, MediaPath};
use tagmill_pixels::{Picture, Pixels, Storage, Stored};

use crate::lists::Lists;
use crate::outputs::{RATINGS, ratings_of};
use crate::table::{Example, Labelled, Table};
use crate::{Error, run_folder};

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

/// The usable pictures of one side, in the table's order.
pub(crate) struct Side<'a> {
    pixels: &'a Pixels,
    stored: Vec<Stored>,
    content: Vec<Flags>,
    classes: Lists<u32>,
    /// The target of each class; `None` where all are 1.
    targets: Option<Lists<f32>>,
}

impl<'a> Side<'a> {
    /// Takes the side's pictures that could be decoded.
    pub(crate) fn new(pixels: &'a Pixels, labelled: &Labelled) -> Side<'a> {
        let (mut stored, mut content, mut classes) = (Vec::new(), Vec::new(), Lists::default());
        let mut targets = labelled.targets.as_ref().map(|_| Lists::default());
        for (index, (row, labels)) in labelled.rows.iter().zip(labelled.classes.iter()).enumerate() {
            if let Some(Ok(picture)) = &pixels.pictures[*row as usize] {
                stored.push(*picture);
                content.push(labelled.content[index]);
                classes.push(labels.iter().copied());
                if let (Some(targets), Some(all)) = (&mut targets, &labelled.targets) {
                    targets.push(all.get(index).iter().copied());
                }
            }
        }
        Side { pixels, stored, content, classes, targets }
    }

    pub(crate) fn len(&self) -> usize {
        self.stored.len()
    }

    /// Width and height of the pictures.
    pub(crate) fn size(&self) -> u32 {
        self.pixels.size()
    }

    /// Where a picture's pixels are.
    pub(crate) fn stored(&self, index: usize) -> &Stored {
        &self.stored[index]
    }

    /// The classes of a picture, rising.
    pub(crate) fn classes(&self, index: usize) -> &[u32] {
        self.classes.get(index)
    }

    /// The classes of a picture, each with the target that the model is to reach.
    fn targets(&self, index: usize) -> impl Iterator<Item = (u32, f32)> {
        let targets = self.targets.as_ref().map(|targets| targets.get(index));
        let target = move |place: usize| targets.map_or(1.0, |targets| targets[place]);
        self.classes(index).iter().enumerate().map(move |(place, class)| (*class, target(place)))
    }

    /// The targets of some pictures, `outputs` numbers each, one behind the other.
    pub(crate) fn dense_targets(&self, indices: &[usize], outputs: usize) -> Vec<f32> {
        let mut targets = vec![0.0; indices.len() * outputs];
        for (row, &index) in targets.chunks_exact_mut(outputs).zip(indices) {
            let (ratings, tags) = row.split_at_mut(RATINGS.len());
            ratings_of(self.content[index]).for_each(|place| ratings[place] = 1.0);
            for (class, target) in self.targets(index) {
                tags[class as usize] = target;
            }
        }
        targets
    }

    /// Reads one picture into `pixels`, which has its length.
    pub(crate) fn read(&self, index: usize, pixels: &mut [u8]) -> Result<(), Error> {
        Ok(self.pixels.read(&self.stored[index], pixels)?)
    }
}

/// The pictures among some rows that cannot be used.
pub(crate) fn rejected(table: &Table, pixels: &Pixels, rows: impl IntoIterator<Item = u32>) -> Vec<Rejected> {
    let mut rejected = Vec::new();
    for row in rows {
        if let Some(Err(bad)) = &pixels.pictures[row as usize] {
            rejected.push(Rejected::new(&table.example(row as usize), bad));
        }
    }
    rejected
}

/// Where a stage keeps decoded pictures: in the cache where there is one, else in the run folder for as long as it lasts.
pub(crate) fn storage(cache: Option<&Path>, run: &Path) -> Storage {
    match cache {
        Some(cache) => Storage::Cache(cache.to_owned()),
        None => Storage::Private(run.to_owned()),
    }
}

/// Reads pictures back, those that cannot be used with the reason.
pub(crate) fn read(
    pixels: &Pixels,
    places: &[usize],
) -> Result<Vec<Result<Picture, BadPicture>>, tagmill_pixels::Error> {
    let looked_at = places.iter().filter_map(|place| pixels.pictures[*place].as_ref());
    let read = looked_at.map(|picture| match picture {
        Ok(stored) => pixels.picture(stored).map(Ok),
        Err(bad) => Ok(Err(bad.clone())),
    });
    read.collect()
}

/// Writes the list of rejected pictures.
pub(crate) fn write_rejected(path: &Path, rejected: &[Rejected]) -> Result<(), Error> {
    run_folder::write_csv(path, &["id", "image", "reason", "detail"], rejected)
}

/// How many pictures of such a list have come, or were written anew, since it was.
pub(crate) fn arrived_since(path: &Path, media: &Path) -> Result<usize, Error> {
    if !path.exists() {
        return Ok(0);
    }
    let since = fs::metadata(path).and_then(|metadata| metadata.modified()).map_err(Error::io(path))?;
    let rejected: Vec<Rejected> = run_folder::read_csv(path)?;
    Ok(rejected.iter().filter(|rejected| rejected.arrived(media, since)).count())
}

/// How many pictures are not there, and how many are of no use.
pub(crate) fn missing_and_unusable(rejected: &[Rejected]) -> (u64, u64) {
    let missing = rejected.iter().filter(|rejected| rejected.is_missing()).count();
    (missing as u64, (rejected.len() - missing) as u64)
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
    /// Whether the picture was missing and is there now, or its file was written after `since`.
    fn arrived(&self, media: &Path, since: SystemTime) -> bool {
        let metadata = fs::metadata(self.image.under(media));
        metadata.is_ok_and(|metadata| self.is_missing() || metadata.modified().is_ok_and(|at| at > since))
    }

    fn is_missing(&self) -> bool {
        self.reason == BadPicture::Missing.reason()
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

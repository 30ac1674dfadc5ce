//! `seen_items.csv`: what a run learned from, and what it chose by. Whoever judges the run has to leave these out, whatever
//! side they are said to be on: ids may have moved, splits may have been edited, and copies of a picture may have come since.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tagmill_model::{ItemId, MediaPath, Split};
use tagmill_pixels::{Look, groups};

use crate::Error;
use crate::run_folder::{self, SEEN_ITEMS};

/// An item that a run has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenItem {
    id: ItemId,
    image: MediaPath,
    /// Train: the weights learned from it. Validation: epoch and thresholds were chosen by it.
    side: Split,
    /// Its look, 16 hexadecimal digits each.
    likeness: String,
    content: String,
}

impl SeenItem {
    pub(crate) fn new(id: ItemId, image: MediaPath, side: Split, look: Look) -> SeenItem {
        let digits = |bits: u64| format!("{bits:016x}");
        SeenItem { id, image, side, likeness: digits(look.likeness), content: digits(look.content) }
    }

    fn look(&self) -> Option<Look> {
        let bits = |digits: &str| u64::from_str_radix(digits, 16).ok();
        Some(Look { likeness: bits(&self.likeness)?, content: bits(&self.content)? })
    }
}

/// Writes the list of a run.
pub(crate) fn write(run: &Path, items: impl IntoIterator<Item = SeenItem>) -> Result<(), Error> {
    let header = ["id", "image", "side", "likeness", "content"];
    run_folder::write_csv(&run.join(SEEN_ITEMS), &header, items)
}

/// Which of some items the run has seen, by their place: an item of the same id, or a picture of the same path, on which
/// side.
///
/// # Errors
/// [`Error::IncompleteRun`] where the run kept no list: then nobody can tell.
pub(crate) fn among(
    run: &Path,
    items: impl ExactSizeIterator<Item = (ItemId, MediaPath)>,
) -> Result<HashMap<usize, Split>, Error> {
    // The items to judge are fewer than those that trained, so that it is they who wait in memory.
    let (mut by_id, mut by_image) = (HashMap::new(), HashMap::new());
    for (place, (id, image)) in items.enumerate() {
        by_id.entry(id).or_insert_with(Vec::new).push(place);
        by_image.entry(image).or_insert_with(Vec::new).push(place);
    }
    let mut seen = HashMap::new();
    for item in read(run)? {
        let SeenItem { id, image, side, .. } = item?;
        let places = [by_id.get(&id), by_image.get(&image)].into_iter().flatten().flatten();
        seen.extend(places.map(|place| (*place, side)));
    }
    Ok(seen)
}

/// Which of some pictures are nearly the same as one that the run has seen, by their place, and on which side that one is:
/// those of a group with it.
///
/// # Errors
/// As [`among`].
pub(crate) fn copies(run: &Path, pictures: &[(usize, Look)]) -> Result<HashMap<usize, Split>, Error> {
    let mut looks: Vec<Look> = pictures.iter().map(|picture| picture.1).collect();
    let mut sides = Vec::new();
    let damaged = || {
        let fault = "a look is no number of 16 hexadecimal digits".to_owned();
        Error::MalformedRun { file: run.join(SEEN_ITEMS), fault }
    };
    for item in read(run)? {
        let item = item?;
        looks.push(item.look().ok_or_else(damaged)?);
        sides.push(item.side);
    }
    let mut copies = HashMap::new();
    for group in groups(&looks) {
        // The pictures come first, and a group's members rise.
        let (mine, seen) =
            group.split_at(group.partition_point(|member| (*member as usize) < pictures.len()));
        if let Some(first) = seen.first() {
            let side = sides[*first as usize - pictures.len()];
            copies.extend(mine.iter().map(|member| (pictures[*member as usize].0, side)));
        }
    }
    Ok(copies)
}

fn read(run: &Path) -> Result<impl Iterator<Item = Result<SeenItem, Error>>, Error> {
    let [file] = run_folder::required(run, [SEEN_ITEMS])?;
    let reader = csv::Reader::from_path(&file);
    let damaged =
        move |error: csv::Error| Error::MalformedRun { file: file.clone(), fault: error.to_string() };
    Ok(reader.map_err(&damaged)?.into_deserialize().map(move |row| row.map_err(&damaged)))
}

//! `seen_items.csv`: what a run learned from, and what it chose by. Whoever judges the run has to leave these out, whatever
//! side they are said to be on: ids may have moved, and splits may have been edited.

use std::collections::HashMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tagmill_model::{ItemId, MediaPath, Split};

use crate::Error;
use crate::run_folder::{self, SEEN_ITEMS};

/// An item that a run has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeenItem {
    pub(crate) id: ItemId,
    pub(crate) image: MediaPath,
    /// Train: the weights learned from it. Validation: epoch and thresholds were chosen by it.
    pub(crate) side: Split,
}

/// Writes a list of such items.
pub(crate) fn write(path: &Path, items: impl IntoIterator<Item = SeenItem>) -> Result<(), Error> {
    run_folder::write_csv(path, &["id", "image", "side"], items)
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
    let [file] = run_folder::required(run, [SEEN_ITEMS])?;
    // The items to judge are fewer than those that trained, so that it is they who wait in memory.
    let (mut by_id, mut by_image) = (HashMap::new(), HashMap::new());
    for (place, (id, image)) in items.enumerate() {
        by_id.entry(id).or_insert_with(Vec::new).push(place);
        by_image.entry(image).or_insert_with(Vec::new).push(place);
    }
    let damaged = |error: csv::Error| Error::MalformedRun { file: file.clone(), fault: error.to_string() };
    let mut seen = HashMap::new();
    for row in csv::Reader::from_path(&file).map_err(damaged)?.into_deserialize() {
        let SeenItem { id, image, side } = row.map_err(damaged)?;
        let places = [by_id.get(&id), by_image.get(&image)].into_iter().flatten().flatten();
        seen.extend(places.map(|place| (*place, side)));
    }
    Ok(seen)
}

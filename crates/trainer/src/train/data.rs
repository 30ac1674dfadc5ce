//! From the table to the pictures of both sides.

use std::path::Path;

use tagmill_model::{Progress, Reunion, Sides, Split, Vocabulary};
use tagmill_pixels::{End, Files, Pixels};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{Config, Report, Settings};
use crate::Error;
use crate::pixels::{self, Side};
use crate::run_folder::{self, Identity, KeptSides};
use crate::seen_items::{self, SeenItem};
use crate::table::{Example, Table};

/// The sides as the settings have them, near-duplicates not looked at yet.
pub(super) fn sides(settings: &Settings, table: &Table) -> Result<Sides, Error> {
    Ok(Sides::settle(settings.split, &settings.split_by, table.items().iter().copied())?)
}

/// Decodes the pictures of all sides: whether a test picture is like a training picture is to be known before training.
/// `None` when cancelled.
pub(super) fn decode(
    config: &Config,
    table: &Table,
    report: &mut Report,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Option<Pixels>, Error> {
    let decoding = tagmill_pixels::Config {
        storage: pixels::storage(config.cache.as_deref(), &config.run),
        size: config.settings.image_size,
        limits: config.limits,
        max_bad: config.max_bad,
    };
    let name = |row: usize| table.image(row);
    let files = Files { folder: config.media.clone(), count: table.len(), name: &name };
    let pixels = tagmill_pixels::decode(&decoding, files, progress, cancel)?;
    report.decoded_pictures = pixels.decoded;
    match pixels.end {
        End::Completed => Ok(Some(pixels)),
        End::Cancelled => Ok(None),
        End::TooManyBad { limit } => {
            let rejected = pixels::rejected(table, &pixels, 0..table.len() as u32);
            let list = config.run.join(run_folder::BAD_IMAGES);
            pixels::write_rejected(&list, &rejected)?;
            let (_, bad) = pixels::missing_and_unusable(&rejected);
            Err(Error::TooManyBadPictures { bad, limit, list })
        }
    }
}

/// Brings near-duplicates to one side, and keeps the sides with the run, for validating by them. A run that goes on has its
/// sides kept already: pictures that came since do not change them.
pub(super) fn bring_together(
    run: &Path,
    identity: &Identity,
    sides: &mut Sides,
    table: &Table,
    pixels: &Pixels,
) -> Result<Reunion, Error> {
    if let Some(kept) = run_folder::kept_sides(run)?.filter(|kept| kept.identity == *identity) {
        *sides = kept.sides;
        return Ok(kept.near_duplicates);
    }
    let items = |group: Vec<u32>| group.iter().map(|row| table.items()[*row as usize]).collect();
    let near_duplicates = sides.bring_together(pixels.near_duplicates().into_iter().map(items));
    let Reunion { groups, divided, moved } = near_duplicates;
    info!(groups, divided, moved, "{groups} groups of near-duplicates; {moved} items moved to join theirs");
    let kept = KeptSides { identity: identity.clone(), sides: sides.clone(), near_duplicates };
    run_folder::write_json(&run.join(run_folder::SPLIT), &kept)?;
    Ok(near_duplicates)
}

/// The sides that train and choose, decoded.
pub(super) struct Pictures<'a> {
    pub(super) train: Side<'a>,
    pub(super) validation: Side<'a>,
}

/// Takes the pictures of both sides, and lists those that cannot be used and those that the run is about to see.
pub(super) fn pictures<'a>(
    config: &Config,
    table: &Table,
    sides: &Sides,
    vocabulary: &Vocabulary,
    pixels: &'a Pixels,
    report: &mut Report,
) -> Result<Pictures<'a>, Error> {
    let [train, validation] =
        [Split::Train, Split::Validation].map(|side| table.labelled(sides, side, vocabulary));
    let mut rejected = pixels::rejected(table, pixels, train.rows.iter().copied());
    let items = train.rows.len() as u64;
    let (missing, unusable) = pixels::missing_and_unusable(&rejected);
    rejected.extend(pixels::rejected(table, pixels, validation.rows.iter().copied()));
    pixels::write_rejected(&config.run.join(run_folder::BAD_IMAGES), &rejected)?;
    let sides = [(&train, Split::Train), (&validation, Split::Validation)];
    let seen = sides.into_iter().flat_map(|(labelled, side)| {
        labelled.rows.iter().filter_map(move |row| {
            let Some(Ok(stored)) = &pixels.pictures[*row as usize] else { return None };
            let Example { id, image, .. } = table.example(*row as usize);
            Some(SeenItem::new(id, image, side, stored.look()))
        })
    });
    seen_items::write(&config.run, seen)?;
    let pictures = Pictures { train: Side::new(pixels, &train), validation: Side::new(pixels, &validation) };
    report.bad_pictures = pixels::by_reason(&rejected);
    report.train_pictures = pictures.train.len() as u64;
    report.validation_pictures = pictures.validation.len() as u64;
    // Batch normalisation cannot work on a single picture.
    if pictures.train.len() < 2 {
        let (dataset, media) = (config.dataset.clone(), config.media.clone());
        return Err(Error::NoUsablePictures { dataset, media, part: "training", items, missing, unusable });
    }
    Ok(pictures)
}

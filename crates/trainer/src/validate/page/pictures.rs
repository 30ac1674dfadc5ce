//! The pictures of the page: what the tagger does best and worst, and whose labels look wrong.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tagmill_model::Flags;
use tagmill_report::{Item, Page, Suspect, TaggedAs, Thumbnail, Verdict};

use super::super::{Config, Output};
use crate::metrics::{self, Suspects};
use crate::table::Example;

/// Items that are shown as best, and as worst.
const ITEMS: usize = 12;

/// Suspects of either kind that are shown.
const SUSPECTS: usize = 16;

/// The longer side of a small picture, in pixels: sharp where a screen shows two pixels for one.
const LONGEST: u16 = 256;

/// Pictures with these are veiled.
const VEILED: Flags = Flags::NSFW.union(Flags::NSFL);

/// The parts of the page that show pictures.
pub(super) fn page(config: &Config, output: &Output<'_>) -> Page {
    let (best, worst) = best_and_worst(output);
    let Suspects { missing, doubtful } = metrics::suspects(&output.judged, SUSPECTS);
    let suspects = || missing.iter().chain(&doubtful).map(|suspect| suspect.item);
    let mut items: Vec<usize> = best.iter().chain(&worst).map(|(item, _)| *item).chain(suspects()).collect();
    items.sort_unstable();
    items.dedup();
    let examples = &output.seen.examples;
    let thumbnails: BTreeMap<usize, Thumbnail> =
        items.into_par_iter().map(|item| (item, thumbnail(config, &examples[item]))).collect();
    let tagged = |items: Vec<(usize, f64)>| {
        let item = |(item, precision)| Item {
            picture: thumbnails[&item].clone(),
            precision,
            tags: tags(output, item),
        };
        items.into_iter().map(item).collect()
    };
    let named = |suspects: &[metrics::Suspect]| {
        let suspect = |suspect: &metrics::Suspect| {
            let metrics::Suspect { item, class, score, mean_with, mean_without } = *suspect;
            Suspect {
                picture: thumbnails[&item].clone(),
                tag: output.name(class),
                score,
                mean_with,
                mean_without,
            }
        };
        suspects.iter().map(suspect).collect()
    };
    Page {
        best: tagged(best),
        worst: tagged(worst),
        missing: named(&missing),
        doubtful: named(&doubtful),
        ..Page::default()
    }
}

/// Items with their label ranking average precision.
type Ranked = Vec<(usize, f64)>;

/// The items whose tags rank best, best first, and worst, worst first; none is both. Of equals, those with more tags come
/// first: to get many right, or many wrong, is the greater feat.
fn best_and_worst(output: &Output<'_>) -> (Ranked, Ranked) {
    let judged = &output.judged;
    let mut ranked: Ranked = (0..judged.items())
        .into_par_iter()
        .filter_map(|item| Some((item, metrics::ranking_precision(judged, item)?)))
        .collect();
    let tags = |item: usize| judged.truth[item].len();
    let split = ranked.len().div_ceil(2);
    ranked.par_sort_by(|a, b| b.1.total_cmp(&a.1).then(tags(b.0).cmp(&tags(a.0))).then(a.0.cmp(&b.0)));
    let mut worst = ranked.split_off(split);
    worst.par_sort_by(|a, b| a.1.total_cmp(&b.1).then(tags(b.0).cmp(&tags(a.0))).then(a.0.cmp(&b.0)));
    ranked.truncate(ITEMS);
    worst.truncate(ITEMS);
    (ranked, worst)
}

/// What is true of an item and what is predicted, the highest score first.
fn tags(output: &Output<'_>, item: usize) -> Vec<TaggedAs> {
    let (row, truth) = (output.judged.row(item), &output.judged.truth[item]);
    let verdict = |class: usize| {
        let predicted = row[class] >= output.thresholds.best_micro_f1;
        match (predicted, truth.binary_search(&(class as u32)).is_ok()) {
            (true, true) => Some(Verdict::Hit),
            (true, false) => Some(Verdict::FalseAlarm),
            (false, true) => Some(Verdict::Miss),
            (false, false) => None,
        }
    };
    let tag =
        |class| Some(TaggedAs { name: output.name(class), score: row[class], verdict: verdict(class)? });
    metrics::top(row, row.len()).into_iter().filter_map(tag).collect()
}

/// A picture that has gone since it was scored is shown as missing.
fn thumbnail(config: &Config, example: &Example) -> Thumbnail {
    let file = config.media.join(example.image.as_str());
    let picture = tagmill_pixels::Thumbnail::open(&file, LONGEST, &config.limits).ok();
    Thumbnail {
        id: example.id.0,
        file: example.image.as_str().to_owned(),
        size: picture
            .as_ref()
            .map_or((LONGEST.into(), LONGEST.into()), |picture| (picture.width, picture.height)),
        jpeg: picture.map(|picture| picture.jpeg),
        veiled: example.content.intersects(VEILED),
    }
}

//! The files of `validation/`.

use std::fs;

use serde::Serialize;
use tagmill_model::{ItemId, MediaPath, atomic};

use super::page::{self, Training};
use super::{Config, Refused, Report, Seen};
use crate::metrics::{ClassFigures, Judged, Point, Thresholds};
use crate::pixels::{self, Rejected};
use crate::run_folder::{self, VALIDATION};
use crate::{Error, Tagger};

/// What the files are made from.
pub(super) struct Output<'a> {
    pub(super) tagger: &'a Tagger,
    pub(super) seen: &'a Seen,
    pub(super) judged: Judged<'a>,
    /// The prior's scores.
    pub(super) guessed: Judged<'a>,
    pub(super) thresholds: &'a Thresholds,
    pub(super) model: &'a [ClassFigures],
    pub(super) prior: &'a [ClassFigures],
    pub(super) training: &'a Training,
    pub(super) dataset_sha256: &'a str,
}

/// A row of `per_tag.csv`.
#[derive(Serialize)]
struct TagRow<'a> {
    tag: &'a str,
    /// Training items with the tag.
    training_items: u64,
    /// Test items with the tag.
    items: u64,
    average_precision: Option<f64>,
    average_precision_low: Option<f64>,
    average_precision_high: Option<f64>,
    prior_average_precision: Option<f64>,
    /// The next four at the threshold of all tags.
    threshold: f32,
    precision: f64,
    recall: f64,
    f1: f64,
    /// And these at the tag's own.
    tag_threshold: f32,
    tag_precision: f64,
    tag_recall: f64,
    tag_f1: f64,
    /// The prior's F1 at the threshold that is best for the tag: what predicting it always or never comes to.
    prior_tag_f1: f64,
}

const TAG_HEADER: [&str; 16] = [
    "tag",
    "training_items",
    "items",
    "average_precision",
    "average_precision_low",
    "average_precision_high",
    "prior_average_precision",
    "threshold",
    "precision",
    "recall",
    "f1",
    "tag_threshold",
    "tag_precision",
    "tag_recall",
    "tag_f1",
    "prior_tag_f1",
];

/// A row of `predictions.csv`.
#[derive(Serialize)]
struct PredictionRow {
    id: ItemId,
    image: MediaPath,
    /// The true tags that are classes: a JSON array of names.
    tags: String,
    /// The likeliest tags, likeliest first: a JSON array of `{"name","score"}`.
    predicted: String,
}

impl Output<'_> {
    pub(super) fn write(
        &self,
        config: &Config,
        refused: Vec<Refused>,
        rejected: &[Rejected],
        report: &Report,
    ) -> Result<(), Error> {
        let folder = config.run.join(VALIDATION);
        fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        run_folder::write_csv(&folder.join("per_tag.csv"), &TAG_HEADER, self.tags())?;
        let header = ["id", "image", "tags", "predicted"];
        run_folder::write_csv(&folder.join("predictions.csv"), &header, self.predictions(config.top))?;
        run_folder::write_csv(&folder.join("refused.csv"), &["id", "image", "side", "reason"], refused)?;
        pixels::write_rejected(&folder.join(run_folder::BAD_IMAGES), rejected)?;
        let page = config.page();
        let html = tagmill_report::render(&page::page(config, self, report, self.training));
        atomic::write(&page, html.as_bytes()).map_err(Error::io(&page))?;
        // Last: its fingerprint says that all files are there.
        run_folder::write_json(&folder.join(run_folder::METRICS), report)
    }

    /// What a class is called.
    pub(super) fn name(&self, class: usize) -> String {
        self.tagger.vocabulary().classes()[class].name.clone()
    }

    fn tags(&self) -> impl Iterator<Item = TagRow<'_>> {
        let classes = self.tagger.vocabulary().classes().iter().enumerate();
        classes.map(move |(class, tag)| {
            let (model, prior) = (&self.model[class], &self.prior[class]);
            let interval = model.average_precision.and_then(|estimate| estimate.interval);
            let (shared, own) = (model.counts(Point::BestMicroF1), model.counts(Point::PerTag));
            TagRow {
                tag: &tag.name,
                training_items: tag.count,
                items: model.positives,
                average_precision: model.average_precision.map(|estimate| estimate.value),
                average_precision_low: interval.map(|interval| interval.low),
                average_precision_high: interval.map(|interval| interval.high),
                prior_average_precision: prior.average_precision.map(|estimate| estimate.value),
                threshold: Point::BestMicroF1.of(self.thresholds, class),
                precision: shared.precision(),
                recall: shared.recall(),
                f1: shared.f1(),
                tag_threshold: Point::PerTag.of(self.thresholds, class),
                tag_precision: own.precision(),
                tag_recall: own.recall(),
                tag_f1: own.f1(),
                prior_tag_f1: prior.counts(Point::PerTag).f1(),
            }
        })
    }

    fn predictions(&self, top: usize) -> impl Iterator<Item = PredictionRow> {
        let vocabulary = self.tagger.vocabulary();
        self.seen.examples.iter().enumerate().map(move |(item, example)| {
            let names = example.classes.iter().filter_map(|class| vocabulary.name(*class as usize));
            PredictionRow {
                id: example.id,
                image: example.image.clone(),
                tags: json(&names.collect::<Vec<_>>()),
                predicted: json(&self.tagger.best(self.judged.row(item), top)),
            }
        })
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers always have a JSON form")
}

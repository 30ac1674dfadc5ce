//! From a run folder and the table's test side to honest figures.
//!
//! Only items on the test side of the run's own split are judged: the run never learned from them, nor chose anything by
//! them, however the table has grown since. Beside the model's figures stand those of the tag-frequency prior, which
//! gives every picture the tags' frequencies as scores: what can be had without looking.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tagmill_model::picture::{BadPicture, Limits};
use tagmill_model::{ItemId, MediaPath, Outcome, Progress, Split, StageReport};
use tagmill_pixels::{End, Files};
use tokio_util::sync::CancellationToken;

pub use crate::Error;
use crate::metrics::{self, Figures, Judged, Scores};
use crate::pixels::{self, Rejected};
use crate::run_folder::{self, VALIDATION, WEIGHTS};
use crate::table::{Example, Table, sha256, sha256_of};
use crate::{Device, Tagger, device};

/// Pictures that are read before they are scored: 19 MB at 224 pixels.
const SCORED_AT_ONCE: usize = 128;

/// What to judge, on what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The table: the one the run was trained on, or one that has grown since.
    pub dataset: PathBuf,
    /// The folder that the table's `image` column is relative to.
    pub media: PathBuf,
    /// The run folder. The figures go to `validation/` in it.
    pub run: PathBuf,
    /// How many predicted tags an item has in `predictions.csv`.
    pub top: usize,
    /// What a picture may cost before it is left out.
    pub limits: Limits,
    /// The folder where decoded pictures are kept for other runs; with `None` they lie in the run folder, for as long as the
    /// process lasts.
    pub cache: Option<PathBuf>,
    /// Where the model computes.
    pub device: Device,
    /// Threads of libtorch, for this whole process; `None` leaves them as they are, one a core.
    pub threads: Option<usize>,
}

/// The figures, and what they were taken on. Kept as `validation/metrics.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Whether run, table and settings are those of the validation before, so that its figures stand.
    pub already_validated: bool,
    /// Test items that were judged.
    pub pictures: u64,
    /// Test items that could not be used, by reason; `validation/bad_images.csv` lists them.
    pub bad_pictures: BTreeMap<String, u64>,
    /// Classes of the run.
    pub classes: usize,
    /// The model's figures, at the threshold that the run's validation side chose; `None` when cancelled.
    pub model: Option<Figures>,
    /// The prior's figures, at the threshold that the same side chose for it; `None` when cancelled.
    pub prior: Option<Figures>,
    /// What the figures depend on: weights, table, settings.
    pub fingerprint: String,
}

impl Config {
    /// Everything but the paths by default.
    pub fn new(dataset: impl Into<PathBuf>, media: impl Into<PathBuf>, run: impl Into<PathBuf>) -> Config {
        Config {
            dataset: dataset.into(),
            media: media.into(),
            run: run.into(),
            top: metrics::TOP,
            limits: Limits::default(),
            cache: None,
            device: Device::default(),
            threads: None,
        }
    }
}

/// Judges a run on the table's test side, or finds that it did so before.
///
/// Writes `metrics.json` (the report), `per_tag.csv`, `predictions.csv` and `bad_images.csv` into the run's `validation/`.
///
/// # Errors
/// What is wrong with the table or the run folder; [`Error::NoUsablePictures`] where no test item is left.
pub fn run(config: Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    device::use_threads(config.threads);
    let tagger = Tagger::load(&config.run, config.device)?;
    progress.start("reading the dataset", None);
    let sides = run_folder::sides(&config.run, &tagger.config().tagmill.identity)?;
    let table = Table::read(&config.dataset)?;
    let [test, validation] =
        [Split::Test, Split::Validation].map(|side| table.examples(&sides, side, tagger.vocabulary()));
    let fingerprint = fingerprint(&config)?;
    progress.finish();
    if let Some(kept) = kept(&config, &fingerprint)? {
        return Ok(kept);
    }
    let mut report = Report {
        outcome: Outcome::Cancelled,
        already_validated: false,
        pictures: 0,
        bad_pictures: BTreeMap::new(),
        classes: tagger.vocabulary().len(),
        model: None,
        prior: None,
        fingerprint,
    };
    let items = test.len() as u64;
    let Some((seen, rejected)) = score(&config, &tagger, test, progress, cancel)? else { return Ok(report) };
    report.pictures = seen.examples.len() as u64;
    report.bad_pictures = pixels::by_reason(&rejected);
    if seen.examples.is_empty() {
        let missing = report.bad_pictures.get(BadPicture::Missing.reason()).copied().unwrap_or_default();
        let unusable = rejected.len() as u64 - missing;
        let Config { dataset, media, .. } = config;
        return Err(Error::NoUsablePictures { dataset, media, part: "test", items, missing, unusable });
    }
    let truth = truth(&seen.examples);
    let judged = Judged { scores: Scores::Each(&seen.scores), classes: report.classes, truth: &truth };
    let frequencies = frequencies(&tagger);
    let guessed = Judged { scores: Scores::Same(&frequencies), ..judged };
    let chosen = self::truth(&validation);
    let prior_threshold = metrics::best_threshold(&Judged { truth: &chosen, ..guessed });
    report.model = Some(metrics::figures(&judged, tagger.threshold()));
    report.prior = Some(metrics::figures(&guessed, prior_threshold));
    report.outcome = Outcome::Completed;
    write(&config, &tagger, &seen, &judged, &guessed, &rejected, &report)?;
    Ok(report)
}

/// The test items that could be scored.
struct Seen {
    examples: Vec<Example>,
    /// A row of classes each.
    scores: Vec<f32>,
}

/// Decodes and scores. `None` when cancelled.
fn score(
    config: &Config,
    tagger: &Tagger,
    test: Vec<Example>,
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Option<(Seen, Vec<Rejected>)>, Error> {
    let decoding = tagmill_pixels::Config {
        storage: pixels::storage(config.cache.as_deref(), &config.run),
        size: tagger.image_size(),
        limits: config.limits,
        max_bad: None,
    };
    let name = |index: usize| test[index].image.as_str();
    let files = Files { folder: config.media.clone(), count: test.len(), name: &name };
    let pixels = tagmill_pixels::decode(&decoding, files, progress, cancel)?;
    if pixels.end == End::Cancelled {
        return Ok(None);
    }
    let (mut seen, mut rejected) = (Seen { examples: Vec::new(), scores: Vec::new() }, Vec::new());
    progress.start("validating", Some(test.len() as u64));
    for (start, examples) in (0..).step_by(SCORED_AT_ONCE).zip(test.chunks(SCORED_AT_ONCE)) {
        if cancel.is_cancelled() {
            progress.finish();
            return Ok(None);
        }
        let pictures = pixels::read(&pixels, start..start + examples.len())?;
        for (example, scores) in examples.iter().zip(tagger.score_each(pictures)?) {
            match scores {
                Ok(scores) => {
                    seen.examples.push(example.clone());
                    seen.scores.extend(scores);
                }
                Err(bad) => rejected.push(Rejected::new(example, &bad)),
            }
        }
        progress.advance(examples.len() as u64);
    }
    progress.finish();
    Ok(Some((seen, rejected)))
}

fn truth(examples: &[Example]) -> Vec<Vec<u32>> {
    examples.iter().map(|example| example.classes.clone()).collect()
}

/// How often each class occurs in the training items: the prior's score for it.
fn frequencies(tagger: &Tagger) -> Vec<f32> {
    let items = tagger.config().tagmill.train_items.max(1) as f32;
    tagger.vocabulary().classes().iter().map(|class| class.count as f32 / items).collect()
}

fn fingerprint(config: &Config) -> Result<String, Error> {
    let limits = config.limits;
    let parts = [
        sha256(&config.dataset)?,
        sha256(&config.run.join(WEIGHTS))?,
        sha256(&config.run.join(run_folder::CONFIG))?,
        sha256(&config.run.join(run_folder::THRESHOLDS))?,
        format!("{} {} {}", config.top, limits.max_file_bytes, limits.max_pixels),
    ];
    Ok(sha256_of(parts.join("\n").as_bytes()))
}

/// The report of the same validation, if it was done before and no picture that was missing then has come since.
fn kept(config: &Config, fingerprint: &str) -> Result<Option<Report>, Error> {
    let folder = config.run.join(VALIDATION);
    let file = folder.join(run_folder::METRICS);
    if !file.exists() {
        return Ok(None);
    }
    // A report of another version is no reason to fail: it is made anew.
    let Ok(report) = run_folder::read_json::<Report>(&file) else { return Ok(None) };
    let missing = pixels::read_rejected(&folder.join(run_folder::BAD_IMAGES))?;
    let arrived = missing.iter().any(|rejected| rejected.arrived(&config.media));
    let same = report.fingerprint == fingerprint && !arrived;
    Ok(same.then_some(Report { already_validated: true, ..report }))
}

fn write(
    config: &Config,
    tagger: &Tagger,
    seen: &Seen,
    judged: &Judged<'_>,
    guessed: &Judged<'_>,
    rejected: &[Rejected],
    report: &Report,
) -> Result<(), Error> {
    let folder = config.run.join(VALIDATION);
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let tags = per_tag(tagger, judged, guessed);
    let header =
        ["tag", "items", "average_precision", "prior_average_precision", "precision", "recall", "f1"];
    run_folder::write_csv(&folder.join("per_tag.csv"), &header, tags)?;
    let predictions = seen.examples.iter().enumerate().map(|(item, example)| {
        let names = example.classes.iter().filter_map(|class| tagger.vocabulary().name(*class as usize));
        PredictionRow {
            id: example.id,
            image: example.image.clone(),
            tags: json(&names.collect::<Vec<_>>()),
            predicted: json(&tagger.best(judged.row(item), config.top)),
        }
    });
    let header = ["id", "image", "tags", "predicted"];
    run_folder::write_csv(&folder.join("predictions.csv"), &header, predictions)?;
    pixels::write_rejected(&folder.join(run_folder::BAD_IMAGES), rejected)?;
    // Last: its fingerprint says that all files are there.
    run_folder::write_json(&folder.join(run_folder::METRICS), report)
}

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

/// A row of `per_tag.csv`.
#[derive(Serialize)]
struct TagRow {
    tag: String,
    items: u64,
    average_precision: Option<f64>,
    prior_average_precision: Option<f64>,
    precision: f64,
    recall: f64,
    f1: f64,
}

fn per_tag(tagger: &Tagger, judged: &Judged<'_>, guessed: &Judged<'_>) -> Vec<TagRow> {
    let model = metrics::average_precisions(judged);
    let prior = metrics::average_precisions(guessed);
    let counts = metrics::counts(judged, tagger.threshold());
    let rows = tagger.vocabulary().classes().iter().enumerate().map(|(class, tag)| TagRow {
        tag: tag.name.clone(),
        items: counts[class].hits + counts[class].misses,
        average_precision: model[class],
        prior_average_precision: prior[class],
        precision: counts[class].precision(),
        recall: counts[class].recall(),
        f1: counts[class].f1(),
    });
    rows.collect()
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("texts and numbers always have a JSON form")
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        if self.already_validated { 0 } else { self.pictures }
    }

    fn failed(&self) -> u64 {
        self.bad_pictures.values().sum()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(model), Some(prior)) = (&self.model, &self.prior) else {
            return f.write_str("cancelled: nothing validated");
        };
        let done = if self.already_validated { "already validated:" } else { "validated" };
        write!(
            f,
            "{done} {} test pictures: mAP {:.3} (prior {:.3}), micro F1 {:.3} ({:.3}), macro F1 {:.3} ({:.3}), top-5 {:.3} ({:.3})",
            self.pictures,
            model.mean_average_precision,
            prior.mean_average_precision,
            model.micro_f1,
            prior.micro_f1,
            model.macro_f1,
            prior.macro_f1,
            model.top5_accuracy,
            prior.top5_accuracy,
        )?;
        match self.failed() {
            0 => Ok(()),
            bad => write!(f, ", {bad} pictures left out"),
        }
    }
}

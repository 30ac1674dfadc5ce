//! From a run folder and the table's test side to honest figures.
//!
//! Only items on the test side of the run's own split are judged, and of these only such as the run has not seen: it never
//! learned from them, nor chose anything by them, however the table has grown or changed since. Beside the model's figures
//! stand those of the tag-frequency prior, which gives every picture the tags' frequencies as scores: what can be had
//! without looking.

use std::path::PathBuf;

use serde::Serialize;
use tagmill_model::picture::Limits;
use tagmill_model::{ItemId, MediaPath, Outcome, Progress, Split, sha256};
use tagmill_pixels::{End, Files};
use tokio_util::sync::CancellationToken;

pub use crate::Error;
use crate::metrics::{self, Judged, Resamples, Scores};
use crate::outputs::{RATINGS, ratings_of};
use crate::pixels::{self, Rejected};
use crate::run_folder::{self, VALIDATION, WEIGHTS};
use crate::seen_items;
use crate::table::{Example, Table, sha256_of_file};
use crate::{Device, Tagger, device};

mod output;
mod page;
mod report;

use output::Output;
use page::Training;
pub use report::{ContentClass, Report};

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
    /// How often the test items are drawn anew for the 95 percent intervals; fewer times where there are so many items and
    /// classes that it would take minutes. None gives no intervals.
    pub resamples: usize,
    /// Seed of these draws.
    pub seed: u64,
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

impl Config {
    /// Everything but the paths by default.
    pub fn new(dataset: impl Into<PathBuf>, media: impl Into<PathBuf>, run: impl Into<PathBuf>) -> Config {
        Config {
            dataset: dataset.into(),
            media: media.into(),
            run: run.into(),
            top: metrics::TOP,
            resamples: 1000,
            seed: 0,
            limits: Limits::default(),
            cache: None,
            device: Device::default(),
            threads: None,
        }
    }

    /// Where the page with curves and pictures is written.
    pub fn page(&self) -> PathBuf {
        self.run.join(VALIDATION).join(run_folder::REPORT)
    }
}

/// Judges a run on the table's test side, or finds that it did so before.
///
/// Writes `report.html`, `metrics.json` (the report), `per_tag.csv`, `predictions.csv`, `refused.csv` and `bad_images.csv` into the run's
/// `validation/`. `docs/validate.md` tells what each figure means.
///
/// # Errors
/// What is wrong with the table or the run folder; [`Error::NothingUnseen`] where the run has seen all test items, and
/// [`Error::NoUsablePictures`] where no picture of the others can be used.
pub fn run(config: Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    device::use_threads(config.threads);
    let tagger = Tagger::load_on(&config.run, config.device)?;
    let thresholds = run_folder::read_thresholds(&config.run, tagger.vocabulary())?;
    progress.start("reading the dataset", None);
    let sides = run_folder::sides(&config.run, &tagger.config().tagmill.identity)?;
    let table = Table::read(&config.dataset)?;
    let [test, validation] =
        [Split::Test, Split::Validation].map(|side| table.examples(&sides, side, tagger.vocabulary()));
    let training = Training::read(&config.run)?;
    let dataset_sha256 = sha256_of_file(&config.dataset)?;
    let fingerprint = fingerprint(&config, &dataset_sha256)?;
    progress.finish();
    if let Some(kept) = kept(&config, &fingerprint)? {
        return Ok(kept);
    }
    let items = test.len() as u64;
    let (test, mut refused) = refuse(&config, test)?;
    let mut report = Report::cancelled(tagger.vocabulary().len(), refused.len() as u64, fingerprint);
    let Some((seen, rejected)) = score(&config, &tagger, test, &mut refused, progress, cancel)? else {
        return Ok(report);
    };
    report.pictures = seen.examples.len() as u64;
    report.bad_pictures = pixels::by_reason(&rejected);
    report.refused = refused.len() as u64;
    if seen.examples.is_empty() {
        let (missing, unusable) = pixels::missing_and_unusable(&rejected);
        let Config { dataset, media, .. } = config;
        if rejected.is_empty() && !refused.is_empty() {
            return Err(Error::NothingUnseen { dataset, items });
        }
        return Err(Error::NoUsablePictures { dataset, media, part: "test", items, missing, unusable });
    }
    progress.start("computing the figures", None);
    let truth = truth(&seen.examples);
    let judged = Judged { scores: Scores::Each(&seen.scores), classes: report.classes, truth: &truth };
    let frequencies = frequencies(&tagger);
    let guessed = Judged { scores: Scores::Same(&frequencies), ..judged };
    // The prior may choose like the model: by the validation side.
    let chosen = self::truth(&validation);
    let guessed_thresholds = metrics::choose(&Judged { truth: &chosen, ..guessed });
    report.resamples = Resamples::affordable(config.resamples, judged.items(), judged.classes);
    let resamples = Resamples::draw(judged.items(), report.resamples, config.seed);
    let counts: Vec<u64> = tagger.vocabulary().classes().iter().map(|class| class.count).collect();
    let model = metrics::judge(&judged, &thresholds, &counts, &resamples);
    let prior = metrics::judge(&guessed, &guessed_thresholds, &counts, &resamples);
    progress.finish();
    report.model = Some(model.figures);
    report.prior = Some(prior.figures);
    report.content_class = Some(content_class(&tagger, &seen));
    report.outcome = Outcome::Completed;
    let (model, prior) = (&model.classes, &prior.classes);
    let output = Output {
        tagger: &tagger,
        seen: &seen,
        judged,
        guessed,
        thresholds: &thresholds,
        model,
        prior,
        training: &training,
        dataset_sha256: &dataset_sha256,
    };
    output.write(&config, refused, &rejected, &report)?;
    Ok(report)
}

/// Takes out what the run has seen: learned from, or chosen by.
fn refuse(config: &Config, test: Vec<Example>) -> Result<(Vec<Example>, Vec<Refused>), Error> {
    let items = test.len() as u64;
    let keys = test.iter().map(|example| (example.id, example.image.clone()));
    let seen = seen_items::among(&config.run, keys)?;
    let (mut unseen, mut refused) = (Vec::with_capacity(test.len()), Vec::new());
    for (place, example) in test.into_iter().enumerate() {
        match seen.get(&place) {
            Some(side) => refused.push(Refused::new(&example, *side, "seen")),
            None => unseen.push(example),
        }
    }
    if unseen.is_empty() && !refused.is_empty() {
        return Err(Error::NothingUnseen { dataset: config.dataset.clone(), items });
    }
    Ok((unseen, refused))
}

/// A test item that is not judged.
#[derive(Serialize)]
struct Refused {
    id: ItemId,
    image: MediaPath,
    /// Where the run has seen it, or the picture that it is a copy of.
    side: Split,
    /// `seen`: its id or its path; `copy`: a picture that is nearly the same.
    reason: &'static str,
}

impl Refused {
    fn new(example: &Example, side: Split, reason: &'static str) -> Refused {
        Refused { id: example.id, image: example.image.clone(), side, reason }
    }
}

/// The test items that could be scored.
struct Seen {
    examples: Vec<Example>,
    /// A row of classes each.
    scores: Vec<f32>,
    /// The content classes' scores.
    ratings: Vec<[f32; RATINGS.len()]>,
}

/// Decodes, leaves out copies of what the run has seen, and scores. `None` when cancelled.
fn score(
    config: &Config,
    tagger: &Tagger,
    test: Vec<Example>,
    refused: &mut Vec<Refused>,
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
    let usable = pixels.pictures.iter().enumerate().filter_map(|(place, picture)| match picture {
        Some(Ok(stored)) => Some((place, stored.look())),
        _ => None,
    });
    let copies = seen_items::copies(&config.run, &usable.collect::<Vec<_>>())?;
    let mut unseen = Vec::with_capacity(test.len());
    for (place, example) in test.iter().enumerate() {
        match copies.get(&place) {
            Some(side) => refused.push(Refused::new(example, *side, "copy")),
            None => unseen.push(place),
        }
    }
    // Room for all at once: to grow would mean to hold all scores twice.
    let scores = Vec::with_capacity(unseen.len() * tagger.vocabulary().len());
    let (mut seen, mut rejected) = (Seen { examples: Vec::new(), scores, ratings: Vec::new() }, Vec::new());
    progress.start("validating", Some(unseen.len() as u64));
    for places in unseen.chunks(SCORED_AT_ONCE) {
        if cancel.is_cancelled() {
            progress.finish();
            return Ok(None);
        }
        let pictures = pixels::read(&pixels, places)?;
        for (place, scores) in places.iter().zip(tagger.score_each(pictures)?) {
            let example = &test[*place];
            match scores {
                Ok(scores) => {
                    seen.examples.push(example.clone());
                    seen.scores.extend(scores.tags);
                    seen.ratings.push(scores.ratings);
                }
                Err(bad) => rejected.push(Rejected::new(example, &bad)),
            }
        }
        progress.advance(places.len() as u64);
    }
    progress.finish();
    Ok(Some((seen, rejected)))
}

/// How often the likeliest content class is one of the picture's, and how often the commonest one is.
fn content_class(tagger: &Tagger, seen: &Seen) -> ContentClass {
    let share = |right: &dyn Fn(&Example, &[f32; RATINGS.len()]) -> bool| {
        let pictures = seen.examples.iter().zip(&seen.ratings);
        pictures.filter(|(example, scores)| right(example, scores)).count() as f64
            / seen.examples.len() as f64
    };
    let is_one = |example: &Example, place| ratings_of(example.content).any(|of| Some(of) == place);
    let commonest = metrics::top(&tagger.outputs().ratings.map(|count| count as f32), 1).pop();
    ContentClass {
        accuracy: share(&|example, scores| is_one(example, metrics::top(scores, 1).pop())),
        prior_accuracy: share(&|example, _| is_one(example, commonest)),
    }
}

fn truth(examples: &[Example]) -> Vec<Vec<u32>> {
    examples.iter().map(|example| example.classes.clone()).collect()
}

/// How often each class occurs in the training items: the prior's score for it.
fn frequencies(tagger: &Tagger) -> Vec<f32> {
    let items = tagger.config().tagmill.train_items.max(1) as f32;
    tagger.vocabulary().classes().iter().map(|class| class.count as f32 / items).collect()
}

fn fingerprint(config: &Config, dataset_sha256: &str) -> Result<String, Error> {
    let limits = config.limits;
    let [seen_items] = run_folder::required(&config.run, [run_folder::SEEN_ITEMS])?;
    let of_optional = |name: &str| {
        let file = config.run.join(name);
        if file.exists() { sha256_of_file(&file) } else { Ok(String::new()) }
    };
    let parts = [
        dataset_sha256.to_owned(),
        // Which items are judged.
        sha256_of_file(&seen_items)?,
        of_optional(run_folder::SPLIT)?,
        sha256_of_file(&config.run.join(WEIGHTS))?,
        of_optional(run_folder::BACKBONE)?,
        sha256_of_file(&config.run.join(run_folder::CONFIG))?,
        sha256_of_file(&config.run.join(run_folder::THRESHOLDS))?,
        sha256_of_file(&config.run.join(run_folder::OPERATING_POINTS))?,
        sha256_of_file(&config.run.join(run_folder::PER_TAG_THRESHOLDS))?,
        format!("{} {} {}", config.top, limits.max_file_bytes, limits.max_pixels),
        format!("{} {}", config.resamples, config.seed),
    ];
    Ok(sha256(parts.join("\n").as_bytes()))
}

/// The report of the same validation, if it was done before and no picture that could not be used then has come since.
fn kept(config: &Config, fingerprint: &str) -> Result<Option<Report>, Error> {
    let folder = config.run.join(VALIDATION);
    let file = folder.join(run_folder::METRICS);
    if !file.exists() || !config.page().exists() {
        return Ok(None);
    }
    // A report of another version is no reason to fail: it is made anew.
    let Ok(report) = run_folder::read_json::<Report>(&file) else { return Ok(None) };
    let arrived = pixels::arrived_since(&folder.join(run_folder::BAD_IMAGES), &config.media)?;
    let same = report.fingerprint == fingerprint && arrived == 0;
    Ok(same.then_some(Report { already_validated: true, ..report }))
}

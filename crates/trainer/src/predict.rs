//! From a run folder and picture files to the tags they most likely show, to feature vectors, and to sidecars.
//!
//! [`run`] predicts files and folders and returns the predictions. [`stream`] hands them over one by one, takes its pictures
//! from anywhere, and needs no memory for a million of them.

mod embeddings;
mod existing_file;
mod inputs;
mod path_set;
mod report;
mod selection;
mod sidecars;
mod work;

use std::path::{Path, PathBuf};
use std::thread;

use rayon::prelude::*;
use tagmill_model::picture::Limits;
use tagmill_model::{Outcome, Progress};
use tokio_util::sync::CancellationToken;

pub use crate::Error;
use crate::{Device, Tagger, device};

pub use embeddings::Embeddings;
pub use existing_file::ExistingFile;
pub use inputs::{Input, Inputs};
pub use path_set::PathSet;
pub use report::{Failure, Prediction, Report, ScoredTag};
pub use selection::{Selection, Selector, Threshold, maximum_cut};
pub use sidecars::{ExistingSidecar, SIDECAR_EXISTS, SidecarStyle, Sidecars};

use embeddings::Writer;
use sidecars::Claims;
use work::{Batch, Decoded, Work};

/// What to predict, with what.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The run folder.
    pub run: PathBuf,
    /// Files, and folders that are searched with all below them for files with a picture's extension.
    pub inputs: Vec<PathBuf>,
    /// What to make of each picture.
    pub settings: Settings,
    /// Where the model computes.
    pub device: Device,
    /// Threads of libtorch, for this whole process; `None` leaves them as they are, one a core.
    pub threads: Option<usize>,
}

/// What to make of each picture.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settings {
    /// Which tags to name.
    pub selection: Selection,
    /// Text files with these tags beside the pictures.
    pub sidecars: Option<Sidecars>,
    /// A file of feature vectors.
    pub embeddings: Option<Embeddings>,
    /// What a picture may cost before it is left out.
    pub limits: Limits,
}

impl Config {
    /// Five tags for each picture, everything else by default.
    pub fn new(run: impl Into<PathBuf>, inputs: Vec<PathBuf>) -> Config {
        Config {
            run: run.into(),
            inputs,
            settings: Settings::default(),
            device: Device::default(),
            threads: None,
        }
    }

    /// Loads the run's tagger, on the device and with the threads that are asked for.
    ///
    /// # Errors
    /// As [`Tagger::load_on`].
    pub fn tagger(&self) -> Result<Tagger, Error> {
        device::use_threads(self.threads);
        Tagger::load_on(&self.run, self.device)
    }
}

/// Predicts all inputs and returns the predictions in the report.
///
/// # Errors
/// [`Error::InputNotFound`], and what is wrong with the run folder. Not bad pictures: the report lists them.
pub fn run(config: Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    let tagger = config.tagger()?;
    let inputs = Inputs::named(config.inputs)?;
    let mut predictions = Vec::new();
    let mut keep = |result: Result<Prediction, Failure>| predictions.extend(result.ok());
    let report = stream(&tagger, &config.settings, inputs, &mut keep, progress, cancel)?;
    Ok(Report { predictions, ..report })
}

/// Predicts pictures as they come and hands over what each of them came to, in their order, once its sidecar is written. What
/// was done before is counted and not handed over.
///
/// # Errors
/// [`Error::Torch`] when memory runs out; what is wrong with the run's thresholds or with the file of feature vectors; and
/// [`Error::Io`] when a disk is full. Not bad pictures: the report lists them.
pub fn stream(
    tagger: &Tagger,
    settings: &Settings,
    inputs: Inputs<'_>,
    sink: &mut dyn FnMut(Result<Prediction, Failure>),
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let mut stage = Stage {
        tagger,
        sidecars: settings.sidecars,
        selector: tagger.selector(&settings.selection)?,
        vectors: None,
        report: Report {
            outcome: Outcome::Completed,
            pictures: 0,
            skipped: 0,
            predictions: Vec::new(),
            failures: Vec::new(),
            threshold: tagger.threshold(),
        },
    };
    let mut inputs = inputs;
    if let Some(embeddings) = &settings.embeddings {
        let (writer, done) = Writer::open(embeddings, tagger.features())?;
        stage.vectors = Some(writer);
        inputs = inputs.without(done);
    }
    let mut claims = settings.sidecars.map(Claims::new);
    let items = inputs.items.map(move |input| match (input, &mut claims) {
        (Input::Picture(path), Some(claims)) => claims.check(path),
        (input, _) => input,
    });
    let work = Work { size: tagger.image_size(), limits: settings.limits };
    progress.start("predicting", inputs.total);
    let result = thread::scope(|scope| {
        // The last of them to be dropped lets the threads end, however far they are.
        for batch in work.start(scope, items, tagger.leaves_cores_free()) {
            if cancel.is_cancelled() {
                stage.report.outcome = Outcome::Cancelled;
                break;
            }
            let seen = batch.seen();
            stage.predict(batch)?.into_iter().for_each(&mut *sink);
            progress.advance(seen);
        }
        Ok(())
    });
    progress.finish();
    result.map(|()| stage.report)
}

/// What becomes of decoded pictures.
struct Stage<'a> {
    tagger: &'a Tagger,
    selector: Selector,
    sidecars: Option<Sidecars>,
    vectors: Option<Writer>,
    report: Report,
}

impl Stage<'_> {
    fn predict(&mut self, batch: Batch) -> Result<Vec<Result<Prediction, Failure>>, Error> {
        let mut pictures = Vec::with_capacity(batch.decoded.len());
        let mut places: Vec<Result<PathBuf, Failure>> = Vec::with_capacity(batch.decoded.len());
        for Decoded { path, picture } in batch.decoded {
            places.push(picture.map(|picture| {
                pictures.push(picture);
                path
            }));
        }
        let mut scores = match &mut self.vectors {
            None => self.tagger.score(&pictures)?,
            Some(writer) => {
                let (scores, vectors) = self.tagger.score_and_embed(&pictures)?;
                let paths: Vec<&Path> = places.iter().flatten().map(PathBuf::as_path).collect();
                writer.append(&paths, &vectors)?;
                scores
            }
        }
        .into_iter();
        let predictions = places.into_iter().map(|place| {
            let path = place?;
            let scores = scores.next().expect("there is a row for each picture that was pushed");
            Ok(Prediction { path, tags: self.tagger.select(&scores, &self.selector) })
        });
        let results = self.with_sidecars(predictions.collect())?;
        self.report.skipped += batch.skipped;
        self.report.pictures += results.iter().flatten().count() as u64;
        self.report.failures.extend(results.iter().filter_map(|result| result.as_ref().err().cloned()));
        Ok(results)
    }

    /// Writes many sidecars at once: each waits for the disk.
    fn with_sidecars(
        &self,
        results: Vec<Result<Prediction, Failure>>,
    ) -> Result<Vec<Result<Prediction, Failure>>, Error> {
        let Some(sidecars) = self.sidecars else { return Ok(results) };
        let write = |result: Result<Prediction, Failure>| match result {
            Ok(prediction) => match sidecars.write(&prediction) {
                Ok(written) => Ok(written.map(|()| prediction)),
                Err((file, error)) => Err(Error::io(&file)(error)),
            },
            Err(failure) => Ok(Err(failure)),
        };
        results.into_par_iter().map(write).collect()
    }
}

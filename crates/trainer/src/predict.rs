//! From a run folder and picture files to the tags they most likely show, to feature vectors, and to sidecars.
//!
//! [`run`] predicts files and folders and returns the predictions. [`stream`] takes its pictures from anywhere, and hands
//! predictions over one by one without keeping them.

mod embeddings;
mod existing_file;
mod inputs;
mod output;
mod output_format;
mod path_set;
mod plan;
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
use crate::tagger::{AT_ONCE, in_places};
use crate::{Device, Picture, PictureScores, Tagger, device};

pub use embeddings::Embeddings;
pub use existing_file::ExistingFile;
pub use inputs::{Input, Inputs};
pub use output::Output;
pub use output_format::OutputFormat;
pub use report::{Failure, MAX_LISTED, Prediction, Report, ScoredTag};
pub use selection::{Selection, Selector, Threshold, maximum_cut};
pub use sidecars::{ExistingSidecar, SIDECAR_EXISTS, SidecarStyle, Sidecars};

use path_set::PathSet;
use plan::{Plan, Wanted};
use sidecars::SIDECAR_TAKEN;
use work::{Batch, Work};

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
    /// A file of predictions.
    pub output: Option<Output>,
    /// What a picture may cost before it is left out.
    pub limits: Limits,
}

impl Settings {
    /// The files that grow.
    fn files(&self) -> Vec<(PathBuf, ExistingFile)> {
        let vectors = self.embeddings.iter().flat_map(|embeddings| {
            [&embeddings.file, &embeddings.paths()].map(|file| (file.clone(), embeddings.existing))
        });
        let rows = self.output.iter().map(|output| (output.file.clone(), output.existing));
        vectors.chain(rows).collect()
    }
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

/// Predicts pictures as they come and hands over what each of them came to, in their order, once its sidecar, then its feature
/// vector and at last its rows in the output are written. What was done before is counted and not handed over.
///
/// # Errors
/// [`Error::Torch`] when memory runs out; what is wrong with the run's thresholds or with one of the files; and
/// [`Error::Io`] when a disk is full. Not bad pictures: the report counts them and lists the first.
pub fn stream(
    tagger: &Tagger,
    settings: &Settings,
    inputs: Inputs<'_>,
    sink: &mut dyn FnMut(Result<Prediction, Failure>),
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    let selector = tagger.selector(&settings.selection)?;
    ExistingFile::check(&settings.files())?;
    let open = |embeddings| embeddings::Writer::open(embeddings, tagger.features());
    let (vectors, embedded) = settings.embeddings.as_ref().map(open).transpose()?.unzip();
    let (output, written) = settings.output.as_ref().map(output::Writer::open).transpose()?.unzip();
    let report = Report::new(tagger.threshold());
    let mut stage = Stage { tagger, sidecars: settings.sidecars, selector, vectors, output, report };
    let again = stage.output.as_ref().and_then(output::Writer::again);
    let tasks = Plan::new(settings.sidecars, embedded, written).tasks(inputs.items, again);
    let work = Work { size: tagger.image_size(), limits: settings.limits };
    progress.start("predicting", inputs.total);
    let result = thread::scope(|scope| {
        // The last of them to be dropped lets the threads end, however far they are.
        for batch in work.start(scope, tasks, tagger.leaves_cores_free()) {
            if cancel.is_cancelled() {
                break;
            }
            let seen = batch.seen();
            stage.predict(batch)?.into_iter().for_each(&mut *sink);
            progress.advance(seen);
        }
        Ok(())
    });
    progress.finish();
    // A list may have ended because of that, too.
    if cancel.is_cancelled() {
        stage.report.outcome = Outcome::Cancelled;
    }
    result.map(|()| stage.report)
}

/// What becomes of decoded pictures.
struct Stage<'a> {
    tagger: &'a Tagger,
    selector: Selector,
    sidecars: Option<Sidecars>,
    vectors: Option<embeddings::Writer>,
    output: Option<output::Writer>,
    report: Report,
}

/// A picture after the network.
struct Predicted {
    prediction: Prediction,
    /// Its sidecar, where that is to be written.
    sidecar: Option<Sidecars>,
    /// Its feature vector, where that is to be written.
    vector: Option<Vec<f32>>,
    /// Whether it is to have rows in the output.
    rows: bool,
}

impl Predicted {
    fn vector(&self) -> Option<(&Path, &[f32])> {
        Some((&self.prediction.path, self.vector.as_deref()?))
    }

    fn rows(&self) -> Option<&Prediction> {
        self.rows.then_some(&self.prediction)
    }
}

impl Stage<'_> {
    fn predict(&mut self, batch: Batch) -> Result<Vec<Result<Prediction, Failure>>, Error> {
        let results = in_places(batch.decoded, |pictures| self.score(pictures))?;
        // Many at once: each waits for the disk.
        let results: Vec<Result<Predicted, Failure>> =
            results.into_par_iter().map(with_sidecar).collect::<Result<_, _>>()?;
        // Only now: a kill in between must not leave what passes for a whole picture.
        let whole = || results.iter().flatten();
        if let Some(writer) = &mut self.vectors {
            writer.append(&whole().filter_map(Predicted::vector).collect::<Vec<_>>())?;
        }
        if let Some(writer) = &mut self.output {
            writer.append(whole().filter_map(Predicted::rows))?;
        }
        self.report.skipped += batch.skipped;
        let results = results.into_iter().map(|result| result.map(|picture| picture.prediction));
        Ok(results.inspect(|result| self.report.count(result)).collect())
    }

    fn score(&self, pictures: Vec<(Wanted, Picture)>) -> Result<Vec<Predicted>, Error> {
        let (wanted, mut pictures): (Vec<Wanted>, Vec<Picture>) = pictures.into_iter().unzip();
        // How many go through the network at once decides about last bits: filled up, all files are those of a run that
        // nobody stopped, whatever makes a batch here.
        if let Some(last) = pictures.last().cloned()
            && (self.vectors.is_some() || self.output.is_some())
        {
            pictures.resize(pictures.len().next_multiple_of(AT_ONCE), last);
        }
        let (scores, vectors) = self.tagger.see(&pictures, self.vectors.is_some())?;
        let mut vectors = vectors.into_iter();
        let predicted = |(wanted, scores): (Wanted, PictureScores)| Predicted {
            prediction: Prediction {
                path: wanted.path,
                tags: self.tagger.select(&scores.tags, &self.selector),
                ratings: Tagger::ratings(&scores),
            },
            sidecar: self.sidecars.filter(|_| wanted.sidecar),
            vector: vectors.next().filter(|_| wanted.vector),
            rows: wanted.rows,
        };
        Ok(wanted.into_iter().zip(scores).map(predicted).collect())
    }
}

/// The picture once its sidecar is written.
fn with_sidecar(result: Result<Predicted, Failure>) -> Result<Result<Predicted, Failure>, Error> {
    match result {
        Ok(picture) => match picture.sidecar.map(|sidecars| sidecars.write(&picture.prediction)) {
            None => Ok(Ok(picture)),
            Some(Ok(written)) => Ok(written.map(|()| picture)),
            Some(Err((file, error))) => Err(Error::io(&file)(error)),
        },
        Err(failure) => Ok(Err(failure)),
    }
}

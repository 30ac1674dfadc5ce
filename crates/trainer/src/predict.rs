//! From a run folder and picture files to the tags they most likely show.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tagmill_model::picture::Limits;
use tagmill_model::{MediaKind, Outcome, Progress, StageReport};
use tokio_util::sync::CancellationToken;

pub use crate::Error;
use crate::Picture;
use crate::metrics;
use crate::{Device, Tagger, device};

/// Pictures that are decoded before they are scored. Decoding and scoring take turns: each uses all cores, and libtorch's
/// threads collapse when others compete with them.
const DECODED_AT_ONCE: usize = 128;

/// What to predict, with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The run folder.
    pub run: PathBuf,
    /// Files, and folders that are searched with all below them for files with a picture's extension.
    pub inputs: Vec<PathBuf>,
    /// How many tags to name for a picture, the likeliest first.
    pub top: usize,
    /// What a picture may cost before it is left out.
    pub limits: Limits,
    /// Where the model computes.
    pub device: Device,
    /// Threads of libtorch, for this whole process; `None` leaves them as they are, one a core.
    pub threads: Option<usize>,
}

/// A tag and how likely the picture shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScoredTag {
    /// The tag.
    pub name: String,
    /// Probability, 0 to 1.
    pub score: f32,
}

/// What a picture most likely shows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prediction {
    /// The file.
    pub path: PathBuf,
    /// The likeliest tags, likeliest first.
    pub tags: Vec<ScoredTag>,
}

/// A file that could not be used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The file.
    pub path: PathBuf,
    /// Why, as one word.
    pub reason: String,
    /// Why, in words.
    pub detail: String,
}

/// What was predicted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// How many pictures were predicted.
    pub pictures: u64,
    /// The predictions in the order of the inputs; those that [`stream`] handed over are not here.
    pub predictions: Vec<Prediction>,
    /// The files that could not be used.
    pub failures: Vec<Failure>,
    /// The score from which the run counts a tag as predicted.
    pub threshold: f32,
}

impl Config {
    /// Five tags for each picture, everything else by default.
    pub fn new(run: impl Into<PathBuf>, inputs: Vec<PathBuf>) -> Config {
        Config {
            run: run.into(),
            inputs,
            top: metrics::TOP,
            limits: Limits::default(),
            device: Device::default(),
            threads: None,
        }
    }
}

/// Predicts all inputs and returns the predictions in the report.
///
/// # Errors
/// [`Error::InputNotFound`], and what is wrong with the run folder. Not bad pictures: the report lists them.
pub fn run(config: Config, progress: &dyn Progress, cancel: &CancellationToken) -> Result<Report, Error> {
    let mut predictions = Vec::new();
    let report = stream(config, &mut |prediction| predictions.push(prediction), progress, cancel)?;
    Ok(Report { predictions, ..report })
}

/// As [`run`], but hands each prediction over as soon as it is made, so that a million of them need no memory.
///
/// # Errors
/// As [`run`].
pub fn stream(
    config: Config,
    sink: &mut dyn FnMut(Prediction),
    progress: &dyn Progress,
    cancel: &CancellationToken,
) -> Result<Report, Error> {
    device::use_threads(config.threads);
    let tagger = Tagger::load(&config.run, config.device)?;
    let files = files(&config.inputs)?;
    let mut report = Report {
        outcome: Outcome::Completed,
        pictures: 0,
        predictions: Vec::new(),
        failures: Vec::new(),
        threshold: tagger.threshold(),
    };
    progress.start("predicting", Some(files.len() as u64));
    for files in files.chunks(DECODED_AT_ONCE) {
        if cancel.is_cancelled() {
            report.outcome = Outcome::Cancelled;
            break;
        }
        let size = tagger.image_size();
        let pictures = files.par_iter().map(|file| Picture::open(file, size, &config.limits)).collect();
        for (file, scores) in files.iter().zip(tagger.score_each(pictures)?) {
            match scores {
                Ok(scores) => {
                    report.pictures += 1;
                    sink(Prediction { path: file.clone(), tags: tagger.best(&scores, config.top) });
                }
                Err(bad) => report.failures.push(Failure {
                    path: file.clone(),
                    reason: bad.reason().to_owned(),
                    detail: bad.to_string(),
                }),
            }
        }
        progress.advance(files.len() as u64);
    }
    progress.finish();
    Ok(report)
}

/// The files of the inputs: each file as it is, each folder's pictures by name.
fn files(inputs: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for input in inputs {
        match fs::metadata(input) {
            Ok(metadata) if metadata.is_dir() => search(input, &mut files)?,
            Ok(_) => files.push(input.clone()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::InputNotFound { path: input.clone() });
            }
            Err(error) => return Err(Error::io(input)(error)),
        }
    }
    Ok(files)
}

fn search(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let mut entries = fs::read_dir(folder)
        .and_then(|entries| entries.collect::<Result<Vec<_>, _>>())
        .map_err(Error::io(folder))?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        // A link to a folder is not followed: it may lead back up.
        if entry.file_type().map_err(Error::io(&path))?.is_dir() {
            search(&path, files)?;
        } else if is_picture(&path) {
            files.push(path);
        }
    }
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    MediaKind::of_extension(extension) == MediaKind::Image
}

impl StageReport for Report {
    fn outcome(&self) -> Outcome {
        self.outcome
    }

    fn items(&self) -> u64 {
        self.pictures
    }

    fn failed(&self) -> u64 {
        self.failures.len() as u64
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "predicted {} pictures, {} could not be used", self.pictures, self.failures.len())
    }
}

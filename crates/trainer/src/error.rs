use std::path::{Path, PathBuf};

use tagmill_model::SplitError;
use tagmill_model::dataset::DatasetError;
use thiserror::Error;

/// Why training, validating or predicting could not go on.
///
/// A picture that cannot be read is none of these: it is counted, listed and left out.
#[derive(Debug, Error)]
pub enum Error {
    /// The table is missing or malformed.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The table cannot be split as asked.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// The pixels could not be decoded to disk.
    #[error(transparent)]
    Pixels(#[from] tagmill_pixels::Error),
    /// More pictures are unusable than may be.
    #[error("{bad} pictures are unusable, more than the {limit} that may be; `{}` lists them", list.display())]
    TooManyBadPictures {
        /// How many were found until then; missing ones are not among them.
        bad: u64,
        /// How many may be.
        limit: u64,
        /// The list.
        list: PathBuf,
    },
    /// A setting is out of its range.
    #[error("`{setting}` is out of range: {reason}")]
    InvalidSetting {
        /// The name of the field.
        setting: &'static str,
        /// What it has to be.
        reason: &'static str,
    },
    /// Two settings cannot both hold.
    #[error("the settings contradict each other: {fault}")]
    Contradiction {
        /// Which, and why.
        fault: &'static str,
    },
    /// No tag occurs often enough to become a class.
    #[error(
        "the vocabulary is empty: no tag of `{}` occurs in {min_tag_count} or more of its {train_items} training items",
        dataset.display()
    )]
    EmptyVocabulary {
        /// The table.
        dataset: PathBuf,
        /// How often a tag must occur.
        min_tag_count: u64,
        /// Pictures of the training part.
        train_items: u64,
    },
    /// Not one picture of a part of the table can be used.
    #[error(
        "none of the {items} {part} pictures of `{}` can be used: {missing} are missing below `{}`, {unusable} are unusable",
        dataset.display(), media.display()
    )]
    NoUsablePictures {
        /// The table.
        dataset: PathBuf,
        /// The folder that was searched.
        media: PathBuf,
        /// Which part of the split.
        part: &'static str,
        /// How many pictures the table lists in that part.
        items: u64,
        /// How many of them are not there.
        missing: u64,
        /// How many of them are there and cannot be decoded.
        unusable: u64,
    },
    /// The run has learned from all test items of a table, or chosen by them.
    #[error("none of the {items} test pictures of `{}` is new to the run: it trained on all of them", dataset.display())]
    NothingUnseen {
        /// The table.
        dataset: PathBuf,
        /// How many pictures the table lists on the test side.
        items: u64,
    },
    /// A run folder lacks a file: no run was finished there, or the file was taken away.
    #[error("`{}` is not a finished run: it has no `{file}`", run.display())]
    IncompleteRun {
        /// The run folder.
        run: PathBuf,
        /// The first file that is not there.
        file: &'static str,
    },
    /// Another process trains the same run.
    #[error("another program is training `{}`", run.display())]
    RunInUse {
        /// The run folder.
        run: PathBuf,
    },
    /// A file of a run folder does not hold what it should.
    #[error("`{}` is damaged: {fault}", file.display())]
    MalformedRun {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// The vocabulary in a run folder is not the one its model was trained with.
    #[error("`{}` does not belong to the model beside it: {fault}", file.display())]
    VocabularyMismatch {
        /// The vocabulary's file.
        file: PathBuf,
        /// How that shows.
        fault: String,
    },
    /// The run folder holds a run that other settings or other data made.
    #[error("`{}` holds a run that was made otherwise: {}", run.display(), differences.join(", "))]
    RunDiffers {
        /// The run folder.
        run: PathBuf,
        /// What differs, each as `name (there, here)`.
        differences: Vec<String>,
    },
    /// A run was to be gone on with that has not begun.
    #[error("there is nothing to resume in `{}`", run.display())]
    NothingToResume {
        /// The run folder.
        run: PathBuf,
    },
    /// The loss became infinite or not a number.
    #[error("the training diverged in epoch {epoch}: its loss is no longer a number")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: u32,
    },
    /// A file of weights cannot be started from.
    #[error("`{}` gives no weights to start from: {fault}", file.display())]
    UnusableWeights {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A file of weights is a pickle, which is a program as much as data.
    #[error("`{}` is a pickle or a zip file, not a safetensors file", file.display())]
    PickledWeights {
        /// The file.
        file: PathBuf,
    },
    /// A file cannot be the backbone.
    #[error("`{}` cannot be the backbone: {fault}", file.display())]
    UnusableBackbone {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A device was asked for that this machine, or this libtorch, does not have.
    #[error("no {device} can be used")]
    NoDevice {
        /// Its kind, in words.
        device: &'static str,
    },
    /// Memory ran out in a step of a training.
    #[error("memory ran out in a step of {batch_size} pictures; {}", fitting(*.fits))]
    OutOfMemory {
        /// How many pictures the step had.
        batch_size: usize,
        /// How many fit, if any do: half as many, or a quarter, and so on.
        fits: Option<usize>,
    },
    /// A file or folder to predict does not exist.
    #[error("there is no file or folder `{}`", path.display())]
    InputNotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A file that predictions should go to is there already.
    #[error("`{}` exists already", path.display())]
    OutputExists {
        /// The file.
        path: PathBuf,
    },
    /// Predictions of two kinds should go to the same file.
    #[error("two outputs would go to `{}`", path.display())]
    OutputShared {
        /// The file.
        path: PathBuf,
    },
    /// Another program writes predictions to the same file.
    #[error("another program is writing `{}`", path.display())]
    OutputInUse {
        /// The file.
        path: PathBuf,
    },
    /// A file of predictions is none, or another model's.
    #[error("`{}` cannot be gone on with: {fault}", file.display())]
    NotResumable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        fault: String,
    },
    /// A file could not be read or written.
    #[error("cannot access `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// libtorch failed, outside a step of a training most likely for want of memory.
    #[error("libtorch failed while {doing}")]
    Torch {
        /// The work at hand.
        doing: &'static str,
        /// What it said.
        #[source]
        source: tch::TchError,
    },
}

fn fitting(fits: Option<usize>) -> String {
    match fits {
        Some(pictures) => format!("one of {pictures} fits"),
        None => "not even one of 2 fits".to_owned(),
    }
}

impl Error {
    /// For `map_err`: an input or output fault of a file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_owned(), source }
    }

    /// For `map_err`: a fault of libtorch.
    pub(crate) fn torch(doing: &'static str) -> impl FnOnce(tch::TchError) -> Error {
        move |source| Error::Torch { doing, source }
    }
}

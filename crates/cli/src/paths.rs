use std::path::{Path, PathBuf};

/// The run that is meant where nobody names one.
pub const DEFAULT_RUN: &str = "tagger";

/// Where the stages meet: the files below `--data-dir`.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The files below `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> DataDir {
        DataDir(folder.into())
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// What fetch fills and prepare reads.
    pub fn database(&self) -> PathBuf {
        self.0.join("items.db")
    }

    /// The session that `tagmill login` leaves.
    pub fn cookies(&self) -> PathBuf {
        self.0.join("cookies.txt")
    }

    /// What prepare writes and all later stages read.
    pub fn dataset(&self) -> PathBuf {
        self.0.join("dataset.csv")
    }

    /// What download fills.
    pub fn media(&self) -> PathBuf {
        self.0.join("media")
    }

    /// `media-<variant>/`, other renditions of the media under the same paths.
    pub fn media_of(&self, variant: &str) -> PathBuf {
        self.0.join(format!("media-{variant}"))
    }

    /// Where decoded pictures are kept.
    pub fn cache(&self) -> PathBuf {
        self.0.join("cache").join("pixels")
    }

    /// Where a training run leaves its model.
    pub fn run(&self, name: &str) -> PathBuf {
        self.0.join("models").join(name)
    }
}

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tagmill_model::picture::Limits;
use tagmill_model::{SplitBy, SplitConfig};

use super::{Architecture, Augmentation, Precision};
use crate::{Device, Error, MaxBad};

/// What to train, from what, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The training table, `dataset.csv`.
    pub dataset: PathBuf,
    /// The folder that the table's `image` column is relative to.
    pub media: PathBuf,
    /// The run folder: made where there is none, continued where it holds a part of the same run.
    pub run: PathBuf,
    /// What decides how the run comes out.
    pub settings: Settings,
    /// What a picture may cost before it is left out.
    pub limits: Limits,
    /// The folder where decoded pictures are kept for other runs; with `None` they lie in the run folder, for as long as the
    /// process lasts.
    pub cache: Option<PathBuf>,
    /// With more unusable pictures than this, on whatever side, the run stops; `None` for never.
    pub max_bad: Option<MaxBad>,
    /// Where the model computes.
    pub device: Device,
    /// Threads of libtorch, for this whole process; `None` leaves them as they are, one a core.
    pub threads: Option<usize>,
    /// Whether to write event files for TensorBoard, into `tensorboard/` in the run folder.
    pub tensorboard: bool,
    /// Whether a run that other settings or data made may be deleted.
    pub overwrite: bool,
}

/// What decides how a run comes out: with the same settings and data it comes out the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The shape of the network.
    pub architecture: Architecture,
    /// Width and height in pixels that pictures are squashed to, 32 to 1024. Work grows with its square.
    pub image_size: u32,
    /// How often the model sees each training picture.
    pub epochs: u32,
    /// Pictures a step, 2 or more.
    pub batch_size: usize,
    /// AdamW's learning rate at its peak.
    pub learning_rate: f64,
    /// The share of a step's learning rate that weights (not biases, scales and shifts) lose.
    pub weight_decay: f64,
    /// The share of all steps over which the learning rate rises to its peak, 0 to 1. It then falls along a cosine.
    pub warmup: f64,
    /// The longest gradient a step may follow; longer ones are shortened to it.
    pub max_gradient_norm: f64,
    /// How pictures are varied.
    pub augmentation: Augmentation,
    /// The kind of number that convolutions compute with.
    pub precision: Precision,
    /// In how many training items a tag must occur to become a class.
    pub min_tag_count: u64,
    /// How many classes there may be, the commonest first; `None` for all.
    pub max_classes: Option<usize>,
    /// Which items train, which choose the threshold, which are kept for the final figures.
    pub split: SplitConfig,
    /// What decides which items test.
    pub split_by: SplitBy,
    /// Seed of the weights, the order and the augmentation.
    pub seed: u64,
}

impl Config {
    /// Everything but the paths by default.
    pub fn new(dataset: impl Into<PathBuf>, media: impl Into<PathBuf>, run: impl Into<PathBuf>) -> Config {
        Config {
            dataset: dataset.into(),
            media: media.into(),
            run: run.into(),
            cache: None,
            max_bad: Some(MaxBad::default()),
            settings: Settings::default(),
            limits: Limits::default(),
            device: Device::default(),
            threads: None,
            tensorboard: false,
            overwrite: false,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            architecture: Architecture::Resnet18,
            image_size: 96,
            epochs: 20,
            batch_size: 32,
            learning_rate: 1e-3,
            weight_decay: 0.05,
            warmup: 0.05,
            max_gradient_norm: 10.0,
            augmentation: Augmentation::default(),
            precision: Precision::default(),
            min_tag_count: 10,
            max_classes: Some(1000),
            split: SplitConfig::default(),
            split_by: SplitBy::default(),
            seed: 0,
        }
    }
}

impl Settings {
    pub(super) fn check(&self) -> Result<(), Error> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let faults = [
            ("image_size", (32..=1024).contains(&self.image_size), "it has to lie between 32 and 1024"),
            ("epochs", self.epochs > 0, "it has to be 1 or more"),
            ("batch_size", self.batch_size > 1, "it has to be 2 or more, for batch normalisation"),
            ("learning_rate", positive(self.learning_rate), "it has to be positive"),
            (
                "weight_decay",
                self.weight_decay >= 0.0 && self.weight_decay.is_finite(),
                "it cannot be negative",
            ),
            ("warmup", share(self.warmup), "it has to lie between 0 and 1"),
            ("max_gradient_norm", positive(self.max_gradient_norm), "it has to be positive"),
            ("augmentation.shift", share(self.augmentation.shift.into()), "it has to lie between 0 and 1"),
            (
                "augmentation.zoom",
                (0.0..1.0).contains(&self.augmentation.zoom),
                "it has to lie between 0 and 1",
            ),
            ("max_classes", self.max_classes != Some(0), "it has to be 1 or more"),
            ("split.test_fraction", share(self.split.test_fraction), "it has to lie between 0 and 1"),
            (
                "split.validation_fraction",
                share(self.split.validation_fraction),
                "it has to lie between 0 and 1",
            ),
        ];
        match faults.into_iter().find(|(_, holds, _)| !holds) {
            Some((setting, _, reason)) => Err(Error::InvalidSetting { setting, reason }),
            None => Ok(()),
        }
    }
}

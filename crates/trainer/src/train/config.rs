use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tagmill_model::picture::Limits;
use tagmill_model::{SplitBy, SplitConfig};

use super::{Architecture, Augmentation, Loss, Precision, Reduction};
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
    /// A safetensors file of torchvision's or timm's weights for the architecture, to start from. Its head is replaced.
    pub weights: Option<PathBuf>,
    /// A TorchScript file that makes feature vectors, `[n, features]` or `[n, features, height, width]`, of pictures normalised
    /// as ImageNet's, `[n, 3, size, size]`; it takes the place of the architecture.
    pub backbone: Option<PathBuf>,
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
    /// How long to train before what was learned is kept in a checkpoint, within an epoch too; each epoch is kept anyway.
    pub checkpoint_every: Duration,
    /// Whether a run has to have begun already.
    pub resume: bool,
    /// Whether to write event files for TensorBoard, into `tensorboard/` in the run folder.
    pub tensorboard: bool,
    /// Whether to begin anew: what the run folder holds is deleted once table, settings and weights are known to fit.
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
    /// Pictures that go through the network at a time, 2 or more.
    pub batch_size: usize,
    /// Batches whose gradients make one step: a step of many pictures where memory holds few.
    pub accumulate: usize,
    /// What is minimised.
    pub loss: Loss,
    /// How the losses of a picture's classes become one.
    pub reduction: Reduction,
    /// How much more the positives of rare classes weigh: their odds against, to this power, but 100 at most. 0 for not at
    /// all, 1 for as much as the class's negatives together.
    pub positive_balance: f64,
    /// Whether a tag's target is its confidence, as a share of the picture's highest, rather than 1.
    pub label_weights: bool,
    /// AdamW's learning rate at its peak.
    pub learning_rate: f64,
    /// The share of a step's learning rate that weights (not biases, scales and shifts) lose.
    pub weight_decay: f64,
    /// The share of all steps over which the learning rate rises to its peak, 0 to 1. It then falls along a cosine.
    pub warmup: f64,
    /// The longest gradient a step may follow; longer ones are shortened to it.
    pub max_gradient_norm: f64,
    /// How much of itself the exponential moving average of the weights keeps at a step, such as 0.999; it is what is judged and
    /// kept as the run. `None` for the weights themselves.
    pub ema: Option<f64>,
    /// At how many epochs without a better mean average precision on the validation side to stop; `None` for never.
    pub patience: Option<u32>,
    /// The share of `image_size` that the first epoch is shown, growing evenly to the whole at three quarters of the epochs;
    /// 1 for the whole from the beginning. Small pictures are quick to learn from (Howard 2018,
    /// <https://www.fast.ai/posts/2018-04-30-dawnbench-fastai.html>).
    pub first_size: f64,
    /// How pictures are varied.
    pub augmentation: Augmentation,
    /// Keeps the backbone as it is and trains the head alone, on feature vectors that are computed once, of pictures as they
    /// are.
    pub freeze: bool,
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
            weights: None,
            backbone: None,
            cache: None,
            max_bad: Some(MaxBad::default()),
            settings: Settings::default(),
            limits: Limits::default(),
            device: Device::default(),
            threads: None,
            checkpoint_every: Duration::from_mins(10),
            resume: false,
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
            accumulate: 1,
            loss: Loss::default(),
            reduction: Reduction::default(),
            positive_balance: 0.0,
            label_weights: false,
            learning_rate: 1e-3,
            weight_decay: 0.05,
            warmup: 0.05,
            max_gradient_norm: 10.0,
            ema: None,
            patience: None,
            first_size: 1.0,
            augmentation: Augmentation::default(),
            freeze: false,
            precision: Precision::default(),
            min_tag_count: 10,
            max_classes: Some(1000),
            split: SplitConfig::default(),
            split_by: SplitBy::default(),
            seed: 0,
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<(), Error> {
        let Config { weights, backbone, settings, .. } = self;
        let faults = [
            (
                settings.freeze && weights.is_none() && backbone.is_none(),
                "`freeze` keeps the backbone as it is, and neither `weights` nor `backbone` gives it anything to keep",
            ),
            (
                weights.is_some() && backbone.is_some(),
                "`backbone` brings its own weights, and `weights` others",
            ),
            (
                backbone.is_some() && settings.precision == Precision::Bfloat16,
                "`backbone` computes with 32 bits, and `precision` is 16",
            ),
        ];
        if let Some((_, fault)) = faults.into_iter().find(|(holds, _)| *holds) {
            return Err(Error::Contradiction { fault });
        }
        settings.check()
    }
}

impl Settings {
    /// The batch size to choose where nobody does. A head alone takes large ones: less of the time then goes to its
    /// optimiser, and nothing in it depends on how large they are.
    pub fn usual_batch_size(freeze: bool) -> usize {
        if freeze { 1024 } else { Settings::default().batch_size }
    }

    fn check(&self) -> Result<(), Error> {
        const POSITIVE: &str = "it has to be positive";
        const SHARE: &str = "it has to lie between 0 and 1";
        const BELOW_ONE: &str = "it has to be 0 or more, and below 1";
        const NOT_NEGATIVE: &str = "it cannot be negative";
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let not_negative = |value: f64| value >= 0.0 && value.is_finite();
        let share = |value: f64| (0.0..=1.0).contains(&value);
        let Augmentation { crop, jitter, erase, mixup, .. } = self.augmentation;
        let (gammas, loss_share) = match self.loss {
            Loss::Bce => ([0.0; 2], 0.0),
            Loss::Asymmetric { gamma_negative, gamma_positive, clip } => {
                ([gamma_negative, gamma_positive], clip)
            }
            Loss::Focal { gamma, alpha } => ([gamma; 2], alpha),
        };
        let faults = [
            ("image_size", (32..=1024).contains(&self.image_size), "it has to lie between 32 and 1024"),
            ("epochs", self.epochs > 0, "it has to be 1 or more"),
            ("batch_size", self.batch_size > 1, "it has to be 2 or more, for batch normalisation"),
            ("accumulate", self.accumulate > 0, "it has to be 1 or more"),
            ("loss", gammas.into_iter().all(not_negative), "its powers cannot be negative"),
            ("loss", (0.0..1.0).contains(&loss_share), "its clip or alpha has to be 0 or more, and below 1"),
            ("positive_balance", not_negative(self.positive_balance), NOT_NEGATIVE),
            ("learning_rate", positive(self.learning_rate), POSITIVE),
            ("weight_decay", not_negative(self.weight_decay), NOT_NEGATIVE),
            ("warmup", share(self.warmup), SHARE),
            ("max_gradient_norm", positive(self.max_gradient_norm), POSITIVE),
            ("ema", self.ema.is_none_or(|decay| (0.0..1.0).contains(&decay)), BELOW_ONE),
            ("patience", self.patience != Some(0), "it has to be 1 or more"),
            ("first_size", positive(self.first_size) && self.first_size <= 1.0, SHARE),
            ("crop", crop > 0.0 && crop <= 1.0, SHARE),
            ("jitter", share(jitter.into()), SHARE),
            ("erase", share(erase.into()), SHARE),
            ("mixup", (0.0..=4.0).contains(&mixup), "it has to lie between 0 and 4"),
            ("max_classes", self.max_classes != Some(0), "it has to be 1 or more"),
            ("test_fraction", share(self.split.test_fraction), SHARE),
            ("validation_fraction", share(self.split.validation_fraction), SHARE),
        ];
        match faults.into_iter().find(|(_, holds, _)| !holds) {
            Some((setting, _, reason)) => Err(Error::InvalidSetting { setting, reason }),
            None => Ok(()),
        }
    }

    /// Width and height at which an epoch is shown, from its number, counted from 1: a multiple of 32, the factor by which the
    /// network shrinks its pictures, but for the last size.
    pub(super) fn shown(&self, epoch: u32) -> u32 {
        let grown = f64::from(epoch - 1) / (0.75 * f64::from(self.epochs));
        let share = self.first_size + (1.0 - self.first_size) * grown;
        if share >= 1.0 {
            return self.image_size;
        }
        let size = (f64::from(self.image_size) * share / 32.0).round() as u32 * 32;
        size.clamp(32, self.image_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_grow_with_the_epochs() {
        let settings = Settings { image_size: 224, epochs: 8, first_size: 0.5, ..Settings::default() };
        let sizes: Vec<u32> = (1..=8).map(|epoch| settings.shown(epoch)).collect();
        assert_eq!(sizes, [128, 128, 160, 160, 192, 192, 224, 224]);
        let small = Settings { image_size: 40, first_size: 0.1, ..settings.clone() };
        assert_eq!((small.shown(1), small.shown(8)), (32, 40));
        let whole = Settings { first_size: 1.0, ..settings };
        assert_eq!((whole.shown(1), whole.shown(8)), (224, 224));
    }

    #[test]
    fn the_defaults_are_in_range() {
        Settings::default().check().unwrap();
        let fault = Settings { loss: Loss::Focal { gamma: -1.0, alpha: 0.5 }, ..Settings::default() };
        assert_eq!(
            fault.check().unwrap_err().to_string(),
            "`loss` is out of range: its powers cannot be negative"
        );
    }
}

//! The flags that say how a model learns.

use clap::Args;
use clap::builder::TypedValueParser;
use tagmill_trainer::train::{Augmentation, Loss, Precision, Reduction, Settings};

use crate::commands::named;

/// What is minimised, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Learning")]
pub(super) struct LearningArgs {
    /// How often the model sees each picture
    #[arg(long, value_name = "N", default_value_t = Settings::default().epochs)]
    epochs: u32,
    /// Stop after so many epochs without a better validation mAP
    #[arg(long, value_name = "EPOCHS")]
    patience: Option<u32>,
    /// Pictures that go through the network at a time [default: 32, or 1024 with --freeze]
    #[arg(long, value_name = "N")]
    batch_size: Option<usize>,
    /// Batches a step: a step of many pictures where memory holds few
    #[arg(long, value_name = "N", default_value_t = Settings::default().accumulate)]
    accumulate: usize,
    /// Learning rate at its peak
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().learning_rate)]
    learning_rate: f64,
    /// Share of the steps over which the learning rate rises; it then falls along a cosine
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().warmup)]
    warmup: f64,
    /// Share of a step's learning rate that weights lose
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().weight_decay)]
    weight_decay: f64,
    /// Longest gradient a step may follow
    #[arg(long, value_name = "NORM", default_value_t = Settings::default().max_gradient_norm)]
    max_gradient_norm: f64,
    /// Keep and judge a moving average of the weights that retains this share of itself at each step, such as 0.999
    #[arg(long, value_name = "DECAY")]
    ema: Option<f64>,
    /// Numbers that convolutions compute with: auto takes 16 bits where the device is built for them
    #[arg(long, value_name = "KIND", default_value = "auto", value_parser = precision())]
    precision: Precision,
    /// Another seed gives other first weights, order and augmentation
    #[arg(long, value_name = "N", default_value_t = Settings::default().seed)]
    seed: u64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Loss")]
pub(super) struct LossArgs {
    /// What is minimised: bce (binary cross-entropy), asymmetric or focal; other powers than their papers' as
    /// asymmetric=NEGATIVE,POSITIVE,CLIP (4,1,0.05) and focal=GAMMA,ALPHA (2,0.25)
    #[arg(long, value_name = "LOSS", default_value_t = Loss::Bce)]
    loss: Loss,
    /// How the losses of a picture's tags become one
    #[arg(long, value_name = "HOW", default_value = "sum", value_parser = reduction())]
    reduction: Reduction,
    /// Weigh positives by their odds against, to this power: 0 for not at all, 1 for as much as the tag's negatives together
    #[arg(long, value_name = "POWER", default_value_t = Settings::default().positive_balance)]
    positive_balance: f64,
    /// Take a tag's confidence for its target, as a share of the picture's highest
    #[arg(long)]
    label_weights: bool,
}

/// How pictures are varied.
#[derive(Debug, Args)]
#[command(next_help_heading = "Augmentation")]
pub(super) struct AugmentationArgs {
    /// Show every picture as it is
    #[arg(long, conflicts_with_all = ["no_flip", "crop", "jitter", "erase", "mixup"])]
    no_augmentation: bool,
    /// Mirror no picture
    #[arg(long)]
    no_flip: bool,
    /// Least share of a picture's area that is cut out and stretched to the whole; 1 for never
    #[arg(long, value_name = "SHARE", default_value_t = Augmentation::default().crop)]
    crop: f32,
    /// Share by which brightness, contrast and saturation change, each way
    #[arg(long, value_name = "SHARE", default_value_t = Augmentation::default().jitter)]
    jitter: f32,
    /// Share of pictures in which a rectangle is wiped out
    #[arg(long, value_name = "SHARE", default_value_t = Augmentation::default().erase)]
    erase: f32,
    /// Mix pictures two by two, by a share from Beta(ALPHA, ALPHA); 0 for never
    #[arg(long, value_name = "ALPHA", default_value_t = Augmentation::default().mixup)]
    mixup: f32,
    /// Share of --image-size that the first epoch is shown, growing to the whole: small pictures are quick to learn from
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().first_size)]
    first_size: f64,
}

impl LearningArgs {
    pub(super) fn apply(&self, settings: &mut Settings) {
        settings.epochs = self.epochs;
        settings.patience = self.patience;
        settings.batch_size = self.batch_size.unwrap_or_else(|| Settings::usual_batch_size(settings.freeze));
        settings.accumulate = self.accumulate;
        settings.learning_rate = self.learning_rate;
        settings.warmup = self.warmup;
        settings.weight_decay = self.weight_decay;
        settings.max_gradient_norm = self.max_gradient_norm;
        settings.ema = self.ema;
        settings.precision = self.precision;
        settings.seed = self.seed;
    }
}

impl LossArgs {
    pub(super) fn apply(&self, settings: &mut Settings) {
        settings.loss = self.loss;
        settings.reduction = self.reduction;
        settings.positive_balance = self.positive_balance;
        settings.label_weights = self.label_weights;
    }
}

impl AugmentationArgs {
    pub(super) fn apply(&self, settings: &mut Settings) {
        settings.augmentation = match self.no_augmentation {
            true => Augmentation::NONE,
            false => Augmentation {
                flip: !self.no_flip,
                crop: self.crop,
                jitter: self.jitter,
                erase: self.erase,
                mixup: self.mixup,
            },
        };
        settings.first_size = self.first_size;
    }
}

fn precision() -> impl TypedValueParser<Value = Precision> {
    named([("auto", Precision::Auto), ("float32", Precision::Float32), ("bfloat16", Precision::Bfloat16)])
}

fn reduction() -> impl TypedValueParser<Value = Reduction> {
    named([("sum", Reduction::Sum), ("mean", Reduction::Mean)])
}

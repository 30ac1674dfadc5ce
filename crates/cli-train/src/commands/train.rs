use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use clap::builder::TypedValueParser;
use tagmill_cli::{CacheArgs, Exit, GlobalArgs, Session, SplitArgs};
use tagmill_trainer::MaxBad;
use tagmill_trainer::train::{Architecture, Config, Settings, run as train};

use super::DeviceArgs;
use crate::hint::hint;
use learning::{AugmentationArgs, LearningArgs, LossArgs};

mod learning;

/// Train a tagger on the table and its pictures
///
/// Every tag that is common enough becomes a class. One item in five is kept for validate and not looked at. A training that
/// was stopped goes on from its last checkpoint when it is started again.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Name of the run: the folder below models/
    #[arg(long, value_name = "NAME", default_value = tagmill_cli::DEFAULT_RUN)]
    run: String,
    /// Shape of the network
    #[arg(long, conflicts_with = "backbone", value_name = "NAME", default_value = Settings::default().architecture.name(), value_parser = architecture())]
    architecture: Architecture,
    /// Weights to start from: torchvision's or timm's for that shape, as a safetensors file
    #[arg(long, value_name = "FILE", group = "start", help_heading = "Start")]
    weights: Option<PathBuf>,
    /// TorchScript file that makes feature vectors of pictures, in the place of a shape
    #[arg(long, value_name = "FILE", group = "start", help_heading = "Start")]
    backbone: Option<PathBuf>,
    /// Keep the backbone as it is and train the last layer alone, on features that are computed once
    #[arg(long, requires = "start", help_heading = "Start")]
    freeze: bool,
    /// Side of the square that pictures are shrunk to, in pixels; work grows with its square
    #[arg(long, value_name = "PIXELS", default_value_t = Settings::default().image_size)]
    image_size: u32,
    /// In how many training items a tag must occur to become a class
    #[arg(long, value_name = "N", default_value_t = Settings::default().min_tag_count)]
    min_tag_count: u64,
    /// How many classes there may be, the commonest first
    #[arg(long, value_name = "N", default_value_t = Settings::default().max_classes.unwrap_or(usize::MAX))]
    max_classes: usize,
    /// Write curves for TensorBoard into tensorboard/ in the run's folder
    #[arg(long)]
    tensorboard: bool,
    /// Go on with a run that was stopped; fail where none has begun
    #[arg(long)]
    resume: bool,
    /// Begin anew, and delete what the run of that name holds, once it is sure that the new one can be trained
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// How long to train before what was learned is kept, within an epoch too; each epoch is kept anyway
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = tagmill_cli::duration)]
    checkpoint_every: Duration,
    #[command(flatten)]
    learning: LearningArgs,
    #[command(flatten)]
    loss: LossArgs,
    #[command(flatten)]
    augmentation: AugmentationArgs,
    #[command(flatten)]
    split: SplitArgs,
    #[command(flatten)]
    cache: CacheArgs,
    /// How many unusable pictures to take for granted: a count, or a share such as 5%; missing ones do not count
    #[arg(long, value_name = "N|SHARE", default_value_t = MaxBad::default(), help_heading = "Pictures")]
    max_bad: MaxBad,
    #[command(flatten)]
    device: DeviceArgs,
}

fn architecture() -> impl TypedValueParser<Value = Architecture> {
    super::named(Architecture::ALL.map(|architecture| (architecture.name(), architecture)))
}

pub(crate) fn run(args: &TrainArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("train", global, hint);
    let result =
        config(args, global).and_then(|config| Ok(train(config, session.progress(), session.cancel())?));
    session.finish(result)
}

fn config(args: &TrainArgs, global: &GlobalArgs) -> Result<Config> {
    let data = global.data();
    let mut settings = Settings {
        architecture: args.architecture,
        image_size: args.image_size,
        freeze: args.freeze,
        min_tag_count: args.min_tag_count,
        max_classes: Some(args.max_classes),
        split: args.split.config(),
        split_by: args.split.by()?,
        ..Settings::default()
    };
    args.learning.apply(&mut settings);
    args.loss.apply(&mut settings);
    args.augmentation.apply(&mut settings);
    Ok(Config {
        settings,
        weights: args.weights.clone(),
        backbone: args.backbone.clone(),
        cache: args.cache.folder(&data),
        max_bad: Some(args.max_bad),
        device: args.device.device,
        threads: args.device.threads(),
        checkpoint_every: args.checkpoint_every,
        resume: args.resume,
        tensorboard: args.tensorboard,
        overwrite: args.overwrite,
        ..Config::new(data.dataset(), data.media(), data.run(&args.run))
    })
}

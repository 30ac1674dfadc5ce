use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use tagmill_cli::{CacheArgs, Exit, GlobalArgs, Session, SplitArgs};
use tagmill_trainer::MaxBad;
use tagmill_trainer::train::{Architecture, Augmentation, Config, Settings, run as train};

use super::DeviceArgs;
use crate::hint::hint;

/// Train a tagger on the table and its pictures
///
/// Every tag that is common enough becomes a class. One item in five is kept for validate and not looked at. Each epoch
/// leaves a checkpoint; a training that was stopped goes on from the last one.
#[derive(Debug, Args)]
pub(crate) struct TrainArgs {
    /// Name of the run: the folder below models/
    #[arg(long, value_name = "NAME", default_value = super::DEFAULT_RUN)]
    run: String,
    /// Shape of the network
    #[arg(long, value_name = "NAME", default_value = Settings::default().architecture.name(), value_parser = architecture())]
    architecture: Architecture,
    /// Side of the square that pictures are shrunk to, in pixels; work grows with its square
    #[arg(long, value_name = "PIXELS", default_value_t = Settings::default().image_size)]
    image_size: u32,
    /// How often the model sees each picture
    #[arg(long, value_name = "N", default_value_t = Settings::default().epochs)]
    epochs: u32,
    /// Pictures a step
    #[arg(long, value_name = "N", default_value_t = Settings::default().batch_size)]
    batch_size: usize,
    /// Learning rate at its peak
    #[arg(long, value_name = "RATE", default_value_t = Settings::default().learning_rate)]
    learning_rate: f64,
    /// Share of a step's learning rate that weights lose
    #[arg(long, value_name = "SHARE", default_value_t = Settings::default().weight_decay)]
    weight_decay: f64,
    /// Show every picture as it is, without shifts, zooms and mirroring
    #[arg(long)]
    no_augmentation: bool,
    /// In how many training items a tag must occur to become a class
    #[arg(long, value_name = "N", default_value_t = Settings::default().min_tag_count)]
    min_tag_count: u64,
    /// How many classes there may be, the commonest first
    #[arg(long, value_name = "N", default_value_t = Settings::default().max_classes.unwrap_or(usize::MAX))]
    max_classes: usize,
    /// Another seed gives other first weights, order and augmentation
    #[arg(long, value_name = "N", default_value_t = Settings::default().seed)]
    seed: u64,
    /// Write curves for TensorBoard into tensorboard/ in the run's folder
    #[arg(long)]
    tensorboard: bool,
    /// Delete the run of that name where other settings or data made it
    #[arg(long)]
    overwrite: bool,
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
    PossibleValuesParser::new(Architecture::ALL.map(Architecture::name)).map(|name| {
        let known = Architecture::ALL.into_iter().find(|architecture| architecture.name() == name);
        known.expect("only names of ALL are possible values")
    })
}

pub(crate) fn run(args: &TrainArgs, global: &GlobalArgs) -> Exit {
    let session = Session::start("train", global, hint);
    let result =
        config(args, global).and_then(|config| Ok(train(config, session.progress(), session.cancel())?));
    session.finish(result)
}

fn config(args: &TrainArgs, global: &GlobalArgs) -> Result<Config> {
    let data = global.data();
    let settings = Settings {
        architecture: args.architecture,
        image_size: args.image_size,
        epochs: args.epochs,
        batch_size: args.batch_size,
        learning_rate: args.learning_rate,
        weight_decay: args.weight_decay,
        augmentation: if args.no_augmentation { Augmentation::NONE } else { Augmentation::default() },
        min_tag_count: args.min_tag_count,
        max_classes: Some(args.max_classes),
        split: args.split.config(),
        split_by: args.split.by()?,
        seed: args.seed,
        ..Settings::default()
    };
    Ok(Config {
        settings,
        cache: args.cache.folder(&data),
        max_bad: Some(args.max_bad),
        device: args.device.device,
        threads: args.device.threads(),
        tensorboard: args.tensorboard,
        overwrite: args.overwrite,
        ..Config::new(data.dataset(), data.media(), data.run(&args.run))
    })
}

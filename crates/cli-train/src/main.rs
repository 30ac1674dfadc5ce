//! `tagmill-train`: train, validate and predict. `tagmill train ...` becomes `tagmill-train train ...`.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tagmill_cli::{GlobalArgs, parse};

mod commands;
mod hint;

/// The part of tagmill that needs libtorch: train, validate, predict
#[derive(Parser)]
#[command(
    name = "tagmill",
    bin_name = "tagmill",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct TagmillTrain {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

#[derive(Subcommand)]
enum Command {
    Train(Box<commands::train::TrainArgs>),
    Validate(commands::validate::ValidateArgs),
    Predict(commands::predict::PredictArgs),
}

fn main() -> ExitCode {
    let TagmillTrain { command, global } = parse();
    match command {
        Command::Train(args) => commands::train::run(&args, &global).into(),
        Command::Validate(args) => commands::validate::run(&args, &global).into(),
        Command::Predict(args) => commands::predict::run(&args, &global).into(),
    }
}

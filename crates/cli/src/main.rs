//! `tagmill`: fetch, prepare and download; train, validate and predict run in `tagmill-train`, which has libtorch.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use tagmill_cli::{GlobalArgs, parse};

mod commands;
mod cookies;
mod credentials;
mod hint;
mod sister;

/// Turn an imageboard into an image tagger
///
/// The stages run in this order, each from the files that the one before left in the data folder:
/// fetch (items.db), prepare (dataset.csv), download (media/), train (models/), validate, predict.
/// For pictures that you have already, import takes the place of fetch and download.
/// A stage that was stopped goes on where it was when it is run again.
#[derive(Parser)]
#[command(
    name = "tagmill",
    bin_name = "tagmill",
    version,
    disable_help_subcommand = true,
    max_term_width = 100
)]
struct Tagmill {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

#[derive(Subcommand)]
enum Command {
    Login(commands::login::LoginArgs),
    Fetch(commands::fetch::FetchArgs),
    Import(commands::import::ImportArgs),
    Status(commands::status::StatusArgs),
    Tags(commands::tags::TagsArgs),
    Prepare(Box<commands::prepare::PrepareArgs>),
    Download(commands::download::DownloadArgs),
    Split(commands::split::SplitTableArgs),
    Cache(commands::cache::CacheArgs),
    Export(commands::export::ExportArgs),
    /// Train a tagger on the prepared table and the downloaded pictures
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Train(SisterArgs),
    /// Judge a tagger on the items that it has never seen
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Validate(SisterArgs),
    /// Tag pictures
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Predict(SisterArgs),
}

/// Passed on as they are; `tagmill train --help` is answered by the trainer.
#[derive(Args)]
struct SisterArgs {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _arguments: Vec<OsString>,
}

fn main() -> ExitCode {
    let Tagmill { command, global } = parse();
    match command {
        Command::Login(args) => commands::login::run(args, &global).into(),
        Command::Fetch(args) => commands::fetch::run(args, &global).into(),
        Command::Import(args) => commands::import::run(args, &global).into(),
        Command::Status(args) => commands::status::run(&args, &global).into(),
        Command::Tags(args) => commands::tags::run(&args, &global).into(),
        Command::Prepare(args) => commands::prepare::run(*args, &global).into(),
        Command::Download(args) => commands::download::run(args, &global).into(),
        Command::Split(args) => commands::split::run(&args, &global).into(),
        Command::Cache(args) => commands::cache::run(&args, &global).into(),
        Command::Export(args) => commands::export::run(args, &global).into(),
        Command::Train(_) | Command::Validate(_) | Command::Predict(_) => sister::run(),
    }
}

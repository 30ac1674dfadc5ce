use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Args, Command, CommandFactory, FromArgMatches, ValueEnum};
use tracing::level_filters::LevelFilter;

use crate::DataDir;

/// The arguments that every command takes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Folder that holds items.db, dataset.csv, media/ and models/
    #[arg(long, global = true, value_name = "DIR", default_value = "data")]
    pub data_dir: PathBuf,

    /// Print the report as one JSON object on stdout
    #[arg(long, global = true)]
    pub json: bool,

    /// How much to tell on stderr
    #[arg(long, global = true, value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

impl GlobalArgs {
    /// Where the stages' files lie.
    pub fn data(&self) -> DataDir {
        DataDir::new(&self.data_dir)
    }
}

/// What reaches stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> LevelFilter {
        match level {
            LogLevel::Error => LevelFilter::ERROR,
            LogLevel::Warn => LevelFilter::WARN,
            LogLevel::Info => LevelFilter::INFO,
            LogLevel::Debug => LevelFilter::DEBUG,
            LogLevel::Trace => LevelFilter::TRACE,
        }
    }
}

/// Parses the command line of a binary, each flag with its environment twin. Ends the program with code 2, or 0 for
/// `--help` and `--version`, where there is nothing to run.
pub fn parse<T: CommandFactory + FromArgMatches>() -> T {
    let mut command = with_environment_twins(T::command());
    let matches = command.get_matches_mut();
    T::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
}

/// The rule of [`with_environment_twins`], told below every help.
const TWINS: &str = "Every flag can be set by a variable: --data-dir by TAGMILL_DATA_DIR, the flags of a command by \
    TAGMILL_<COMMAND>_<FLAG>, such as TAGMILL_FETCH_WORKERS.";

/// Gives every flag of every command a variable: `--data-dir` is `TAGMILL_DATA_DIR`, `fetch --workers` is
/// `TAGMILL_FETCH_WORKERS`, and `export hf --license` is `TAGMILL_EXPORT_HF_LICENSE`.
pub(crate) fn with_environment_twins(command: Command) -> Command {
    with_twins(command, "TAGMILL")
}

fn with_twins(command: Command, prefix: &str) -> Command {
    let subcommands: Vec<String> = command.get_subcommands().map(|sub| sub.get_name().to_owned()).collect();
    let command = command.after_help(TWINS).mut_args(|arg| match arg.get_long() {
        Some(long) if !matches!(arg.get_action(), ArgAction::Help | ArgAction::Version) => {
            let variable = format!("{prefix}_{}", upper(long));
            // They follow one rule, which the help tells once.
            let arg = arg.hide_env(true);
            match arg.get_action() {
                ArgAction::SetTrue => arg.env(variable).value_parser(FalseyValueParser::new()),
                _ => arg.env(variable),
            }
        }
        _ => arg,
    });
    subcommands.into_iter().fold(command, |command, name| {
        let prefix = format!("{prefix}_{}", upper(&name));
        command.mut_subcommand(name, |sub| with_twins(sub, &prefix))
    })
}

fn upper(name: &str) -> String {
    name.replace('-', "_").to_ascii_uppercase()
}

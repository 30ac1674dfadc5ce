//! Training and scoring: an example program of the trainer.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::example::example;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Fewer pictures
    #[arg(long)]
    quick: bool,
    /// Train with 32 and with 16 bits, whatever the device is built for
    #[arg(long)]
    all: bool,
    /// On the first CUDA device instead of the CPU
    #[arg(long)]
    cuda: bool,
    /// Where pictures, cache and runs go meanwhile
    #[arg(long, value_name = "DIR", default_value = "target")]
    folder: PathBuf,
    /// Also write the tables to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    crate::setup::run()?;
    let flags = [(options.quick, "--quick"), (options.all, "--all"), (options.cuda, "--cuda")];
    let flags = flags.into_iter().filter(|(given, _)| *given).map(|(_, flag)| flag.to_owned());
    let arguments: Vec<String> = flags.chain([options.folder.display().to_string()]).collect();
    example("tagmill-trainer", "bench_train", &arguments, options.markdown.as_deref())
}

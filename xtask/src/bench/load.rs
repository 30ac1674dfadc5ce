//! From picture files to pixels: an example program of the crate that decodes and keeps them.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::example::example;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A quarter of the pictures
    #[arg(long)]
    quick: bool,
    /// Where the pictures and their cache go meanwhile
    #[arg(long, value_name = "DIR", default_value = "target")]
    folder: PathBuf,
    /// Also write the tables to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let quick = options.quick.then(|| "--quick".to_owned());
    let arguments: Vec<String> = quick.into_iter().chain([options.folder.display().to_string()]).collect();
    example("tagmill-pixels", "bench_load", &arguments, options.markdown.as_deref())
}

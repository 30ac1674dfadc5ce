//! items.db to the training table: the preparer's own example program makes the databases and measures; here that becomes
//! tables to read, or to keep.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::example::example;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Measure 100,000 items only, instead of 1 and 6.1 million too, which take 9 GB of disk and half an hour
    #[arg(long)]
    quick: bool,
    /// Where the databases are made, and kept for the next time
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    folder: PathBuf,
    /// Also write the tables to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let mut arguments = vec!["--folder".to_owned(), options.folder.display().to_string()];
    if options.quick {
        arguments.push("--quick".to_owned());
    }
    example("tagmill-preparer", "bench_prepare", &arguments, options.markdown.as_deref())
}

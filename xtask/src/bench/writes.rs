//! Rows into items.db: the store's own example program measures, and prints what it found as a JSON object a line; here
//! that becomes tables to read, or to keep.

use std::path::PathBuf;

use anyhow::Result;
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::example::example;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// Rows a case, at least 10000; more take longer and say more where the machine is not quiet
    #[arg(long, default_value_t = 40_000, value_parser = RangedU64ValueParser::<usize>::new().range(10_000..))]
    rows: usize,
    /// Measure less of everything, to see that it works
    #[arg(long, conflicts_with = "rows")]
    quick: bool,
    /// Measure one part alone
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Also write the tables to this file, as Markdown
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Part {
    /// The store beside a prepared statement and a query a row
    Upserts,
    /// One row an item beside a table of tags
    Design,
    /// Settings of the writing connection
    Settings,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let rows = if options.quick { 10_000 } else { options.rows };
    let mut arguments = vec!["--rows".to_owned(), rows.to_string()];
    if options.quick {
        arguments.push("--quick".to_owned());
    }
    if let Some(part) = options.only.as_ref().and_then(Part::to_possible_value) {
        arguments.extend(["--only".to_owned(), part.get_name().to_owned()]);
    }
    example("tagmill-store", "bench_writes", &arguments, options.markdown.as_deref())
}

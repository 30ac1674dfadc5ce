//! Rows into items.db: the store's own example program measures, and prints what it found as a JSON object a line; here
//! that becomes tables to read, or to keep.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, Result, ensure};
use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::block::Block;
use crate::cargo::{cargo, show};

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
    let markdown = example("tagmill-store", "bench_writes", &arguments)?;
    match &options.markdown {
        Some(path) => fs::write(path, markdown).with_context(|| format!("cannot write `{}`", path.display())),
        None => Ok(()),
    }
}

/// Runs an example program to its end and shows each of its blocks as it comes; returns them all as Markdown.
fn example(package: &str, name: &str, arguments: &[String]) -> Result<String> {
    let mut command = cargo();
    command.args(["run", "--quiet", "--release", "--package", package, "--example", name, "--"]);
    command.args(arguments).stdout(Stdio::piped());
    let shown = show(&command);
    let mut child = command.spawn().with_context(|| format!("cannot start `{shown}`"))?;
    let output = child.stdout.take().context("the program has no standard output")?;
    let mut markdown = String::new();
    for line in BufReader::new(output).lines() {
        let line = line?;
        let block: Block =
            serde_json::from_str(&line).with_context(|| format!("`{shown}` printed `{line}`"))?;
        println!("{}\n", block.plain());
        write!(markdown, "{}\n\n", block.markdown())?;
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{shown}` failed ({status})");
    Ok(markdown)
}

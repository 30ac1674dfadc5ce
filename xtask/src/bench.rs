//! Benchmarks: optimised example programs of the crates that they measure.

use anyhow::Result;
use clap::Args;

use crate::cargo::{cargo, check};

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// What to measure
    #[arg(value_enum, default_value_t = Subject::Writes)]
    subject: Subject,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Subject {
    /// Rows a second into items.db, by batch size and order
    Writes,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let (package, example) = match options.subject {
        Subject::Writes => ("tagmill-store", "bench_writes"),
    };
    check(cargo().args(["run", "--quiet", "--release", "--package", package, "--example", example]))
}

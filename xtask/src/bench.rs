//! Benchmarks: optimised example programs of the crates that they measure, or the binaries that users run.

use anyhow::Result;
use clap::{Args, Subcommand};

use crate::cargo::{cargo, check};

mod fetch;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Rows a second into items.db, by batch size and order
    Writes,
    /// Items a second from a board on this machine, what they cost, and how near latency's bound they come
    Fetch(fetch::Options),
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.subject {
        Subject::Writes => check(cargo().args([
            "run",
            "--quiet",
            "--release",
            "--package",
            "tagmill-store",
            "--example",
            "bench_writes",
        ])),
        Subject::Fetch(options) => fetch::run(options),
    }
}

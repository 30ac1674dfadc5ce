//! Benchmarks: optimised example programs of the crates that they measure, or the binaries that users run.

use anyhow::Result;
use clap::{Args, Subcommand};

mod block;
mod download;
mod example;
mod fetch;
mod load;
mod prepare;
mod train;
mod writes;

/// What to measure.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    /// Rows into items.db: against references, against the original's design, and with other settings
    Writes(writes::Options),
    /// Items a second from items.db into the training table, beside the floor that this machine sets
    Prepare(prepare::Options),
    /// Items a second from a board on this machine, what they cost, and how near latency's bound they come
    Fetch(fetch::Options),
    /// Files a second beside curl, wget2 and aria2c, and how long millions of items take to be planned
    Download(download::Options),
    /// Pictures a second from files and from the cache
    Load(load::Options),
    /// Pictures a second that networks, and a head alone, train on, and how long they wait for data
    Train(train::Options),
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.subject {
        Subject::Writes(options) => writes::run(options),
        Subject::Prepare(options) => prepare::run(options),
        Subject::Fetch(options) => fetch::run(options),
        Subject::Download(options) => download::run(options),
        Subject::Load(options) => load::run(options),
        Subject::Train(options) => train::run(options),
    }
}

//! Real pictures with real tags, made ready to learn from.

use anyhow::Result;
use clap::{Args, Subcommand};

pub(crate) mod openclipart;

/// Which pictures.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    set: Set,
}

#[derive(Debug, Subcommand)]
enum Set {
    /// Debian's openclipart: drawings in the public domain, with the keywords that people gave them
    ///
    /// Gets the packages openclipart-png and openclipart-svg, reads the keywords, writes pictures and tags as a folder, and
    /// imports it. What is there already is not made again.
    Openclipart(openclipart::Options),
}

pub(crate) fn run(options: &Options) -> Result<()> {
    match &options.set {
        Set::Openclipart(options) => openclipart::run(options),
    }
}

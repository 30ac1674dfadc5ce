//! Rows into items.db: against references, against the original's design, and with other settings.
//!
//! `cargo xtask bench writes`, which shows the tables that this program prints as JSON.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints")]

use std::error::Error;

mod design;
mod job;
mod raid;
mod report;
mod rows;
mod settings;
mod sides;
mod trace;
mod turns;
mod upserts;

type Failed = Box<dyn Error>;

const USAGE: &str = "usage: bench_writes [--rows N] [--quick] [--only upserts|design|settings]";

fn fail<T>(message: impl Into<String>) -> Result<T, Failed> {
    Err(message.into().into())
}

/// How much to measure.
struct Options {
    /// Rows a case of part `upserts`; the other parts derive theirs.
    rows: usize,
    /// Whether cases that nothing is judged by are left out.
    quick: bool,
    /// The one part to run.
    only: Option<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, Failed> {
        let mut options = Options { rows: 40_000, quick: false, only: None };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--rows" => options.rows = value()?.parse()?,
                "--only" => options.only = Some(value()?),
                "--quick" => options.quick = true,
                _ => return fail(USAGE),
            }
        }
        if options.rows < 10_000 {
            return fail("needs at least 10000 rows, two batches of the usual size");
        }
        Ok(options)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.as_ref().is_none_or(|only| only == part)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failed> {
    let mut arguments = std::env::args().skip(1).peekable();
    if arguments.next_if(|argument| argument == "job").is_some() {
        return job::run(&arguments.next().ok_or(USAGE)?).await;
    }
    let options = Options::parse(arguments)?;
    let board = rows::Board::new();
    if options.wants("upserts") {
        upserts::run(&options, &board).await?;
    }
    let traceable = trace::available();
    if !traceable {
        report::text("strace is not here, or may not trace: what is written to the disk is not counted.");
    }
    if options.wants("design") {
        design::run(&options, &board, traceable).await?;
    }
    if options.wants("settings") {
        settings::run(&options, &board, traceable).await?;
    }
    Ok(())
}

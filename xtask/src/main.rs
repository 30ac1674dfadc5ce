//! The project's chores, as `cargo xtask <chore>`: set-up of libtorch, tests, end-to-end runs, benchmarks.
//!
//! It links no stage of tagmill: what it runs are the binaries that users run.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a chore talks to the person who started it")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod bench;
mod board;
mod cargo;
mod check_export;
mod data;
mod pipeline;
mod setup;
mod stage;
mod table;
mod test;

/// The project's chores
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Find libtorch, or install it into .libtorch/ from PyPI; does nothing where it is there already
    Setup,
    /// Run everything end to end: board, fetch, prepare, download, train, validate, predict
    FullPipeline(pipeline::Options),
    /// Get real pictures with real tags, and import them
    Data(data::Options),
    /// Export a run and read it with timm, onnxruntime, TorchScript, imgutils and the like, installed from PyPI
    CheckExport(check_export::Options),
    /// Check formatting and lints, then run all tests, the trainer's included
    Test,
    /// Run a board on this machine, to try tagmill on
    Board(board::Options),
    /// Measure, with figures and ratios from one run
    Bench(bench::Options),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().chore {
        Chore::Setup => setup::run(),
        Chore::FullPipeline(options) => pipeline::run(&options),
        Chore::Data(options) => data::run(&options),
        Chore::CheckExport(options) => check_export::run(&options),
        Chore::Test => test::run(),
        Chore::Board(options) => board::run(&options),
        Chore::Bench(options) => bench::run(&options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

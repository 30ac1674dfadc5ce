//! Items a second of prepare, beside its parts and beside what this machine takes for reading the rows and parsing their JSON
//! alone.
//!
//! `cargo xtask bench prepare`, which shows the tables that this program prints as JSON.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::fs;
use std::path::{Path, PathBuf};

mod generate;
mod parts;
mod process;
mod report;
mod whole;

type Failed = Box<dyn std::error::Error>;

const USAGE: &str = "usage: bench_prepare [--quick] [--folder DIR]";

/// Items of the databases; the last is what the board has that tagmill was made for.
const SIZES: [i64; 3] = [100_000, 1_000_000, 6_100_000];

fn main() -> Result<(), Failed> {
    let (mut sizes, mut folder) = (&SIZES[..], PathBuf::from("target/bench"));
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--quick" => sizes = &SIZES[..1],
            "--folder" => folder = value()?.into(),
            // A process of its own for each run, so that its CPU time and memory are its own.
            process::MEASURE => return process::measured(&value()?, Path::new(&value()?)),
            _ => return Err(USAGE.into()),
        }
    }
    fs::create_dir_all(&folder)?;
    for items in sizes {
        let path = folder.join(format!("prepare-{items}.db"));
        generate::database(&path, *items)?;
        whole::run(&path, *items)?;
        if *items == SIZES[0] {
            parts::run(&path)?;
        }
    }
    Ok(())
}

//! Trains a tagger and judges it on the pictures it did not see.
//!
//! `cargo run --release -p tagmill-trainer --example train_tagger -- data/dataset.csv data/media data/models/first`
#![expect(clippy::print_stdout, reason = "an example prints")]

use tagmill_trainer::{train, validate};
use tokio_util::sync::CancellationToken;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dataset, media, run] = &arguments[..] else {
        return Err("usage: train_tagger <dataset.csv> <media folder> <run folder>".into());
    };
    let cancel = CancellationToken::new();
    println!("{}", train::run(train::Config::new(dataset, media, run), &(), &cancel)?);
    println!("{}", validate::run(validate::Config::new(dataset, media, run), &(), &cancel)?);
    Ok(())
}

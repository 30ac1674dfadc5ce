//! Prints the likeliest tags of pictures.
//!
//! `cargo run --release -p tagmill-trainer --example predict -- data/models/first cat.jpg dog.png`
#![expect(clippy::print_stdout, reason = "an example prints")]

use tagmill_trainer::Tagger;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (run, pictures) = arguments.split_first().ok_or("usage: predict <run folder> <picture>...")?;
    let tagger = Tagger::load(run)?;
    for (path, scores) in pictures.iter().zip(tagger.predict(pictures)?) {
        match scores {
            Ok(scores) => println!("{path}: {:?}", tagger.best(&scores.tags, 5)),
            Err(bad) => println!("{path}: {bad}"),
        }
    }
    Ok(())
}

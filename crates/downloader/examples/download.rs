//! Downloads the media of a dataset:
//! `cargo run -p tagmill-downloader --example download -- dataset.csv media/ https://img.example.org/`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what it found")]

use tagmill_downloader::{Config, Hosts, Source, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dataset, folder, url] = arguments.as_slice() else {
        return Err("usage: download DATASET.CSV FOLDER URL".into());
    };
    let config = Config::new(Source::Dataset(dataset.into()), folder.into(), Hosts::one(url.parse()?));
    let report = run(config, &(), &CancellationToken::new()).await?;
    for item in &report.failures {
        eprintln!("{} {}: {}", item.id, item.path, item.detail);
    }
    println!("{report}");
    Ok(())
}

//! Makes a training table of an items database.
//!
//! `cargo run -p tagmill-preparer --example prepare -- data/items.db data/dataset.csv`
#![expect(clippy::print_stdout, reason = "an example prints")]

use tagmill_preparer::{Config, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().unwrap_or_else(|| "data/items.db".to_owned());
    let output = arguments.next().unwrap_or_else(|| "data/dataset.csv".to_owned());
    let report = run(Config::new(database, output), &(), &CancellationToken::new()).await?;
    println!("{report}");
    Ok(())
}

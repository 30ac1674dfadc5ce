//! Prints what is in an items database.
//!
//! `cargo run -p tagmill-store --example database_summary -- data/items.db`
#![expect(clippy::print_stdout, reason = "an example prints")]

use std::path::Path;

use tagmill_model::Flags;
use tagmill_store::Reader;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "data/items.db".to_owned());
    let reader = Reader::open(Path::new(&path)).await?;
    let summary = reader.summary().await?;
    println!("{} items, {} without tags", summary.items, summary.without_tags);
    for interval in reader.coverage(Flags::SFW).await?.iter() {
        println!("complete: {} to {}", interval.first, interval.last);
    }
    for (reason, count) in summary.failures {
        println!("{count:>8}  {reason}");
    }
    Ok(())
}

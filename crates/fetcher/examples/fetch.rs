//! Fetches a board's newest items into a database and says what it did.
//!
//! `cargo run -p tagmill-fetcher --example fetch -- http://127.0.0.1:8080/api items.db 500`
#![expect(clippy::print_stdout, reason = "an example prints")]

use tagmill_fetcher::{Config, run};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(api_url), Some(database)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fetch API_URL DATABASE [LIMIT]".into());
    };
    let mut config = Config::new(api_url.parse()?, database);
    config.limit = arguments.next().map(|limit| limit.parse()).transpose()?;
    let report = run(config, &(), &CancellationToken::new()).await?;
    println!("{report}");
    Ok(())
}

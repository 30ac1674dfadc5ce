//! Gets one URL politely and writes its body to stdout:
//! `cargo run -p tagmill-http --example get -- https://example.org/`

use std::io::Write;

use tagmill_http::{Client, Config, Url};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("usage: get URL")?;
    let client = Client::new(Config::default())?;
    let body = client.get(&Url::parse(&url)?).await?;
    std::io::stdout().write_all(&body)?;
    Ok(())
}

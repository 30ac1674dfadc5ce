//! A board to play with, until Ctrl-C: `cargo run --release -p tagmill-testboard --example board -- 8080`.

use std::error::Error;

use tagmill_model::Flags;
use tagmill_testboard::{Board, Config, WorldConfig};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::print_stdout, reason = "the addresses are this program's output")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let world = WorldConfig { items: 10_000, ..WorldConfig::default() };
    let board =
        Board::start(Config { world, port, anonymous_flags: Flags::EVERY_CLASS, ..Config::default() })?;
    println!("{}/items/get?flags=31", board.api_url());
    if let Some(newest) = board.world().newest() {
        println!("{}/items/info?itemId={newest}", board.api_url());
        println!(
            "{}/{}",
            board.media_url(),
            board.world().listing(newest).map_or(String::new(), |post| post.image)
        );
    }
    println!("{}", board.stats_url());
    tokio::signal::ctrl_c().await?;
    board.stop().await;
    Ok(())
}

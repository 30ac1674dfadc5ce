//! A board on this machine: the testboard's binary as a child process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cargo::{build_release, show};

/// What the board holds and how it behaves.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How many items it holds
    #[arg(long, default_value_t = 10_000)]
    items: u64,
    /// Another seed gives another board
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8017)]
    port: u16,
    /// Milliseconds that every answer takes
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    latency: u64,
    /// What goes wrong in a share of all answers, such as `server_error=0.02`; may be given several times
    ///
    /// too_many_requests, server_error, cut, short_body, html, slow_body, not_found, corrupt, unavailable, blocked,
    /// not_logged_in
    #[arg(long, value_name = "KIND=SHARE", value_parser = mishap)]
    mishap: Vec<(String, f64)>,
}

fn mishap(text: &str) -> Result<(String, f64), String> {
    let (kind, share) = text.split_once('=').ok_or("write KIND=SHARE, such as `server_error=0.02`")?;
    let share: f64 = share.parse().map_err(|_| format!("`{share}` is no number"))?;
    Ok((kind.to_owned(), share))
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let binaries = build_release(&["tagmill-testboard"])?;
    let mut config = json!({
        "items": options.items,
        "seed": options.seed,
        "port": options.port,
        "latency": options.latency,
    });
    for (mishap, share) in &options.mishap {
        config[mishap] = json!(share);
    }
    let mut board = Board::start(&binaries, &config)?;
    println!("a board of {} items is running; Ctrl-C stops it\n", options.items);
    println!("  tagmill fetch --api-url {}", board.api_url);
    println!("  tagmill prepare");
    println!("  tagmill download --media-url {}\n", board.media_url);
    println!("what it was asked so far: {}/__stats", board.api_url.trim_end_matches("/api"));
    let status = board.process.wait()?;
    ensure!(status.success(), "the board ended ({status})");
    Ok(())
}

/// A running board. It ends with this value.
pub(crate) struct Board {
    process: Child,
    pub(crate) api_url: String,
    pub(crate) media_url: String,
}

/// The first line that the board's binary prints.
#[derive(Deserialize)]
struct Ready {
    api_url: String,
    media_url: String,
}

impl Board {
    /// Starts the board's binary and waits until it listens.
    pub(crate) fn start(binaries: &Path, config: &Value) -> Result<Board> {
        let mut command = Command::new(binaries.join("tagmill-testboard"));
        command.arg(config.to_string()).stdout(Stdio::piped());
        let mut process = command.spawn().with_context(|| format!("cannot start `{}`", show(&command)))?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().expect("stdout was asked for")).read_line(&mut line)?;
        let ready: Ready = serde_json::from_str(&line).context("the board did not start")?;
        Ok(Board { process, api_url: ready.api_url, media_url: ready.media_url })
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

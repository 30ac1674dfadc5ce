//! A board on this machine: the testboard's binary as a child process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::cargo::{build_release, show};

/// What the board holds and how it behaves. As JSON they are the options of the testboard's binary, which has defaults of
/// its own.
#[derive(Debug, Args, Serialize)]
pub(crate) struct Options {
    /// How many items it holds
    #[arg(long, default_value_t = 10_000)]
    items: u64,
    /// Another seed gives another board
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of ids that lead nowhere, from 0 to 0.9
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    gap_share: Option<f64>,
    /// Share of items that are videos
    #[arg(long, value_name = "SHARE")]
    #[serde(skip_serializing_if = "Option::is_none")]
    video_share: Option<f64>,
    /// The lowest id that may exist
    #[arg(long, value_name = "ID")]
    #[serde(skip_serializing_if = "Option::is_none")]
    first_id: Option<i64>,
    /// Seconds since the newest item was uploaded; without it, items begin in 2024
    #[arg(long, value_name = "SECONDS")]
    #[serde(skip_serializing_if = "Option::is_none")]
    newest_age: Option<u64>,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, default_value_t = 8017)]
    port: u16,
    /// Milliseconds that every answer takes
    #[arg(long, default_value_t = 0, value_name = "MILLISECONDS")]
    latency: u64,
    /// Somebody who can log in; `:verified` after the password opens NSFW and NSFL; may be given several times
    #[arg(long, value_name = "NAME:PASSWORD", value_parser = account)]
    #[serde(rename = "accounts")]
    account: Vec<Value>,
    /// Which session cookies the board takes: any, none, or those of a login here
    #[arg(long, value_enum, default_value_t = Sessions::Any)]
    sessions: Sessions,
    /// Content classes that may be listed without a session, as a mask
    #[arg(long, value_name = "MASK", value_parser = clap::value_parser!(u32).range(1..=31))]
    #[serde(skip_serializing_if = "Option::is_none")]
    anonymous_flags: Option<u32>,
    /// What goes wrong in a share of all answers, such as `server_error=0.02`; may be given several times
    ///
    /// too_many_requests, server_error, cut, short_body, html, slow_body, not_found, corrupt, unavailable, blocked,
    /// not_logged_in
    #[arg(long, value_name = "KIND=SHARE", value_parser = mishap)]
    #[serde(skip)]
    mishap: Vec<(String, f64)>,
}

/// Which session cookies are taken.
#[derive(Debug, Clone, Copy, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
enum Sessions {
    Any,
    None,
    LoggedIn,
}

fn account(text: &str) -> Result<Value, String> {
    let (text, verified) = text.strip_suffix(":verified").map_or((text, false), |text| (text, true));
    let (name, password) = text.split_once(':').ok_or("write NAME:PASSWORD or NAME:PASSWORD:verified")?;
    Ok(json!({ "name": name, "password": password, "verified": verified }))
}

fn mishap(text: &str) -> Result<(String, f64), String> {
    let (kind, share) = text.split_once('=').ok_or("write KIND=SHARE, such as `server_error=0.02`")?;
    let share: f64 = share.parse().map_err(|_| format!("`{share}` is no number"))?;
    Ok((kind.to_owned(), share))
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let binaries = build_release(&["tagmill-testboard"])?;
    let mut config = serde_json::to_value(options)?;
    for (mishap, share) in &options.mishap {
        config[mishap] = json!(share);
    }
    let mut board = Board::start(&binaries, &config)?;
    println!("a board of {} items is running; Ctrl-C stops it\n", options.items);
    println!("  tagmill fetch --api-url {}", board.api_url);
    println!("  tagmill prepare");
    println!("  tagmill download --media-url {}\n", board.media_url);
    println!("the same posts on a board of another kind, for a --data-dir of their own:\n");
    println!("  tagmill fetch --board danbooru --api-url {}\n", board.danbooru_url);
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
    /// Where the same posts are told as boards of Danbooru's kind tell theirs.
    danbooru_url: String,
    /// The tags that tell what can be seen; others tell of uploads and moods.
    pub(crate) visual_tags: Vec<String>,
}

/// The first line that the board's binary prints.
#[derive(Deserialize)]
struct Ready {
    api_url: String,
    danbooru_url: String,
    media_url: String,
    visual_tags: Vec<String>,
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
        let Ready { api_url, danbooru_url, media_url, visual_tags } = ready;
        Ok(Board { process, api_url, media_url, danbooru_url, visual_tags })
    }

    /// CPU time that it took so far, where the system tells (Linux).
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).ok()?;
        // User mode and kernel, in hundredths of a second; before them stands the name, which may hold anything.
        let (_, fields) = stat.rsplit_once(')')?;
        let mut ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
        Some((ticks.next()?.ok()? + ticks.next()?.ok()?) as f64 / 100.0)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        // Where it has ended by itself there is nothing to end.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

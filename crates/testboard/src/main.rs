//! `tagmill-testboard OPTIONS`: a board as a process of its own, for `cargo xtask board`, demos and benchmarks.
//!
//! OPTIONS is one JSON object with the fields of [`Options`]. One line of JSON on stdout says where the board listens, and which
//! of its tags tell what can be seen.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a program")]

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use tagmill_model::Flags;
use tagmill_testboard::{Account, Board, Concept, Config, Mishaps, RateLimit, Sessions, WorldConfig};

/// What can be chosen from outside; the rest is as in [`Config`]'s defaults.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    items: u64,
    seed: u64,
    gap_share: f64,
    video_share: f64,
    first_id: Option<i64>,
    /// Seconds since the newest post was uploaded; without it, posts begin in 2024.
    newest_age: Option<u64>,
    port: u16,
    accounts: Vec<Account>,
    sessions: Sessions,
    /// Answers of the API between two that refresh a session's cookie.
    refresh_cookie: Option<u64>,
    /// Content classes that may be asked for without a session, as a mask.
    anonymous_flags: u32,
    /// Milliseconds that every answer takes.
    latency: u64,
    /// Requests a second, in bursts of as many; 0 for no limit.
    rate_limit: u32,
    // Shares of all answers, from 0 to 1.
    too_many_requests: f64,
    server_error: f64,
    cut: f64,
    short_body: f64,
    html: f64,
    slow_body: f64,
    not_found: f64,
    corrupt: f64,
    unavailable: f64,
    blocked: f64,
    not_logged_in: f64,
}

impl Default for Options {
    fn default() -> Options {
        let WorldConfig { items, seed, gap_share, video_share, .. } = WorldConfig::default();
        Options {
            items,
            seed,
            gap_share,
            video_share,
            first_id: None,
            newest_age: None,
            port: 0,
            accounts: Vec::new(),
            sessions: Sessions::default(),
            refresh_cookie: None,
            anonymous_flags: Config::default().anonymous_flags.bits(),
            latency: 0,
            rate_limit: 0,
            too_many_requests: 0.0,
            server_error: 0.0,
            cut: 0.0,
            short_body: 0.0,
            html: 0.0,
            slow_body: 0.0,
            not_found: 0.0,
            corrupt: 0.0,
            unavailable: 0.0,
            blocked: 0.0,
            not_logged_in: 0.0,
        }
    }
}

impl Options {
    fn world(&self) -> WorldConfig {
        let usual = WorldConfig::default();
        let world = WorldConfig {
            items: self.items,
            seed: self.seed,
            gap_share: self.gap_share,
            video_share: self.video_share,
            first_id: self.first_id.unwrap_or(usual.first_id),
            ..usual
        };
        let Some(age) = self.newest_age else { return world };
        // A clock before 1970 is wrong anyway.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
        world.ending_at(now.saturating_sub_unsigned(age))
    }

    fn config(&self) -> Config {
        let rate_limit = (self.rate_limit > 0).then_some(RateLimit {
            per_second: f64::from(self.rate_limit),
            burst: self.rate_limit,
            retry_after: Some(1),
        });
        Config {
            world: self.world(),
            port: self.port,
            accounts: self.accounts.clone(),
            sessions: self.sessions,
            refresh_cookie: self.refresh_cookie,
            anonymous_flags: Flags::from_bits_retain(self.anonymous_flags),
            mishaps: Mishaps {
                too_many_requests: self.too_many_requests,
                server_error: self.server_error,
                cut: self.cut,
                short_body: self.short_body,
                html: self.html,
                slow_body: self.slow_body,
                not_found: self.not_found,
                corrupt: self.corrupt,
                unavailable: self.unavailable,
                blocked: self.blocked,
                not_logged_in: self.not_logged_in,
                latency: Duration::from_millis(self.latency),
                rate_limit,
                ..Mishaps::default()
            },
            ..Config::default()
        }
    }
}

fn main() -> ExitCode {
    let text = std::env::args().nth(1).unwrap_or_else(|| "{}".to_owned());
    let options: Options = match serde_json::from_str(&text) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("error: the options are no JSON object of a board: {error}");
            return ExitCode::from(2);
        }
    };
    match Board::start(options.config()) {
        Ok(board) => {
            let visual_tags: Vec<&str> = Concept::all().map(Concept::tag).collect();
            let ready = serde_json::json!({
                "api_url": board.api_url(),
                "danbooru_url": board.danbooru_url(),
                "media_url": board.media_url(),
                "visual_tags": visual_tags,
            });
            println!("{ready}");
            // The board has threads of its own; this one waits for the signal that ends the process.
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            eprintln!("error: cannot start a board on port {}: {error}", options.port);
            ExitCode::FAILURE
        }
    }
}

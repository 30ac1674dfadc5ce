//! `tagmill fetch` against a board on this machine.
//!
//! The board runs on the same cores, so that items a second say as much about the board. CPU time an item does not.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::board::Board;
use crate::cargo::build_release;
use crate::stage::Finished;
use crate::table::{grouped, table};

mod target;

/// The third is what is used where nobody says otherwise.
const WORKERS: [u64; 4] = [1, 8, USUAL_WORKERS, 100];

const USUAL_WORKERS: u64 = 30;

/// Items a second that the fetcher shall be able to do. One run keeps to them.
const WANTED_PACE: u64 = 10_000;

const LATENCY_MS: u64 = 50;

/// How much to fetch.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// Fetch fewer items, and no million: one minute instead of four
    #[arg(long)]
    quick: bool,
}

/// One run.
#[derive(Debug, Clone, Copy)]
struct Case {
    items: u64,
    workers: u64,
    latency_ms: u64,
    /// Items a second, at most.
    rate: Option<u64>,
}

/// What a run showed.
#[derive(Debug)]
struct Measured {
    case: Case,
    finished: Finished,
    board_cpu_seconds: Option<f64>,
    database_bytes: u64,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let binaries = build_release(&["tagmill-cli", "tagmill-testboard"])?;
    let (items, seconds, sizes): (u64, u64, &[u64]) = match options.quick {
        false => (100_000, 20, &[10_000, 100_000, 1_000_000]),
        true => (20_000, 5, &[10_000, 100_000]),
    };

    let case = Case { items, workers: USUAL_WORKERS, latency_ms: 0, rate: None };
    let cases = WORKERS.map(|workers| Case { workers, ..case });
    let undelayed = measure(&binaries, cases.into_iter().chain([Case { rate: Some(WANTED_PACE), ..case }]))?;
    let delayed = WORKERS.map(|workers| {
        let items = workers * seconds * 1_000 / LATENCY_MS;
        Case { items, workers, latency_ms: LATENCY_MS, ..case }
    });
    let delayed = measure(&binaries, delayed)?;
    let sizes = measure(&binaries, sizes.iter().map(|items| Case { items: *items, ..case }))?;

    println!("\nwithout latency, {} items, the board on the same cores\n", grouped(items));
    println!("{}", cost_table(&undelayed));
    println!("\nevery answer takes {LATENCY_MS} ms\n");
    println!("{}", latency_table(&delayed));
    println!("\nby how much there is to fetch, {USUAL_WORKERS} workers\n");
    println!("{}", size_table(&sizes));
    println!("\ntargets\n");
    println!("{}", target::judged(&undelayed, &delayed, &sizes));
    Ok(())
}

fn measure(binaries: &Path, cases: impl IntoIterator<Item = Case>) -> Result<Vec<Measured>> {
    cases.into_iter().map(|case| Measured::of(binaries, case)).collect()
}

impl Measured {
    fn of(binaries: &Path, case: Case) -> Result<Measured> {
        // Every class is shown to everybody, so that there are as many items to fetch as the board has.
        let config = json!({ "items": case.items, "latency": case.latency_ms, "anonymous_flags": 31 });
        let board = Board::start(binaries, &config)?;
        // Beside the binaries: where /tmp lies in memory, nothing would be written to a disk.
        let data = tempfile::Builder::new().prefix("bench-fetch-").tempdir_in(binaries)?;
        let (workers, rate) = (case.workers.to_string(), case.rate.map(|rate| rate.to_string()));
        let mut arguments = vec!["--api-url", &board.api_url, "--flags", "all", "--workers", &workers];
        if let Some(rate) = &rate {
            arguments.extend(["--rate", rate]);
        }
        arguments.extend(["--log-level", "warn"]);
        let before = board.cpu_seconds();
        let finished = Finished::of(&binaries.join("tagmill"), data.path(), "fetch", &arguments)?;
        let board_cpu_seconds = before.zip(board.cpu_seconds()).map(|(before, after)| after - before);
        let database = data.path().join("items.db");
        let size =
            fs::metadata(&database).with_context(|| format!("there is no `{}`", database.display()))?;
        Ok(Measured { case, finished, board_cpu_seconds, database_bytes: size.len() })
    }

    fn items_a_second(&self) -> f64 {
        self.finished.items() as f64 / self.finished.seconds()
    }

    /// Items and pages, as a share of what would be possible if each took the latency and no more.
    fn share_of_latency(&self) -> f64 {
        self.requests_a_second() / self.latency_allows()
    }

    fn requests_a_second(&self) -> f64 {
        self.reported("requests") / self.finished.seconds()
    }

    fn latency_allows(&self) -> f64 {
        (self.case.workers * 1_000) as f64 / self.case.latency_ms as f64
    }

    fn cpu_micros_an_item(&self) -> Option<f64> {
        Some(self.finished.cpu_seconds()? * 1e6 / self.finished.items() as f64)
    }

    /// Share of the run in which a transaction was under way. Requests go on meanwhile.
    fn database_share(&self) -> f64 {
        self.reported("commit_ms") / 1_000.0 / self.finished.seconds()
    }

    fn reported(&self, name: &str) -> f64 {
        self.finished.report()[name].as_f64().unwrap_or(f64::NAN)
    }
}

fn cost_table(runs: &[Measured]) -> String {
    let head = [
        "workers",
        "items/s",
        "CPU an item",
        "of the board",
        "peak memory",
        "database time",
        "database an item",
        "written an item",
        "rows a commit",
    ];
    let row = |run: &Measured| {
        let items = run.finished.items();
        let pace = run.case.rate.map(|rate| format!(", at most {}/s", grouped(rate))).unwrap_or_default();
        vec![
            format!("{}{pace}", run.case.workers),
            whole(run.items_a_second()),
            micros(run.cpu_micros_an_item()),
            micros(run.board_cpu_seconds.map(|seconds| seconds * 1e6 / items as f64)),
            megabytes(run.finished.peak_memory()),
            percent(run.database_share()),
            bytes(run.database_bytes.checked_div(items)),
            bytes(run.finished.written_bytes().and_then(|bytes| bytes.checked_div(items))),
            whole(items as f64 / run.reported("commits")),
        ]
    };
    table(&head, &runs.iter().map(row).collect::<Vec<_>>())
}

fn latency_table(runs: &[Measured]) -> String {
    let row = |run: &Measured| {
        vec![
            run.case.workers.to_string(),
            whole(run.requests_a_second()),
            whole(run.latency_allows()),
            percent(run.share_of_latency()),
            micros(run.cpu_micros_an_item()),
        ]
    };
    let head = ["workers", "requests/s", "latency allows", "share", "CPU an item"];
    table(&head, &runs.iter().map(row).collect::<Vec<_>>())
}

fn size_table(runs: &[Measured]) -> String {
    let row = |run: &Measured| {
        vec![
            grouped(run.finished.items()),
            megabytes(run.finished.peak_memory()),
            whole(run.items_a_second()),
            percent(run.database_share()),
            megabytes(Some(run.database_bytes)),
        ]
    };
    let head = ["items", "peak memory", "items/s", "database time", "database"];
    table(&head, &runs.iter().map(row).collect::<Vec<_>>())
}

fn whole(number: f64) -> String {
    grouped(number.round() as u64)
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn micros(micros: Option<f64>) -> String {
    micros.map_or("unknown".to_owned(), |micros| format!("{micros:.0} us"))
}

fn megabytes(bytes: Option<u64>) -> String {
    bytes.map_or("unknown".to_owned(), |bytes| format!("{} MB", grouped(bytes / 1_000_000)))
}

fn bytes(bytes: Option<u64>) -> String {
    bytes.map_or("unknown".to_owned(), |bytes| format!("{} B", grouped(bytes)))
}

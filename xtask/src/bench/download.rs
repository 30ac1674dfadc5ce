//! `tagmill download` from a file server on this machine, beside curl, wget2 and aria2c, and how long planning takes.
//!
//! The server runs on the same cores, so that files a second say as much about the server. CPU time a file does not.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Args;

use super::example::example;
use crate::cargo::{build_release, cargo, check};
use crate::table::{grouped, table};

mod server;
mod tool;

use server::Server;
use tool::{Job, Tool, Used};

/// What a run of one tool is to be repeated for: the middle one counts, as machines are noisy.
const ROUNDS: usize = 3;

/// However many files there are.
const MOST_MEMORY: u64 = 100_000_000;

/// Of curl's files a second: it writes no temporary name, checks nothing and renames nothing.
const LEAST_OF_CURL: f64 = 0.8;

#[derive(Debug, Args)]
pub(super) struct Options {
    /// A tenth of the files, and of the items to plan
    #[arg(long)]
    quick: bool,
    /// Where the files go, each tool's into a folder of its own that is removed afterwards
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    folder: PathBuf,
    /// Leave out planning and the walk, which take 10 GB of disk and some minutes to prepare
    #[arg(long)]
    no_plan: bool,
}

pub(super) fn run(options: &Options) -> Result<()> {
    let binaries = build_release(&["tagmill-cli"])?;
    check(cargo().args([
        "build",
        "--release",
        "--package",
        "tagmill-downloader",
        "--example",
        "file_server",
    ]))?;
    std::fs::create_dir_all(&options.folder)?;
    let server = Server::start(&binaries.join("examples").join("file_server"))?;
    let tools = Tool::present(&binaries);
    let share = if options.quick { 10 } else { 1 };
    for (kind, files, bytes) in [("small", 20_000, 100_000), ("large", 500, 5_000_000)] {
        let job = Job { url: server.url(), kind, files: files / share, bytes };
        println!("\n{} files of {} bytes\n", grouped(job.files), grouped(job.bytes));
        let runs = measure(&tools, &job, &options.folder)?;
        println!("{}\n", figures(&job, &runs));
        println!("{}", targets(&job, &runs));
    }
    if options.no_plan {
        return Ok(());
    }
    println!();
    let mut arguments = vec!["--folder".to_owned(), options.folder.display().to_string()];
    if options.quick {
        arguments.push("--quick".to_owned());
    }
    example("tagmill-downloader", "bench_plan", &arguments, None)
}

/// The middle run of each tool, the tools taking turns.
fn measure<'a>(tools: &'a [Tool], job: &Job<'_>, folder: &Path) -> Result<Vec<(&'a Tool, Used)>> {
    let mut runs: Vec<Vec<Used>> = tools.iter().map(|_| Vec::new()).collect();
    for round in 0..ROUNDS {
        for turn in 0..tools.len() {
            // Each begins once, so that none always runs behind the same one.
            let place = (turn + round) % tools.len();
            let target = tempfile::Builder::new().prefix("bench-download-").tempdir_in(folder)?;
            runs[place].push(tools[place].run(job, target.path())?);
        }
    }
    let middle = |mut runs: Vec<Used>| {
        runs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
        runs.into_iter().nth(ROUNDS / 2)
    };
    tools
        .iter()
        .zip(runs)
        .map(|(tool, runs)| Ok((tool, middle(runs).context("a tool was not run")?)))
        .collect()
}

fn figures(job: &Job<'_>, runs: &[(&Tool, Used)]) -> String {
    let own = runs.first().map_or(f64::NAN, |(_, used)| used.seconds);
    let row = |(tool, used): &(&Tool, Used)| {
        let files_a_second = job.files as f64 / used.seconds;
        vec![
            tool.name().to_owned(),
            grouped(files_a_second.round() as u64),
            grouped((files_a_second * job.bytes as f64 / 1e6).round() as u64),
            format!("{:.2} s", used.cpu_seconds * 1e3 / job.files as f64),
            format!("{} MB", used.peak_memory / 1_000_000),
            format!("{:.2}", used.seconds / own),
        ]
    };
    let head = ["", "files/s", "MB/s", "CPU a 1,000 files", "peak memory", "tagmill is so much faster"];
    table(&head, &runs.iter().map(row).collect::<Vec<_>>())
}

fn targets(job: &Job<'_>, runs: &[(&Tool, Used)]) -> String {
    let Some(((_, own), others)) = runs.split_first() else { return String::new() };
    let mut rows = Vec::new();
    for (tool, used) in others {
        let (ratio, least) = (used.seconds / own.seconds, if tool.is_curl() { LEAST_OF_CURL } else { 1.0 });
        rows.push(vec![
            format!("files/s and MB/s of {}'s", tool.name()),
            format!("at least {least:.1}"),
            format!("{ratio:.2}"),
            judged(ratio >= least),
        ]);
    }
    rows.push(vec![
        format!("peak memory, {} files", job.kind),
        format!("under {} MB", MOST_MEMORY / 1_000_000),
        format!("{} MB", own.peak_memory / 1_000_000),
        judged(own.peak_memory < MOST_MEMORY),
    ]);
    table(&["", "wanted", "reached", ""], &rows)
}

fn judged(is_met: bool) -> String {
    if is_met { "met" } else { "missed" }.to_owned()
}

/// That a tool left every file, and of the right length: who skips some is fast.
fn all_there(job: &Job<'_>, folder: &Path, tool: &str) -> Result<()> {
    for name in job.names() {
        let file = folder.join(&name);
        let length = std::fs::metadata(&file).map(|file| file.len());
        ensure!(
            length.as_ref().is_ok_and(|length| *length == job.bytes),
            "{tool} left `{name}` as {length:?}"
        );
    }
    Ok(())
}

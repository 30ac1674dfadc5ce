//! How long a plan of millions of items takes, and the walk over what is there.
//!
//! `cargo xtask bench download`, which shows the tables that this program prints as JSON.
#![allow(clippy::print_stdout, reason = "a benchmark prints")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::json;
use tagmill_downloader::{Config, Hosts, MediaStore, Source, plan};
use tokio_util::sync::CancellationToken;

mod generate;

type Failed = Box<dyn std::error::Error>;

const USAGE: &str = "usage: bench_plan [--quick] [--folder DIR]";

/// Marks a process that measures one thing and prints `seconds count bytes`.
const MEASURE: &str = "--measure";

/// Runs of each; the fastest counts, as the first one finds nothing in the system's cache.
const RUNS: usize = 3;

fn main() -> Result<(), Failed> {
    let (mut items, mut files, mut folder) = (6_000_000, 1_000_000, PathBuf::from("target/bench"));
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "--quick" => (items, files) = (items / 10, files / 10),
            "--folder" => folder = value()?.into(),
            // A process of its own for each run, so that its memory is its own.
            MEASURE => return measured(&value()?, Path::new(&value()?)),
            _ => return Err(USAGE.into()),
        }
    }
    std::fs::create_dir_all(&folder)?;
    let database = folder.join(format!("plan-{items}.db"));
    let table = folder.join(format!("plan-{items}.csv"));
    let (wide, deep) =
        (folder.join(format!("walk-{files}")), folder.join(format!("walk-{}-in-one", files / 10)));
    generate::database(&database, items)?;
    generate::table(&table, items)?;
    generate::files(&wide, files, 365)?;
    generate::files(&deep, files / 10, 1)?;
    let mut rows = Vec::new();
    for (what, subject, path) in [
        ("plan from items.db", "items", &database),
        ("plan from dataset.csv", "dataset", &table),
        ("walk over 365 folders", "walk", &wide),
        ("walk over one folder", "walk", &deep),
    ] {
        let runs = (0..RUNS).map(|_| measure(subject, path)).collect::<Result<Vec<_>, Failed>>()?;
        let fastest = runs.into_iter().min_by(|a, b| a.seconds.total_cmp(&b.seconds)).ok_or("no run")?;
        rows.push([
            what.to_owned(),
            fastest.count.to_string(),
            format!("{:.2}", fastest.seconds),
            format!("{:.0}", fastest.count as f64 / fastest.seconds),
            fastest.memory.map_or("unknown".to_owned(), |bytes| format!("{}", bytes / 1_000_000)),
        ]);
    }
    println!("{}", json!({ "heading": "Planning" }));
    println!("{}", json!({ "head": ["", "entries", "seconds", "entries/s", "peak MB"], "rows": rows }));
    println!(
        "{}",
        json!({ "text": "Targets: 6,000,000 items planned under 10 s and 1,500 MB; a walk of at least 400,000 entries/s." })
    );
    Ok(())
}

struct Measured {
    seconds: f64,
    count: u64,
    /// Peak, in bytes; `None` where the system does not tell.
    memory: Option<u64>,
}

fn measure(subject: &str, path: &Path) -> Result<Measured, Failed> {
    let output = Command::new(std::env::current_exe()?).args([MEASURE, subject]).arg(path).output()?;
    if !output.status.success() {
        return Err(format!("{subject}: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let mut words = text.split_whitespace();
    let mut next = || words.next().ok_or("the measuring process printed too little");
    Ok(Measured { seconds: next()?.parse()?, count: next()?.parse()?, memory: next()?.parse().ok() })
}

fn measured(subject: &str, path: &Path) -> Result<(), Failed> {
    let empty = std::env::temp_dir().join("tagmill-bench-plan-nothing");
    let hosts = Hosts::one("http://127.0.0.1:9/".parse()?);
    let source = match subject {
        "walk" => {
            let store = MediaStore::open(path)?;
            let started = Instant::now();
            let present = store.present()?.len();
            println!("{} {present} {}", started.elapsed().as_secs_f64(), peak_memory());
            return Ok(());
        }
        "items" => Source::Items(path.to_owned()),
        _ => Source::Dataset(path.to_owned()),
    };
    let config = Config::new(source, empty, hosts);
    let started = Instant::now();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let plan = runtime.block_on(plan(config, &(), &CancellationToken::new()))?;
    println!("{} {} {}", started.elapsed().as_secs_f64(), plan.planned, peak_memory());
    Ok(())
}

/// In bytes, as Linux tells it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.map_or("unknown".to_owned(), |kilobytes| (kilobytes * 1024).to_string())
}

//! One run, in a process of its own.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde::Deserialize;
use tagmill_model::ItemId;
use tagmill_preparer::{Config, run};
use tagmill_store::{Interval, Reader, Row};
use tokio_util::sync::CancellationToken;

use crate::Failed;

/// The argument that makes of this program a run that is measured.
pub(crate) const MEASURE: &str = "--measure";

/// The least that has to be done: every row is read.
pub(crate) const SCAN: &str = "scan";

/// The same, and its JSON is parsed.
pub(crate) const SCAN_AND_PARSE: &str = "scan-and-parse";

/// What a run took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Took {
    pub(crate) seconds: f64,
    pub(crate) cpu_seconds: f64,
    pub(crate) peak_bytes: f64,
}

/// The least that a parser of tags can be asked for.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
pub(crate) struct Bare<'a> {
    confidence: f64,
    #[serde(borrow)]
    tag: std::borrow::Cow<'a, str>,
}

/// Starts this program once more to do `what`: [`SCAN`], [`SCAN_AND_PARSE`], or prepare with so many threads.
pub(crate) fn measure(what: &str, path: &Path) -> Result<Took, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.args([MEASURE, what]).arg(path).output()?;
    let text = String::from_utf8(output.stdout)?;
    let figures: Vec<f64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    match figures[..] {
        [seconds, cpu_seconds, peak_bytes] => Ok(Took { seconds, cpu_seconds, peak_bytes }),
        _ => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
    }
}

/// Does it, and prints seconds, CPU seconds and bytes of memory.
pub(crate) fn measured(what: &str, path: &Path) -> Result<(), Failed> {
    let started = Instant::now();
    match what {
        SCAN => rows(path, ItemId(i64::MAX), |_| Ok(()))?,
        SCAN_AND_PARSE => rows(path, ItemId(i64::MAX), |row| {
            let json = row.tags_data.as_deref().unwrap_or("[]");
            serde_json::from_str::<Vec<Bare<'_>>>(json)?;
            Ok(())
        })?,
        threads => {
            let threads = NonZeroUsize::new(threads.parse()?);
            let config = Config { threads, ..Config::new(path, path.with_extension("csv")) };
            runtime()?.block_on(run(config, &(), &CancellationToken::new()))?;
        }
    }
    println!("{} {} {}", started.elapsed().as_secs_f64(), cpu_seconds()?, peak_bytes()?);
    Ok(())
}

/// Lends the rows of a database up to an id.
pub(crate) fn rows(
    path: &Path,
    last: ItemId,
    mut lend: impl FnMut(&Row<'_>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let runtime = runtime()?;
    let reader = runtime.block_on(Reader::open(path))?;
    let mut result = Ok(());
    reader.scanner()?.rows(Interval::new(ItemId(i64::MIN), last), |row| {
        if result.is_ok() {
            result = lend(row);
        }
    })?;
    runtime.block_on(reader.close());
    result
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failed> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Of all threads of this process, those that have ended too (Linux).
pub(crate) fn cpu_seconds() -> Result<f64, Failed> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // Behind the name, which may have blanks: user and system time are fields 14 and 15, in hundredths.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let hundredths = |field: usize| Ok::<f64, Failed>(fields.get(field).ok_or("no CPU time")?.parse()?);
    Ok((hundredths(11)? + hundredths(12)?) / 100.0)
}

fn peak_bytes() -> Result<f64, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no memory")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? * 1024.0)
}

pub(crate) fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

//! The whole of prepare beside the floor that this machine sets.

use std::fs;
use std::path::Path;

use crate::Failed;
use crate::process::{SCAN, SCAN_AND_PARSE, Took, measure, median};
use crate::report::{grouped, heading, table, text};

/// Runs of each, taking turns; the middle ones count. One of the largest database is long enough.
const RUNS: usize = 3;
const RUNS_OF_MILLIONS: usize = 1;

/// Items a second that one thread shall be able to do.
const WANTED: f64 = 250_000.0;

/// How many times that two threads shall be able to do.
const WANTED_OF_TWO: f64 = 1.7;

/// Memory that it shall not need more of.
const MOST_MEMORY: f64 = 400e6;

const CASES: [(&str, &str); 4] = [
    ("bare scan", SCAN),
    ("bare scan and parse", SCAN_AND_PARSE),
    ("prepare, 1 thread", "1"),
    ("prepare, 2 threads", "2"),
];

pub(crate) fn run(path: &Path, items: i64) -> Result<(), Failed> {
    let items = items as f64;
    heading(&format!("{} items", grouped(items)));
    // Brings the database into the system's cache.
    measure(SCAN, path)?;
    let mut took: [Vec<Took>; CASES.len()] = Default::default();
    for _ in 0..if items > 1e6 { RUNS_OF_MILLIONS } else { RUNS } {
        for ((_, what), took) in CASES.iter().zip(&mut took) {
            took.push(measure(what, path)?);
        }
    }
    let middles = took.map(|took| {
        let middle = |figure: fn(&Took) -> f64| median(took.iter().map(figure).collect());
        Took {
            seconds: middle(|took| took.seconds),
            cpu_seconds: middle(|took| took.cpu_seconds),
            peak_bytes: middle(|took| took.peak_bytes),
        }
    });
    let row = |((name, _), took): (&(&str, &str), &Took)| {
        vec![
            (*name).to_owned(),
            grouped(items / took.seconds),
            format!("{:.2} s", took.seconds),
            format!("{:.2} us", took.cpu_seconds / items * 1e6),
            format!("{} MB", grouped(took.peak_bytes / 1e6)),
        ]
    };
    let rows: Vec<_> = CASES.iter().zip(&middles).map(row).collect();
    table(&["", "items/s", "time", "CPU an item", "peak memory"], &rows);
    let [_, floor, one, two] = middles;
    let database = fs::metadata(path)?.len() as f64;
    let (rate, gain, memory) = (items / one.seconds, one.seconds / two.seconds, two.peak_bytes);
    text(&format!(
        "{} bytes of database an item. One thread: {} items/s of {} wanted ({}), {:.2} times the time of the bare scan and parse. \
         Two threads: {gain:.2} times one, of {WANTED_OF_TWO} wanted ({}). Memory: {} MB of at most {} ({}).",
        grouped(database / items),
        grouped(rate),
        grouped(WANTED),
        met(rate >= WANTED),
        one.seconds / floor.seconds,
        met(gain >= WANTED_OF_TWO),
        grouped(memory / 1e6),
        grouped(MOST_MEMORY / 1e6),
        met(memory < MOST_MEMORY),
    ));
    Ok(())
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

//! What the fetcher shall reach, beside what it reached.

use super::{LATENCY_MS, Measured, USUAL_WORKERS, WANTED_PACE, megabytes, micros, percent, whole};
use crate::table::{grouped, table};

const MOST_CPU_MICROS: f64 = 100.0;

/// Of the requests a second that latency allows.
const LEAST_OF_LATENCY: f64 = 0.95;

const MOST_DATABASE_SHARE: f64 = 0.15;

/// However much there is to fetch.
const MOST_MEMORY: u64 = 150_000_000;

/// A figure, and whether it is good enough; `None` where the system does not tell.
struct Target {
    what: String,
    wanted: String,
    reached: String,
    is_met: Option<bool>,
    /// What the original Python program reached on two cores.
    original: &'static str,
}

/// A row a target.
pub(super) fn judged(undelayed: &[Measured], delayed: &[Measured], sizes: &[Measured]) -> String {
    let (paced, unpaced): (Vec<&Measured>, Vec<&Measured>) = undelayed
        .iter()
        .filter(|run| run.case.workers == USUAL_WORKERS)
        .partition(|run| run.case.rate.is_some());
    let mut targets = Vec::new();
    for run in unpaced {
        targets.extend([items(run), cpu(run), database(run, "as fast as it can")]);
    }
    let pace = format!("{} items a second at most", grouped(WANTED_PACE));
    targets.extend(paced.into_iter().map(|run| database(run, &pace)));
    targets.extend(delayed.iter().filter(|run| run.case.workers >= USUAL_WORKERS).map(latency));
    targets.extend(sizes.iter().map(memory));
    let rows: Vec<Vec<String>> = targets.into_iter().map(Target::row).collect();
    table(&["", "wanted", "reached", "", "original"], &rows)
}

fn items(run: &Measured) -> Target {
    let reached = run.items_a_second();
    Target {
        what: format!("items a second, {USUAL_WORKERS} workers"),
        wanted: format!("at least {}", grouped(WANTED_PACE)),
        reached: whole(reached),
        is_met: Some(reached >= WANTED_PACE as f64),
        original: "780",
    }
}

fn cpu(run: &Measured) -> Target {
    let reached = run.cpu_micros_an_item();
    Target {
        what: format!("CPU an item, {USUAL_WORKERS} workers"),
        wanted: format!("at most {}", micros(Some(MOST_CPU_MICROS))),
        reached: micros(reached),
        is_met: reached.map(|reached| reached <= MOST_CPU_MICROS),
        original: "1,300 us",
    }
}

fn database(run: &Measured, pace: &str) -> Target {
    let reached = run.database_share();
    Target {
        what: format!("database time, {pace}"),
        wanted: format!("under {:.0} %", MOST_DATABASE_SHARE * 100.0),
        reached: percent(reached),
        is_met: Some(reached < MOST_DATABASE_SHARE),
        original: "",
    }
}

fn latency(run: &Measured) -> Target {
    let (workers, allowed) = (run.case.workers, whole(run.latency_allows()));
    let reached = run.share_of_latency();
    Target {
        what: format!("of {allowed} requests/s at {LATENCY_MS} ms, {workers} workers"),
        wanted: format!("at least {:.0} %", LEAST_OF_LATENCY * 100.0),
        reached: percent(reached),
        is_met: Some(reached >= LEAST_OF_LATENCY),
        original: if workers == USUAL_WORKERS { "56 %" } else { "" },
    }
}

fn memory(run: &Measured) -> Target {
    let reached = run.finished.peak_memory();
    Target {
        what: format!("peak memory, {} items", grouped(run.finished.items())),
        wanted: format!("under {}", megabytes(Some(MOST_MEMORY))),
        reached: megabytes(reached),
        is_met: reached.map(|reached| reached < MOST_MEMORY),
        original: "",
    }
}

impl Target {
    fn row(self) -> Vec<String> {
        let verdict = match self.is_met {
            Some(true) => "met",
            Some(false) => "missed",
            None => "unknown",
        };
        vec![self.what, self.wanted, self.reached, verdict.to_owned(), self.original.to_owned()]
    }
}

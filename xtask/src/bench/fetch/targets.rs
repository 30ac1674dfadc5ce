//! What the fetcher shall reach, beside what it reached.

use super::{LATENCY_MS, Measured, USUAL_WORKERS, WANTED_PACE, megabytes, micros, percent, whole};
use crate::table::{grouped, table};

const MOST_CPU_MICROS: f64 = 100.0;

/// Of the requests a second that latency allows.
const LEAST_OF_LATENCY: f64 = 0.95;

const MOST_DATABASE_SHARE: f64 = 0.15;

const MOST_MEMORY: u64 = 150_000_000;

/// The runs that are judged.
pub(super) struct Targets<'a> {
    pub(super) unlimited: &'a [Measured],
    pub(super) delayed: &'a [Measured],
    pub(super) sizes: &'a [Measured],
}

impl Targets<'_> {
    /// A row a target. The last column is what the original Python program did on two cores.
    pub(super) fn table(&self) -> String {
        let (usual, paced) = (USUAL_WORKERS, grouped(WANTED_PACE));
        let mut rows = Vec::new();
        let mut judge = |what: String, target: String, reached: String, is_met: Option<bool>, before: &str| {
            let verdict = match is_met {
                Some(true) => "met",
                Some(false) => "missed",
                None => "unknown",
            };
            rows.push(vec![what, target, reached, verdict.to_owned(), before.to_owned()]);
        };
        for run in self.unlimited.iter().filter(|run| run.case.workers == usual) {
            let share = run.database_share();
            if run.case.rate.is_none() {
                let (pace, cpu) = (run.items_a_second(), run.cpu_micros_an_item());
                judge(
                    format!("items a second, {usual} workers"),
                    format!("at least {paced}"),
                    whole(pace),
                    Some(pace >= WANTED_PACE as f64),
                    "780",
                );
                judge(
                    format!("CPU time an item, {usual} workers"),
                    format!("at most {}", micros(Some(MOST_CPU_MICROS))),
                    micros(cpu),
                    cpu.map(|cpu| cpu <= MOST_CPU_MICROS),
                    "1,300 us",
                );
            }
            let pace = run.case.rate.map_or("at full speed".to_owned(), |_| format!("at {paced} items a second"));
            judge(
                format!("time in the database, {pace}"),
                format!("under {:.0} %", MOST_DATABASE_SHARE * 100.0),
                percent(share),
                Some(share < MOST_DATABASE_SHARE),
                "",
            );
        }
        for run in self.delayed.iter().filter(|run| run.case.workers >= usual) {
            let share = run.requests_a_second() / run.latency_allows();
            judge(
                format!("of {} requests/s at {LATENCY_MS} ms, {} workers", whole(run.latency_allows()), run.case.workers),
                format!("at least {:.0} %", LEAST_OF_LATENCY * 100.0),
                percent(share),
                Some(share >= LEAST_OF_LATENCY),
                if run.case.workers == usual { "56 %" } else { "" },
            );
        }
        for run in self.sizes {
            let memory = run.finished.peak_memory();
            judge(
                format!("peak memory, {} items", grouped(run.finished.items())),
                format!("under {}", megabytes(Some(MOST_MEMORY))),
                megabytes(memory),
                memory.map(|memory| memory < MOST_MEMORY),
                "",
            );
        }
        table(&["what", "target", "reached", "", "original"], &rows)
    }
}

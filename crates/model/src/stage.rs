//! What every stage shares: how it shows progress, how it ended, what it reports.
//!
//! A stage is a function `run(config, progress, cancel) -> Result<Report, Error>`. Cancelling it is not an error: the
//! report then says [`Outcome::Cancelled`] and what was done is kept.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

/// Where a stage tells how far it is. Every method has an empty default; `()` shows nothing.
pub trait Progress: Send + Sync {
    /// A phase begins. `total` is in the unit that [`Progress::advance`] counts, where it is known.
    fn start(&self, phase: &'static str, total: Option<u64>) {
        let _ = (phase, total);
    }
    /// `n` more units of the current phase are done.
    fn advance(&self, n: u64) {
        let _ = n;
    }
    /// A short live remark beside the bar, such as `loss 0.031`.
    fn note(&self, text: &str) {
        let _ = text;
    }
    /// The current phase is over.
    fn finish(&self) {}
}

impl Progress for () {}

/// How a stage that returned a report came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All work there was is done.
    Completed,
    /// The caller cancelled: what was finished is kept, running again goes on from there.
    Cancelled,
}

/// What a stage's report tells any caller. Its `Display` is one line for a person.
pub trait StageReport: Serialize + Display {
    /// How the stage ended.
    fn outcome(&self) -> Outcome;
    /// How many items this run worked on: what a rate in items a second counts. What was done before is not among them.
    fn items(&self) -> u64;
    /// How many items failed and were listed rather than done.
    fn failed(&self) -> u64;
}

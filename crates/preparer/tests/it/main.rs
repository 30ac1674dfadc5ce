//! The stage as an embedder calls it, on real databases in temporary folders.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;
mod golden;
mod incremental;
mod laws;
mod parquet;
mod prepare;
mod selection;
mod tally;

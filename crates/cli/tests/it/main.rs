//! The real binary, as a person or a script runs it.

#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a test may panic, its helpers too")]

mod account;
mod boards;
mod commands;
mod crate_graph;
#[cfg(target_os = "linux")]
mod disk_full;
mod download_killed;
mod export_run;
mod fetch;
mod import;
mod killed;
mod split_and_cache;
mod status;
mod support;
mod tags_and_export;

//! Calls `run` as an embedder would: real HTTP to a board on a free port, real SQLite in a temporary folder.
#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod account;
mod choice;
mod common;
mod complete;
mod danbooru;
mod mishaps;
mod refusals;
mod resume;

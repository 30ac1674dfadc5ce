//! The board as a client meets it: over real HTTP on this machine.

#![expect(clippy::unwrap_used, reason = "a test that fails here should fail")]

mod client;
mod danbooru;
mod info;
mod listing;
mod login;
mod media;
mod mishaps;
mod options;
mod search;
mod snapshots;
mod stats;

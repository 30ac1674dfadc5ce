//! `run` as an embedder calls it: real HTTP to hosts on free ports, real files in a temporary folder.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod download;
mod support;
mod wire;

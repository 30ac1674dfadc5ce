//! `run` as an embedder calls it, on real files and a real database in a temporary folder.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;
mod import;
mod resume;

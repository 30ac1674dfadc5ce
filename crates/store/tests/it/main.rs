//! What the reader and the writer promise, on real databases in temporary folders.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod common;
mod read;
mod write;

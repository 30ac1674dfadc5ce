//! The real binary, as a person or a script runs it.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod commands;
mod predict;

//! The stages as an embedder calls them, on pictures drawn here.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod bad_input;
mod curves;
mod data;
mod frozen;
mod judge;
mod learning;
mod predict;
mod resume;
mod sample;
mod script;
mod weights;

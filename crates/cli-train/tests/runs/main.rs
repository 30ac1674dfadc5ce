//! train and predict on pictures, through the binary.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod memory;
mod predict;
mod workplace;

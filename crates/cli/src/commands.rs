//! The commands that need no libtorch, each from arguments to exit code.

use std::path::Path;

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

pub(crate) mod cache;
pub(crate) mod download;
pub(crate) mod export;
pub(crate) mod fetch;
mod identity;
pub(crate) mod import;
pub(crate) mod login;
mod parse;
mod picture;
pub(crate) mod prepare;
pub(crate) mod split;
pub(crate) mod status;
pub(crate) mod tags;

/// A runtime of the calling thread alone, for commands that do next to nothing but ask and wait: a connection and whoever
/// waits for its answer then need not wake each other across threads. SQLite has threads of its own.
fn single_runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the I/O")
}

/// The runtime that a stage's I/O runs on.
fn runtime() -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start the I/O threads")
}

/// Makes a folder that a stage writes into.
fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create the folder `{}`", folder.display()))
}

use std::collections::BTreeMap;
use std::path::PathBuf;

use tagmill_model::dataset::DatasetError;
use thiserror::Error;

use crate::RulesError;
use crate::report::listed;

/// Why there is no new table. What stood at its place before is then still there.
#[derive(Debug, Error)]
pub enum Error {
    /// The database could not be read.
    #[error(transparent)]
    Store(#[from] tagmill_store::Error),
    /// No item is left for the table, so that there is nothing to train on.
    #[error("none of the {items} items in `{}` is left for the table{}", database.display(), reasons(rejects))]
    NoRows {
        /// The database.
        database: PathBuf,
        /// Items that were looked at.
        items: u64,
        /// Why they were left out.
        rejects: BTreeMap<String, u64>,
    },
    /// The table could not be written.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The tag rules contradict themselves.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// A run that is to go on from the table that stands there cannot.
    #[error("cannot go on from `{}`: {reason}", table.display())]
    NotIncremental {
        /// The table.
        table: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file beside the table could not be written. The table itself may be new, and is whole.
    #[error("cannot write `{}`", path.display())]
    Write {
        /// The facts, the blocks, or the list of rejects.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The system gave no threads.
    #[error("cannot start the worker threads")]
    Threads {
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

fn reasons(rejects: &BTreeMap<String, u64>) -> String {
    if rejects.is_empty() { String::new() } else { format!(": {}", listed(rejects)) }
}

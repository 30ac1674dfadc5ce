//! The readers, one for each kind of source.

mod csv;
mod fields;
mod folder;
mod jsonl;
mod listed;
mod names;
mod records;

pub(crate) use csv::Csv;
pub(crate) use folder::Folder;
pub(crate) use jsonl::Jsonl;
